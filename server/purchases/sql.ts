import type { ConnectorKind } from '#server/connectors/connector.ts';
import { statement } from '#server/platform/database.ts';
import type { AccountHealth, AttemptPurpose, AttemptState, AttentionReason } from './rules.ts';

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

/** An account whose attempts wait for a worker; `is_new`: it has no health yet. */
export type DueAccountRow = { network_id: string; account_id: string; is_new: boolean };

/**
 * Accounts with attempts that are due, over all networks: the workers' round. One look into purchase_attempt_due_idx for each account
 * there is, and one at its health (supply_account_state_pkey).
 */
export const dueAccounts = statement<DueAccountRow>(
  'purchases.dueAccounts',
  `SELECT c.network_id, c.id AS account_id, s.account_id IS NULL AS is_new
   FROM supply_account c LEFT JOIN supply_account_state s ON s.network_id = c.network_id AND s.account_id = c.id
   WHERE EXISTS (SELECT FROM purchase_attempt a WHERE a.network_id = c.network_id AND a.account_id = c.id AND a.due_at <= $1)`,
);

/** Accounts begin in good health (supply_account_state_pkey). */
export const insertHealth = statement(
  'purchases.insertHealth',
  `INSERT INTO supply_account_state (network_id, account_id, window_start, updated_at)
   SELECT $1, a.id, $3, $3 FROM unnest($2::uuid[]) AS a (id) ON CONFLICT DO NOTHING`,
);

/** An account with its secrets, sealed, and its health. */
export type AccountRow = {
  id: string;
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
 * Locks accounts' health, so that one worker at a time counts what is under way there and takes more (supply_account_state_pkey,
 * supply_account_pkey). Those that another worker has are passed over: it takes what is due there.
 */
export const lockAccounts = statement<AccountRow>(
  'purchases.lockAccounts',
  `SELECT c.id, c.kind, c.owner_id, c.supplier_id, c.name, c.base_url, c.currency, c.settings, c.secrets, c.data_key, c.vault_key_id, c.calls_at_once,
     c.is_enabled, s.breaker, s.window_start, s.call_count, s.failure_count, s.slow_count, s.opened_count, s.open_until, s.probe_until,
     s.last_success_at
   FROM supply_account_state s JOIN supply_account c ON c.network_id = $1 AND c.id = s.account_id
   WHERE s.network_id = $1 AND s.account_id = ANY ($2::uuid[]) ORDER BY s.account_id FOR NO KEY UPDATE OF s SKIP LOCKED`,
);

/** Accounts' health after calls; their rows are locked (supply_account_state_pkey). */
export const updateHealth = statement(
  'purchases.updateHealth',
  `UPDATE supply_account_state s SET breaker = w.breaker, window_start = w.window_start, call_count = w.call_count, failure_count = w.failure_count,
     slow_count = w.slow_count, opened_count = w.opened_count, open_until = w.open_until, probe_until = w.probe_until,
     last_success_at = coalesce(w.last_success_at, s.last_success_at), last_failure = coalesce(w.last_failure, s.last_failure), updated_at = $2
   FROM unnest($3::uuid[], $4::text[], $5::timestamptz[], $6::int[], $7::int[], $8::int[], $9::int[], $10::timestamptz[], $11::timestamptz[],
     $12::timestamptz[], $13::text[]) AS w (account_id, breaker, window_start, call_count, failure_count, slow_count, opened_count, open_until,
     probe_until, last_success_at, last_failure)
   WHERE s.network_id = $1 AND s.account_id = w.account_id`,
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
  /** of its offer; null: none */
  daily_cap: number | null;
};

