import { randomUUID } from 'node:crypto';
import type { ConnectorKind } from '#server/connectors/connector.ts';
import { createUpstreams } from '#server/connectors/upstreams.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import type { PurchaseGround } from '#server/flows/purchase-ground.ts';
import { createPurchaseRunner, type PurchaseRunner } from '#server/flows/run-purchases.ts';
import { accountContext, hashCallbackToken, newCallbackToken, sealAccount } from '#server/offers/rules.ts';
import type { ControllableClock } from '#server/platform/clock.ts';
import type { Database } from '#server/platform/database.ts';
import { createLog } from '#server/platform/log.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { DEFAULT_GOODS } from '#test/simulators/goods.ts';
import { kasushouProtocol } from '#test/simulators/kasushou.ts';
import { type Simulator, startSimulator } from '#test/simulators/simulator.ts';
import type { FreshDatabase } from '#test/support/database.ts';
import type { ScriptedUpstream } from '#test/support/scripted-upstream.ts';
import { makeOffer, makeSku } from '#test/support/supply.ts';
import { testVault, type World, world } from '#test/support/world.ts';

/** So long waits a worker of the tests for an upstream. */
const CALL_MILLISECONDS = 150;

/** What buying stands on in tests: real connectors over real HTTP to 127.0.0.1, a chance that stands still. */
export function purchaseGround(db: Database, publicUrl: string | null = null): PurchaseGround {
  const outgoing = createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: CALL_MILLISECONDS });
  return {
    db,
    vault: testVault,
    upstreams: createUpstreams({ outgoing, clock: db.clock }, publicUrl),
    log: createLog('error'),
    chance: () => 0.5,
  };
}

/** An account at a simulated upstream, its secrets sealed as headquarters would have sealed them. */
export type UpstreamSpec = {
  readonly supplier: string;
  readonly kind: ConnectorKind;
  readonly baseUrl: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly callsAtOnce?: number;
};

/** Writes such an account. Answers its id and the token by which it is called back. */
export async function openUpstream(
  db: Database,
  w: World,
  spec: UpstreamSpec,
): Promise<{ readonly accountId: string; readonly token: string }> {
  const [accountId, token, now] = [db.newId(), newCallbackToken(), db.clock()];
  const wrapped = testVault.createDataKey(accountContext(w.networkId, accountId));
  const secrets = sealAccount(
    testVault,
    { networkId: w.networkId, accountId, wrapped },
    { settings: spec.settings ?? {}, callbackToken: token },
  );
  await db.pool.query(
    `INSERT INTO supply_account (network_id, id, owner_id, supplier_id, name, kind, base_url, currency, secrets, data_key, vault_key_id,
       callback_hash, calls_at_once, created_by, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $2, $14, $14)`,
    [
      w.networkId,
      accountId,
      w.hq,
      w.suppliers[spec.supplier],
      `${spec.supplier} ${accountId}`,
      spec.kind,
      spec.baseUrl,
      w.currency,
      secrets,
      wrapped.dataKey,
      wrapped.vaultKeyId,
      hashCallbackToken(token),
      spec.callsAtOnce ?? 8,
      now,
    ],
  );
  return { accountId, token };
}

/** A network in which R buys "card" at 60.00 from headquarters, which has it from suppliers; nothing lies in stock. */
export async function sourcedWorld(db: Database, over: { readonly costGuard?: 'HIDE' | 'ALLOW_LOSS'; readonly wallet?: string } = {}) {
  const w = await world(db, {
    stations: { HQ: { costGuard: over.costGuard ?? 'HIDE', wallet: '1000.00' }, R: { parent: 'HQ', wallet: over.wallet ?? '100000.00' } },
    suppliers: ['S', 'T'],
    skus: { card: { basePrice: '60.00', maxQuantity: 100 }, phone: { basePrice: '120.00', maxQuantity: 1 } },
  });
  await makeSku(db, w, 'card', { deliveryKind: 'SOURCED' });
  return w;
}

/** A network of `sourcedWorld`. */
export type SourcedWorld = Awaited<ReturnType<typeof sourcedWorld>>;

/** The login at every simulated 卡速售 of the tests, as the shop and as the account have it. */
const KASUSHOU = { userId: '10000', apiKey: 'H0YnuPpcVtx7rQdMTbjN6932s5oDOqFa' };

/** Starts a simulated 卡速售 with the usual goods. */
export function startKasushou(mark: string, options: Partial<Parameters<typeof startSimulator>[1]> = {}): Promise<Simulator> {
  return startSimulator(kasushouProtocol(KASUSHOU), { goods: DEFAULT_GOODS, openingCents: 100_000_000, mark, ...options });
}

