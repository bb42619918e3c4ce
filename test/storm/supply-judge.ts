import { auditLedger } from '#server/ledger/reads.ts';
import { run, statement } from '#server/platform/database.ts';
import { openCardKey } from '#server/stock/rules.ts';
import type { SimulatedPurchase } from '#test/simulators/shop.ts';
import { testVault } from '#test/support/world.ts';
import type { Market } from './supply-market.ts';

/** What the two sides' books say of each other. Everything but the counts must be 0. */
export interface SupplyVerdict {
  /** orders by their state */
  readonly orders: Readonly<Record<string, number>>;
  /** attempts that wait for a person, by why */
  readonly attention: Readonly<Record<string, number>>;
  /** what was not as agreed and settled all the same, by what */
  readonly discrepancies: Readonly<Record<string, number>>;
  readonly attempts: Readonly<Record<string, number>>;
  /** attempts that were rejected, by why */
  readonly rejections: Readonly<Record<string, number>>;
  /** lines that were charged for more than once, by the upstreams' books */
  readonly doublePurchases: number;
  /** card keys that two buyers hold */
  readonly doubleDeliveries: number;
  /** card keys that a buyer holds and that no upstream told for that purchase */
  readonly foreignKeys: number;
  /** cents that an upstream took and no attempt accounts for, or the other way round */
  readonly lostCents: number;
  /** purchases in an upstream's books that no attempt of ours made */
  readonly unknownPurchases: number;
  /** lies of an upstream that stand in our books as the truth */
  readonly undetectedLies: number;
  readonly liesCount: number;
  /** orders that are neither settled nor with a person */
  readonly unsettled: number;
  /** some of them, each with its attempts as they stand */
  readonly stuck: readonly string[];
  /** orders that failed though an upstream keeps money for them */
  readonly failedButCharged: number;
  readonly breaches: readonly string[];
  /** milliseconds from order to delivery, of those that were delivered, in order of length */
  readonly deliverMilliseconds: readonly number[];
}

type AttemptRow = {
  id: string;
  account_id: string;
  request_key: string;
  line_id: string;
  order_id: string;
  order_state: string;
  state: string;
  cost: string | null;
  quantity: number;
  delivered_quantity: number;
  discrepancy: string | null;
  attention_reason: string | null;
  outcome_reason: string | null;
};
const allAttempts = statement<AttemptRow>(
  'storm.attempts',
  `SELECT a.id, a.account_id, a.request_key, a.line_id, a.order_id, o.state::text AS order_state, a.state, a.cost, a.quantity, a.delivered_quantity,
          a.discrepancy, a.attention_reason, a.outcome_reason
   FROM purchase_attempt a JOIN orders o ON o.network_id = $1 AND o.id = a.order_id WHERE a.network_id = $1`,
);
type KeyRow = { attempt_id: string; id: string; lot_id: string; sku_id: string; sealed: Buffer; data_key: Buffer; vault_key_id: string };
const deliveredKeys = statement<KeyRow>(
  'storm.deliveredKeys',
  `SELECT l.attempt_id, k.id, k.lot_id, k.sku_id, k.sealed, l.data_key, l.vault_key_id
   FROM card_key_sale s JOIN card_key k ON k.network_id = $1 AND k.id = s.card_key_id JOIN lot l ON l.network_id = $1 AND l.id = k.lot_id
   WHERE s.network_id = $1 AND s.returned_at IS NULL`,
);
const allOrders = statement<{ state: string; count: number }>(
  'storm.orderStates',
  'SELECT state::text, count(*)::int AS count FROM orders WHERE network_id = $1 GROUP BY 1',
);
const deliverTimes = statement<{ took: number }>(
  'storm.deliverTimes',
  'SELECT (extract(epoch FROM delivered_at - placed_at) * 1000)::float8 AS took FROM orders WHERE network_id = $1 AND delivered_at IS NOT NULL ORDER BY 1',
);

/** Orders that are told of in full. */
const STUCK_TOLD = 10;
// orders_open_idx, then purchase_attempt_network_id_order_id_idx
const stuckOrders = statement<{ told: string }>(
  'storm.stuckOrders',
  `SELECT jsonb_build_object('order', o.id, 'state', o.state, 'placed_at', o.placed_at, 'attempts', (
     SELECT jsonb_agg(to_jsonb(a) || jsonb_build_object('breaker', s.breaker, 'open_until', s.open_until, 'probe_until', s.probe_until) ORDER BY a.attempt_number)
     FROM (SELECT attempt_number, account_id, state, due_at, worker_id, lease_until, sent_at, accepted_at, query_count, outcome_reason, attention_reason,
             updated_at FROM purchase_attempt WHERE network_id = $1 AND order_id = o.id) a
     LEFT JOIN supply_account_state s ON s.network_id = $1 AND s.account_id = a.account_id))::text AS told
   FROM orders o WHERE o.network_id = $1 AND o.state IN ('HELD', 'REVIEW', 'SOURCING') ORDER BY o.id LIMIT $2`,
);

const SETTLED = new Set(['DELIVERED', 'PARTLY_REFUNDED', 'REFUNDED', 'FAILED', 'NEEDS_ATTENTION']);

