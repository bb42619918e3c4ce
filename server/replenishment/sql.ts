import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';

/** A SKU's rule as it is stored. Amounts are NUMERIC texts. */
export type RuleRow = {
  id: string;
  owner_id: string;
  sku_id: string;
  is_enabled: boolean;
  threshold_count: number | null;
  threshold_days: number | null;
  target_count: number;
  daily_budget: string;
  approval_limit: string;
  currency: string;
  spent_today: string;
  failure_count: number;
  last_outcome: string | null;
  last_looked_at: Date | null;
  due_at: Date;
  version: number;
};

/** How far a purchase for stock is. */
export type ReplenishmentState = 'WAITING' | 'PURCHASING' | 'DONE' | 'FAILED' | 'DECLINED';

/** A purchase for stock as it is stored. */
export type ReplenishmentRow = {
  id: string;
  rule_id: string;
  owner_id: string;
  sku_id: string;
  state: ReplenishmentState;
  available_count: number;
  days_left: number | null;
  quantity: number;
  offer_id: string;
  supplier_id: string;
  quoted_cost: string;
  currency: string;
  attempt_id: string | null;
  delivered_quantity: number;
  cost: string | null;
  failure: string | null;
  decided_at: Date | null;
  decision_reason: string | null;
  created_at: Date;
  ended_at: Date | null;
};

/** Which station's. */
export type RuleOwner = { readonly networkId: string; readonly stationId: string };

// ---- reading ----

const TODAY = `($2::timestamptz AT TIME ZONE n.time_zone)::date`;
const RULE_COLUMNS = `r.id, r.owner_id, r.sku_id, r.is_enabled, r.threshold_count, r.threshold_days, r.target_count, r.daily_budget, r.approval_limit,
  n.currency, coalesce(d.spent, 0.00) AS spent_today, r.failure_count, r.last_outcome, r.last_looked_at, r.due_at, r.version`;
const RULE_FROM = `replenishment_rule r JOIN network n ON n.id = $1
  LEFT JOIN replenishment_day d ON d.network_id = $1 AND d.rule_id = r.id AND d.local_date = ${TODAY}`;

const rulesById = statement<RuleRow>(
  'replenishment.rulesById',
  `SELECT ${RULE_COLUMNS} FROM ${RULE_FROM} WHERE r.network_id = $1 AND r.owner_id = $3 AND r.id = ANY ($4::uuid[])`,
);
const rulesOfSkus = statement<RuleRow>(
  'replenishment.rulesOfSkus',
  `SELECT ${RULE_COLUMNS} FROM ${RULE_FROM} WHERE r.network_id = $1 AND r.owner_id = $3 AND r.sku_id = ANY ($4::uuid[])`,
);

/** Of these rules, the station's own. Index: primary key. */
export function selectRules(db: Queryable, { networkId, stationId }: RuleOwner, now: Date, ids: readonly string[]): Promise<RuleRow[]> {
  return run(db, rulesById, [networkId, now, stationId, ids]);
}

/** The station's rules for SKUs. Index: replenishment_rule_sku_key. */
export function selectRulesOfSkus(db: Queryable, { networkId, stationId }: RuleOwner, now: Date, skuIds: readonly string[]) {
  return run(db, rulesOfSkus, [networkId, now, stationId, skuIds]);
}

const REPLENISHMENT_COLUMNS = `p.id, p.rule_id, p.owner_id, p.sku_id, p.state, p.available_count, p.days_left, p.quantity, p.offer_id, p.supplier_id,
  p.quoted_cost, (SELECT n.currency FROM network n WHERE n.id = $1) AS currency, p.attempt_id, p.delivered_quantity, p.cost, p.failure,
  p.decided_at, p.decision_reason, p.created_at, p.ended_at`;

// Newest first, a range of replenishment_network_id_owner_id_id_idx. $3: null does not ask for a state.
const pageOf = (name: string, beyond: string, order: string): Statement<ReplenishmentRow> =>
  statement(
    name,
    `SELECT ${REPLENISHMENT_COLUMNS} FROM replenishment p
     WHERE p.network_id = $1 AND p.owner_id = $2 AND ($3::text IS NULL OR p.state = $3) AND p.id ${beyond} $4 ORDER BY p.id ${order} LIMIT $5`,
  );
