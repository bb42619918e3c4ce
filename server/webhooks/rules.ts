import { createHmac } from 'node:crypto';
import { type ActingParty, type Actor, type Permission, partyColumns, permissions, type Viewer } from '#server/accounts/rules.ts';
import type { Vault, WrappedKey } from '#server/platform/vault.ts';

// Webhooks (api: Webhooks): a party is told of events at an address of its own. What it is told is chosen by a stored GraphQL
// document of subscriptions; how it is told follows Standard Webhooks (https://www.standardwebhooks.com).

/** The topic of a message that tests an endpoint. */
export const TEST_TOPIC = 'test';

/** How far a delivery is. */
export type DeliveryState = 'PENDING' | 'SUCCEEDED' | 'FAILED';

/** Whether an endpoint is called: CLOSED as ever, OPEN not at all, HALF_OPEN by one delivery that finds out. */
export type Circuit = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

/** Who reads or changes webhooks: those of its own party. */
export type WebhookViewer = Pick<Viewer, 'networkId' | 'party' | 'actor' | 'permissions'>;

/** A viewer as the columns by which its party's rows are found. */
export function ownColumns({ networkId, party }: WebhookViewer): [networkId: string, stationId: string | null, supplierId: string | null] {
  return [networkId, ...partyColumns(party)];
}

/** Endpoints that one party may have. */
export const ENDPOINTS_MAX = 20;

/** What an endpoint is to be. `permissions` null: everything that its maker may read. */
export type EndpointInput = {
  readonly url: string;
  readonly description: string;
  readonly document: string;
  readonly permissions: readonly Permission[] | null;
};

