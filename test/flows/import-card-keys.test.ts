import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CardKeyImport, importCardKeys } from '#server/flows/import-card-keys.ts';
import { importNext, startImportWorker } from '#server/flows/import-worker.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import { revealCardKeys } from '#server/flows/reveal-card-keys.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { createLog } from '#server/platform/log.ts';
import { importJobsByIds, lotCounts, lotsPage } from '#server/stock/reads.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, world } from '#test/support/world.ts';

const log = createLog('silent');
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

/** Headquarters and a sub-station Q, each with a SKU of its own; R buys from both. */
const network = (hqWallet?: string) =>
  world(fresh.db, {
    stations: {
      HQ: hqWallet === undefined ? {} : { wallet: hqWallet },
      Q: { parent: 'HQ', wallet: '5.00' },
      R: { parent: 'Q', wallet: '100.00' },
    },
    suppliers: ['S'],
    skus: { card: { basePrice: '10.00' }, own: { basePrice: '10.00', owner: 'Q' } },
  });
type Network = Awaited<ReturnType<typeof network>>;
let w: Network;
beforeEach(async () => {
  w = await network();
});

let number = 0;
const file = (text: string, over: Partial<CardKeyImport> = {}): CardKeyImport => ({
  requestKey: `import-${++number}`,
  skuId: w.skus.card,
  supplierId: w.suppliers.S,
  terms: 'CONSIGNMENT',
  totalCost: '1.00',
  expiresOn: null,
  format: 'TEXT',
  text,
  ...over,
});

/** Imports to the end, and answers the job as its owner sees it. */
async function imported(input: CardKeyImport, station: 'HQ' | 'Q' = 'HQ') {
  const outcome = await importCardKeys(fresh.db, testVault, w.viewer(station), input);
  if (outcome.kind !== 'CARD_KEYS_IMPORT_STARTED') throw new Error(JSON.stringify(outcome));
  while (await importNext(fresh.db, log));
  return jobOf(outcome.jobId, station);
}
async function jobOf(jobId: string, station: 'HQ' | 'Q' = 'HQ') {
  const job = (await importJobsByIds(fresh.db.pool, { networkId: w.networkId, stationId: w.stations[station] }, [jobId])).get(jobId);
  if (!job) throw new Error('no job');
  return job;
}
const rows = <Row extends Record<string, unknown>>(text: string) => fresh.sql<Row>(text, [w.networkId]);

/** What the buyer reads of the cards that it bought, as "number:secret". */
async function secretsSold(skuId: string, quantity: number): Promise<string[]> {
  const viewer = w.viewer('R');
  const [placed] = await placeOrders(fresh.db, [
    { viewer, channel: 'API', requestKey: `buy-${++number}`, skuId, quantity, maxTotal: '100', externalRef: null, groupId: null },
  ]);
  if (placed?.kind !== 'ORDER_PLACED') throw new Error(placed?.kind);
  const shown = await revealCardKeys(fresh.db, testVault, viewer, [placed.orderId]);
  if (shown.kind !== 'CARD_KEYS_REVEALED') throw new Error(shown.kind);
  return (shown.cardKeys.get(placed.orderId) ?? []).map((key) => `${key.number ?? ''}:${key.secret}`);
}