// What is under way: purchase_attempt_under_way_idx. What is due, eldest first: purchase_attempt_due_idx; rows that another worker holds
// are passed over. A lease that ran out is a worker that died: what it had sent is UNKNOWN, unless the upstream had accepted it.
const claim = (name: string, order: string) =>
  statement<ClaimedAttemptRow>(
    name,
    `WITH due AS MATERIALIZED (
       SELECT d.id, d.state
       FROM unnest($2::uuid[], $6::int[], $7::boolean[]) AS w (account_id, calls_max, buys)
       CROSS JOIN LATERAL (
         SELECT a.id, a.state FROM purchase_attempt a
         WHERE a.network_id = $1 AND a.account_id = w.account_id AND a.due_at <= $3 AND (a.state <> 'PLANNED' OR w.buys)
         ORDER BY ${order}
         LIMIT greatest(0, w.calls_max - (SELECT count(*)::int FROM purchase_attempt u
                           WHERE u.network_id = $1 AND u.account_id = w.account_id AND u.worker_id IS NOT NULL AND u.lease_until > $3))
         FOR NO KEY UPDATE SKIP LOCKED) d
       LIMIT $8)
     UPDATE purchase_attempt a SET
       state = CASE WHEN a.state = 'PLANNED' THEN 'SENT' WHEN a.state = 'SENT' AND a.accepted_at IS NULL THEN 'UNKNOWN' ELSE a.state END,
       sent_at = coalesce(a.sent_at, $3), worker_id = $4, lease_until = $5, due_at = $5, updated_at = $3
     FROM due JOIN network n ON n.id = $1
     WHERE a.network_id = $1 AND a.id = due.id
     RETURNING a.id, due.state AS was, a.owner_id, a.purpose, a.order_id, a.line_id, a.subject_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id,
       a.attempt_number, a.quantity, a.terms::text, a.goods, a.goods_kind, a.quoted_cost, a.cost_limit, a.upstream_max_cost, a.rate::text,
       a.request_key, a.state, a.upstream_ref, a.accepted_at, a.sent_at, a.query_count, a.not_found_count, a.outcome_reason,
       a.outcome_message, a.attention_reason, a.created_at,
       n.currency, n.time_zone,
       (SELECT o.daily_cap FROM supply_offer o WHERE o.network_id = $1 AND o.id = a.offer_id) AS daily_cap`,
  );

/** Takes what is due of accounts, eldest first: up to so many calls at once over all processes ($6) and $8 in all; purchases only when $7. */
export const claimDue = claim('purchases.claimDue', 'a.due_at');
/** As `claimDue` of one account, questions before purchases: for the one probe of an open breaker, since a question risks no money. */
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

/**
 * Locks attempts of an account that have waited to be sent since $3, eldest first (purchase_attempt_due_idx), of lines that were tried at
 * most $5 times; those held by others are passed over.
 */
export const lockWaiting = statement<WaitingAttemptRow>(
  'purchases.lockWaiting',
  `SELECT a.id, a.owner_id, a.purpose, a.order_id, a.line_id, a.subject_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id, a.attempt_number,
     a.quantity, a.goods_kind, a.cost_limit, a.created_at, n.currency, n.time_zone
   FROM purchase_attempt a JOIN network n ON n.id = $1
   WHERE a.network_id = $1 AND a.account_id = $2 AND a.due_at <= $3 AND a.state = 'PLANNED' AND a.attempt_number <= $5
   ORDER BY a.due_at LIMIT $4 FOR NO KEY UPDATE OF a SKIP LOCKED`,
);

/** An attempt that counts against the cap of its offer on the day on which it was planned, with what was sent of that day beside it. */
export type CappedRow = { id: string; offer_id: string; day: string; quantity: number; cap: number; used: bigint };

/**
 * Attempts that were just taken of offers with a cap, eldest first, with the units of that day's others that were sent and not refused. By
 * purchase_attempt_pkey, and purchase_attempt_network_id_offer_id_id_idx from a little before the day on (ids take their time from the clock).
 * Exact under the lock of the offer's account, which everybody holds who sends anything there.
 */
