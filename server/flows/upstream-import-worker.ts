import type { UpstreamGoods } from '#server/connectors/connector.ts';
import type { Upstreams } from '#server/connectors/upstreams.ts';
import { type ImportItem, importedCode, NO_MAPPING, planUpstreamImport, readableText } from '#server/imports/rules.ts';
import {
  claimImport,
  deleteOldImportItems,
  endImport,
  insertImportItems,
  lockImport,
  selectImportFacts,
  selectImports,
  type UpstreamImportRow,
} from '#server/imports/sql.ts';
import { openAccount } from '#server/offers/rules.ts';
import { selectSealedAccount } from '#server/offers/sql.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';
import { currencyCode, decimal4 } from '#server/platform/money.ts';
import type { Vault } from '#server/platform/vault.ts';

/** What listing an upstream stands on. */
export type ImportGround = { readonly db: Database; readonly vault: Vault; readonly upstreams: Upstreams; readonly log: Log };

const POLL_MILLISECONDS = 1_000;
/** A listing takes seconds, at the most some minutes where the other side is slow; whoever has died over it is not waited for longer. */
const LEASE_MILLISECONDS = 15 * 60_000;
const TRIES_MAX = 3;
const ITEMS_MAX = 20_000;
const GIVEN_UP = 'The upstream was asked several times, and the server ended each time.';

/** Lists the upstreams of which previews were asked, one after the other. Any number of processes may run it. */
export function startUpstreamImports(ground: ImportGround): Loop {
  return startLoop(ground.log, {
    subject: 'the import from upstreams',
    round: () => listNextImport(ground),
    pollMilliseconds: POLL_MILLISECONDS,
  });
}

type Claimed = NonNullable<Awaited<ReturnType<typeof claimImport>>>;

/** Lists the next upstream of which a preview was asked, of any network; false when none waits. No transaction is open meanwhile. */
export async function listNextImport(ground: ImportGround): Promise<boolean> {
  const { db } = ground;
  const claimed = await inTransaction(db, (tx) => claimImport(tx, new Date(tx.now.getTime() + LEASE_MILLISECONDS)));
  if (!claimed) return false;
  if (claimed.tries > TRIES_MAX) await fail(db, claimed, GIVEN_UP);
  else await list(ground, claimed);
  return true;
}

async function list({ db, vault, upstreams, log }: ImportGround, claimed: Claimed): Promise<void> {
  const { network_id: networkId, owner_id: ownerId } = claimed;
  const account = await selectSealedAccount(db.pool, networkId, claimed.account_id);
  const [job] = await selectImports(db.pool, { networkId, ownerId }, [claimed.id]);
  if (!account || !job) throw new Error(`the account of the import ${claimed.id} is not there`);
  const listed = await upstreams.connectorOf(account.kind).listGoods(openAccount(vault, account, upstreams.publicUrl));
  if (listed.kind === 'FAILED') {
    log.info({ importId: claimed.id, reason: listed.reason }, 'an upstream was not listed');
    return fail(db, claimed, `${listed.reason}: ${listed.message}`);
  }
  if (listed.value.length > ITEMS_MAX) return fail(db, claimed, `It lists more than ${ITEMS_MAX} goods.`);
  const items = await plan(db, { networkId, ownerId, job }, listed.value);
  await inTransaction(db, async (tx) => {
    const locked = await lockImport(tx, { networkId, ownerId }, claimed.id);
    // somebody else was faster: the lease had run out
    if (locked?.state !== 'PENDING') return;
    await Promise.all([
      insertImportItems(
        tx,
        networkId,
        claimed.id,
        items.map((item) => ({ ...item, id: tx.newId() })),
      ),
      deleteOldImportItems(tx, networkId, claimed.account_id, locked.number),
      endImport(tx, networkId, claimed.id, { failure: null, itemCount: items.length }),
    ]);
  });
}

type Planning = { readonly networkId: string; readonly ownerId: string; readonly job: UpstreamImportRow };

async function plan(db: Database, { networkId, ownerId, job }: Planning, goods: readonly UpstreamGoods[]): Promise<ImportItem[]> {
  const accountId = job.account_id;
  const mapping = { ...NO_MAPPING, ...job.mapping };
  const named = {
    codes: goods.map((each) => importedCode(accountId, each.goods)),
    products: [...new Set(goods.map(({ productName }) => readableText(productName)))],
    ids: mapping.skus.flatMap(([, skuId]) => skuId ?? []),
  };
  const facts = await selectImportFacts(db.pool, { networkId, ownerId, accountId }, named);
  return planUpstreamImport(goods, facts, {
    accountId,
    accountName: job.account_name,
    currency: currencyCode(job.currency),
    rate: job.rate,
    markupPercent: decimal4(job.markup_percent),
    mapping,
  });
}

/** Ends a preview that will not be. */
async function fail(db: Database, { network_id: networkId, owner_id: ownerId, id }: Claimed, failure: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const locked = await lockImport(tx, { networkId, ownerId }, id);
    if (locked?.state === 'PENDING') await endImport(tx, networkId, id, { failure, itemCount: 0 });
  });
}
