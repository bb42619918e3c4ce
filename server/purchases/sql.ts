import type { ConnectorKind } from '#server/connectors/connector.ts';
import { statement } from '#server/platform/database.ts';
import type { AccountHealth, AttemptPurpose, AttemptState } from './rules.ts';

/** New attempts, PLANNED. Its unique keys (a live attempt of the line, its number, the request key) are the last guards. */
export const insertAttempts = statement(
  'purchases.insertAttempts',
  `INSERT INTO purchase_attempt (network_id, id, owner_id, purpose, order_id, line_id, subject_id, sku_id, offer_id, account_id, supplier_id,
     attempt_number, quantity, terms, goods, goods_kind, quoted_cost, cost_limit, upstream_currency, upstream_max_cost, rate, request_key,
     state, due_at, created_at, updated_at)
   SELECT $1, a.id, a.owner_id, a.purpose, a.order_id, a.line_id, a.subject_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id,
     a.attempt_number, a.quantity, a.terms, a.goods, a.goods_kind, a.quoted_cost, a.cost_limit, a.upstream_currency, a.upstream_max_cost,
     a.rate, a.request_key, 'PLANNED', a.due_at, $2::timestamptz, $2::timestamptz
   FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[],
     $13::int[], $14::int[], $15::lot_terms[], $16::jsonb[], $17::text[], $18::numeric[], $19::numeric[], $20::text[], $21::numeric[],
     $22::numeric[], $23::text[], $24::timestamptz[]) AS a (id, owner_id, purpose, order_id, line_id, subject_id, sku_id, offer_id, account_id,
     supplier_id, attempt_number, quantity, terms, goods, goods_kind, quoted_cost, cost_limit, upstream_currency, upstream_max_cost, rate,
     request_key, due_at)`,
);

// ---- what is due ----

/** An account whose attempts wait for a worker. */
export type DueAccountRow = { network_id: string; account_id: string };

/**
 * Accounts with attempts that are due, over all networks: the workers' round. One look into purchase_attempt_due_idx for each account
 * there is.
 */
export const dueAccounts = statement<DueAccountRow>(
  'purchases.dueAccounts',
  `SELECT c.network_id, c.id AS account_id FROM supply_account c
   WHERE EXISTS (SELECT FROM purchase_attempt a WHERE a.network_id = c.network_id AND a.account_id = c.id AND a.due_at <= $1)`,
);

/** An account begins in good health (supply_account_state_pkey). */
export const insertHealth = statement(
  'purchases.insertHealth',
  `INSERT INTO supply_account_state (network_id, account_id, window_start, updated_at) VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING`,
);

/** An account with its secrets, sealed, and its health. */
export type AccountRow = {
  kind: ConnectorKind;
  owner_id: string;
  supplier_id: string;
  name: string;
  base_url: string;
  currency: string;
  settings: Record<string, string>;
  secrets: Buffer | null;
  data_key: Buffer;
  vault_key_id: string;
  calls_at_once: number;
  is_enabled: boolean;
  breaker: AccountHealth['breaker'];
  window_start: Date;
  call_count: number;
  failure_count: number;
  slow_count: number;
  opened_count: number;
  open_until: Date | null;
  probe_until: Date | null;
  last_success_at: Date | null;
};

/**
 * Locks an account's health, so that one worker at a time counts what is under way there and takes more (supply_account_state_pkey,
 * supply_account_pkey). The lock is held for three statements.
 */
export const lockAccount = statement<AccountRow>(
  'purchases.lockAccount',
  `SELECT c.kind, c.owner_id, c.supplier_id, c.name, c.base_url, c.currency, c.settings, c.secrets, c.data_key, c.vault_key_id, c.calls_at_once,
     c.is_enabled, s.breaker, s.window_start, s.call_count, s.failure_count, s.slow_count, s.opened_count, s.open_until, s.probe_until,
     s.last_success_at
   FROM supply_account_state s JOIN supply_account c ON c.network_id = $1 AND c.id = s.account_id
   WHERE s.network_id = $1 AND s.account_id = $2 FOR NO KEY UPDATE OF s`,
);