/** A field of the input is wrong. */
export type InvalidInput = { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

/** A rule forbids it. */
export type NotAllowed = { readonly kind: 'NOT_ALLOWED'; readonly message: string };

const DESCRIPTION_MAX = 200;
const URL_MAX = 2_000;
/** Longest stored document, in characters. */
export const DOCUMENT_MAX = 20_000;

/** What a webhook may ever be allowed: rights to read. A payload is stored, so the right to read card keys is never among them. */
export const readingPermissions: readonly Permission[] = permissions.filter((name) => name.endsWith('_READ'));

/** What is wrong with the plain parts of the input; null when nothing is. `urlProblem` is the outgoing client's own look at the URL. */
export function endpointProblem(input: EndpointInput, urlProblem: string | null): InvalidInput | null {
  if (input.url.length > URL_MAX) return invalid('url', `A URL has at most ${URL_MAX} characters.`);
  if (urlProblem !== null) return invalid('url', urlProblem);
  if (input.description.trim().length > DESCRIPTION_MAX) return invalid('description', `At most ${DESCRIPTION_MAX} characters.`);
  if (input.document.length > DOCUMENT_MAX) return invalid('document', `At most ${DOCUMENT_MAX} characters.`);
  return null;
}

/**
 * The permissions that an endpoint gets from whoever saves it: those asked for, else all of theirs that read. Refused: one that they
 * lack, and any that does more than read.
 */
export function grantedPermissions(
  viewer: Pick<Viewer, 'permissions'>,
  asked: readonly Permission[] | null,
): readonly Permission[] | NotAllowed | InvalidInput {
  if (asked === null) return readingPermissions.filter((name) => viewer.permissions.has(name));
  const beyond = asked.find((name) => !readingPermissions.includes(name));
  if (beyond !== undefined) return invalid('permissions', `A webhook only reads; ${beyond} does more.`);
  const missing = asked.find((name) => !viewer.permissions.has(name));
  if (missing !== undefined) return { kind: 'NOT_ALLOWED', message: `You lack ${missing}, so you cannot give it to a webhook.` };
  return readingPermissions.filter((name) => asked.includes(name));
}

/**
 * As whom an endpoint's document runs: its party, with the permissions that it was given and its actor still holds (a right that was
 * taken from the person is taken from the endpoint). `standing` is what the actor may do today; null when key, membership or party ended.
 */
export function endpointViewer(
  endpoint: {
    readonly networkId: string;
    readonly party: ActingParty;
    readonly actor: Pick<Viewer, 'actor'>['actor'];
    readonly permissions: readonly string[];
  },
  standing: ReadonlySet<Permission> | null,
): Viewer | null {
  if (standing === null) return null;
  const granted = readingPermissions.filter((name) => endpoint.permissions.includes(name) && standing.has(name));
  return {
    networkId: endpoint.networkId,
    party: endpoint.party,
    actor: endpoint.actor,
    role: null,
    permissions: new Set(granted),
    clientAddress: null,
  };
}

/** Whether somebody may read the payloads of an endpoint: only who may read all that the endpoint may. */
export function mayReadPayloads(viewer: Pick<Viewer, 'permissions'>, granted: readonly string[]): boolean {
  return readingPermissions.filter((name) => granted.includes(name)).every((name) => viewer.permissions.has(name));
}

/** An actor as the two columns of the tables that name one. A session is none of them: it ends before the webhook does. */
export function actorOf(kind: 'USER' | 'API_KEY', id: string): Actor {
  return kind === 'USER' ? { kind, userId: id, sessionId: '' } : { kind, apiKeyId: id };
}

// ---- messages and signatures (Standard Webhooks) ----

/** A message as it is sent, byte for byte the same at every attempt. `data` is what the subscription would have told. */
export function messageText(topic: string, occurredAt: Date, result: { readonly data?: unknown; readonly errors?: unknown }): string {
  return JSON.stringify({ type: topic, timestamp: occurredAt.toISOString(), ...result });
}

const SECRET_PREFIX = 'whsec_';

/** A secret as its party keeps it, of 24 to 64 random bytes. */
export function secretText(bytes: Uint8Array): string {
  return `${SECRET_PREFIX}${Buffer.from(bytes).toString('base64')}`;
}

/** The `webhook-signature` of a message: one `v1,…` for each secret, parted by blanks; a receiver is content with any of them. */
export function signatureHeader(
  secrets: readonly string[],
  message: { readonly id: string; readonly timestampSeconds: number; readonly body: string },
): string {
  const signed = `${message.id}.${message.timestampSeconds}.${message.body}`;
  return secrets.map((secret) => `v1,${createHmac('sha256', secretBytes(secret)).update(signed, 'utf8').digest('base64')}`).join(' ');
}

function secretBytes(secret: string): Buffer {
  return Buffer.from(secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret, 'base64');
}

/** How long the old secret goes on signing beside the new one, unless its party ends that before. */
export const ROTATION_MILLISECONDS = 7 * 86_400_000;

/** The name of a delivery as receivers see it: the same at every attempt, so that a message that comes twice is known. */
export function webhookId(deliveryId: string): string {
  return `msg_${deliveryId.replaceAll('-', '')}`;
}

/** What a sealed secret is bound to: in another endpoint's row it does not open. */
export function secretContext(networkId: string, endpointId: string): string[] {
  return [networkId, endpointId, 'webhook'];
}

/** Seals a secret for its endpoint's row. */
export function sealSecret(vault: Vault, wrapped: WrappedKey, context: readonly string[], secret: string): Buffer {
  return vault.seal(wrapped, context, [...context, 'secret'], secret);
}

/** Opens a secret; throws when the row is not the one that it was sealed for. */
export function openSecret(vault: Vault, wrapped: WrappedKey, context: readonly string[], sealed: Uint8Array): string {
  return vault.open(wrapped, context, [...context, 'secret'], sealed);
}

// ---- what an attempt came to ----

/** What one attempt brought: a status, or why none came. */
export type AttemptOutcome = { readonly status: number; readonly failure: null } | { readonly status: null; readonly failure: string };

/** SUCCESS: any 2xx. GONE: 410, the receiver wants no more. All else is FAILURE, a redirect too: it is never followed. */
export function judgeAttempt(outcome: AttemptOutcome): 'SUCCESS' | 'GONE' | 'FAILURE' {
  if (outcome.status === null) return 'FAILURE';
  if (outcome.status === 410) return 'GONE';
  return outcome.status >= 200 && outcome.status < 300 ? 'SUCCESS' : 'FAILURE';
}

/** Waits between attempts, in seconds: together 71 hours and 35 minutes. */
const WAITS_SECONDS = [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000] as const;
/** A wait is spread by a tenth either way, so that what failed together does not come back together. */
const JITTER = 0.1;

/** How long a delivery is tried, whatever held it up: three days and a little, so that the last wait fits. */
export const TRY_MILLISECONDS = 80 * 3_600_000;

/** When to try again after `triedCount` attempts of this round; null: never again. `chance` is a random number from 0 to 1. */
export function nextAttemptAt(triedCount: number, now: Date, giveUpAt: Date, chance: number): Date | null {
  const seconds = WAITS_SECONDS[triedCount - 1];
  if (seconds === undefined) return null;
  const next = new Date(now.getTime() + seconds * 1_000 * (1 - JITTER + 2 * JITTER * chance));
  return next > giveUpAt ? null : next;
}

// ---- the circuit ----

/** How an endpoint fares. */
export type Health = {
  /** Failures since the last success. */
  readonly failureCount: number;
  /** How often the circuit has opened since the last success. */
  readonly openedCount: number;
  readonly openUntil: Date | null;
};

const OPENS_AFTER_FAILURES = 5;
const FIRST_OPEN_MILLISECONDS = 60_000;
const LONGEST_OPEN_MILLISECONDS = 3_600_000;

/** Whether the endpoint is called now. */
export function circuitOf(health: Pick<Health, 'openUntil'>, now: Date): Circuit {
  if (health.openUntil === null) return 'CLOSED';
  return health.openUntil > now ? 'OPEN' : 'HALF_OPEN';
}

/** An endpoint's health after an attempt: the fifth failure opens the circuit for a minute, each failed probe for twice as long, at most an hour. */
export function healthAfter(before: Health, succeeded: boolean, now: Date): Health {
  if (succeeded) return { failureCount: 0, openedCount: 0, openUntil: null };
  const failureCount = before.failureCount + 1;
  // what was under way when the circuit opened says nothing new
  if (failureCount < OPENS_AFTER_FAILURES || circuitOf(before, now) === 'OPEN') return { ...before, failureCount };
  const milliseconds = Math.min(LONGEST_OPEN_MILLISECONDS, FIRST_OPEN_MILLISECONDS * 2 ** before.openedCount);
  return { failureCount, openedCount: before.openedCount + 1, openUntil: new Date(now.getTime() + milliseconds) };
}

// ---- who is sent to at once ----

/** Calls that one process has under way: to all endpoints, and to one. */
export type Slots = { readonly total: number; readonly perEndpoint: number };

/**
 * How many more calls an endpoint may have. Everybody's first call goes before anybody's second: while half of all slots are taken,
 * an endpoint has one; so has one that fails or is being probed. A slow receiver holds up itself.
 */
export function freeSlots(slots: Slots, under: { readonly all: number; readonly endpoint: number }, isHealthy: boolean): number {
  const left = slots.total - under.all;
  const own = isHealthy && under.all < slots.total / 2 ? Math.min(slots.perEndpoint, Math.ceil(slots.total / 2) - under.all) : 1;
  return Math.max(0, Math.min(left, own - under.endpoint));
}

/** A row's summary of an answer: its beginning as text, without what a text column cannot hold. */
export function answerText(body: Uint8Array): string {
  return Buffer.from(body).subarray(0, 1_024).toString('utf8').replaceAll('\0', '');
}

function invalid(field: string, message: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message };
}
