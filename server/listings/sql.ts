import { type Queryable, run, type Statement, statement, type Transaction } from '#server/platform/database.ts';
import { LOOK_DISTANCE_MAX, type PictureLook } from '#server/platform/picture-look.ts';
import {
  type BundleComponent,
  type BundledSku,
  type CheckKind,
  type CheckProblem,
  type InputField,
  inputFieldsOf,
  type ListingPolicy,
  type ListingSnapshot,
  type ListingState,
  USUAL_POLICY,
} from './rules.ts';

/** A listing as it is stored; its id is its SKU's. `number` is that of the version that holds. */
export type ListingRow = {
  id: string;
  product_id: string;
  owner_id: string;
  headquarters_id: string;
  state: ListingState;
  number: number;
  version: number;
  product_name: string;
  sku_name: string;
  scene: string;
  margin_reason: string;
  submitted_at: Date | null;
  go_live_at: Date | null;
  decided_at: Date | null;
  decision_note: string;
  reviewed_number: number;
  has_unreviewed_changes: boolean;
};

// what was for sale before there were reviews, or came by a file, has nothing to be looked at until it changes
const UNREVIEWED = '(l.sku_id IS NOT NULL AND l.reviewed_number < s.listing_version)';
const LISTING_COLUMNS = `s.id, s.product_id, s.owner_id, (SELECT o.path[1] FROM station o WHERE o.network_id = $1 AND o.id = s.owner_id) AS headquarters_id,
  s.listing_state::text AS state, s.listing_version AS number, s.version, p.name AS product_name, s.name AS sku_name, s.scene,
  coalesce(l.margin_reason, '') AS margin_reason, l.submitted_at, l.go_live_at, l.decided_at, coalesce(l.decision_note, '') AS decision_note,
  coalesce(l.reviewed_number, 0) AS reviewed_number, ${UNREVIEWED} AS has_unreviewed_changes`;
const LISTING = `FROM sku s JOIN product p ON p.network_id = $1 AND p.id = s.product_id
  LEFT JOIN listing l ON l.network_id = $1 AND l.sku_id = s.id`;

// Default deny: a station ($2) sees the listings that it owns; headquarters those of its network, since it reviews them.
const SEEN = `s.network_id = $1 AND (s.owner_id = $2 OR EXISTS (SELECT 1 FROM station v WHERE v.network_id = $1 AND v.id = $2 AND v.parent_id IS NULL))`;

/** A network and the station that asks. */
export type ListingReader = { readonly networkId: string; readonly stationId: string };

/** Listings by id as far as the station may see them. Index: primary key. */
const listingsById: Statement<ListingRow> = statement(
  'listings.byId',
  `SELECT ${LISTING_COLUMNS} ${LISTING} WHERE ${SEEN} AND s.id = ANY ($3::uuid[])`,
);

/** Of these listings, those that the station may see. */
export function selectListings(db: Queryable, { networkId, stationId }: ListingReader, ids: readonly string[]): Promise<ListingRow[]> {
  return run(db, listingsById, [networkId, stationId, ids]);
}

/** Which listings a list shows; null does not ask. `changed`: that have a version which no reviewer has seen. */
export type ListingCut = {
  readonly states: readonly ListingState[] | null;
  readonly ownerId: string | null;
  readonly changed: boolean;
};

const CUT = `${SEEN} AND ($3::text[] IS NULL OR s.listing_state = ANY ($3::listing_state[])) AND ($4::uuid IS NULL OR s.owner_id = $4)
  AND (NOT $5 OR ${UNREVIEWED})`;

// Newest first. States that wait for something by sku_listing_state_idx; all of them along the primary key.
const listingsOf = (name: string, from: string, order: string): Statement<ListingRow> =>
  statement(name, `SELECT ${LISTING_COLUMNS} ${LISTING} WHERE ${CUT} AND s.id ${from} ORDER BY s.id ${order} LIMIT $7`);
const olderListings = listingsOf('listings.older', `< coalesce($6::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')`, 'DESC');
const newerListings = listingsOf('listings.newer', `> coalesce($6::uuid, '00000000-0000-0000-0000-000000000000')`, 'ASC');

/** Listings that the station may see, one page, newest first when FORWARD. */
export function selectListingPage(
  db: Queryable,
  { networkId, stationId }: ListingReader,
  { states, ownerId, changed }: ListingCut,
  page: { direction: 'FORWARD' | 'BACKWARD'; from: string | null; limit: number },
): Promise<ListingRow[]> {
  const prepared = page.direction === 'FORWARD' ? olderListings : newerListings;
  return run(db, prepared, [networkId, stationId, states, ownerId, changed, page.from, page.limit]);
}