/** An account's health after calls; its row is locked (supply_account_state_pkey). */
export const updateHealth = statement(
  'purchases.updateHealth',
  `UPDATE supply_account_state SET breaker = $3, window_start = $4, call_count = $5, failure_count = $6, slow_count = $7, opened_count = $8,
     open_until = $9, probe_until = $10, last_success_at = coalesce($11, last_success_at), last_failure = coalesce($12, last_failure), updated_at = $13
   WHERE network_id = $1 AND account_id = $2`,
);

/** An attempt that a worker has taken, with what a call needs. Amounts are NUMERIC texts. */
export type ClaimedAttemptRow = {
  id: string;
  was: AttemptState;
  owner_id: string;
  purpose: AttemptPurpose['kind'];
  order_id: string | null;
  line_id: string | null;
  subject_id: string | null;
  sku_id: string;
  offer_id: string;
  account_id: string;
  supplier_id: string;
  attempt_number: number;
  quantity: number;
  terms: 'CONSIGNMENT' | 'OWN';
  goods: Record<string, string>;
  goods_kind: 'CARD_KEY' | 'TOP_UP';
  quoted_cost: string;
  cost_limit: string | null;
  upstream_max_cost: string;
  rate: string;
  request_key: string;
  state: 'SENT' | 'UNKNOWN' | 'REJECTED';
  upstream_ref: string | null;
  accepted_at: Date | null;
  sent_at: Date;
  query_count: number;
  not_found_count: number;
  outcome_reason: string | null;
  outcome_message: string | null;
  attention_reason: string | null;
  created_at: Date;
  currency: string;
  time_zone: string;
};

// What is under way: purchase_attempt_under_way_idx. What is due, eldest first: purchase_attempt_due_idx; rows that another worker holds
// are passed over. A lease that ran out is a worker that died: what it had sent is UNKNOWN, unless the upstream had accepted it.
const claim = (name: string, order: string) =>
  statement<ClaimedAttemptRow>(
    name,
    `WITH due AS MATERIALIZED (
       SELECT a.id, a.state FROM purchase_attempt a
       WHERE a.network_id = $1 AND a.account_id = $2 AND a.due_at <= $3 AND (a.state <> 'PLANNED' OR $7)
       ORDER BY ${order}
       LIMIT greatest(0, least($8::int, $6::int - (SELECT count(*)::int FROM purchase_attempt u
                                    WHERE u.network_id = $1 AND u.account_id = $2 AND u.worker_id IS NOT NULL AND u.lease_until > $3)))
       FOR UPDATE SKIP LOCKED)
     UPDATE purchase_attempt a SET
       state = CASE WHEN a.state = 'PLANNED' THEN 'SENT' WHEN a.state = 'SENT' AND a.accepted_at IS NULL THEN 'UNKNOWN' ELSE a.state END,
       sent_at = coalesce(a.sent_at, $3), worker_id = $4, lease_until = $5, due_at = $5, updated_at = $3
     FROM due JOIN network n ON n.id = $1
     WHERE a.network_id = $1 AND a.id = due.id
     RETURNING a.id, due.state AS was, a.owner_id, a.purpose, a.order_id, a.line_id, a.subject_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id,
       a.attempt_number, a.quantity, a.terms::text, a.goods, a.goods_kind, a.quoted_cost, a.cost_limit, a.upstream_max_cost, a.rate::text,
       a.request_key, a.state, a.upstream_ref, a.accepted_at, a.sent_at, a.query_count, a.not_found_count, a.outcome_reason,
       a.outcome_message, a.attention_reason, a.created_at,
       n.currency, n.time_zone`,
  );

/** Takes what is due of an account, eldest first: up to so many calls at once over all processes ($6) and $8 now; purchases only when $7. */
export const claimDue = claim('purchases.claimDue', 'a.due_at');
/** As `claimDue`, questions before purchases: for the one probe of an open breaker, since a question risks no money. */
export const claimProbe = claim('purchases.claimProbe', `a.state = 'PLANNED', a.due_at`);

