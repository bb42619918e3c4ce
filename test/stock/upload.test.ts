import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeId, globalId } from '#schema/ids.ts';
import { actorId } from '#server/accounts/rules.ts';
import { importCardKeyFile } from '#server/flows/import-card-key-file.ts';
import { endAbandonedImports, importNext } from '#server/flows/import-worker.ts';
import { receiveCardKeys } from '#server/flows/receive-card-keys.ts';
import { auditLedger } from '#server/ledger/reads.ts';
import { controllableClock } from '#server/platform/clock.ts';
import { createLog } from '#server/platform/log.ts';
import { openCardKey } from '#server/stock/rules.ts';
import { CHUNK_LINES } from '#server/stock/sql.ts';
import { bearer as bearerOf, CSRF, givePassword, newKey, startTestServer, type TestServer } from '#test/http/test-server.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, world } from '#test/support/world.ts';

const log = createLog('silent');
const clock = controllableClock(new Date('2026-11-22T01:00:00Z'));
let fresh: FreshDatabase;
let server: TestServer;
let w: Awaited<ReturnType<typeof network>>;
let bearer: Record<string, string>;
const network = () =>
  world(fresh.db, { name: 'Uploads', stations: { HQ: {}, R: { parent: 'HQ' } }, suppliers: ['S'], skus: { card: { basePrice: '10.00' } } });
beforeAll(async () => {
  fresh = await freshDatabase({ clock: clock.now });
  w = await network();
  server = await startTestServer(fresh.db, {
    receiveCardKeys: (viewer, terms, source) => receiveCardKeys(fresh.db, testVault, viewer, terms, source),
  });
  bearer = bearerOf((await newKey(fresh.db, w.viewer('HQ'), ['STOCK_IMPORT'])).secret);
  await givePassword(fresh.db, actorId(w.viewer('HQ')));
});
afterAll(async () => {
  await server.close();
  await fresh.drop();
});

let number = 0;
const address = (over: Record<string, string> = {}) => {
  const terms = {
    requestKey: `up-${++number}`,
    skuId: globalId('Sku', w.skus.card),
    terms: 'OWN',
    totalCost: '10.00',
    format: 'TEXT',
    ...over,
  };
  return `${server.url}/imports/card-keys?${new URLSearchParams(terms)}`;
};
const send = async (
  body: string | Uint8Array<ArrayBuffer>,
  over: Record<string, string> = {},
  headers: Record<string, string> = bearer,
) => {
  const response = await fetch(address(over), { method: 'POST', headers, body });
  return {
    status: response.status,
    body: (await response.json()) as { jobId?: string; replayed?: boolean; errors?: { extensions: Record<string, unknown> }[] },
  };
};
const imported = async () => {
  while (await importNext(fresh.db, log));
};
const jobs = () =>
  fresh.sql(
    'SELECT state::text, line_count, imported_count, duplicate_count, problem_count, failure FROM import_job WHERE network_id = $1 ORDER BY id',
    [w.networkId],
  );
const waiting = () => fresh.sql('SELECT count(*)::int AS count FROM import_chunk');

