import { statement } from '#server/platform/database.ts';
import type { EventTopic } from '#server/platform/events.ts';

/** An endpoint without its secrets, with how it fares. */
export type EndpointRow = {
  id: string;
  station_id: string | null;
  supplier_id: string | null;
  url: string;
  description: string;
  document: string;
  topics: string[];
  permissions: string[];
  actor_kind: 'USER' | 'API_KEY';
  actor_id: string;
  is_enabled: boolean;
  disabled_reason: 'BY_HAND' | 'GONE' | 'RIGHTS_ENDED' | null;
  previous_until: Date | null;
  version: number;
  created_at: Date;
  updated_at: Date;
  failure_count: number;
  failing_since: Date | null;
  last_success_at: Date | null;
  opened_count: number;
  open_until: Date | null;
};

const endpointColumns = `e.id, e.station_id, e.supplier_id, e.url, e.description, e.document, e.topics, e.permissions, e.actor_kind, e.actor_id,
     e.is_enabled, e.disabled_reason, e.previous_until, e.version, e.created_at, e.updated_at,
     s.failure_count, s.failing_since, s.last_success_at, s.opened_count, s.open_until`;
// two ranges of webhook_endpoint_network_id_station_id_id_idx: IS NOT DISTINCT FROM would bound none
const ofParty = `e.network_id = $1 AND (e.station_id = $2 OR (e.station_id IS NULL AND e.supplier_id = $3)) AND e.deleted_at IS NULL`;
const withState = `webhook_endpoint e JOIN webhook_state s ON s.network_id = e.network_id AND s.endpoint_id = e.id`;

/** Newest first by webhook_endpoint_network_id_station_id_id_idx; $4 is the id to go on from. A party has few. */
export const selectEndpointsForward = statement<EndpointRow>(
  'webhooks.selectEndpointsForward',
  `SELECT ${endpointColumns} FROM ${withState} WHERE ${ofParty} AND ($4::uuid IS NULL OR e.id < $4) ORDER BY e.id DESC LIMIT $5`,
);

/** The same list from its old end. */
export const selectEndpointsBackward = statement<EndpointRow>(
  'webhooks.selectEndpointsBackward',
  `SELECT ${endpointColumns} FROM ${withState} WHERE ${ofParty} AND ($4::uuid IS NULL OR e.id > $4) ORDER BY e.id LIMIT $5`,
);

/** Of these ids, the party's own; by the primary keys. */
export const selectEndpointsByIds = statement<EndpointRow>(
  'webhooks.selectEndpointsByIds',
  `SELECT ${endpointColumns} FROM ${withState} WHERE ${ofParty} AND e.id = ANY ($4::uuid[])`,
);

/** How many endpoints the party has. */
export const countEndpoints = statement<{ count: bigint }>(
  'webhooks.countEndpoints',
  `SELECT count(*) AS count FROM webhook_endpoint e WHERE ${ofParty}`,
);

/** A party's endpoint to be changed, with what its change needs; locks its row (webhook_endpoint_pkey) against another change. */
export const lockEndpoint = statement<{
  id: string;
  version: number;
  is_enabled: boolean;
  disabled_reason: string | null;
  data_key: Buffer;
  vault_key_id: string;
  secret: Buffer;
}>(
  'webhooks.lockEndpoint',
  `SELECT e.id, e.version, e.is_enabled, e.disabled_reason, e.data_key, e.vault_key_id, e.secret
   FROM webhook_endpoint e WHERE ${ofParty} AND e.id = $4 FOR NO KEY UPDATE`,
);

/** The row of a new endpoint. */
export const insertEndpoint = statement(
  'webhooks.insertEndpoint',
  `INSERT INTO webhook_endpoint (network_id, id, station_id, supplier_id, url, description, document, topics, permissions, actor_kind, actor_id,
     is_enabled, data_key, vault_key_id, secret, version, created_at, updated_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, true, $12, $13, $14, 1, $15, $15)`,
);

/** A new endpoint is told of what is numbered from now on (relay_position_network_id_key). */
export const insertState = statement(
  'webhooks.insertState',
  `INSERT INTO webhook_state (network_id, endpoint_id, last_seq)
   VALUES ($1, $2, coalesce((SELECT p.last_seq FROM relay_position p WHERE p.network_id = $1), 0))`,
);

