import { auditLedger } from '#server/ledger/reads.ts';
import { run, statement } from '#server/platform/database.ts';
import { openCardKey } from '#server/stock/rules.ts';
import { testVault } from '#test/support/world.ts';
import type { BookedAttempt, HeldKey, SupplyBooks } from './supply-judge.ts';
import type { Market } from './supply-market.ts';

const allAttempts = statement<BookedAttempt>(
  'storm.attempts',
  `SELECT a.id, a.account_id, a.request_key, a.line_id, o.state::text AS order_state, a.state, a.cost, a.discrepancy, a.attention_reason, a.outcome_reason
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

/** Reads both sides' books: what the database holds, and what the upstreams wrote down themselves. */
export async function readSupplyBooks({
  db,
  world,
  upstreams,
}: Pick<Market, 'db' | 'upstreams'> & { world: { networkId: string } }): Promise<SupplyBooks> {
  const { networkId } = world;
  const [attempts, keys, states, times, breaches, stuck] = await Promise.all([
    run(db.pool, allAttempts, [networkId]),
    run(db.pool, deliveredKeys, [networkId]),
    run(db.pool, allOrders, [networkId]),
    run(db.pool, deliverTimes, [networkId]),
    auditLedger(db.pool),
    run(db.pool, stuckOrders, [networkId, STUCK_TOLD]),
  ]);
  return {
    orders: Object.fromEntries(states.map(({ state, count }) => [state, count])),
    attempts,
    keys: keys.map((row) => heldKey(networkId, row)),
    purchases: upstreams.flatMap(({ accountId, simulator }) =>
      [...simulator.shop.purchases()].map((purchase) => ({ accountId, purchase })),
    ),
    breaches: breaches.map(({ invariant, subject, detail }) => `${invariant} ${subject}: ${detail}`),
    deliverMilliseconds: times.map(({ took }) => took),
    stuck: stuck.map(({ told }) => told),
  };
}

function heldKey(networkId: string, row: KeyRow): HeldKey {
  const wrapped = { dataKey: row.data_key, vaultKeyId: row.vault_key_id };
  const place = { wrapped, networkId, lotId: row.lot_id, skuId: row.sku_id, keyId: row.id };
  return { attemptId: row.attempt_id, secret: openCardKey(testVault, place, row.sealed).secret };
}