const listingCount: Statement<{ count: number }> = statement('listings.count', `SELECT count(*)::int AS count ${LISTING} WHERE ${CUT}`);

/** How many listings that list has. */
export async function countListings(
  db: Queryable,
  { networkId, stationId }: ListingReader,
  { states, ownerId, changed }: ListingCut,
): Promise<number> {
  return (await run(db, listingCount, [networkId, stationId, states, ownerId, changed]))[0]?.count ?? 0;
}

// ---- versions ----

/** A version as it is stored. */
export type VersionRow = { id: string; sku_id: string; number: number; snapshot: ListingSnapshot; reason: string; created_at: Date };

const versionsOf: Statement<VersionRow> = statement(
  'listings.versionsOf',
  `SELECT v.id, v.sku_id, v.number, v.snapshot, v.reason, v.created_at
   FROM unnest($2::uuid[]) AS asked (sku_id) CROSS JOIN LATERAL (
     SELECT * FROM listing_version v WHERE v.network_id = $1 AND v.sku_id = asked.sku_id ORDER BY v.number DESC LIMIT $3) v
   ORDER BY v.sku_id, v.number DESC`,
);

/** The newest versions of each of these listings, newest first. Index: listing_version_number_key. */
export function selectVersions(db: Queryable, networkId: string, skuIds: readonly string[], limit: number): Promise<VersionRow[]> {
  return run(db, versionsOf, [networkId, skuIds, limit]);
}

const versionNumbered: Statement<VersionRow> = statement(
  'listings.versionNumbered',
  `SELECT v.id, v.sku_id, v.number, v.snapshot, v.reason, v.created_at FROM listing_version v
   WHERE v.network_id = $1 AND v.sku_id = $2 AND v.number <= $3 ORDER BY v.number DESC LIMIT 1`,
);

/** The version of a number, or the last one before it; null where none is that old. Index: listing_version_number_key. */
export async function selectVersion(db: Queryable, networkId: string, skuId: string, number: number): Promise<VersionRow | null> {
  return (await run(db, versionNumbered, [networkId, skuId, number]))[0] ?? null;
}

const COMPONENTS = `(SELECT coalesce(jsonb_agg(jsonb_build_object('componentSkuId', b.component_sku_id, 'quantity', b.quantity, 'weight', b.weight)
    ORDER BY b.position), '[]') FROM bundle_component b WHERE b.network_id = $1 AND b.bundle_sku_id = s.id AND b.valid_to IS NULL)`;
const OFFERS = `(SELECT coalesce(jsonb_agg(jsonb_build_object('offerId', o.id, 'supplierId', o.supplier_id, 'unitCost', o.unit_cost::text)
    ORDER BY o.id), '[]') FROM supply_offer o WHERE o.network_id = $1 AND o.sku_id = s.id AND o.archived_at IS NULL AND o.is_enabled)`;
const SNAPSHOT = `jsonb_build_object('code', s.code, 'productName', p.name, 'brand', p.brand, 'description', p.description,
    'attributes', p.attributes, 'pictureUrl', p.picture_url, 'skuName', s.name, 'scene', s.scene, 'faceValue', s.face_value,
    'basePrice', s.base_price::text, 'unitSize', s.unit_size, 'minQuantity', s.min_quantity, 'maxQuantity', s.max_quantity,
    'quantityStep', s.quantity_step, 'goodsKind', s.goods_kind, 'deliveryKind', s.delivery_kind::text, 'inputFields', s.input_fields,
    'components', ${COMPONENTS}, 'offers', ${OFFERS})`;

// Locked in id order before a version is made of them: two changes of one listing make two versions.
const lockSkus: Statement<{ id: string }> = statement(
  'listings.lockSkus',
  'SELECT s.id FROM sku s WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[]) ORDER BY s.id FOR NO KEY UPDATE',
);