/** Everything that an edit may change, by webhook_endpoint_pkey; its row is locked. */
export const updateEndpoint = statement(
  'webhooks.updateEndpoint',
  `UPDATE webhook_endpoint SET url = $3, description = $4, document = $5, topics = $6, permissions = $7, actor_kind = $8, actor_id = $9,
     is_enabled = $10, disabled_reason = $11, version = version + 1, updated_at = $12
   WHERE network_id = $1 AND id = $2`,
);

/** An endpoint that is enabled again goes on with what happens from now on, and begins in good health (webhook_state_pkey). */
export const restartState = statement(
  'webhooks.restartState',
  `UPDATE webhook_state SET last_seq = greatest(last_seq, coalesce((SELECT p.last_seq FROM relay_position p WHERE p.network_id = $1), 0)),
     failure_count = 0, failing_since = NULL, opened_count = 0, open_until = NULL
   WHERE network_id = $1 AND endpoint_id = $2`,
);

/** Takes an endpoint and its secrets away for good, by webhook_endpoint_pkey; its log stays until it is too old. */
export const deleteEndpointRow = statement(
  'webhooks.deleteEndpoint',
  `UPDATE webhook_endpoint SET deleted_at = $3, updated_at = $3, version = version + 1, is_enabled = false, disabled_reason = 'BY_HAND',
     secret = NULL, previous_secret = NULL, previous_until = NULL
   WHERE network_id = $1 AND id = $2`,
);

/** What still waited for an endpoint is not sent (webhook_delivery_waiting_idx). */
export const failWaiting = statement(
  'webhooks.failWaiting',
  `UPDATE webhook_delivery SET state = 'FAILED', finished_at = $3, sender_id = NULL WHERE network_id = $1 AND endpoint_id = $2 AND state = 'PENDING'`,
);

/** Puts a new secret in the place of the old one ($3), which goes on signing until $4; null ends that at once. By webhook_endpoint_pkey. */
export const updateSecrets = statement(
  'webhooks.updateSecrets',
  `UPDATE webhook_endpoint SET secret = $3, previous_secret = $4, previous_until = $5, version = version + 1, updated_at = $6
   WHERE network_id = $1 AND id = $2`,
);

/** Ends an endpoint because of what was met while delivering; one that ended before keeps its reason. By webhook_endpoint_pkey. */
export const disableEndpoint = statement<{ id: string; station_id: string | null; supplier_id: string | null }>(
  'webhooks.disableEndpoint',
  `UPDATE webhook_endpoint SET is_enabled = false, disabled_reason = $3, version = version + 1, updated_at = $4
   WHERE network_id = $1 AND id = $2 AND is_enabled RETURNING id, station_id, supplier_id`,
);

// ---- reading events ----

/** An endpoint that has events to read. */
export type ReadingEndpointRow = {
  network_id: string;
  id: string;
  station_id: string | null;
  supplier_id: string | null;
  document: string;
  permissions: string[];
  actor_kind: 'USER' | 'API_KEY';
  actor_id: string;
  last_seq: bigint;
};

/** Networks with endpoints, over all networks: the consumer's round. webhook_endpoint_enabled_idx holds only those that are enabled. */
export const networksWithEndpoints = statement<{ network_id: string }>(
  'webhooks.networksWithEndpoints',
  'SELECT DISTINCT network_id FROM webhook_endpoint WHERE is_enabled',
);

/**
 * Enabled endpoints of a network that are behind the relay and read by nobody, claimed until $4: webhook_endpoint_enabled_idx, then
 * primary keys. Locks the rows of webhook_state it takes; those that another process is taking are passed over.
 */
export const claimReading = statement<ReadingEndpointRow>(
  'webhooks.claimReading',
  `UPDATE webhook_state s SET reader_id = $2, reading_until = $4
   FROM (
     SELECT b.network_id, b.endpoint_id FROM webhook_endpoint e
     JOIN webhook_state b ON b.network_id = e.network_id AND b.endpoint_id = e.id
     JOIN relay_position p ON p.network_id = e.network_id
     WHERE e.network_id = $1 AND e.is_enabled AND p.last_seq > b.last_seq AND (b.reading_until IS NULL OR b.reading_until <= $3)
     ORDER BY b.last_seq LIMIT $5 FOR UPDATE OF b SKIP LOCKED
   ) behind, webhook_endpoint e
   WHERE s.network_id = $1 AND s.endpoint_id = behind.endpoint_id AND e.network_id = $1 AND e.id = s.endpoint_id
   RETURNING e.network_id, e.id, e.station_id, e.supplier_id, e.document, e.permissions, e.actor_kind, e.actor_id, s.last_seq`,
);