const pages = {
  FORWARD: { end: 'ffffffff-ffff-ffff-ffff-ffffffffffff', page: pageOf('replenishment.older', '<', 'DESC') },
  BACKWARD: { end: '00000000-0000-0000-0000-000000000000', page: pageOf('replenishment.newer', '>', 'ASC') },
} as const;

/** Purchases for stock of a station, one page, newest first when FORWARD; of one state, or (null) of any. */
export function selectReplenishments(
  db: Queryable,
  { networkId, stationId }: RuleOwner,
  state: ReplenishmentState | null,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<ReplenishmentRow[]> {
  const { end, page: paged } = pages[page.direction];
  return run(db, paged, [networkId, stationId, state, page.from ?? end, page.limit]);
}

const replenishmentCount = statement<{ count: number }>(
  'replenishment.count',
  'SELECT count(*)::int AS count FROM replenishment p WHERE p.network_id = $1 AND p.owner_id = $2 AND ($3::text IS NULL OR p.state = $3)',
);

/** How many such a list has. */
export async function countReplenishments(
  db: Queryable,
  { networkId, stationId }: RuleOwner,
  state: ReplenishmentState | null,
): Promise<number> {
  return (await run(db, replenishmentCount, [networkId, stationId, state]))[0]?.count ?? 0;
}

const replenishmentsById = statement<ReplenishmentRow>(
  'replenishment.byId',
  `SELECT ${REPLENISHMENT_COLUMNS} FROM replenishment p WHERE p.network_id = $1 AND p.owner_id = $2 AND p.id = ANY ($3::uuid[])`,
);

/** Of these purchases, the station's own. Index: primary key. */
export function selectReplenishmentsById(db: Queryable, { networkId, stationId }: RuleOwner, ids: readonly string[]) {
  return run(db, replenishmentsById, [networkId, stationId, ids]);
}

// ---- rules: writing ----

/** A rule to be written; `expectedVersion` null where there is none yet. Amounts are NUMERIC texts. */
export type RuleChange = {
  readonly skuId: string;
  readonly isEnabled: boolean;
  readonly thresholdCount: number | null;
  readonly thresholdDays: number | null;
  readonly targetCount: number;
  readonly dailyBudget: string;
  readonly approvalLimit: string;
  readonly expectedVersion: number | null;
  readonly actorId: string;
};

// A first rule waits for a twin in flight at replenishment_rule_sku_key and then finds it; a change locks its row.
const insertRuleRow = statement<{ id: string }>(
  'replenishment.insertRule',
  `INSERT INTO replenishment_rule (network_id, id, owner_id, sku_id, is_enabled, threshold_count, threshold_days, target_count, daily_budget,
     approval_limit, updated_by, due_at, created_at, updated_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $12) ON CONFLICT DO NOTHING RETURNING id`,
);
const updateRuleRow = statement<{ id: string }>(
  'replenishment.updateRule',
  `UPDATE replenishment_rule SET is_enabled = $5, threshold_count = $6, threshold_days = $7, target_count = $8, daily_budget = $9,
     approval_limit = $10, updated_by = $11, due_at = $12, updated_at = $12, failure_count = 0, version = version + 1
   WHERE network_id = $1 AND owner_id = $2 AND sku_id = $3 AND version = $4 RETURNING id`,
);

/** Writes a SKU's rule, which is looked at at once; null when it is no longer of the expected version. */
export async function writeRule(tx: Transaction, { networkId, stationId }: RuleOwner, change: RuleChange): Promise<string | null> {
  const { skuId, expectedVersion } = change;
  const values = [
    change.isEnabled,
    change.thresholdCount,
    change.thresholdDays,
    change.targetCount,
    change.dailyBudget,
    change.approvalLimit,
    change.actorId,
    tx.now,
  ];
  const [row] =
    expectedVersion === null
      ? await run(tx, insertRuleRow, [networkId, tx.newId(), stationId, skuId, ...values])
      : await run(tx, updateRuleRow, [networkId, stationId, skuId, expectedVersion, ...values]);
  return row?.id ?? null;
}

// ---- the worker ----

/** A rule that is looked at, with what routing asks of its SKU. */
export type DueRuleRow = RuleRow & {
  network_id: string;
  time_zone: string;
  unit_size: number;
  routing_policy: 'CHEAPEST' | 'FASTEST' | 'MOST_RELIABLE' | 'WEIGHTED';
  can_buy: boolean;
  /** it has a purchase that waits or is under way */
  has_live: boolean;
};

// what may be bought for at all: a SKU of card keys on the shelf, for sale, of an owner that may trade
const lockDueRule = statement<DueRuleRow>(
  'replenishment.lockDueRule',
  `SELECT r.network_id, r.id, r.owner_id, r.sku_id, r.is_enabled, r.threshold_count, r.threshold_days, r.target_count, r.daily_budget,
     r.approval_limit, n.currency, n.time_zone, coalesce(d.spent, 0.00) AS spent_today, r.failure_count, r.last_outcome, r.last_looked_at,
     r.due_at, r.version, k.unit_size, k.routing_policy,
     (k.goods_kind = 'CARD_KEY' AND k.delivery_kind = 'FROM_STOCK' AND k.listing_state = 'LIVE'
       AND NOT EXISTS (SELECT FROM station u WHERE u.network_id = r.network_id AND u.id = ANY (s.path) AND u.status <> 'ACTIVE')) AS can_buy,
     EXISTS (SELECT FROM replenishment p WHERE p.network_id = r.network_id AND p.sku_id = r.sku_id AND p.state IN ('WAITING', 'PURCHASING')) AS has_live
   FROM replenishment_rule r
   JOIN network n ON n.id = r.network_id
   JOIN sku k ON k.network_id = r.network_id AND k.id = r.sku_id
   JOIN station s ON s.network_id = r.network_id AND s.id = r.owner_id
   LEFT JOIN replenishment_day d ON d.network_id = r.network_id AND d.rule_id = r.id AND d.local_date = ($1::timestamptz AT TIME ZONE n.time_zone)::date
   WHERE r.is_enabled AND r.due_at <= $1 ORDER BY r.due_at LIMIT 1 FOR UPDATE OF r SKIP LOCKED`,
);

/** The rule that waits longest to be looked at, of any network, locked; what another process looks at is left to it. */
export async function takeDueRule(tx: Transaction): Promise<DueRuleRow | null> {
  return (await run(tx, lockDueRule, [tx.now]))[0] ?? null;
}

const lookedStatement = statement(
  'replenishment.looked',
  `UPDATE replenishment_rule SET last_outcome = $3, failure_count = $4, due_at = $5, last_looked_at = $6 WHERE network_id = $1 AND id = $2`,
);

/** Notes what came of looking at a rule, and when it is looked at next. */
export async function noteLook(
  tx: Transaction,
  rule: { readonly networkId: string; readonly ruleId: string },
  look: { readonly outcome: string; readonly failureCount: number; readonly dueAt: Date },
): Promise<void> {
  await run(tx, lookedStatement, [rule.networkId, rule.ruleId, look.outcome, look.failureCount, look.dueAt, tx.now]);
}

// Two statements in one: the first of a day, or more of it; neither when the budget does not hold it. By replenishment_day_pkey.
const spendStatement = statement<{ spent: string }>(
  'replenishment.spend',
  `INSERT INTO replenishment_day AS d (network_id, rule_id, local_date, spent)
   SELECT $1, $2, $3::date, $4::numeric WHERE $4::numeric <= $5::numeric
   ON CONFLICT (network_id, rule_id, local_date) DO UPDATE SET spent = d.spent + excluded.spent WHERE d.spent + excluded.spent <= $5::numeric
   RETURNING d.spent`,
);

/** Money of a rule's local day. Amounts are NUMERIC texts. */
export type Spending = { readonly networkId: string; readonly ruleId: string; readonly localDate: string; readonly amount: string };

/** Counts an amount against the day's budget; false, and nothing counted, when it does not hold it. Any number of processes may ask. */
export async function spendBudget(tx: Transaction, { networkId, ruleId, localDate, amount }: Spending, budget: string): Promise<boolean> {
  return (await run(tx, spendStatement, [networkId, ruleId, localDate, amount, budget])).length === 1;
}

const giveBackStatement = statement(
  'replenishment.giveBack',
  'UPDATE replenishment_day SET spent = greatest(spent - $4::numeric, 0) WHERE network_id = $1 AND rule_id = $2 AND local_date = $3::date',
);

/** Gives back to the day's budget what was not spent after all. */
export async function giveBackBudget(tx: Transaction, { networkId, ruleId, localDate, amount }: Spending): Promise<void> {
  await run(tx, giveBackStatement, [networkId, ruleId, localDate, amount]);
}

/** A purchase to be written. `attemptId` and `spentOn` null: it waits for a person. */
export type NewReplenishment = {
  readonly id: string;
  readonly ruleId: string;
  readonly ownerId: string;
  readonly skuId: string;
  readonly availableCount: number;
  readonly daysLeft: number | null;
  readonly quantity: number;
  readonly offerId: string;
  readonly supplierId: string;
  readonly quotedCost: string;
  readonly attemptId: string | null;
  readonly spentOn: string | null;
};

const insertStatement = statement(
  'replenishment.insert',
  `INSERT INTO replenishment (network_id, id, rule_id, owner_id, sku_id, state, available_count, days_left, quantity, offer_id, supplier_id,
     quoted_cost, attempt_id, spent_on, created_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
);

/** Writes a purchase under the lock of its rule. replenishment_live_key is the last guard against two at once for a SKU. */
export async function insertReplenishment(tx: Transaction, networkId: string, row: NewReplenishment): Promise<void> {
  await run(tx, insertStatement, [
    networkId,
    row.id,
    row.ruleId,
    row.ownerId,
    row.skuId,
    row.attemptId === null ? 'WAITING' : 'PURCHASING',
    row.availableCount,
    row.daysLeft,
    row.quantity,
    row.offerId,
    row.supplierId,
    row.quotedCost,
    row.attemptId,
    row.spentOn,
    tx.now,
  ]);
}

const lockWaitingStatement = statement<ReplenishmentRow & { daily_budget: string; time_zone: string; unit_size: number; can_buy: boolean }>(
  'replenishment.lockWaiting',
  `SELECT ${REPLENISHMENT_COLUMNS}, r.daily_budget, n.time_zone, k.unit_size,
     NOT EXISTS (SELECT FROM station u WHERE u.network_id = $1 AND u.id = ANY (s.path) AND u.status <> 'ACTIVE') AS can_buy
   FROM replenishment p
   JOIN replenishment_rule r ON r.network_id = $1 AND r.id = p.rule_id
   JOIN network n ON n.id = $1
   JOIN sku k ON k.network_id = $1 AND k.id = p.sku_id
   JOIN station s ON s.network_id = $1 AND s.id = p.owner_id
   WHERE p.network_id = $1 AND p.owner_id = $2 AND p.id = $3 FOR UPDATE OF p`,
);

/** Locks a purchase of the station for a decision; null for anybody else's. */
export async function lockReplenishment(tx: Transaction, { networkId, stationId }: RuleOwner, id: string) {
  return (await run(tx, lockWaitingStatement, [networkId, stationId, id]))[0] ?? null;
}

const approveStatement = statement(
  'replenishment.approve',
  `UPDATE replenishment SET state = 'PURCHASING', attempt_id = $3, spent_on = $4::date, decided_by = $5, decided_at = $6 WHERE network_id = $1 AND id = $2`,
);
const declineStatement = statement(
  'replenishment.decline',
  `UPDATE replenishment SET state = 'DECLINED', decision_reason = $3, decided_by = $4, decided_at = $5, ended_at = $5 WHERE network_id = $1 AND id = $2`,
);

/** Notes who approved a purchase that was locked, and the attempt that buys it. */
export async function markApproved(
  tx: Transaction,
  networkId: string,
  {
    id,
    attemptId,
    spentOn,
    actorId,
  }: { readonly id: string; readonly attemptId: string; readonly spentOn: string; readonly actorId: string },
): Promise<void> {
  await run(tx, approveStatement, [networkId, id, attemptId, spentOn, actorId, tx.now]);
}

/** Notes who declined a purchase that was locked, and why. */
export async function markDeclined(
  tx: Transaction,
  networkId: string,
  { id, reason, actorId }: { readonly id: string; readonly reason: string; readonly actorId: string },
): Promise<void> {
  await run(tx, declineStatement, [networkId, id, reason, actorId, tx.now]);
}

/** A purchase whose attempt has ended, with its rule. */
export type EndedRow = {
  network_id: string;
  id: string;
  rule_id: string;
  owner_id: string;
  sku_id: string;
  quoted_cost: string;
  currency: string;
  spent_on: string;
  attempt_state: 'SUCCEEDED' | 'REJECTED';
  attempt_delivered: number;
  attempt_cost: string | null;
  outcome_reason: string | null;
  failure_count: number;
};

// live purchases are few: replenishment_live_key; then the attempts' primary key
const lockEndedStatement = statement<EndedRow>(
  'replenishment.lockEnded',
  `SELECT p.network_id, p.id, p.rule_id, p.owner_id, p.sku_id, p.quoted_cost, n.currency, p.spent_on, a.state AS attempt_state,
     a.delivered_quantity AS attempt_delivered, a.cost AS attempt_cost, a.outcome_reason, r.failure_count
   FROM replenishment p
   JOIN network n ON n.id = p.network_id
   JOIN purchase_attempt a ON a.network_id = p.network_id AND a.id = p.attempt_id AND a.settled_at IS NOT NULL
   JOIN replenishment_rule r ON r.network_id = p.network_id AND r.id = p.rule_id
   WHERE p.state = 'PURCHASING' ORDER BY p.network_id, p.id LIMIT 1 FOR UPDATE OF p, r SKIP LOCKED`,
);

/** The next purchase whose attempt has ended, of any network, locked with its rule. */
export async function lockEnded(tx: Transaction): Promise<EndedRow | null> {
  return (await run(tx, lockEndedStatement, []))[0] ?? null;
}

const endStatement = statement(
  'replenishment.end',
  `UPDATE replenishment SET state = $3, delivered_quantity = $4, cost = $5::numeric, failure = $6, ended_at = $7 WHERE network_id = $1 AND id = $2`,
);

/** Ends a purchase: DONE with what came and what it cost, or FAILED with why. */
export async function endReplenishment(
  tx: Transaction,
  networkId: string,
  id: string,
  end: { readonly deliveredQuantity: number; readonly cost: string | null; readonly failure: string | null },
): Promise<void> {
  const state = end.failure === null ? 'DONE' : 'FAILED';
  await run(tx, endStatement, [networkId, id, state, end.deliveredQuantity, end.cost, end.failure, tx.now]);
}

const failedOffersStatement = statement<{ offer_id: string }>(
  'replenishment.failedOffers',
  `SELECT DISTINCT p.offer_id FROM replenishment p
   WHERE p.network_id = $1 AND p.rule_id = $2 AND p.state = 'FAILED' AND p.id >= $3::uuid`,
);

/** Offers of which a rule's purchases failed since. By replenishment_network_id_rule_id_id_idx. */
export async function selectFailedOffers(db: Queryable, networkId: string, ruleId: string, sinceId: string): Promise<Set<string>> {
  return new Set((await run(db, failedOffersStatement, [networkId, ruleId, sinceId])).map(({ offer_id }) => offer_id));
}

const dueAtStatement = statement('replenishment.dueAt', 'UPDATE replenishment_rule SET due_at = $3 WHERE network_id = $1 AND id = $2');

/** Lets a rule be looked at next at an instant. */
export async function setDueAt(tx: Transaction, networkId: string, ruleId: string, dueAt: Date): Promise<void> {
  await run(tx, dueAtStatement, [networkId, ruleId, dueAt]);
}