describe('a file that is uploaded', () => {
  test('longer than a chunk becomes one lot, sealed, with its duplicates named', async () => {
    const lines = Array.from({ length: CHUNK_LINES * 2 + 7 }, (_, index) => `N${index}----S${index}`);
    const text = [...lines, lines[3], 'a b c', lines[CHUNK_LINES]].join('\n');
    const answer = await send(text);
    expect(answer).toMatchObject({ status: 202, body: { replayed: false } });
    await imported();
    const id = decodeId(answer.body.jobId ?? '')?.id;
    const [job] = await fresh.sql('SELECT imported_count, duplicate_count, problem_count, problems FROM import_job WHERE id = $1', [id]);
    expect(job).toEqual({
      imported_count: lines.length,
      duplicate_count: 2,
      problem_count: 3,
      problems: [
        { line: lines.length + 1, code: 'DUPLICATE_IN_FILE' },
        { line: lines.length + 2, code: 'MALFORMED' },
        { line: lines.length + 3, code: 'DUPLICATE_IN_FILE' },
      ],
    });
    const [key] = await fresh.sql<{ id: string; lot_id: string; sealed: Buffer; data_key: Buffer; vault_key_id: string }>(
      `SELECT k.id, k.lot_id, k.sealed, l.data_key, l.vault_key_id FROM card_key k JOIN lot l ON l.id = k.lot_id WHERE k.network_id = $1 ORDER BY k.id OFFSET 7000 LIMIT 1`,
      [w.networkId],
    );
    if (!key) throw new Error('no key');
    const wrapped = { dataKey: key.data_key, vaultKeyId: key.vault_key_id };
    const place = { wrapped, networkId: w.networkId, lotId: key.lot_id, skuId: w.skus.card, keyId: key.id };
    expect(openCardKey(testVault, place, key.sealed)).toEqual({ number: 'N7000', secret: 'S7000' });
    expect(
      await fresh.sql('SELECT sum(cost), count(DISTINCT lot_id)::int AS lots FROM card_key WHERE network_id = $1', [w.networkId]),
    ).toEqual([{ sum: '10.00', lots: 1 }]);
    expect(await waiting()).toEqual([{ count: 0 }]);
    expect(await auditLedger(fresh.db.pool, w.networkId)).toEqual([]);
  });

  test('again under its request key is the same job; another file under it is refused, and nothing of either waits', async () => {
    const first = await send('again-1\nagain-2', { requestKey: 'again' });
    const second = await send('again-1\nagain-2', { requestKey: 'again' });
    expect(second).toEqual({ status: 202, body: { jobId: first.body.jobId, replayed: true } });
    expect(await send('again-3', { requestKey: 'again' })).toMatchObject({ status: 409 });
    await imported();
    expect((await jobs()).slice(-3)).toMatchObject([{ state: 'DONE', imported_count: 2 }, { state: 'CANCELLED' }, { state: 'CANCELLED' }]);
    expect(await waiting()).toEqual([{ count: 0 }]);
  });

  test('names its one known key far down the file, and brings in what stands around it', async () => {
    const lines = Array.from({ length: 120 }, (_, index) => `far-${index}`);
    await send(lines[100] ?? '');
    await send(lines.join('\n'));
    await imported();
    expect((await jobs()).at(-1)).toMatchObject({ state: 'DONE', imported_count: 119, duplicate_count: 1 });
    const [{ problems } = {}] = await fresh.sql('SELECT problems FROM import_job ORDER BY id DESC LIMIT 1');
    expect(problems).toEqual([{ line: 101, code: 'DUPLICATE_OF_OWN_KEY' }]);
  });

  test('in CSV with a heading is read by its columns', async () => {
    await send('卡号,卡密\n"1,1",csv-1\n,csv-2\n', { format: 'CSV' });
    await imported();
    expect((await jobs()).at(-1)).toMatchObject({ state: 'DONE', imported_count: 2, problem_count: 0 });
  });

  test.each([
    ['is empty', Buffer.from(' \n'), {}, 'Not read: the file holds no card keys.'],
    ['is not UTF-8', Buffer.from([0x61, 0x0a, 0xff, 0xfe]), {}, 'Not read: the file is not UTF-8.'],
    ['never closes a quote', Buffer.from(`a\n"${'x'.repeat(3_000_000)}`), { format: 'CSV' }, 'a quote is not closed'],
  ])('is refused as a whole when it %s', async (_, body, over, failure) => {
    const answer = await send(body, over);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ extensions: { code: 'INVALID_INPUT', field: 'file' } }] } });
    expect((await jobs()).at(-1)).toMatchObject({ state: 'FAILED', imported_count: 0, failure: expect.stringContaining(failure) });
    expect(await waiting()).toEqual([{ count: 0 }]);
  });

  test('is refused for nonsense in its address, without rights, from another site, and by another method', async () => {
    const before = (await jobs()).length;
    expect(await send('x', { terms: 'GIFT' })).toMatchObject({ status: 400, body: { errors: [{ extensions: { field: 'terms' } }] } });
    expect(await send('x', { totalCost: '-1' })).toMatchObject({ status: 400, body: { errors: [{ extensions: { field: 'totalCost' } }] } });
    expect(await send('x', { skuId: 'nothing' })).toMatchObject({ status: 404 });
    expect(await send('x', {}, {})).toMatchObject({ status: 401 });
    const reader = await newKey(fresh.db, w.viewer('HQ'), ['STOCK_READ']);
    expect(await send('x', {}, bearerOf(reader.secret))).toMatchObject({ status: 403 });
    const cookie = await server.signIn('owner@hq.test');
    const party = { cookie, 'x-fenzhan-party': globalId('Station', w.hq) };
    expect(await send('x', {}, party)).toMatchObject({ status: 403, body: { errors: [{ extensions: { code: 'CROSS_SITE' } }] } });
    expect(await send('x', {}, { ...party, ...CSRF, origin: 'https://evil.test' })).toMatchObject({ status: 403 });
    expect((await fetch(address(), { headers: bearer })).status).toBe(405);
    expect((await jobs()).length).toBe(before);
    expect(await send('by-cookie-1', {}, { ...party, ...CSRF, origin: server.origin })).toMatchObject({ status: 202 });
    await imported();
  });

  test('that breaks off leaves nothing for sale and nothing staged, and begins anew under the same key', async () => {
    const lines = Array.from({ length: CHUNK_LINES + 10 }, (_, index) => `broken-${index}`).join('\n');
    const url = address({ requestKey: 'broken' });
    await new Promise<void>((resolve) => {
      const sending = request(url, { method: 'POST', headers: { ...bearer, 'content-length': String(lines.length * 2) } });
      sending.once('error', () => resolve());
      sending.write(lines, () => setTimeout(() => sending.destroy(), 300));
      sending.once('close', () => resolve());
    });
    await expect.poll(async () => (await jobs()).at(-1), { timeout: 5_000 }).toMatchObject({ state: 'FAILED', imported_count: 0 });
    expect(await waiting()).toEqual([{ count: 0 }]);
    expect(await send(lines, { requestKey: 'broken' })).toMatchObject({ status: 202, body: { replayed: false } });
    await imported();
    expect((await jobs()).at(-1)).toMatchObject({ state: 'DONE', imported_count: CHUNK_LINES + 10 });
  });
});

