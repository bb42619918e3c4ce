import { writeAudit } from '#server/accounts/commands.ts';
import { actorId, type Viewer } from '#server/accounts/rules.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import type { Vault } from '#server/platform/vault.ts';
import {
  createEndpoint,
  deleteEndpoint,
  type EndpointEdit,
  editEndpoint,
  endRotation,
  type NotFound,
  queueTest,
  resendDelivery,
  rotateSecret,
  type Stale,
} from '#server/webhooks/commands.ts';
import { endpointsByIds } from '#server/webhooks/reads.ts';
import {
  type EndpointInput,
  endpointProblem,
  endpointViewer,
  grantedPermissions,
  type InvalidInput,
  type NotAllowed,
} from '#server/webhooks/rules.ts';

/** What a document was found to be: the subscriptions that stand in it, or why it cannot be stored. */
export type CheckedDocument = { readonly kind: 'ACCEPTED'; readonly topics: readonly string[] } | InvalidInput | NotAllowed;

/** What only the contract and the network know of a webhook: handed in by the composition root. */
export interface WebhookChecks {
  /** Whether a document may be stored, to run as this viewer. */
  checkDocument(viewer: Viewer, document: string): Promise<CheckedDocument>;
  /** What is wrong with a URL; null when nothing is. */
  urlProblem(url: string): string | null;
}

/** What these flows stand on. */
export type WebhookGround = { readonly db: Database; readonly vault: Vault; readonly checks: WebhookChecks };

/**
 * Makes a webhook of the viewer's party. Its document is checked against the contract as the viewer with no more than the permissions
 * that the webhook gets, so that it never shows more than its maker may see. Refuses: INVALID_INPUT (url, description, document,
 * permissions), NOT_ALLOWED (a permission that the viewer lacks, a subscription that the party may not ask, too many webhooks).
 */
export async function createWebhook(ground: WebhookGround, viewer: Viewer, input: EndpointInput) {
  const checked = await check(ground, viewer, input);
  if (checked.kind !== 'CHECKED') return checked;
  return inTransaction(ground.db, async (tx) => {
    const created = await createEndpoint(tx, viewer, ground.vault, checked.endpoint);
    if (created.kind === 'CREATED') await audit(tx, viewer, 'webhook.created', created.endpointId, { url: input.url });
    return created;
  });
}

/** What an edit changes; what is left out stays. */
export type WebhookChange = Partial<EndpointInput> & { readonly isEnabled?: boolean };

/**
 * Changes a webhook of the viewer's party, who answers for it from then on: it is checked whole, as if the viewer made it. Permissions
 * that are left out stay, without those that the viewer lacks. Refuses like createWebhook, and NOT_FOUND, STALE_VERSION.
 */
export async function updateWebhook(ground: WebhookGround, viewer: Viewer, edit: EndpointEdit, change: WebhookChange) {
  const before = (await endpointsByIds(ground.db.pool, viewer, [edit.endpointId])).get(edit.endpointId);
  if (before === undefined) return { kind: 'NOT_FOUND' } as const satisfies NotFound;
  if (before.version !== edit.expectedVersion) return { kind: 'STALE_VERSION' } as const satisfies Stale;
  const kept = [...viewer.permissions].filter((name) => before.permissions.includes(name));
  const input: EndpointInput = {
    url: change.url ?? before.url,
    description: change.description ?? before.description,
    document: change.document ?? before.document,
    permissions: change.permissions ?? kept,
  };
  const checked = await check(ground, viewer, input);
  if (checked.kind !== 'CHECKED') return checked;
  const isEnabled = change.isEnabled ?? before.is_enabled;
  return inTransaction(ground.db, async (tx) => {
    const saved = await editEndpoint(tx, viewer, edit, { ...checked.endpoint, isEnabled });
    if (saved.kind === 'SAVED') await audit(tx, viewer, 'webhook.changed', edit.endpointId, { url: input.url, isEnabled });
    return saved;
  });
}

/** Deletes a webhook of the viewer's party. Refuses NOT_FOUND, STALE_VERSION. */
export function deleteWebhook(db: Database, viewer: Viewer, edit: EndpointEdit) {
  return inTransaction(db, async (tx) => {
    const outcome = await deleteEndpoint(tx, viewer, edit);
    if (outcome.kind === 'DELETED') await audit(tx, viewer, 'webhook.deleted', edit.endpointId);
    return outcome;
  });
}

/** Gives a webhook a new secret; both sign until the rotation ends. Refuses NOT_FOUND, STALE_VERSION. */
export function rotateWebhookSecret(db: Database, vault: Vault, viewer: Viewer, edit: EndpointEdit) {
  return inTransaction(db, async (tx) => {
    const outcome = await rotateSecret(tx, viewer, vault, edit);
    if (outcome.kind === 'ROTATED') await audit(tx, viewer, 'webhook.secret_rotated', edit.endpointId);
    return outcome;
  });
}

/** Ends a rotation: the old secret signs no more. Refuses NOT_FOUND, STALE_VERSION. */
export function endWebhookRotation(db: Database, viewer: Viewer, edit: EndpointEdit) {
  return inTransaction(db, async (tx) => {
    const outcome = await endRotation(tx, viewer, edit);
    if (outcome.kind === 'ENDED') await audit(tx, viewer, 'webhook.rotation_ended', edit.endpointId);
    return outcome;
  });
}

/** Queues a test message. Refuses NOT_FOUND, and NOT_ALLOWED while the webhook is disabled. */
export function testWebhook(db: Database, viewer: Viewer, endpointId: string) {
  return inTransaction(db, (tx) => queueTest(tx, viewer, endpointId));
}

/** Queues a delivery once more. Refuses NOT_FOUND, and NOT_ALLOWED while its webhook is disabled. */
export function resendWebhook(db: Database, viewer: Viewer, deliveryId: string) {
  return inTransaction(db, async (tx) => {
    const outcome = await resendDelivery(tx, viewer, deliveryId);
    if (outcome.kind === 'QUEUED') await audit(tx, viewer, 'webhook.resent', outcome.endpointId, { deliveryId });
    return outcome;
  });
}

async function check({ checks }: WebhookGround, viewer: Viewer, input: EndpointInput) {
  const problem = endpointProblem(input, checks.urlProblem(input.url));
  if (problem !== null) return problem;
  const permissions = grantedPermissions(viewer, input.permissions);
  if ('kind' in permissions) return permissions;
  const { networkId, party, actor } = viewer;
  const reader = endpointViewer({ networkId, party, actor, permissions }, viewer.permissions);
  if (reader === null) throw new Error('somebody who asks is somebody');
  const document = await checks.checkDocument(reader, input.document);
  if (document.kind !== 'ACCEPTED') return document;
  return { kind: 'CHECKED', endpoint: { ...input, permissions, topics: document.topics } } as const;
}

function audit(tx: Transaction, viewer: Viewer, action: string, endpointId: string, data: Readonly<Record<string, unknown>> = {}) {
  return writeAudit(tx, viewer, { action, subjectId: endpointId, data: { ...data, actorId: actorId(viewer) } });
}