// What each listing says now, written down where it is not what its newest version says ($7: only where it has no version yet, under
// the number that orders pin now). Indexes: primary keys, listing_version_number_key, bundle_component_live_key, supply_offer_sku_idx.
const insertVersions: Statement<{ sku_id: string; number: number }> = statement(
  'listings.insertVersions',
  `WITH said AS (
     SELECT s.id, s.listing_version, ${SNAPSHOT} AS snapshot, latest.number AS latest_number, latest.snapshot AS latest
     FROM sku s JOIN product p ON p.network_id = $1 AND p.id = s.product_id
     LEFT JOIN LATERAL (SELECT v.number, v.snapshot FROM listing_version v WHERE v.network_id = $1 AND v.sku_id = s.id
                        ORDER BY v.number DESC LIMIT 1) latest ON true
     WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])
   ), written AS (
     INSERT INTO listing_version (network_id, id, sku_id, number, snapshot, actor_id, reason, created_at)
     SELECT $1, ids.id, said.id, CASE WHEN $7 THEN said.listing_version ELSE greatest(said.latest_number, said.listing_version) + 1 END,
       said.snapshot, $4::uuid, $5, $6
     FROM said JOIN unnest($2::uuid[], $3::uuid[]) AS ids (sku_id, id) ON ids.sku_id = said.id
     WHERE CASE WHEN $7 THEN said.latest_number IS NULL ELSE said.latest IS DISTINCT FROM said.snapshot END
     RETURNING sku_id, number
   ), pinned AS (
     UPDATE sku s SET listing_version = w.number FROM written w WHERE s.network_id = $1 AND s.id = w.sku_id AND s.listing_version <> w.number
   )
   SELECT sku_id, number FROM written`,
);

/** Who makes a version, and why. */
export type VersionAuthor = { readonly actorId: string | null; readonly reason: string };

/**
 * Writes down what these listings say now; answers those that have a new version. `onlyFirst`: only of listings that have none yet,
 * under the number that orders pin now. Locks the SKUs in id order.
 */
export async function writeVersions(
  tx: Transaction,
  networkId: string,
  skuIds: readonly string[],
  { actorId, reason, onlyFirst }: VersionAuthor & { readonly onlyFirst: boolean },
): Promise<{ sku_id: string; number: number }[]> {
  if (skuIds.length === 0) return [];
  const ids = [...new Set(skuIds)].sort();
  // awaited: what follows must see what somebody before us has committed
  await run(tx, lockSkus, [networkId, ids]);
  return run(tx, insertVersions, [networkId, ids, ids.map(() => tx.newId()), actorId, reason, tx.now, onlyFirst]);
}

// ---- the state ----

const lockListing: Statement<ListingRow> = statement(
  'listings.lock',
  `SELECT ${LISTING_COLUMNS} ${LISTING} WHERE ${SEEN} AND s.id = $3 FOR NO KEY UPDATE OF s`,
);

/** A listing that the station may see, locked until the transaction ends. Index: primary key. */
export async function selectListingLocked(
  tx: Transaction,
  { networkId, stationId }: ListingReader,
  id: string,
): Promise<ListingRow | null> {
  return (await run(tx, lockListing, [networkId, stationId, id]))[0] ?? null;
}

const updateState: Statement<Record<string, never>> = statement(
  'listings.updateState',
  `UPDATE sku s SET listing_state = $3::listing_state, version = s.version + 1, updated_at = $4 WHERE s.network_id = $1 AND s.id = $2`,
);
// What is null stays as it was; an hour that has come or was called off is taken away.
const upsertListing: Statement<Record<string, never>> = statement(
  'listings.upsert',
  `INSERT INTO listing AS l (network_id, sku_id, owner_id, margin_reason, submitted_by, submitted_at, go_live_at, decided_by, decided_at, decision_note,
     reviewed_number, updated_at)
   SELECT $1, s.id, s.owner_id, coalesce($3, ''), $4, $5, $6, $7, $8, coalesce($9, ''), coalesce($10, 0), $11 FROM sku s WHERE s.network_id = $1 AND s.id = $2
   ON CONFLICT (network_id, sku_id) DO UPDATE SET margin_reason = coalesce($3, l.margin_reason), submitted_by = coalesce($4, l.submitted_by),
     submitted_at = coalesce($5, l.submitted_at), go_live_at = $6, decided_by = coalesce($7, l.decided_by), decided_at = coalesce($8, l.decided_at),
     decision_note = coalesce($9, l.decision_note), reviewed_number = coalesce($10, l.reviewed_number), updated_at = $11`,
);

/** What is known of a listing from a move on; what is null stays, but the hour of going live. */
export type ListingFacts = {
  readonly marginReason?: string;
  readonly submittedBy?: string;
  readonly goLiveAt?: Date | null;
  readonly decidedBy?: string;
  readonly decisionNote?: string;
  readonly reviewedNumber?: number;
};