/** A supplier sells "card" by a simulated 卡速售, its goods 1001. */
export async function offerKasushou(
  db: Database,
  w: SourcedWorld,
  shop: Simulator,
  { supplier, unitCost }: { readonly supplier: 'S' | 'T'; readonly unitCost: string },
): Promise<{ readonly accountId: string; readonly token: string }> {
  const settings = { user_id: KASUSHOU.userId, api_key: KASUSHOU.apiKey };
  const opened = await openUpstream(db, w, { supplier, kind: 'KASUSHOU_V2', baseUrl: shop.url, settings });
  await makeOffer(db, w, { sku: 'card', supplier, unitCost, accountId: opened.accountId, goods: { id: '1001' } });
  return opened;
}

const SCRIPTED = {
  S: { kind: 'KASUSHOU_V2', unitCost: '46.00' },
  T: { kind: 'DUJIAO_NEXT', unitCost: '48.00' },
} as const;

/** S sells "card" at 46.00, or T at 48.00, by an upstream whose answers the test chooses (see `scriptedGround`). */
export async function openScripted(
  db: Database,
  w: SourcedWorld,
  supplier: keyof typeof SCRIPTED,
  limits: { readonly callsAtOnce: number; readonly dailyCap?: number },
): Promise<{ readonly accountId: string; readonly token: string }> {
  const { kind, unitCost } = SCRIPTED[supplier];
  const { dailyCap, callsAtOnce } = limits;
  const opened = await openUpstream(db, w, { supplier, kind, baseUrl: 'https://upstream.test', callsAtOnce });
  await makeOffer(db, w, { sku: 'card', supplier, unitCost, accountId: opened.accountId, ...(dailyCap === undefined ? {} : { dailyCap }) });
  return opened;
}

/** What buying stands on where the answers of S and T are scripts. */
export function scriptedGround(db: Database, s: ScriptedUpstream, t: ScriptedUpstream = s): PurchaseGround {
  const connectorOf = (kind: ConnectorKind) => (kind === SCRIPTED.S.kind ? s : t).connector;
  return { ...purchaseGround(db), upstreams: { connectorOf, publicUrl: null } };
}

/** Places orders of R, one after the other; answers their ids. */
export async function orderCards(
  db: Database,
  w: SourcedWorld,
  quantities: readonly number[],
  sku: 'card' | 'phone' = 'card',
): Promise<string[]> {
  const outcomes = await placeOrders(
    db,
    quantities.map((quantity) => ({
      viewer: w.viewer('R'),
      channel: 'API' as const,
      requestKey: randomUUID(),
      skuId: w.skus[sku],
      quantity,
      maxTotal: String(quantity * (sku === 'card' ? 60 : 120)),
      externalRef: null,
      groupId: null,
    })),
  );
  return outcomes.map((outcome) => {
    if (outcome.kind !== 'ORDER_PLACED') throw new Error(`not placed: ${outcome.kind}`);
    return outcome.orderId;
  });
}

/** Lets a worker do all that is due, and what comes of that, until nothing is left to do now. */
export async function workOff(runner: PurchaseRunner): Promise<void> {
  for (;;) {
    const count = await runner.runDue();
    await runner.settle();
    if (count === 0) return;
  }
}

/** Lets time pass in steps, working off what falls due. */
export async function workOffFor(runner: PurchaseRunner, clock: ControllableClock, seconds: number, stepSeconds = 1): Promise<void> {
  await workOff(runner);
  for (let passed = 0; passed < seconds; passed += stepSeconds) {
    clock.advance(stepSeconds * 1000);
    await workOff(runner);
  }
}

/** A runner over a ground. */
export function runnerOf(ground: PurchaseGround): PurchaseRunner {
  return createPurchaseRunner(ground);
}

/** What stands of attempts of an order, eldest first. */
export function attemptsOf(fresh: FreshDatabase, orderId: string) {
  return fresh.sql<{
    id: string;
    state: string;
    outcome_reason: string | null;
    attention_reason: string | null;
    discrepancy: string | null;
    delivered_quantity: number;
    cost: string | null;
    account_id: string;
    query_count: number;
  }>(
    `SELECT id, state, outcome_reason, attention_reason, discrepancy, delivered_quantity, cost, account_id, query_count FROM purchase_attempt
     WHERE order_id = $1 ORDER BY attempt_number`,
    [orderId],
  );
}

/** How an order stands. */
export async function orderOf(fresh: FreshDatabase, orderId: string) {
  const [row] = await fresh.sql<{ state: string; cost: string; refunded_total: string; key_count: number; failure_reason: string | null }>(
    `SELECT o.state::text, o.cost, o.refunded_total, o.failure_reason,
       (SELECT count(*)::int FROM card_key_sale s WHERE s.order_id = o.id AND s.returned_at IS NULL) AS key_count
     FROM orders o WHERE o.id = $1`,
    [orderId],
  );
  if (!row) throw new Error(`no order ${orderId}`);
  return row;
}