export const selectCapped = statement<CappedRow>(
  'purchases.capped',
  `WITH taken AS (
     SELECT a.id, a.offer_id, a.quantity, o.daily_cap, n.time_zone, (a.created_at AT TIME ZONE n.time_zone)::date AS day
     FROM purchase_attempt a JOIN network n ON n.id = $1 JOIN supply_offer o ON o.network_id = $1 AND o.id = a.offer_id
     WHERE a.network_id = $1 AND a.id = ANY ($2::uuid[]) AND o.daily_cap IS NOT NULL),
   used AS (
     SELECT g.offer_id, g.day, (
       SELECT coalesce(sum(u.quantity), 0)::bigint FROM purchase_attempt u
       WHERE u.network_id = $1 AND u.offer_id = g.offer_id AND u.state NOT IN ('PLANNED', 'REJECTED') AND u.id <> ALL ($2::uuid[])
         AND u.id >= (lpad(to_hex((extract(epoch FROM g.begun - interval '1 hour') * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
         AND u.created_at >= g.begun AND u.created_at < g.ended) AS quantity
     FROM (SELECT DISTINCT t.offer_id, t.day, t.day::timestamp AT TIME ZONE t.time_zone AS begun, (t.day + 1)::timestamp AT TIME ZONE t.time_zone AS ended
           FROM taken t) g)
   SELECT t.id, t.offer_id, t.day::text, t.quantity, t.daily_cap AS cap, u.quantity AS used
   FROM taken t JOIN used u USING (offer_id, day) ORDER BY t.id`,
);

/** Attempts that were taken and not sent wait again, as if they had not been (purchase_attempt_pkey; the caller has taken them). */
export const putBack = statement(
  'purchases.putBack',
  `UPDATE purchase_attempt SET state = 'PLANNED', sent_at = NULL, worker_id = NULL, lease_until = NULL, due_at = $3, updated_at = $3
   WHERE network_id = $1 AND id = ANY ($2::uuid[])`,
);