/** Moves a listing into a state, with what is known of it from now on. The caller has locked it. */
export async function writeListing(
  tx: Transaction,
  networkId: string,
  skuId: string,
  state: ListingState,
  facts: ListingFacts,
): Promise<void> {
  const { marginReason, submittedBy, goLiveAt, decidedBy, decisionNote, reviewedNumber } = facts;
  await Promise.all([
    run(tx, updateState, [networkId, skuId, state, tx.now]),
    run(tx, upsertListing, [
      networkId,
      skuId,
      marginReason ?? null,
      submittedBy ?? null,
      submittedBy === undefined ? null : tx.now,
      goLiveAt ?? null,
      decidedBy ?? null,
      decidedBy === undefined ? null : tx.now,
      decisionNote ?? null,
      reviewedNumber ?? null,
      tx.now,
    ]),
  ]);
}

// ---- checks ----

/** A check as it is stored. */
export type CheckRow = {
  id: string;
  sku_id: string;
  number: number;
  kind: CheckKind;
  state: 'PENDING' | 'PASSED' | 'FAILED';
  problems: CheckProblem[];
  facts: Readonly<Record<string, string | number | boolean>>;
  attempt_id: string | null;
  tries: number;
  created_at: Date;
  updated_at: Date;
};

const CHECK_COLUMNS = 'c.id, c.sku_id, c.number, c.kind, c.state, c.problems, c.facts, c.attempt_id, c.tries, c.created_at, c.updated_at';

const checksOf: Statement<CheckRow> = statement(
  'listings.checksOf',
  `SELECT ${CHECK_COLUMNS} FROM listing_check c JOIN sku s ON s.network_id = $1 AND s.id = c.sku_id
   WHERE c.network_id = $1 AND c.sku_id = ANY ($2::uuid[]) AND c.number = s.listing_version ORDER BY c.sku_id, c.kind`,
);

/** The checks of the versions that hold. Index: listing_check_kind_key. */
export function selectChecks(db: Queryable, networkId: string, skuIds: readonly string[]): Promise<CheckRow[]> {
  return run(db, checksOf, [networkId, skuIds]);
}

// A version that is submitted again is checked again.
const upsertChecks: Statement<Record<string, never>> = statement(
  'listings.upsertChecks',
  `INSERT INTO listing_check AS c (network_id, id, sku_id, number, kind, state, problems, facts, due_at, created_at, updated_at)
   SELECT $1, n.id, $2, $3, n.kind, n.state, n.problems, n.facts, CASE n.state WHEN 'PENDING' THEN $4::timestamptz END, $4, $4
   FROM unnest($5::uuid[], $6::text[], $7::text[], $8::jsonb[], $9::jsonb[]) AS n (id, kind, state, problems, facts)
   ON CONFLICT (network_id, sku_id, number, kind) DO UPDATE SET state = excluded.state, problems = excluded.problems, facts = excluded.facts,
     attempt_id = NULL, due_at = excluded.due_at, actor_id = NULL, updated_at = excluded.updated_at`,
);

/** A check to be begun (PENDING), or as it ended. */
export type NewCheck = Pick<CheckRow, 'kind' | 'state' | 'problems' | 'facts'>;

/** Writes the checks of a version, in the place of those of an earlier submission of it. */
export async function writeChecks(
  tx: Transaction,
  networkId: string,
  of: { readonly skuId: string; readonly number: number },
  checks: readonly NewCheck[],
): Promise<void> {
  await run(tx, upsertChecks, [
    networkId,
    of.skuId,
    of.number,
    tx.now,
    checks.map(() => tx.newId()),
    checks.map(({ kind }) => kind),
    checks.map(({ state }) => state),
    checks.map(({ problems }) => JSON.stringify(problems)),
    checks.map(({ facts }) => JSON.stringify(facts)),
  ]);
}

/** A check that a worker holds until its lease ends. */
export type ClaimedCheck = CheckRow & { network_id: string; owner_id: string };

// Eldest first by listing_check_due_idx, over all networks: one check, held by its due time, so that a worker that dies leaves it to another.
const claimCheck: Statement<ClaimedCheck> = statement(
  'listings.claimCheck',
  `UPDATE listing_check c SET due_at = $2, tries = c.tries + 1 FROM sku s
   WHERE (c.network_id, c.id) = (SELECT d.network_id, d.id FROM listing_check d WHERE d.due_at <= $1 ORDER BY d.due_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
     AND s.network_id = c.network_id AND s.id = c.sku_id
   RETURNING c.network_id, s.owner_id, ${CHECK_COLUMNS}`,
);

