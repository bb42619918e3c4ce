import { randomBytes } from 'node:crypto';
import { run, type Transaction } from '#server/platform/database.ts';
import type { Vault } from '#server/platform/vault.ts';
import {
  type AttemptOutcome,
  ENDPOINTS_MAX,
  type EndpointInput,
  healthAfter,
  judgeAttempt,
  messageText,
  type NotAllowed,
  nextAttemptAt,
  openSecret,
  ownColumns,
  ROTATION_MILLISECONDS,
  sealSecret,
  secretContext,
  secretText,
  TEST_TOPIC,
  TRY_MILLISECONDS,
  type WebhookViewer,
} from './rules.ts';
import {
  countEndpoints,
  deleteEndpointRow,
  disableEndpoint,
  failWaiting,
  finishAttempt,
  insertAttempt,
  insertDeliveries,
  insertEndpoint,
  insertState,
  lockEndpoint,
  lockHealth,
  movePlace,
  resendDeliveryRow,
  restartState,
  selectDeliveriesByIds,
  updateEndpoint,
  updateHealth,
  updateSecrets,
} from './sql.ts';

/** There is no such endpoint or delivery of this party. */
export type NotFound = { readonly kind: 'NOT_FOUND' };
/** Somebody else changed it first. */
export type Stale = { readonly kind: 'STALE_VERSION' };

/** An endpoint as it was checked: what its document subscribes to, and what it may read. */
export type CheckedEndpoint = Omit<EndpointInput, 'permissions'> & {
  readonly topics: readonly string[];
  readonly permissions: readonly string[];
};

/** Makes an endpoint with a secret of its own, which is shown this once. It is told of what is numbered from now on. Refuses the 21st. */
export async function createEndpoint(
  tx: Transaction,
  viewer: WebhookViewer,
  vault: Vault,
  endpoint: CheckedEndpoint,
): Promise<{ readonly kind: 'CREATED'; readonly endpointId: string; readonly secret: string } | NotAllowed> {
  const [has] = await run(tx, countEndpoints, ownColumns(viewer));
  if (has !== undefined && has.count >= ENDPOINTS_MAX)
    return { kind: 'NOT_ALLOWED', message: `A party has at most ${ENDPOINTS_MAX} webhooks; delete one first.` };
  const endpointId = tx.newId();
  const context = secretContext(viewer.networkId, endpointId);
  const wrapped = vault.createDataKey(context);
  const secret = newSecret();
  await run(tx, insertEndpoint, [
    viewer.networkId,
    endpointId,
    ...ownColumns(viewer).slice(1),
    endpoint.url,
    endpoint.description.trim(),
    endpoint.document,
    endpoint.topics,
    endpoint.permissions,
    ...actorColumns(viewer),
    wrapped.dataKey,
    wrapped.vaultKeyId,
    sealSecret(vault, wrapped, context, secret),
    tx.now,
  ]);
  await run(tx, insertState, [viewer.networkId, endpointId]);
  return { kind: 'CREATED', endpointId, secret };
}

/** What is to be changed, and of which version. */
export type EndpointEdit = { readonly endpointId: string; readonly expectedVersion: number };

/**
 * Saves an endpoint anew. Whoever saves it answers for what it shows from then on. Enabled again, it goes on with what happens from
 * now on, in good health; what still waited is sent.
 */