/** Once an upstream answers again, whose outcome is not known is asked for at once, a few at a time. By purchase_attempt_due_idx. */
export const hastenUnknown = statement(
  'purchases.hastenUnknown',
  `UPDATE purchase_attempt SET due_at = $3, updated_at = $3
   WHERE network_id = $1 AND account_id = $2 AND due_at > $3 AND state IN ('SENT', 'UNKNOWN') AND worker_id IS NULL`,
);

// ---- what became of it ----

/**
 * Locks those attempts that their workers ($3) still have; the others were taken by somebody else, or are settled. In the order of
 * their ids, by purchase_attempt_pkey.
 */
export const lockClaimed = statement<{ id: string }>(
  'purchases.lockClaimed',
  `SELECT a.id FROM unnest($2::uuid[], $3::uuid[]) AS w (id, worker_id)
   JOIN purchase_attempt a ON a.network_id = $1 AND a.id = w.id AND a.worker_id = w.worker_id
   ORDER BY a.id FOR NO KEY UPDATE OF a`,
);

/** What has become of attempts; their workers let go of them. Their rows are locked (purchase_attempt_pkey). */
export const updateAttempts = statement(
  'purchases.updateAttempts',
  `UPDATE purchase_attempt a SET state = w.state, upstream_ref = coalesce(w.upstream_ref, a.upstream_ref),
     accepted_at = CASE WHEN w.is_accepted THEN coalesce(a.accepted_at, $2) ELSE a.accepted_at END, due_at = w.due_at,
     worker_id = NULL, lease_until = NULL, query_count = a.query_count + w.queries, not_found_count = w.not_found_count,
     not_found_since = CASE WHEN w.not_found_count > 0 THEN coalesce(a.not_found_since, $2) END,
     outcome_reason = w.reason, outcome_message = w.message, delivered_quantity = w.delivered_quantity, cost = w.cost, discrepancy = w.discrepancy,
     attention_reason = w.attention, attention_since = CASE WHEN w.attention IS NOT NULL THEN coalesce(a.attention_since, $2) END,
     settled_at = CASE WHEN w.state IN ('SUCCEEDED', 'REJECTED') THEN coalesce(a.settled_at, $2) END, updated_at = $2
   FROM unnest($3::uuid[], $4::text[], $5::text[], $6::boolean[], $7::timestamptz[], $8::int[], $9::int[], $10::text[], $11::text[], $12::int[],
     $13::numeric[], $14::text[], $15::text[]) AS w (id, state, upstream_ref, is_accepted, due_at, queries, not_found_count, reason, message,
     delivered_quantity, cost, discrepancy, attention)
   WHERE a.network_id = $1 AND a.id = w.id`,
);

/** Lines of attempts' logs, with what went over the wire, sealed, where something did. */
export const insertSteps = statement(
  'purchases.insertSteps',
  `INSERT INTO purchase_step (network_id, id, attempt_id, kind, outcome, message, status, duration_ms, wire, data_key, vault_key_id, actor_id, created_at)
   SELECT $1, s.id, s.attempt_id, s.kind, s.outcome, s.message, s.status, s.duration_ms, s.wire, s.data_key, s.vault_key_id, s.actor_id, $2
   FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::int[], $9::int[], $10::bytea[], $11::bytea[], $12::text[],
     $13::uuid[]) AS s (id, attempt_id, kind, outcome, message, status, duration_ms, wire, data_key, vault_key_id, actor_id)`,
);

// ---- another supplier ----

/** An attempt of a line that was made before. */
export type TriedRow = { line_id: string; offer_id: string; outcome_reason: string | null; attempt_number: number; created_at: Date };

/** All attempts of lines, in their order (purchase_attempt_number_key). */
export const selectTries = statement<TriedRow>(
  'purchases.selectTries',
  `SELECT a.line_id, a.offer_id, a.outcome_reason, a.attempt_number, a.created_at FROM purchase_attempt a
   WHERE a.network_id = $1 AND a.line_id = ANY ($2::uuid[]) ORDER BY a.line_id, a.attempt_number`,
);