/** Takes the check that has waited longest; nobody else takes it before `until`. Null when none waits. */
export async function claimDueCheck(db: Queryable, now: Date, until: Date): Promise<ClaimedCheck | null> {
  return (await run(db, claimCheck, [now, until]))[0] ?? null;
}

const lockCheck: Statement<{ id: string }> = statement(
  'listings.lockCheck',
  `SELECT c.id FROM listing_check c WHERE c.network_id = $1 AND c.id = $2 AND c.tries = $3 AND c.state = 'PENDING' FOR NO KEY UPDATE`,
);

/** Locks a claimed check until the transaction ends; false when it was claimed again, confirmed by a person, or ended. */
export async function lockClaimedCheck(tx: Transaction, { network_id, id, tries }: ClaimedCheck): Promise<boolean> {
  return (await run(tx, lockCheck, [network_id, id, tries])).length > 0;
}

const updateCheck: Statement<Record<string, never>> = statement(
  'listings.updateCheck',
  `UPDATE listing_check c SET state = $3, problems = $4, facts = $5, attempt_id = $6, due_at = $7, actor_id = $8, updated_at = $9
   WHERE c.network_id = $1 AND c.id = $2`,
);

/** What a check has come to. `dueAt`: when it is looked at again; null once it has ended. */
export type CheckResult = {
  readonly state: CheckRow['state'];
  readonly problems: readonly CheckProblem[];
  readonly facts: CheckRow['facts'];
  readonly attemptId: string | null;
  readonly dueAt: Date | null;
  readonly actorId: string | null;
};

/** Writes what a check has come to. The caller has locked it, or its listing and so whoever submits it again. */
export async function writeCheckResult(tx: Transaction, networkId: string, id: string, result: CheckResult): Promise<void> {
  const { state, problems, facts, attemptId, dueAt, actorId } = result;
  const values = [state, JSON.stringify(problems), JSON.stringify(facts), attemptId, dueAt, actorId, tx.now];
  await run(tx, updateCheck, [networkId, id, ...values]);
}

const attemptOf: Statement<{
  state: string;
  quantity: number;
  delivered_quantity: number;
  discrepancy: string | null;
  outcome_message: string | null;
  attention_since: Date | null;
}> = statement(
  'listings.attemptOf',
  `SELECT a.state, a.quantity, a.delivered_quantity, a.discrepancy, a.outcome_message, a.attention_since
   FROM purchase_attempt a WHERE a.network_id = $1 AND a.id = $2`,
);

/** How a test purchase stands. Index: primary key. */
export async function selectTestPurchase(db: Queryable, networkId: string, attemptId: string) {
  return (await run(db, attemptOf, [networkId, attemptId]))[0] ?? null;
}

/** Titles of the goods on an owner's line that are or may come on sale, a chunk at a time, in id order. */
const titlesOnLine: Statement<{ id: string; product_id: string; product_name: string; sku_name: string; scene: string }> = statement(
  'listings.titlesOnLine',
  `SELECT s.id, s.product_id, p.name AS product_name, s.name AS sku_name, s.scene FROM sku s JOIN product p ON p.network_id = $1 AND p.id = s.product_id
   WHERE s.network_id = $1 AND s.owner_id = ANY ((SELECT o.path FROM station o WHERE o.network_id = $1 AND o.id = $2)::uuid[])
     AND s.listing_state IN ('SUBMITTED', 'APPROVED', 'LIVE', 'PAUSED') AND s.id > $3 ORDER BY s.id LIMIT $4`,
);

/** The next titles after a SKU, for comparison. Index: primary key. */
export function selectTitles(db: Queryable, networkId: string, ownerId: string, after: string, limit: number) {
  return run(db, titlesOnLine, [networkId, ownerId, after, limit]);
}

/** A product's picture: SHA-256 of its bytes, and what it looks like where there is something to tell it by. */
export type Picture = { readonly hash: Uint8Array; readonly look: PictureLook | null };