export async function editEndpoint(
  tx: Transaction,
  viewer: WebhookViewer,
  edit: EndpointEdit,
  endpoint: CheckedEndpoint & { readonly isEnabled: boolean },
): Promise<{ readonly kind: 'SAVED' } | NotFound | Stale> {
  const row = await lockOwn(tx, viewer, edit.endpointId);
  if (row === undefined) return { kind: 'NOT_FOUND' };
  if (row.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  await run(tx, updateEndpoint, [
    viewer.networkId,
    edit.endpointId,
    endpoint.url,
    endpoint.description.trim(),
    endpoint.document,
    endpoint.topics,
    endpoint.permissions,
    ...actorColumns(viewer),
    endpoint.isEnabled,
    endpoint.isEnabled ? null : (row.disabled_reason ?? 'BY_HAND'),
    tx.now,
  ]);
  if (endpoint.isEnabled && !row.is_enabled) await run(tx, restartState, [viewer.networkId, edit.endpointId]);
  return { kind: 'SAVED' };
}

/** Takes an endpoint away with its secrets; what waited is not sent. Deleting it twice finds nothing the second time. */
export async function deleteEndpoint(
  tx: Transaction,
  viewer: WebhookViewer,
  edit: EndpointEdit,
): Promise<{ readonly kind: 'DELETED' } | NotFound | Stale> {
  const row = await lockOwn(tx, viewer, edit.endpointId);
  if (row === undefined) return { kind: 'NOT_FOUND' };
  if (row.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  await run(tx, deleteEndpointRow, [viewer.networkId, edit.endpointId, tx.now]);
  await run(tx, failWaiting, [viewer.networkId, edit.endpointId, tx.now]);
  return { kind: 'DELETED' };
}

/** Gives an endpoint a new secret, shown this once. Both sign until the rotation is ended, or for seven days. An older one stops at once. */
export async function rotateSecret(
  tx: Transaction,
  viewer: WebhookViewer,
  vault: Vault,
  edit: EndpointEdit,
): Promise<{ readonly kind: 'ROTATED'; readonly secret: string } | NotFound | Stale> {
  const row = await lockOwn(tx, viewer, edit.endpointId);
  if (row === undefined) return { kind: 'NOT_FOUND' };
  if (row.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  const wrapped = { dataKey: row.data_key, vaultKeyId: row.vault_key_id };
  const secret = newSecret();
  const sealed = sealSecret(vault, wrapped, secretContext(viewer.networkId, edit.endpointId), secret);
  const until = new Date(tx.now.getTime() + ROTATION_MILLISECONDS);
  await run(tx, updateSecrets, [viewer.networkId, edit.endpointId, sealed, row.secret, until, tx.now]);
  return { kind: 'ROTATED', secret };
}

/** Ends a rotation: only the newest secret signs. Where none is under way nothing changes. */
export async function endRotation(
  tx: Transaction,
  viewer: WebhookViewer,
  edit: EndpointEdit,
): Promise<{ readonly kind: 'ENDED' } | NotFound | Stale> {
  const row = await lockOwn(tx, viewer, edit.endpointId);
  if (row === undefined) return { kind: 'NOT_FOUND' };
  if (row.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' };
  await run(tx, updateSecrets, [viewer.networkId, edit.endpointId, row.secret, null, null, tx.now]);
  return { kind: 'ENDED' };
}

/** Puts a message without any event into the queue of an enabled endpoint: it is signed, sent and logged like all others. */
export async function queueTest(
  tx: Transaction,
  viewer: WebhookViewer,
  endpointId: string,
): Promise<{ readonly kind: 'QUEUED'; readonly deliveryId: string } | NotFound | NotAllowed> {
  const row = await lockOwn(tx, viewer, endpointId);
  if (row === undefined) return { kind: 'NOT_FOUND' };
  if (!row.is_enabled) return notEnabled;
  const message = { topic: TEST_TOPIC, seq: null, payload: messageText(TEST_TOPIC, tx.now, { data: { message: 'This is a test.' } }) };
  const [deliveryId = ''] = await writeDeliveries(tx, viewer.networkId, endpointId, [message]);
  return { kind: 'QUEUED', deliveryId };
}

/** Sends a delivery once more, from the first attempt on, under the same webhook-id. Refused while its endpoint is disabled. */
export async function resendDelivery(
  tx: Transaction,
  viewer: WebhookViewer,
  deliveryId: string,
): Promise<{ readonly kind: 'QUEUED'; readonly endpointId: string } | NotFound | NotAllowed> {
  const [delivery] = await run(tx, selectDeliveriesByIds, [...ownColumns(viewer), [deliveryId]]);
  const endpoint = delivery && (await lockOwn(tx, viewer, delivery.endpoint_id));
  if (delivery === undefined || endpoint === undefined) return { kind: 'NOT_FOUND' };
  if (!endpoint.is_enabled) return notEnabled;
  await run(tx, resendDeliveryRow, [viewer.networkId, deliveryId, tx.now, giveUpAt(tx)]);
  return { kind: 'QUEUED', endpointId: delivery.endpoint_id };
}

const notEnabled: NotAllowed = { kind: 'NOT_ALLOWED', message: 'This webhook is disabled; enable it first.' };

/** A message to be sent: `seq` of the event that it tells of; null for none. */
export type NewMessage = { readonly topic: string; readonly seq: bigint | null; readonly payload: string };

/** A reader's claim on an endpoint's place among the events. */
export type ReadingClaim = { readonly networkId: string; readonly endpointId: string; readonly readerId: string; readonly from: bigint };

/**
 * Moves an endpoint's place to `to` and queues what it is told of the events between, in one: each event is told exactly once. False,
 * and nothing is written, when another reader has moved it meanwhile.
 */
export async function writeRead(tx: Transaction, claim: ReadingClaim, to: bigint, messages: readonly NewMessage[]): Promise<boolean> {
  const [moved] = await run(tx, movePlace, [claim.networkId, claim.endpointId, claim.readerId, claim.from, to]);
  if (moved === undefined) return false;
  if (messages.length > 0) await writeDeliveries(tx, claim.networkId, claim.endpointId, messages);
  return true;
}

/** What an attempt was and what it came to. */
export type Attempt = {
  readonly networkId: string;
  readonly endpointId: string;
  readonly deliveryId: string;
  readonly senderId: string;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** Attempts of this round, this one included. */
  readonly triedCount: number;
  readonly giveUpAt: Date;
  readonly outcome: AttemptOutcome;
  /** The beginning of the answer, as text. */
  readonly answer: string;
  /** A random number from 0 to 1, for the next wait. */
  readonly chance: number;
};

/** An endpoint that was disabled by what happened, with its party. */
export type Disabled = { readonly id: string; readonly station_id: string | null; readonly supplier_id: string | null };

/**
 * Writes down an attempt: log, state or next try of the delivery, health of the endpoint. 410 disables it, which is answered. A sender
 * that was so slow that its claim ran out changes the delivery no more; its attempt is logged all the same.
 */
export async function writeAttempt(tx: Transaction, attempt: Attempt): Promise<Disabled | null> {
  const { networkId, endpointId, deliveryId, outcome } = attempt;
  const verdict = judgeAttempt(outcome);
  const succeeded = verdict === 'SUCCESS';
  // the endpoint before its state before its delivery, as everywhere
  const disabled = verdict === 'GONE' ? await endEndpoint(tx, networkId, endpointId, 'GONE') : null;
  const [before] = await run(tx, lockHealth, [networkId, endpointId]);
  if (before === undefined) throw new Error(`the webhook ${endpointId} has no state`);
  const health = { failureCount: before.failure_count, openedCount: before.opened_count, openUntil: before.open_until };
  const after = healthAfter(health, succeeded, tx.now);
  const succeededAt = succeeded ? tx.now : null;
  await run(tx, updateHealth, [networkId, endpointId, after.failureCount, after.openedCount, after.openUntil, succeededAt, tx.now]);
  const retryAt = verdict === 'FAILURE' ? nextAttemptAt(attempt.triedCount, tx.now, attempt.giveUpAt, attempt.chance) : null;
  const state = succeeded ? 'SUCCEEDED' : retryAt === null ? 'FAILED' : 'PENDING';
  const finishedAt = state === 'PENDING' ? null : tx.now;
  await run(tx, finishAttempt, [networkId, deliveryId, attempt.senderId, state, finishedAt, retryAt]);
  const { startedAt, durationMs, answer } = attempt;
  await run(tx, insertAttempt, [networkId, tx.newId(), deliveryId, startedAt, durationMs, outcome.status, outcome.failure, answer]);
  return disabled;
}

/** Disables an endpoint because of what was met: its rights ended, or its receiver wants no more. null when it was disabled already. */
export async function endEndpoint(
  tx: Transaction,
  networkId: string,
  endpointId: string,
  reason: 'GONE' | 'RIGHTS_ENDED',
): Promise<Disabled | null> {
  const [ended] = await run(tx, disableEndpoint, [networkId, endpointId, reason, tx.now]);
  return ended ?? null;
}

/** The secrets that sign now, the newest first. */
export function signingSecrets(
  vault: Vault,
  networkId: string,
  endpoint: {
    readonly id: string;
    readonly data_key: Buffer;
    readonly vault_key_id: string;
    readonly secret: Buffer;
    readonly previous_secret: Buffer | null;
    readonly previous_until: Date | null;
  },
  now: Date,
): string[] {
  const wrapped = { dataKey: endpoint.data_key, vaultKeyId: endpoint.vault_key_id };
  const isRotating = endpoint.previous_until !== null && endpoint.previous_until > now;
  const sealed = [endpoint.secret, ...(isRotating && endpoint.previous_secret !== null ? [endpoint.previous_secret] : [])];
  return sealed.map((each) => openSecret(vault, wrapped, secretContext(networkId, endpoint.id), each));
}

async function writeDeliveries(
  tx: Transaction,
  networkId: string,
  endpointId: string,
  messages: readonly NewMessage[],
): Promise<readonly string[]> {
  const ids = messages.map(() => tx.newId());
  await run(tx, insertDeliveries, [
    networkId,
    endpointId,
    ids,
    messages.map(({ topic }) => topic),
    messages.map(({ seq }) => seq?.toString() ?? null),
    messages.map(({ payload }) => payload),
    tx.now,
    giveUpAt(tx),
  ]);
  return ids;
}

async function lockOwn(tx: Transaction, viewer: WebhookViewer, endpointId: string) {
  const [row] = await run(tx, lockEndpoint, [...ownColumns(viewer), endpointId]);
  return row;
}

function giveUpAt(tx: Transaction): Date {
  return new Date(tx.now.getTime() + TRY_MILLISECONDS);
}

function newSecret(): string {
  return secretText(randomBytes(32));
}

function actorColumns({ actor }: WebhookViewer): [kind: string, id: string] {
  return [actor.kind, actor.kind === 'USER' ? actor.userId : actor.apiKeyId];
}