/** A numbered event as a webhook reads it. */
export type WebhookEventRow = {
  seq: bigint;
  topic: EventTopic;
  subject_id: string;
  audience: string[];
  data: Record<string, unknown>;
  occurred_at: Date;
};

/** A range of outbox_event_seq_key, in order. */
export const selectEvents = statement<WebhookEventRow>(
  'webhooks.selectEvents',
  `SELECT seq, topic, subject_id, audience, data, occurred_at FROM outbox_event WHERE network_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
);

/** Moves an endpoint's place, exactly when it is where it was read from and is still this reader's (webhook_state_pkey). */
export const movePlace = statement<{ endpoint_id: string }>(
  'webhooks.movePlace',
  `UPDATE webhook_state SET last_seq = $5, reader_id = NULL, reading_until = NULL
   WHERE network_id = $1 AND endpoint_id = $2 AND reader_id = $3 AND last_seq = $4 RETURNING endpoint_id`,
);

/** The place of the endpoint that is furthest behind; null where none is enabled. webhook_endpoint_enabled_idx, then primary keys. */
export const selectLeastRead = statement<{ last_seq: bigint | null }>(
  'webhooks.selectLeastRead',
  `SELECT min(s.last_seq) AS last_seq FROM webhook_endpoint e
   JOIN webhook_state s ON s.network_id = e.network_id AND s.endpoint_id = e.id WHERE e.network_id = $1 AND e.is_enabled`,
);

/** Lets an endpoint go that could not be read for; the next round takes it again at $4 (webhook_state_pkey). */
export const releaseReading = statement(
  'webhooks.releaseReading',
  'UPDATE webhook_state SET reader_id = NULL, reading_until = $4 WHERE network_id = $1 AND endpoint_id = $2 AND reader_id = $3',
);

/** Messages of one endpoint, to be sent at once. webhook_delivery_event_key refuses an event that was told before. */
export const insertDeliveries = statement(
  'webhooks.insertDeliveries',
  `INSERT INTO webhook_delivery (network_id, id, endpoint_id, topic, event_seq, payload, state, next_attempt_at, give_up_at, created_at)
   SELECT $1, d.id, $2, d.topic, d.event_seq, d.payload, 'PENDING', $7, $8, $7
   FROM unnest($3::uuid[], $4::text[], $5::bigint[], $6::text[]) AS d (id, topic, event_seq, payload)`,
);

// ---- sending ----

/** Networks that have or had endpoints, over all networks: the sweeper's round, once a minute. webhook_endpoint is small. */
export const networksOfWebhooks = statement<{ network_id: string }>(
  'webhooks.networksOfWebhooks',
  'SELECT DISTINCT network_id FROM webhook_endpoint',
);

/** An endpoint with something due, and how it is called. */
export type DueEndpointRow = {
  id: string;
  station_id: string | null;
  supplier_id: string | null;
  url: string;
  actor_kind: 'USER' | 'API_KEY';
  actor_id: string;
  data_key: Buffer;
  vault_key_id: string;
  secret: Buffer;
  previous_secret: Buffer | null;
  previous_until: Date | null;
  failure_count: number;
  open_until: Date | null;
};

/**
 * Enabled endpoints of a network with something due at $2 whose circuit lets it through, longest unserved first:
 * webhook_endpoint_enabled_idx, then one look into webhook_delivery_waiting_idx each.
 */
export const selectDueEndpoints = statement<DueEndpointRow>(
  'webhooks.selectDueEndpoints',
  `SELECT e.id, e.station_id, e.supplier_id, e.url, e.actor_kind, e.actor_id, e.data_key, e.vault_key_id, e.secret, e.previous_secret, e.previous_until,
     s.failure_count, s.open_until
   FROM webhook_endpoint e
   JOIN webhook_state s ON s.network_id = e.network_id AND s.endpoint_id = e.id
   JOIN LATERAL (
     SELECT d.next_attempt_at FROM webhook_delivery d
     WHERE d.network_id = e.network_id AND d.endpoint_id = e.id AND d.state = 'PENDING' AND d.next_attempt_at <= $2
     ORDER BY d.next_attempt_at LIMIT 1
   ) due ON true
   WHERE e.network_id = $1 AND e.is_enabled AND (s.open_until IS NULL OR s.open_until <= $2)
   ORDER BY due.next_attempt_at`,
);

/** Takes the one probe of a half-open circuit: shut again until $4 for everybody else (webhook_state_pkey). */
export const claimProbe = statement<{ endpoint_id: string }>(
  'webhooks.claimProbe',
  'UPDATE webhook_state SET open_until = $4 WHERE network_id = $1 AND endpoint_id = $2 AND open_until <= $3 RETURNING endpoint_id',
);

/** A delivery that this process sends now. `tried` counts its attempts of this round, this one included. */
export type ClaimedDeliveryRow = { id: string; payload: string; round_count: number; give_up_at: Date };

/**
 * Claims due deliveries of an endpoint until $5: by webhook_delivery_waiting_idx, locking the rows, passing over those that another
 * process is claiming. One that dies leaves them due again at $5. An attempt counts when it begins.
 */
export const claimDeliveries = statement<ClaimedDeliveryRow>(
  'webhooks.claimDeliveries',
  `UPDATE webhook_delivery d SET sender_id = $3, next_attempt_at = $5, attempt_count = d.attempt_count + 1, round_count = d.round_count + 1
   FROM (
     SELECT w.id FROM webhook_delivery w
     WHERE w.network_id = $1 AND w.endpoint_id = $2 AND w.state = 'PENDING' AND w.next_attempt_at <= $4
     ORDER BY w.next_attempt_at, w.id LIMIT $6 FOR UPDATE SKIP LOCKED
   ) due
   WHERE d.network_id = $1 AND d.id = due.id
   RETURNING d.id, d.payload, d.round_count, d.give_up_at`,
);

/** The row of an attempt. */
export const insertAttempt = statement(
  'webhooks.insertAttempt',
  `INSERT INTO webhook_attempt (network_id, id, delivery_id, started_at, duration_ms, status, failure, answer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
);

/** Ends a delivery ($4 with $5), or sets its next attempt ($6), as long as it is still this sender's (webhook_delivery_pkey). */
export const finishAttempt = statement<{ id: string }>(
  'webhooks.finishAttempt',
  `UPDATE webhook_delivery SET state = $4, finished_at = $5, next_attempt_at = coalesce($6, next_attempt_at), sender_id = NULL
   WHERE network_id = $1 AND id = $2 AND sender_id = $3 AND state = 'PENDING' RETURNING id`,
);

/** Locks how an endpoint fares (webhook_state_pkey), so that each attempt counts. */
export const lockHealth = statement<{ failure_count: number; opened_count: number; open_until: Date | null }>(
  'webhooks.lockHealth',
  'SELECT failure_count, opened_count, open_until FROM webhook_state WHERE network_id = $1 AND endpoint_id = $2 FOR UPDATE',
);

/** How an endpoint fares after an attempt; its row is locked. $6 and $7: when it succeeded, else when it began to fail. */
export const updateHealth = statement(
  'webhooks.updateHealth',
  `UPDATE webhook_state SET failure_count = $3, opened_count = $4, open_until = $5, last_success_at = coalesce($6, last_success_at),
     failing_since = CASE WHEN $6::timestamptz IS NULL THEN coalesce(failing_since, $7) END
   WHERE network_id = $1 AND endpoint_id = $2`,
);

/** What waited too long behind a failing or disabled endpoint is given up; nothing that is being sent (webhook_delivery_waiting_idx). */
export const giveUpOld = statement(
  'webhooks.giveUpOld',
  `UPDATE webhook_delivery SET state = 'FAILED', finished_at = $2, sender_id = NULL
   WHERE network_id = $1 AND state = 'PENDING' AND give_up_at < $2 AND next_attempt_at <= $2`,
);

/** Takes deliveries that ended before $2 out of the log, with their attempts; in steps, by webhook_delivery_finished_idx. */
export const pruneDeliveries = statement(
  'webhooks.pruneDeliveries',
  `DELETE FROM webhook_delivery d USING (
     SELECT network_id, id FROM webhook_delivery WHERE network_id = $1 AND finished_at < $2 ORDER BY finished_at LIMIT $3
   ) old WHERE d.network_id = old.network_id AND d.id = old.id`,
);

// ---- the log ----

/** A delivery as the log shows it. */
export type DeliveryRow = {
  id: string;
  endpoint_id: string;
  topic: string;
  payload: string;
  state: 'PENDING' | 'SUCCEEDED' | 'FAILED';
  attempt_count: number;
  next_attempt_at: Date;
  created_at: Date;
  finished_at: Date | null;
  granted: string[];
};

const deliveryColumns = `d.id, d.endpoint_id, d.topic, d.payload, d.state, d.attempt_count, d.next_attempt_at, d.created_at, d.finished_at, e.permissions AS granted`;
const deliveriesOfParty = `webhook_delivery d JOIN webhook_endpoint e ON e.network_id = d.network_id AND e.id = d.endpoint_id`;

/**
 * A page of the log of each of the party's endpoints $4, newest first: a range of webhook_delivery_network_id_endpoint_id_id_idx for
 * each. $5 a state or null, $6 the id to go on from.
 */
export const selectDeliveriesForward = statement<DeliveryRow>(
  'webhooks.selectDeliveriesForward',
  `SELECT ${deliveryColumns} FROM webhook_endpoint e JOIN LATERAL (
     SELECT * FROM webhook_delivery w WHERE w.network_id = $1 AND w.endpoint_id = e.id
       AND ($5::text IS NULL OR w.state = $5) AND ($6::uuid IS NULL OR w.id < $6) ORDER BY w.id DESC LIMIT $7
   ) d ON true WHERE ${ofParty} AND e.id = ANY ($4::uuid[]) ORDER BY d.id DESC`,
);

/** The same lists from their old ends. */
export const selectDeliveriesBackward = statement<DeliveryRow>(
  'webhooks.selectDeliveriesBackward',
  `SELECT ${deliveryColumns} FROM webhook_endpoint e JOIN LATERAL (
     SELECT * FROM webhook_delivery w WHERE w.network_id = $1 AND w.endpoint_id = e.id
       AND ($5::text IS NULL OR w.state = $5) AND ($6::uuid IS NULL OR w.id > $6) ORDER BY w.id LIMIT $7
   ) d ON true WHERE ${ofParty} AND e.id = ANY ($4::uuid[]) ORDER BY d.id`,
);

/** Of these ids, the deliveries of the party's own endpoints; by the primary keys. */
export const selectDeliveriesByIds = statement<DeliveryRow>(
  'webhooks.selectDeliveriesByIds',
  `SELECT ${deliveryColumns} FROM ${deliveriesOfParty} WHERE ${ofParty} AND d.network_id = $1 AND d.id = ANY ($4::uuid[])`,
);

/** How many deliveries of each of the endpoints $2 there are in each state; by webhook_delivery_network_id_endpoint_id_id_idx. */
export const countDeliveries = statement<{ endpoint_id: string; state: DeliveryRow['state']; count: bigint }>(
  'webhooks.countDeliveries',
  `SELECT endpoint_id, state, count(*) AS count FROM webhook_delivery WHERE network_id = $1 AND endpoint_id = ANY ($2::uuid[]) GROUP BY endpoint_id, state`,
);

/** One attempt of a delivery. */
export type AttemptRow = {
  id: string;
  delivery_id: string;
  started_at: Date;
  duration_ms: number;
  status: number | null;
  failure: string | null;
  answer: string;
};

/** All attempts of these deliveries, newest first; by webhook_attempt_network_id_delivery_id_id_idx. */
export const selectAttempts = statement<AttemptRow>(
  'webhooks.selectAttempts',
  `SELECT id, delivery_id, started_at, duration_ms, status, failure, answer FROM webhook_attempt
   WHERE network_id = $1 AND delivery_id = ANY ($2::uuid[]) ORDER BY id DESC`,
);

/** A delivery is sent once more from the start, under the same id; one that waits or is under way as well (webhook_delivery_pkey). */
export const resendDeliveryRow = statement<{ id: string }>(
  'webhooks.resendDelivery',
  `UPDATE webhook_delivery SET state = 'PENDING', finished_at = NULL, sender_id = NULL, round_count = 0, next_attempt_at = $3, give_up_at = $4
   WHERE network_id = $1 AND id = $2 RETURNING id`,
);