// All pictures of the network are compared, a few hundred nanoseconds each: a look has no order that an index could keep.
const pictureTwins: Statement<{ id: string; name: string; is_same: boolean }> = statement(
  'listings.pictureTwins',
  `SELECT p.id, p.name, p.picture_hash = $2 AS is_same FROM product p
   WHERE p.network_id = $1 AND p.picture_hash IS NOT NULL AND (p.picture_hash = $2 OR bit_count(p.picture_look # $4::bit(256)) <= $5)
     AND p.id <> $3 AND p.archived_at IS NULL
     AND p.owner_id = ANY ((SELECT o.path FROM station o JOIN product q ON q.network_id = $1 AND q.id = $3 WHERE o.network_id = $1 AND o.id = q.owner_id)::uuid[])
   ORDER BY is_same DESC, p.id LIMIT 5`,
);
const updatePicture: Statement<Record<string, never>> = statement(
  'listings.updatePicture',
  'UPDATE product p SET picture_hash = $3, picture_look = $4::bit(256) WHERE p.network_id = $1 AND p.id = $2',
);

/**
 * Keeps what a product's picture is, and answers up to five other products on the owner's line that show the same or nearly the same, the same first.
 * Index: product_picture_hash_idx, from a network's first picture to its last.
 */
export async function notePicture(tx: Transaction, networkId: string, productId: string, { hash, look }: Picture) {
  await run(tx, updatePicture, [networkId, productId, hash, look]);
  return run(tx, pictureTwins, [networkId, hash, productId, look, LOOK_DISTANCE_MAX]);
}

// What a SKU costs its owner, per unitSize units, as far as it can be known: the next key (card_key_available_idx), else the cheapest
// offer that is switched on (supply_offer_route_idx); its band (control_band_live_key); keys for sale, up to $4.
const costsOf: Statement<{
  sku_id: string;
  unit_cost: string | null;
  agreed_unit_cost: string | null;
  ceiling: string | null;
  available_count: number;
  base_price: string;
  unit_size: number;
}> = statement(
  'listings.costsOf',
  `SELECT s.id AS sku_id, s.base_price, s.unit_size, coalesce(next.cost * s.unit_size, offer.unit_cost) AS unit_cost,
     CASE WHEN next.cost IS NULL THEN offer.agreed_unit_cost END AS agreed_unit_cost, b.ceiling, stock.count AS available_count
   FROM sku s
   LEFT JOIN control_band b ON b.network_id = $1 AND b.sku_id = s.id AND b.valid_to IS NULL
   LEFT JOIN LATERAL (SELECT k.cost FROM card_key k WHERE k.network_id = $1 AND k.sku_id = s.id AND k.state = 'AVAILABLE'
     AND (k.expires_on IS NULL OR k.expires_on >= ($3::timestamptz AT TIME ZONE (SELECT n.time_zone FROM network n WHERE n.id = $1))::date)
     ORDER BY k.expires_on, k.id LIMIT 1) next ON true
   CROSS JOIN LATERAL (SELECT count(*)::int AS count FROM (SELECT 1 FROM card_key k WHERE k.network_id = $1 AND k.sku_id = s.id AND k.state = 'AVAILABLE'
     AND (k.expires_on IS NULL OR k.expires_on >= ($3::timestamptz AT TIME ZONE (SELECT n.time_zone FROM network n WHERE n.id = $1))::date)
     LIMIT $4) counted) stock
   LEFT JOIN LATERAL (SELECT o.unit_cost, o.agreed_unit_cost FROM supply_offer o WHERE o.network_id = $1 AND o.sku_id = s.id AND o.archived_at IS NULL
     AND o.is_enabled AND o.frozen_reason IS NULL ORDER BY o.unit_cost, o.priority, o.id LIMIT 1) offer ON true
   WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[])`,
);

/** What SKUs cost their owner for unitSize units, and how many keys are there, counted to `countMax`. */
export function selectCosts(db: Queryable, networkId: string, skuIds: readonly string[], now: Date, countMax: number) {
  return run(db, costsOf, [networkId, skuIds, now, countMax]);
}

// ---- going live ----

// Eldest first by listing_go_live_idx, over all networks; a listing that somebody moves meanwhile is looked at again.
const dueListings: Statement<{ network_id: string; sku_id: string; owner_id: string }> = statement(
  'listings.due',
  `SELECT l.network_id, l.sku_id, l.owner_id FROM listing l JOIN sku s ON s.network_id = l.network_id AND s.id = l.sku_id
   WHERE l.go_live_at <= $1 AND s.listing_state = 'APPROVED' ORDER BY l.go_live_at LIMIT $2 FOR NO KEY UPDATE OF l, s SKIP LOCKED`,
);