/** How a SKU is routed. */
export type RoutedSkuRow = { id: string; routing_policy: string; unit_size: number };

/** How SKUs are routed (sku_pkey). */
export const selectRouting = statement<RoutedSkuRow>(
  'purchases.selectRouting',
  'SELECT s.id, s.routing_policy, s.unit_size FROM sku s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])',
);

/** An attempt that waits to be sent. */
export type WaitingAttemptRow = Pick<
  ClaimedAttemptRow,
  | 'id'
  | 'owner_id'
  | 'purpose'
  | 'order_id'
  | 'line_id'
  | 'subject_id'
  | 'sku_id'
  | 'offer_id'
  | 'account_id'
  | 'supplier_id'
  | 'attempt_number'
  | 'quantity'
  | 'goods_kind'
  | 'cost_limit'
  | 'created_at'
  | 'currency'
  | 'time_zone'
>;

/** Locks attempts of an account that have waited to be sent since $3, eldest first (purchase_attempt_due_idx); those held by others are passed over. */
export const lockWaiting = statement<WaitingAttemptRow>(
  'purchases.lockWaiting',
  `SELECT a.id, a.owner_id, a.purpose, a.order_id, a.line_id, a.subject_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id, a.attempt_number,
     a.quantity, a.goods_kind, a.cost_limit, a.created_at, n.currency, n.time_zone
   FROM purchase_attempt a JOIN network n ON n.id = $1
   WHERE a.network_id = $1 AND a.account_id = $2 AND a.due_at <= $3 AND a.state = 'PLANNED'
   ORDER BY a.due_at LIMIT $4 FOR NO KEY UPDATE OF a SKIP LOCKED`,
);

/** The next look at attempts that wait for an upstream to come back; their rows are locked (purchase_attempt_pkey). */
export const postponeWaiting = statement(
  'purchases.postponeWaiting',
  'UPDATE purchase_attempt SET due_at = $3, updated_at = $4 WHERE network_id = $1 AND id = ANY ($2::uuid[])',
);

/** Whether an account's calls stand still: since when its eldest call is under way (purchase_attempt_under_way_idx), and its last success. */
export const selectStandstill = statement<{ eldest_call: Date | null; last_success_at: Date | null }>(
  'purchases.selectStandstill',
  `SELECT (SELECT min(u.updated_at) FROM purchase_attempt u WHERE u.network_id = $1 AND u.account_id = $2 AND u.worker_id IS NOT NULL) AS eldest_call,
     (SELECT s.last_success_at FROM supply_account_state s WHERE s.network_id = $1 AND s.account_id = $2) AS last_success_at`,
);

/** A sealed card key of a SKU, to learn what its keys look like. */
export type SampleKeyRow = { id: string; lot_id: string; sku_id: string; sealed: Buffer; data_key: Buffer; vault_key_id: string };

/** Two keys of each of a SKU's ten newest lots (lot_network_id_sku_id_id_idx, card_key_network_id_lot_id_idx). */
export const selectSampleKeys = statement<SampleKeyRow>(
  'purchases.selectSampleKeys',
  `SELECT k.id, l.id AS lot_id, k.sku_id, k.sealed, l.data_key, l.vault_key_id
   FROM (SELECT l.id, l.data_key, l.vault_key_id FROM lot l WHERE l.network_id = $1 AND l.sku_id = $2 ORDER BY l.id DESC LIMIT 10) l
   CROSS JOIN LATERAL (SELECT k.id, k.sku_id, k.sealed FROM card_key k WHERE k.network_id = $1 AND k.lot_id = l.id LIMIT 2) k`,
);

/** Who made offers (supply_offer_pkey): what comes into stock by itself is brought in, in their name. */
export const selectOfferMakers = statement<{ id: string; created_by: string }>(
  'purchases.selectOfferMakers',
  'SELECT o.id, o.created_by FROM supply_offer o WHERE o.network_id = $1 AND o.id = ANY ($2::uuid[])',
);