/** Locks those of these attempts that still wait to be sent; those held by others are passed over (purchase_attempt_pkey). */
export const lockPutBack = statement<WaitingAttemptRow>(
  'purchases.lockPutBack',
  `SELECT a.id, a.owner_id, a.purpose, a.order_id, a.line_id, a.subject_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id, a.attempt_number,
     a.quantity, a.goods_kind, a.cost_limit, a.created_at, n.currency, n.time_zone
   FROM purchase_attempt a JOIN network n ON n.id = $1
   WHERE a.network_id = $1 AND a.id = ANY ($2::uuid[]) AND a.state = 'PLANNED' ORDER BY a.id FOR NO KEY UPDATE OF a SKIP LOCKED`,
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

/** An account beside others: `busy_count` calls are under way there or wait, as many as it takes at once at most. */
export type BusyAccountRow = { id: string; kind: ConnectorKind; calls_at_once: number; busy_count: number };

/** How busy the other accounts of a network are that are switched on; each by a few rows of purchase_attempt_due_idx. */
export const selectBusy = statement<BusyAccountRow>(
  'purchases.selectBusy',
  `SELECT c.id, c.kind, c.calls_at_once, (SELECT count(*)::int FROM (
       SELECT FROM purchase_attempt a WHERE a.network_id = $1 AND a.account_id = c.id AND a.due_at IS NOT NULL
         AND (a.state = 'PLANNED' OR a.worker_id IS NOT NULL) LIMIT c.calls_at_once) b) AS busy_count
   FROM supply_account c WHERE c.network_id = $1 AND c.id <> $2 AND c.is_enabled`,
);

/** An attempt whose outcome nobody could ask for. */
export type UnaskedAttemptRow = {
  id: string;
  owner_id: string;
  purpose: AttemptPurpose['kind'];
  order_id: string | null;
  line_id: string | null;
  sku_id: string;
  accepted_at: Date | null;
  state: AttemptState;
};

/**
 * Locks attempts of an account that should have been asked for by $3, have been unknown since $4 or accepted since $5, and of which no
 * person knows (purchase_attempt_due_idx); those held by others are passed over.
 */
export const lockUnasked = statement<UnaskedAttemptRow>(
  'purchases.lockUnasked',
  `SELECT a.id, a.owner_id, a.purpose, a.order_id, a.line_id, a.sku_id, a.accepted_at, a.state FROM purchase_attempt a
   WHERE a.network_id = $1 AND a.account_id = $2 AND a.due_at <= $3 AND a.state IN ('SENT', 'UNKNOWN') AND a.attention_reason IS NULL
     AND (a.lease_until IS NULL OR a.lease_until <= $3) AND a.sent_at <= CASE WHEN a.state = 'SENT' AND a.accepted_at IS NOT NULL THEN $5::timestamptz ELSE $4 END
   ORDER BY a.due_at LIMIT $6 FOR NO KEY UPDATE SKIP LOCKED`,
);

/** A person is asked about attempts that stand as they do; their rows are locked (purchase_attempt_pkey). */
export const raiseAttention = statement(
  'purchases.raiseAttention',
  `UPDATE purchase_attempt a SET attention_reason = w.reason, attention_since = $4, updated_at = $4
   FROM unnest($2::uuid[], $3::text[]) AS w (id, reason) WHERE a.network_id = $1 AND a.id = w.id`,
);

/** A sealed card key of a SKU, to learn what its keys look like. */
export type SampleKeyRow = { id: string; lot_id: string; sku_id: string; sealed: Buffer; data_key: Buffer; vault_key_id: string };

/** Two keys of each of a SKU's ten newest lots (lot_goods_key, card_key_network_id_lot_id_idx). */
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

// ---- what people see ----

/** An attempt as its owner and its supplier see it; each field says whose it is. Amounts are NUMERIC texts. */
export type SeenAttemptRow = {
  id: string;
  owner_id: string;
  purpose: AttemptPurpose['kind'];
  order_id: string | null;
  sku_id: string;
  offer_id: string;
  account_id: string;
  supplier_id: string;
  supplier_name: string;
  account_name: string;
  connector_kind: ConnectorKind;
  product_name: string;
  sku_name: string;
  attempt_number: number;
  quantity: number;
  delivered_quantity: number;
  goods_kind: 'CARD_KEY' | 'TOP_UP';
  terms: 'CONSIGNMENT' | 'OWN';
  currency: string;
  quoted_cost: string;
  cost_limit: string | null;
  cost: string | null;
  upstream_currency: string;
  upstream_max_cost: string;
  request_key: string;
  upstream_ref: string | null;
  state: AttemptState;
  discrepancy: string | null;
  outcome_reason: string | null;
  outcome_message: string | null;
  attention_reason: AttentionReason | null;
  attention_since: Date | null;
  query_count: number;
  due_at: Date | null;
  sent_at: Date | null;
  accepted_at: Date | null;
  settled_at: Date | null;
  created_at: Date;
};

const SEEN = `a.id, a.owner_id, a.purpose, a.order_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id, s.name AS supplier_name, c.name AS account_name,
     c.kind AS connector_kind, p.name AS product_name, k.name AS sku_name, a.attempt_number, a.quantity, a.delivered_quantity, a.goods_kind,
     a.terms::text, n.currency, a.quoted_cost, a.cost_limit, a.cost, a.upstream_currency, a.upstream_max_cost, a.request_key, a.upstream_ref, a.state,
     a.discrepancy, a.outcome_reason, a.outcome_message, a.attention_reason, a.attention_since, a.query_count, a.due_at, a.sent_at, a.accepted_at,
     a.settled_at, a.created_at`;
// all by primary keys
const NAMED = `JOIN network n ON n.id = $1
   JOIN supplier s ON s.network_id = $1 AND s.id = a.supplier_id
   JOIN supply_account c ON c.network_id = $1 AND c.id = a.account_id
   JOIN sku k ON k.network_id = $1 AND k.id = a.sku_id
   JOIN product p ON p.network_id = $1 AND p.id = k.product_id`;

/** Which attempts: everything that is null does not ask. */
const CUT = `($5::text[] IS NULL OR a.state = ANY ($5)) AND ($6::uuid IS NULL OR a.supplier_id = $6) AND ($7::text IS NULL OR a.purpose = $7)
     AND ($8::uuid IS NULL OR a.sku_id = $8)`;

const page = (name: string, party: 'owner_id' | 'supplier_id', attention: boolean, beyond: '<' | '>') =>
  statement<SeenAttemptRow>(
    name,
    `SELECT ${SEEN} FROM (
       SELECT * FROM purchase_attempt a WHERE a.network_id = $1 AND a.${party} = $2 AND a.id ${beyond} $3
         ${attention ? 'AND a.attention_since IS NOT NULL' : ''} AND ${CUT}
       ORDER BY a.id ${beyond === '<' ? 'DESC' : 'ASC'} LIMIT $4) a
     ${NAMED} ORDER BY a.id ${beyond === '<' ? 'DESC' : 'ASC'}`,
  );

/**
 * A party's attempts, newest first, from beyond $3 on: ranges of purchase_attempt_network_id_owner_id_id_idx and …_supplier_id_id_idx; those
 * that a person has to decide by purchase_attempt_attention_idx, which holds few.
 */
export const attemptPages = {
  FORWARD: {
    end: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    owner: page('purchases.ownedOlder', 'owner_id', false, '<'),
    attention: page('purchases.askedOlder', 'owner_id', true, '<'),
    supplier: page('purchases.suppliedOlder', 'supplier_id', false, '<'),
  },
  BACKWARD: {
    end: '00000000-0000-0000-0000-000000000000',
    owner: page('purchases.ownedNewer', 'owner_id', false, '>'),
    attention: page('purchases.askedNewer', 'owner_id', true, '>'),
    supplier: page('purchases.suppliedNewer', 'supplier_id', false, '>'),
  },
} as const;

const countOfParty = (name: string, party: 'owner_id' | 'supplier_id', attention: boolean) =>
  statement<{ count: number }>(
    name,
    `SELECT count(*)::int AS count FROM purchase_attempt a WHERE a.network_id = $1 AND a.${party} = $2
       ${attention ? 'AND a.attention_since IS NOT NULL' : ''} AND ${CUT.replaceAll(/\$([5-8])/g, (_, number: string) => `$${Number(number) - 2}`)}`,
  );

/** How many attempts such a list has; by the indexes of its pages. */
export const attemptCounts = {
  owner: countOfParty('purchases.ownedCount', 'owner_id', false),
  attention: countOfParty('purchases.askedCount', 'owner_id', true),
  supplier: countOfParty('purchases.suppliedCount', 'supplier_id', false),
} as const;

const byIds = (name: string, party: 'owner_id' | 'supplier_id') =>
  statement<SeenAttemptRow>(
    name,
    `SELECT ${SEEN} FROM purchase_attempt a ${NAMED} WHERE a.network_id = $1 AND a.${party} = $2 AND a.id = ANY ($3::uuid[])`,
  );

/** Of these attempts, a party's own (purchase_attempt_pkey). */
export const attemptsById = {
  owner: byIds('purchases.ownedById', 'owner_id'),
  supplier: byIds('purchases.suppliedById', 'supplier_id'),
} as const;

/** The attempts of an owner's orders, eldest first (purchase_attempt_network_id_order_id_idx). */
export const selectAttemptsOfOrders = statement<SeenAttemptRow>(
  'purchases.ofOrders',
  `SELECT ${SEEN} FROM purchase_attempt a ${NAMED} WHERE a.network_id = $1 AND a.owner_id = $2 AND a.order_id = ANY ($3::uuid[]) ORDER BY a.id`,
);

/** A line of an attempt's log, without what went over the wire. */
export type StepRow = {
  id: string;
  attempt_id: string;
  kind: string;
  outcome: string;
  message: string;
  status: number | null;
  duration_ms: number | null;
  has_wire: boolean;
  created_at: Date;
};

/** The logs of attempts, eldest first (purchase_step_network_id_attempt_id_id_idx). Whoever calls this has shown the attempts to the viewer. */
export const selectSteps = statement<StepRow>(
  'purchases.steps',
  `SELECT s.id, s.attempt_id, s.kind, s.outcome, s.message, s.status, s.duration_ms, s.wire IS NOT NULL AS has_wire, s.created_at
   FROM purchase_step s WHERE s.network_id = $1 AND s.attempt_id = ANY ($2::uuid[]) ORDER BY s.attempt_id, s.id`,
);

/** What went over the wire for an attempt, sealed, eldest first (purchase_step_network_id_attempt_id_id_idx). */
export const selectWires = statement<{ id: string; kind: string; wire: Buffer; data_key: Buffer; vault_key_id: string; created_at: Date }>(
  'purchases.wires',
  `SELECT s.id, s.kind, s.wire, s.data_key, s.vault_key_id, s.created_at FROM purchase_step s
   WHERE s.network_id = $1 AND s.attempt_id = $2 AND s.wire IS NOT NULL ORDER BY s.id`,
);

/** How many purchases of owners wait for a person (purchase_attempt_attention_idx). */
export const countAttention = statement<{ owner_id: string; count: number }>(
  'purchases.countAttention',
  `SELECT w.owner_id, count(a.id)::int AS count FROM unnest($2::uuid[]) AS w (owner_id)
   LEFT JOIN purchase_attempt a ON a.network_id = $1 AND a.owner_id = w.owner_id AND a.attention_since IS NOT NULL
   GROUP BY w.owner_id`,
);

// ---- what people decide ----

/** An attempt that a person decides. */
export type DecidedAttemptRow = WaitingAttemptRow & {
  state: AttemptState;
  terms: 'CONSIGNMENT' | 'OWN';
  quoted_cost: string;
  upstream_ref: string | null;
  attention_reason: AttentionReason | null;
  lease_until: Date | null;
  connector_kind: ConnectorKind;
};

/** Locks an owner's attempt, with what a decision needs (purchase_attempt_pkey, supply_account_pkey). */
export const lockOwned = statement<DecidedAttemptRow>(
  'purchases.lockOwned',
  `SELECT a.id, a.owner_id, a.purpose, a.order_id, a.line_id, a.subject_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id, a.attempt_number,
     a.quantity, a.goods_kind, a.cost_limit, a.created_at, n.currency, n.time_zone, a.state, a.terms::text, a.quoted_cost, a.upstream_ref,
     a.attention_reason, a.lease_until, c.kind AS connector_kind
   FROM purchase_attempt a JOIN network n ON n.id = $1 JOIN supply_account c ON c.network_id = $1 AND c.id = a.account_id
   WHERE a.network_id = $1 AND a.owner_id = $2 AND a.id = $3 FOR NO KEY UPDATE OF a`,
);

/** An attempt is looked at by a worker now; its row is locked (purchase_attempt_pkey). */
export const makeDue = statement(
  'purchases.makeDue',
  'UPDATE purchase_attempt SET due_at = $3, updated_at = $3 WHERE network_id = $1 AND id = $2',
);

// ---- callbacks ----

/** What a callback is checked by (supply_account_pkey). */
export const selectCallbackAccount = statement<{ kind: ConnectorKind; callback_hash: Buffer }>(
  'purchases.callbackAccount',
  'SELECT kind, callback_hash FROM supply_account WHERE network_id = $1 AND id = $2',
);

// The callback with a line in the log of the attempt that it names, which falls due: not while a worker asks already (`calledBack` tells
// it), and of what was given up only where a question buys nothing ($10). An attempt that is being written is passed over, so that no
// callback waits for a list of purchases.
const callback = (name: string, column: 'request_key' | 'upstream_ref') =>
  statement(
    name,
    `WITH named AS MATERIALIZED (
       SELECT a.id, a.state FROM purchase_attempt a WHERE a.network_id = $1 AND a.account_id = $3 AND a.${column} = $11 ORDER BY a.id DESC LIMIT 1),
     kept AS (
       INSERT INTO supply_callback (network_id, id, account_id, attempt_id, client_address, raw, data_key, vault_key_id, created_at)
       VALUES ($1, $2, $3, (SELECT id FROM named), $4, $5, $6, $7, $8)),
     told AS (
       INSERT INTO purchase_step (network_id, id, attempt_id, kind, outcome, created_at) SELECT $1, $9, id, 'CALLED_BACK', state, $8 FROM named),
     asked AS (
       SELECT a.id FROM purchase_attempt a
       WHERE a.network_id = $1 AND a.id = (SELECT id FROM named) AND (a.lease_until IS NULL OR a.lease_until <= $8)
         AND (a.state IN ('SENT', 'UNKNOWN') OR (a.state = 'REJECTED' AND ($10 OR a.upstream_ref IS NOT NULL)))
       FOR NO KEY UPDATE SKIP LOCKED)
     UPDATE purchase_attempt a SET due_at = $8, updated_at = $8 FROM asked WHERE a.network_id = $1 AND a.id = asked.id`,
  );

/** Keeps a callback that names an attempt of its account by our own key (purchase_attempt_request_key), or none. */
export const callbackByRequestKey = callback('purchases.callbackByRequestKey', 'request_key');
/** Keeps a callback that names an attempt of its account by the upstream's number (purchase_attempt_upstream_ref_idx). */
export const callbackByUpstreamRef = callback('purchases.callbackByUpstreamRef', 'upstream_ref');

/** Which attempts were called back since their workers took them: ids tell times (purchase_step_network_id_attempt_id_id_idx). */
export const calledBack = statement<{ id: string }>(
  'purchases.calledBack',
  `SELECT w.id FROM unnest($2::uuid[], $3::uuid[]) AS w (id, worker_id)
   WHERE EXISTS (SELECT FROM purchase_step s WHERE s.network_id = $1 AND s.attempt_id = w.id AND s.id > w.worker_id AND s.kind = 'CALLED_BACK')`,
);

// ---- what is old ----

/** Networks that buy. */
export const networksOfAccounts = statement<{ network_id: string }>(
  'purchases.networksOfAccounts',
  'SELECT DISTINCT network_id FROM supply_account',
);

// Settled long ago, and nobody asks for it any more; which attempts are not is looked up by purchase_attempt_pkey.
const IS_OVER = 'a.settled_at < $3 AND a.due_at IS NULL AND a.attention_since IS NULL';

const prune = (name: string, text: string) =>
  statement<{ count: number }>(`purchases.${name}`, `WITH gone AS (${text} RETURNING 1) SELECT count(*)::int AS count FROM gone`);

/**
 * Takes callbacks from before $2 (an id) away, $4 at most, eldest first by supply_callback_pkey: those that named no attempt, and those of
 * attempts that were settled before $3.
 */
export const pruneCallbacks = prune(
  'pruneCallbacks',
  `DELETE FROM supply_callback c USING (
     SELECT k.network_id, k.id FROM supply_callback k LEFT JOIN purchase_attempt a ON a.network_id = $1 AND a.id = k.attempt_id
     WHERE k.network_id = $1 AND k.id < $2::uuid AND (k.attempt_id IS NULL OR (${IS_OVER})) ORDER BY k.id LIMIT $4
   ) old WHERE c.network_id = old.network_id AND c.id = old.id`,
);

/**
 * Empties what went over the wire before $2 for attempts that were settled before $3, $4 lines at most, eldest first by
 * purchase_step_wire_idx. The lines stay: roll-ups that are made again count by them.
 */
export const pruneWires = prune(
  'pruneWires',
  `UPDATE purchase_step s SET wire = NULL, data_key = NULL, vault_key_id = NULL FROM (
     SELECT w.network_id, w.id FROM purchase_step w JOIN purchase_attempt a ON a.network_id = $1 AND a.id = w.attempt_id
     WHERE w.network_id = $1 AND w.id < $2::uuid AND w.wire IS NOT NULL AND ${IS_OVER} ORDER BY w.id LIMIT $4
   ) old WHERE s.network_id = old.network_id AND s.id = old.id`,
);