/** Listings whose hour has come, locked until the transaction ends. */
export function lockDueListings(tx: Transaction, limit: number) {
  return run(tx, dueListings, [tx.now, limit]);
}

// ---- bundles ----

/** A component as a bundle shows it. */
export type ShownComponent = BundleComponent & { readonly bundleSkuId: string; readonly productName: string; readonly skuName: string };

const componentsOfBundles: Statement<{
  bundle_sku_id: string;
  component_sku_id: string;
  quantity: number;
  weight: number;
  product_name: string;
  sku_name: string;
}> = statement(
  'listings.componentsOf',
  `SELECT b.bundle_sku_id, b.component_sku_id, b.quantity, b.weight, p.name AS product_name, s.name AS sku_name
   FROM bundle_component b JOIN sku s ON s.network_id = $1 AND s.id = b.component_sku_id JOIN product p ON p.network_id = $1 AND p.id = s.product_id
   WHERE b.network_id = $1 AND b.bundle_sku_id = ANY ($2::uuid[]) AND b.valid_to IS NULL ORDER BY b.bundle_sku_id, b.position`,
);

/** The components of bundles, by bundle, in their order. Index: bundle_component_live_key. */
export async function selectComponents(
  db: Queryable,
  networkId: string,
  bundleIds: readonly string[],
): Promise<Map<string, ShownComponent[]>> {
  const rows = bundleIds.length === 0 ? [] : await run(db, componentsOfBundles, [networkId, bundleIds]);
  const shown = rows.map((row) => ({
    bundleSkuId: row.bundle_sku_id,
    componentSkuId: row.component_sku_id,
    quantity: row.quantity,
    weight: row.weight,
    productName: row.product_name,
    skuName: row.sku_name,
  }));
  return Map.groupBy(shown, ({ bundleSkuId }) => bundleSkuId);
}

const bundlesHolding: Statement<{ component_sku_id: string; bundle_sku_id: string }> = statement(
  'listings.bundlesHolding',
  `SELECT b.component_sku_id, b.bundle_sku_id FROM bundle_component b
   WHERE b.network_id = $1 AND b.component_sku_id = ANY ($2::uuid[]) AND b.valid_to IS NULL`,
);

/** The bundles that hold these SKUs, by SKU. Index: bundle_component_of_idx. */
export async function selectBundlesHolding(db: Queryable, networkId: string, skuIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = skuIds.length === 0 ? [] : await run(db, bundlesHolding, [networkId, skuIds]);
  const held = Map.groupBy(rows, (row) => row.component_sku_id);
  return new Map([...held].map(([id, list]) => [id, list.map((row) => row.bundle_sku_id)]));
}

const endComponents: Statement<Record<string, never>> = statement(
  'listings.endComponents',
  'UPDATE bundle_component b SET valid_to = $3 WHERE b.network_id = $1 AND b.bundle_sku_id = $2 AND b.valid_to IS NULL',
);
const insertComponents: Statement<Record<string, never>> = statement(
  'listings.insertComponents',
  `INSERT INTO bundle_component (network_id, id, bundle_sku_id, component_sku_id, quantity, weight, position, valid_from)
   SELECT $1, n.id, $2, n.component_sku_id, n.quantity, n.weight, n.position, $3
   FROM unnest($4::uuid[], $5::uuid[], $6::int[], $7::int[], $8::int[]) AS n (id, component_sku_id, quantity, weight, position)`,
);

/** Gives a bundle these components from now on; those it had end. The caller has locked the bundle. */
export async function writeComponents(
  tx: Transaction,
  networkId: string,
  bundleSkuId: string,
  components: readonly BundleComponent[],
): Promise<void> {
  await run(tx, endComponents, [networkId, bundleSkuId, tx.now]);
  await run(tx, insertComponents, [
    networkId,
    bundleSkuId,
    tx.now,
    components.map(() => tx.newId()),
    components.map(({ componentSkuId }) => componentSkuId),
    components.map(({ quantity }) => quantity),
    components.map(({ weight }) => weight),
    components.map((_, index) => index + 1),
  ]);
}

/** A SKU as bundles and checks ask about it. */
export type BundlePart = BundledSku & { readonly unitSize: number; readonly inputFields: readonly InputField[] };