test('an upload whose process died is ended by the next worker, and what it had staged goes', async () => {
  const never = (async function* () {
    yield Buffer.from(Array.from({ length: CHUNK_LINES + 1 }, (_, index) => `dead-${index}\n`).join(''));
    await new Promise(() => undefined);
  })();
  const terms = {
    requestKey: 'dead',
    skuId: w.skus.card,
    supplierId: null,
    terms: 'OWN',
    totalCost: '1.00',
    expiresOn: null,
    format: 'TEXT',
  } as const;
  void receiveCardKeys(fresh.db, testVault, w.viewer('HQ'), terms, never);
  await expect.poll(waiting, { timeout: 5_000 }).toEqual([{ count: 1 }]);
  clock.advance(4 * 60_000);
  await endAbandonedImports(fresh.db);
  expect(await importNext(fresh.db, log)).toBe(false);
  expect((await jobs()).at(-1)).toMatchObject({ state: 'RECEIVING' });
  clock.advance(61_000);
  await endAbandonedImports(fresh.db);
  expect((await jobs()).at(-1)).toMatchObject({ state: 'FAILED', failure: 'The file did not come whole; nothing was imported.' });
  expect(await waiting()).toEqual([{ count: 0 }]);
});

test('a file from the command line is seen through to its end, once for its request key', async () => {
  const file = async function* () {
    yield Buffer.from('command-1\ncommand-2\ncommand-1\n');
  };
  const input = {
    network: 'Uploads',
    sku: 'card',
    supplier: 'S',
    requestKey: 'cmd',
    terms: 'CONSIGNMENT',
    totalCost: '2.00',
    expiresOn: null,
    format: 'TEXT',
  } as const;
  const ground = { db: fresh.db, vault: testVault, log };
  expect(await importCardKeyFile(ground, input, file())).toMatchObject({
    kind: 'CARD_KEYS_IMPORTED',
    replayed: false,
    job: { state: 'DONE', imported_count: 2, duplicate_count: 1 },
  });
  expect(await importCardKeyFile(ground, input, file())).toMatchObject({ kind: 'CARD_KEYS_IMPORTED', replayed: true });
  expect(await importCardKeyFile(ground, { ...input, sku: 'none' }, file())).toMatchObject({ kind: 'INVALID_INPUT', field: 'sku' });
  expect(await importCardKeyFile(ground, { ...input, supplier: 'none' }, file())).toMatchObject({
    kind: 'INVALID_INPUT',
    field: 'supplier',
  });
});