/** Lays the upstreams' own books beside ours. */
export async function judgeSupply(market: Market): Promise<SupplyVerdict> {
  const { db, world } = market;
  const [attempts, keys, states, times, breaches, stuck] = await Promise.all([
    run(db.pool, allAttempts, [world.networkId]),
    run(db.pool, deliveredKeys, [world.networkId]),
    run(db.pool, allOrders, [world.networkId]),
    run(db.pool, deliverTimes, [world.networkId]),
    auditLedger(db.pool),
    run(db.pool, stuckOrders, [world.networkId, STUCK_TOLD]),
  ]);
  const byKey = new Map(attempts.map((row) => [`${row.account_id} ${row.request_key}`, row]));
  const bought = market.upstreams.flatMap(({ accountId, simulator }) =>
    [...simulator.shop.purchases()].map((purchase) => ({ purchase, attempt: byKey.get(`${accountId} ${purchase.requestKey}`) })),
  );
  const doubted = doubtedKeys(bought);
  const charged = bought.filter(({ purchase }) => !purchase.isRefunded);
  return {
    orders: Object.fromEntries(states.map(({ state, count }) => [state, count])),
    attention: tally(attempts.map(({ attention_reason }) => attention_reason)),
    discrepancies: tally(attempts.map(({ discrepancy }) => discrepancy)),
    attempts: tally(attempts.map(({ state }) => state)),
    rejections: tally(attempts.map(({ state, outcome_reason }) => (state === 'REJECTED' ? outcome_reason : null))),
    doublePurchases: Object.values(tally(charged.map(({ attempt }) => attempt?.line_id ?? null))).filter((count) => count > 1).length,
    ...judgeKeys(world.networkId, keys, bought),
    lostCents: lostCents(attempts, bought),
    unknownPurchases: bought.filter(({ attempt }) => attempt === undefined).length,
    undetectedLies: bought.filter((each) => isBelieved(each, doubted)).length,
    liesCount: bought.filter(({ purchase }) => isLie(purchase)).length,
    unsettled: states.filter(({ state }) => !SETTLED.has(state)).reduce((sum, { count }) => sum + count, 0),
    stuck: stuck.map(({ told }) => told),
    failedButCharged: charged.filter(({ attempt }) => attempt?.order_state === 'FAILED').length,
    breaches: breaches.map(({ invariant, subject, detail }) => `${invariant} ${subject}: ${detail}`),
    deliverMilliseconds: times.map(({ took }) => took),
  };
}

type Bought = { readonly purchase: SimulatedPurchase; readonly attempt: AttemptRow | undefined };

/** Every key that a buyer holds must have been told for the very purchase that it came by, and no two buyers may hold one. */
function judgeKeys(networkId: string, rows: readonly KeyRow[], bought: readonly Bought[]) {
  const toldFor = new Map(bought.map(({ purchase, attempt }) => [attempt?.id ?? '', new Set(purchase.keys)]));
  const held = rows.map((row) => {
    const wrapped = { dataKey: row.data_key, vaultKeyId: row.vault_key_id };
    const place = { wrapped, networkId, lotId: row.lot_id, skuId: row.sku_id, keyId: row.id };
    return { attemptId: row.attempt_id, secret: openCardKey(testVault, place, row.sealed).secret };
  });
  return {
    doubleDeliveries: held.length - new Set(held.map(({ secret }) => secret)).size,
    foreignKeys: held.filter(({ attemptId, secret }) => !toldFor.get(attemptId)?.has(secret)).length,
  };
}

function lostCents(attempts: readonly AttemptRow[], bought: readonly Bought[]): number {
  const taken = new Map(
    bought.filter(({ purchase }) => !purchase.isRefunded).map(({ purchase, attempt }) => [attempt?.id ?? '', purchase.costCents]),
  );
  let lost = 0;
  for (const attempt of attempts) {
    const cents = taken.get(attempt.id) ?? 0;
    // what waits for a person is in the queue with all that was said of it: nothing of it is settled, so nothing of it is lost
    if (attempt.attention_reason !== null) continue;
    const ours = attempt.state === 'SUCCEEDED' ? Math.round(Number(attempt.cost) * 100) : 0;
    lost += Math.abs(ours - cents);
  }
  return lost;
}

function isLie({ fault }: SimulatedPurchase): boolean {
  return fault === 'apology' || fault === 'wrong-count' || fault === 'wrong-price' || fault === 'other-keys';
}

/**
 * A lie that our books hold for the truth: neither with a person nor marked as a discrepancy, and, of keys that were told twice, neither
 * of the two. Who of two asks first for the same keys nobody can know: the other one is with a person then.
 */
function isBelieved({ purchase, attempt }: Bought, doubted: ReadonlySet<string>): boolean {
  if (!isLie(purchase) || attempt?.state !== 'SUCCEEDED' || attempt.discrepancy !== null) return false;
  return purchase.fault !== 'other-keys' || !purchase.keys.some((key) => doubted.has(key));
}

/** Keys of purchases that wait for a person since the network has them already. */
function doubtedKeys(bought: readonly Bought[]): Set<string> {
  return new Set(bought.filter(({ attempt }) => attempt?.attention_reason === 'DUPLICATE_KEYS').flatMap(({ purchase }) => purchase.keys));
}

function tally(names: readonly (string | null)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) if (name !== null) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