const partsByIds: Statement<{
  id: string;
  owner_id: string;
  delivery_kind: string;
  listing_state: ListingState;
  unit_size: number;
  input_fields: unknown;
}> = statement(
  'listings.parts',
  `SELECT s.id, s.owner_id, s.delivery_kind::text, s.listing_state::text, s.unit_size, s.input_fields FROM sku s
   WHERE s.network_id = $1 AND s.id = ANY ($2::uuid[]) ORDER BY s.id FOR KEY SHARE`,
);

/** SKUs as a bundle asks about them, by id. Index: primary key; kept from being deleted only. */
export async function selectParts(tx: Transaction, networkId: string, skuIds: readonly string[]): Promise<Map<string, BundlePart>> {
  const rows = await run(tx, partsByIds, [networkId, skuIds]);
  return new Map(
    rows.map((row) => [
      row.id,
      {
        id: row.id,
        ownerId: row.owner_id,
        deliveryKind: row.delivery_kind,
        listingState: row.listing_state,
        unitSize: row.unit_size,
        inputFields: inputFieldsOf(row.input_fields),
      },
    ]),
  );
}

const updateInputFields: Statement<Record<string, never>> = statement(
  'listings.updateInputFields',
  `UPDATE sku s SET input_fields = n.fields, version = s.version + 1, updated_at = $2
   FROM unnest($3::uuid[], $4::jsonb[]) AS n (id, fields) WHERE s.network_id = $1 AND s.id = n.id`,
);

/** Gives SKUs other input fields. */
export async function writeInputFields(
  tx: Transaction,
  networkId: string,
  rows: readonly { readonly skuId: string; readonly fields: readonly InputField[] }[],
): Promise<void> {
  if (rows.length === 0) return;
  await run(tx, updateInputFields, [networkId, tx.now, rows.map(({ skuId }) => skuId), rows.map(({ fields }) => JSON.stringify(fields))]);
}

// ---- the network's policy ----

/** A policy as it is stored; version 0: nothing was ever set. */
export type PolicyRow = ListingPolicy & { readonly id: string; readonly version: number };

const policyOf: Statement<{
  banned_words: string[];
  required_attributes: string[];
  margin_min_bps: number;
  self_review: boolean;
  version: number;
}> = statement(
  'listings.policy',
  'SELECT p.banned_words, p.required_attributes, p.margin_min_bps, p.self_review, p.version FROM listing_policy p WHERE p.network_id = $1',
);

/** What a network asks of every listing. Index: primary key. */
export async function selectPolicy(db: Queryable, networkId: string): Promise<PolicyRow> {
  const [row] = await run(db, policyOf, [networkId]);
  if (!row) return { ...USUAL_POLICY, id: networkId, version: 0 };
  const { banned_words, required_attributes, margin_min_bps, self_review, version } = row;
  return {
    id: networkId,
    bannedWords: banned_words,
    requiredAttributes: required_attributes,
    marginMinBps: margin_min_bps,
    selfReview: self_review,
    version,
  };
}

// A first policy waits for a twin in flight at the primary key and then finds another version.
const upsertPolicy: Statement<{ version: number }> = statement(
  'listings.upsertPolicy',
  `INSERT INTO listing_policy AS p (network_id, banned_words, required_attributes, margin_min_bps, self_review, updated_by, updated_at)
   SELECT $1, $3, $4, $5, $6, $7, $8 WHERE $2 = 0
   ON CONFLICT (network_id) DO NOTHING RETURNING p.version`,
);
const updatePolicy: Statement<{ version: number }> = statement(
  'listings.updatePolicy',
  `UPDATE listing_policy p SET banned_words = $3, required_attributes = $4, margin_min_bps = $5, self_review = $6, updated_by = $7, updated_at = $8,
     version = p.version + 1 WHERE p.network_id = $1 AND p.version = $2 RETURNING p.version`,
);

/** Sets a network's policy where it still has the version that the edit is based on; false when it has another. */
export async function writePolicy(
  tx: Transaction,
  networkId: string,
  policy: ListingPolicy,
  author: { readonly actorId: string; readonly expectedVersion: number },
): Promise<boolean> {
  const { bannedWords, requiredAttributes, marginMinBps, selfReview } = policy;
  const values = [networkId, author.expectedVersion, bannedWords, requiredAttributes, marginMinBps, selfReview, author.actorId, tx.now];
  const written = await run(tx, author.expectedVersion === 0 ? upsertPolicy : updatePolicy, values);
  return written.length > 0;
}