describe('a file of card keys', () => {
  const files: [string, Partial<CardKeyImport> & { text: string }, string[]][] = [
    ['of secrets alone', { text: 'AAA-1\r\n\nBBB-2\n' }, [':AAA-1', ':BBB-2']],
    [
      'of numbers and secrets, parted as the trade does',
      { text: '1001----aa\n1002\tbb\n1003,cc\n1004  dd' },
      ['1001:aa', '1002:bb', '1003:cc', '1004:dd'],
    ],
    ['in CSV with quotes', { format: 'CSV', text: '\uFEFF1001,"a,""b"\n,only secret\n' }, ['1001:a,"b', ':only secret']],
    ['in CSV with a heading in any order', { format: 'CSV', text: '卡密,备注,卡号\nx1,note,7\nx2,,8\n' }, ['7:x1', '8:x2']],
  ];
  test.each(files)('%s becomes keys in its order, which a buyer reads in the clear', async (_, over, secrets) => {
    const job = await imported(file(over.text, over));
    expect(job).toMatchObject({
      state: 'DONE',
      line_count: secrets.length,
      imported_count: secrets.length,
      duplicate_count: 0,
      problems: [],
      failure: null,
    });
    expect(await secretsSold(w.skus.card, secrets.length)).toEqual(secrets);
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('gives each key its part of the cost, the odd cents to the first', async () => {
    await imported(file('a\nb\nc', { totalCost: '100.01' }));
    expect(await rows('SELECT cost FROM card_key WHERE network_id = $1 ORDER BY id')).toEqual([
      { cost: '33.34' },
      { cost: '33.34' },
      { cost: '33.33' },
    ]);
  });

  test('tells what is wrong line by line, and imports the rest', async () => {
    const text = ['good-1', `${'x'.repeat(2001)}`, 'a b c', 'good-1', 'bad\u0007key', 'good-2'].join('\n');
    const job = await imported(file(text));
    expect(job).toMatchObject({ state: 'DONE', line_count: 6, imported_count: 2, duplicate_count: 1 });
    expect(job.problems).toEqual([
      { line: 2, code: 'TOO_LONG' },
      { line: 3, code: 'MALFORMED' },
      { line: 4, code: 'DUPLICATE_IN_FILE' },
      { line: 5, code: 'UNPRINTABLE' },
    ]);
    expect(await rows('SELECT count(*)::int FROM import_chunk WHERE network_id = $1')).toEqual([{ count: 0 }]);
  });

  test('leaves out the importer’s own keys and says which', async () => {
    await imported(file('k1\nk2'));
    const job = await imported(file('k0\nk2\nk3\nk1', { totalCost: '2.00' }));
    expect(job).toMatchObject({
      imported_count: 2,
      duplicate_count: 2,
      problems: [
        { line: 2, code: 'DUPLICATE_OF_OWN_KEY' },
        { line: 4, code: 'DUPLICATE_OF_OWN_KEY' },
      ],
    });
    expect(await rows('SELECT key_count, total_cost FROM lot WHERE network_id = $1 ORDER BY id')).toEqual([
      { key_count: 2, total_cost: '1.00' },
      { key_count: 2, total_cost: '2.00' },
    ]);
  });

  test('with nothing new in it makes no lot', async () => {
    await imported(file('k1'));
    expect(await imported(file('k1'))).toMatchObject({ state: 'DONE', imported_count: 0, duplicate_count: 1 });
    expect(await rows('SELECT count(*)::int FROM lot WHERE network_id = $1')).toEqual([{ count: 1 }]);
  });

  test('is kept sealed from the start: no column holds a secret or a number', async () => {
    await importCardKeys(fresh.db, testVault, w.viewer('HQ'), file('CANARY-NUMBER,CANARY-SECRET'));
    const staged = await fresh.sql<{ text: string }>(
      `SELECT query_to_xml('SELECT * FROM import_chunk', true, false, '')::text || query_to_xml('SELECT * FROM import_job', true, false, '')::text AS text`,
    );
    while (await importNext(fresh.db, log));
    const kept = await fresh.sql<{ text: string }>(`SELECT database_to_xml(true, false, '')::text AS text`);
    for (const text of [staged[0]?.text ?? '', kept[0]?.text ?? '']) {
      expect(text.length).toBeGreaterThan(200);
      for (const canary of ['CANARY', Buffer.from('CANARY').toString('base64'), Buffer.from('CANARY').toString('hex')]) {
        expect(text.toLowerCase()).not.toContain(canary.toLowerCase());
      }
    }
  });
});

describe('a key that another owner has', () => {
  test('is imported for all that the importer can see, and cannot be sold', async () => {
    await imported(file('shared\nhq-only'));
    const own = { skuId: w.skus.own, supplierId: null, terms: 'OWN' } as const;
    const job = await imported(file('shared\nq-only', own), 'Q');
    const fair = await imported(file('fresh-1\nfresh-2', own), 'Q');
    const visible = ({ state, line_count, imported_count, duplicate_count, problems, failure }: typeof job) => ({
      state,
      line_count,
      imported_count,
      duplicate_count,
      problems,
      failure,
    });
    expect(visible(job)).toEqual(visible(fair));
    const reader = { networkId: w.networkId, stationId: w.stations.Q };
    const lots = await lotsPage(fresh.db.pool, reader, null, { count: 10, direction: 'FORWARD', from: null });
    const left = await lotCounts(fresh.db.pool, reader, lots.rows);
    expect(lots.rows.map(({ id, key_count }) => [key_count, left.get(id)?.available])).toEqual([
      [2, 2],
      [2, 2],
    ]);
    expect(await secretsSold(w.skus.own, 3)).toEqual([':q-only', ':fresh-1', ':fresh-2']);
  });

  test('is reported to headquarters alone', async () => {
    await imported(file('shared'));
    await imported(file('shared', { skuId: w.skus.own, supplierId: null, terms: 'OWN' }), 'Q');
    expect(await rows(`SELECT station_id, action FROM audit_entry WHERE network_id = $1 AND action LIKE '%quarantined'`)).toEqual([
      { station_id: w.hq, action: 'card_keys.quarantined' },
    ]);
    expect(await rows(`SELECT audience FROM outbox_event WHERE network_id = $1 AND topic = 'card-keys.quarantined'`)).toEqual([
      { audience: [w.hq] },
    ]);
  });

  test('of another network is none of anybody’s business', async () => {
    await imported(file('same'));
    w = await network();
    expect(await imported(file('same'))).toMatchObject({ imported_count: 1 });
    expect(await rows('SELECT state::text FROM card_key WHERE network_id = $1')).toEqual([{ state: 'AVAILABLE' }]);
  });
});

describe('own goods of a supplier', () => {
  test('are paid for with the lot, out of the owner’s wallet', async () => {
    w = await network('50.00');
    await imported(file('a\nb', { terms: 'OWN', totalCost: '30.00' }));
    expect(
      await rows(
        `SELECT kind::text, balance FROM account WHERE network_id = $1 AND (station_id = '${w.hq}' OR supplier_id IS NOT NULL) ORDER BY kind`,
      ),
    ).toEqual([
      { kind: 'PAYABLE', balance: '30.00' },
      { kind: 'WALLET', balance: '20.00' },
    ]);
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('that the wallet cannot pay leave nothing behind', async () => {
    const job = await imported(file('a\nb', { skuId: w.skus.own, terms: 'OWN', totalCost: '5.01' }), 'Q');
    expect(job).toMatchObject({ state: 'FAILED', imported_count: 0, failure: 'The wallet cannot pay for this lot.' });
    expect(await rows('SELECT count(*)::int FROM card_key WHERE network_id = $1')).toEqual([{ count: 0 }]);
    expect(await rows('SELECT count(*)::int FROM lot WHERE network_id = $1')).toEqual([{ count: 0 }]);
    expect(await imported(file('a\nb', { skuId: w.skus.own, terms: 'OWN', totalCost: '5.00' }), 'Q')).toMatchObject({ state: 'DONE' });
  });
});

describe('an import is refused', () => {
  test.each([
    ['text', { text: ' \n ' }],
    ['text', { format: 'CSV' as const, text: 'a,"open' }],
    ['text', { text: 'x\n'.repeat(100_001) }],
    ['totalCost', { totalCost: '-1' }],
    ['supplierId', { supplierId: null }],
    ['expiresOn', { expiresOn: '2026-02-30' }],
    ['expiresOn', { expiresOn: '2020-01-01' }],
    ['requestKey', { requestKey: '' }],
  ])('for nonsense in %s', async (field, over) => {
    expect(await importCardKeys(fresh.db, testVault, w.viewer('HQ'), file('a', over))).toMatchObject({ kind: 'INVALID_INPUT', field });
  });

  test('into a SKU of another owner, which is not told to exist', async () => {
    expect(await importCardKeys(fresh.db, testVault, w.viewer('HQ'), file('a', { skuId: w.skus.own }))).toEqual({ kind: 'NOT_FOUND' });
    expect(await importCardKeys(fresh.db, testVault, w.viewer('Q'), file('a'))).toEqual({ kind: 'NOT_FOUND' });
  });
});

test('the same request again is the same job; with another file it is refused', async () => {
  const input = file('a\nb');
  const first = await importCardKeys(fresh.db, testVault, w.viewer('HQ'), input);
  expect(await importCardKeys(fresh.db, testVault, w.viewer('HQ'), input)).toEqual({ ...first, replayed: true });
  expect(await importCardKeys(fresh.db, testVault, w.viewer('HQ'), { ...input, text: 'a\nc' })).toEqual({ kind: 'REQUEST_KEY_REUSED' });
  while (await importNext(fresh.db, log));
  expect(await rows('SELECT count(*)::int FROM card_key WHERE network_id = $1')).toEqual([{ count: 2 }]);
});

test('a job that a dead process left RUNNING is done by the next worker', async () => {
  const started = await importCardKeys(fresh.db, testVault, w.viewer('HQ'), file('left-1\nleft-2'));
  if (started.kind !== 'CARD_KEYS_IMPORT_STARTED') throw new Error(started.kind);
  await fresh.sql(`UPDATE import_job SET state = 'RUNNING' WHERE id = $1`, [started.jobId]);
  const worker = startImportWorker(fresh.db, log);
  await expect.poll(async () => (await jobOf(started.jobId)).state, { timeout: 5000 }).toBe('DONE');
  await worker.stop();
  expect(await jobOf(started.jobId)).toMatchObject({ imported_count: 2 });
});

test('100,000 lines are one job and one lot', async () => {
  const text = Array.from({ length: 100_000 }, (_, index) => `N${index},S${index}`).join('\n');
  const job = await imported(file(text, { format: 'CSV', totalCost: '333333.33' }));
  expect(job).toMatchObject({ state: 'DONE', line_count: 100_000, imported_count: 100_000 });
  expect(await rows('SELECT sum(cost), count(*)::int FROM card_key WHERE network_id = $1')).toEqual([{ sum: '333333.33', count: 100_000 }]);
}, 180_000);
