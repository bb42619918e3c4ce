import type { Page, PageRequest } from '#server/platform/page.ts';
import {
  type AttemptRow,
  attemptsOf,
  countOwnEndpoints,
  type DeliveryRow,
  deliveriesByIds,
  deliveryCounts,
  type EndpointRow,
  endpointsByIds,
  visibleDeliveries,
  visibleEndpoints,
} from '#server/webhooks/reads.ts';
import { circuitOf, mayReadPayloads, readingPermissions, webhookId } from '#server/webhooks/rules.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { connectionType, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { PermissionEnum } from './enums.ts';
import { batched } from './loaders.ts';
import { nodeType } from './node.ts';

/** Who may see and change the webhooks of a party. */
export const managingWebhooks = { party: 'ANY', permission: 'WEBHOOKS_MANAGE' } as const;

const CircuitEnum = builder.enumType('WebhookCircuit', {
  description: 'Whether a webhook is called.',
  values: {
    CLOSED: { description: 'It is called as ever.' },
    OPEN: { description: 'It failed again and again and is left alone for a while; what is to be told waits.' },
    HALF_OPEN: { description: 'One delivery finds out whether it answers again.' },
  } as const,
});

const DisabledReasonEnum = builder.enumType('WebhookDisabledReason', {
  description: 'Why a webhook is told nothing.',
  values: {
    BY_HAND: { description: 'Somebody disabled it.' },
    GONE: { description: 'Its receiver answered 410: it wants no more.' },
    RIGHTS_ENDED: { description: 'Who saved it last may no longer see what it tells.' },
  } as const,
});

const DeliveryStateEnum = builder.enumType('WebhookDeliveryState', {
  description: 'How far a delivery is.',
  values: {
    PENDING: { description: 'Waits to be sent, or to be sent again.' },
    SUCCEEDED: { description: 'The receiver answered 2xx.' },
    FAILED: { description: 'It was tried for three days, or will not be tried again.' },
  } as const,
});

/** A webhook, loaded together with all others of the operation. */
export const loadEndpoint = batched<string, EndpointRow>((context, ids) => endpointsByIds(context.db.pool, viewerOf(context), ids));

const loadCounts = batched<string, Readonly<Partial<Record<DeliveryRow['state'], number>>>>((context, ids) =>
  deliveryCounts(context.db.pool, viewerOf(context), ids),
);

/** A delivery, loaded together with all others of the operation. */
export const loadDelivery = batched<string, DeliveryRow>((context, ids) => deliveriesByIds(context.db.pool, viewerOf(context), ids));

type LogKey = { readonly endpointId: string; readonly state: DeliveryRow['state'] | null; readonly request: PageRequest };
const logOf = ({ state, request }: LogKey) => JSON.stringify([state, request]);
const logKeyText = (key: LogKey) => `${key.endpointId} ${logOf(key)}`;

/** A page of a webhook's log; those of all webhooks that are asked for alike are one statement. */
const loadLog = batched<LogKey, Page<DeliveryRow>>(
  async (context, keys) => {
    const pages = new Map<string, Page<DeliveryRow>>();
    for (const alike of Map.groupBy(keys, logOf).values()) {
      const [{ state, request }] = alike as [LogKey];
      const log = { endpointIds: alike.map(({ endpointId }) => endpointId), state };
      const found = await visibleDeliveries(context.db.pool, viewerOf(context), log, request);
      for (const [endpointId, page] of found) pages.set(logKeyText({ endpointId, state, request }), page);
    }
    return pages;
  },
  { keyText: logKeyText },
);

const loadAttempts = batched<string, readonly AttemptRow[]>((context, ids) => attemptsOf(context.db.pool, viewerOf(context), ids));

const Endpoint = nodeType<EndpointRow>('WebhookEndpoint', {
  description: 'An address at which a party is told of events, by Standard Webhooks.',
  access: managingWebhooks,
  load: loadEndpoint,
});

const Delivery = nodeType<DeliveryRow>('WebhookDelivery', {
  description: 'One message to one webhook, with what became of it.',
  access: managingWebhooks,
  load: loadDelivery,
});

const AttemptType = builder.objectRef<AttemptRow>('WebhookAttempt').implement({
  description: 'One call of a webhook.',
  access: managingWebhooks,
  fields: (t) => ({
    startedAt: t.field({ type: 'DateTime', description: 'When.', resolve: (row) => row.started_at }),
    durationMs: t.int({ description: 'How long it took, in milliseconds.', resolve: (row) => row.duration_ms }),
    status: t.int({ nullable: true, description: 'The HTTP status; null when no answer came.', resolve: ({ status }) => status }),
    failure: t.string({
      nullable: true,
      description: 'Why no answer came, as a word: CONNECT_TIMEOUT, TOTAL_TIMEOUT, ADDRESS_NOT_ALLOWED …; null when one did.',
      resolve: ({ failure }) => failure,
    }),
    answer: t.string({ description: 'The first kilobyte of the answer.', resolve: ({ answer }) => answer }),
  }),
});

/** The type of a delivery. */
export const DeliveryType = Delivery.fields((t) => ({
  webhookId: t.string({ description: 'The webhook-id header of every attempt.', resolve: ({ id }) => webhookId(id) }),
  topic: t.exposeString('topic', { description: 'The subscription that it tells of; "test" for a test.' }),
  state: t.field({ type: DeliveryStateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
  payload: t.string({
    nullable: true,
    description: 'The body that is sent; null for who may not read all that its webhook reads.',
    resolve: ({ payload, granted }, _, context) => (mayReadPayloads(viewerOf(context), granted) ? payload : null),
  }),
  attemptCount: t.int({ description: 'How often it was tried, resends included.', resolve: (row) => row.attempt_count }),
  nextAttemptAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it is tried next; null when it is not.',
    resolve: (row) => (row.state === 'PENDING' ? row.next_attempt_at : null),
  }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was queued.', resolve: (row) => row.created_at }),
  finishedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it ended; null while it waits.',
    resolve: (row) => row.finished_at,
  }),
  attempts: t.field({
    type: [AttemptType],
    description: 'Its attempts, newest first.',
    resolve: async ({ id }, _, context) => (await loadAttempts(context, id)) ?? [],
  }),
}));

const DeliveryConnection = connectionType<DeliveryRow>('WebhookDelivery', Delivery.ref);

/** The type of a webhook. */
export const EndpointType = Endpoint.fields((t) => ({
  url: t.exposeString('url', { description: 'Where it is called.' }),
  description: t.exposeString('description', { description: 'What people call it.' }),
  document: t.exposeString('document', { description: 'The subscriptions that choose what it is told.' }),
  topics: t.exposeStringList('topics', { description: 'The subscription fields of its document.' }),
  permissions: t.field({
    type: [PermissionEnum],
    description: 'What it may read, as long as who saved it last may.',
    resolve: ({ permissions }) => readingPermissions.filter((name) => permissions.includes(name)),
  }),
  isEnabled: t.boolean({ description: 'Whether it is told of events.', resolve: (row) => row.is_enabled }),
  disabledReason: t.field({
    type: DisabledReasonEnum,
    nullable: true,
    description: 'Why it is not; null for an enabled one.',
    resolve: (row) => row.disabled_reason,
  }),
  circuit: t.field({
    type: CircuitEnum,
    description: 'Whether it is called now.',
    resolve: (row, _, context) => circuitOf({ openUntil: row.open_until }, context.db.clock()),
  }),
  openUntil: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Until when it is left alone; null while it is called as ever.',
    resolve: (row) => row.open_until,
  }),
  failureCount: t.int({ description: 'Attempts that failed since the last success.', resolve: (row) => row.failure_count }),
  failingSince: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When the first of them failed; null when none did.',
    resolve: (row) => row.failing_since,
  }),
  lastSuccessAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it last answered 2xx; null for never.',
    resolve: (row) => row.last_success_at,
  }),
  previousSecretUntil: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Until when the secret before this one signs as well; null when only one does.',
    resolve: ({ previous_until: until }, _, context) => (until !== null && until > context.db.clock() ? until : null),
  }),
  pendingCount: t.int({
    description: 'Deliveries that wait.',
    complexity: 5,
    resolve: async ({ id }, _, context) => (await loadCounts(context, id))?.PENDING ?? 0,
  }),
  failedCount: t.int({
    description: 'Deliveries in the log that failed.',
    complexity: 5,
    resolve: async ({ id }, _, context) => (await loadCounts(context, id))?.FAILED ?? 0,
  }),
  deliveries: t.field({
    type: DeliveryConnection,
    description: 'Its log, newest first.',
    complexity: pageCost,
    args: { state: t.arg({ type: DeliveryStateEnum, description: 'Only those in this state.' }), ...pageArgs(t.arg) },
    resolve: async ({ id: endpointId }, { state = null, ...args }, context) => {
      const request = readPage('deliveries', args);
      const page = await loadLog(context, { endpointId, state, request });
      if (page === null) throw new Error('a webhook without a log');
      return toConnection(
        'deliveries',
        request,
        page,
        (row) => row.id,
        () => countOf(context, endpointId, state),
      );
    },
  }),
  version: t.exposeInt('version', { description: 'Rises with every edit; the expectedVersion of the next.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: (row) => row.created_at }),
  updatedAt: t.field({ type: 'DateTime', description: 'When it was changed last.', resolve: (row) => row.updated_at }),
}));

async function countOf(context: Context, endpointId: string, state: DeliveryRow['state'] | null): Promise<number> {
  const counts = (await loadCounts(context, endpointId)) ?? {};
  if (state !== null) return counts[state] ?? 0;
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

const EndpointConnection = connectionType<EndpointRow>('WebhookEndpoint', Endpoint.ref);

builder.queryField('webhookEndpoints', (t) =>
  t.field({
    type: EndpointConnection,
    access: managingWebhooks,
    description: 'The webhooks of the acting party, newest first.',
    complexity: pageCost,
    args: pageArgs(t.arg),
    resolve: async (_, args, context) => {
      const request = readPage('webhookEndpoints', args);
      const page = await visibleEndpoints(context.db.pool, viewerOf(context), request);
      return toConnection(
        'webhookEndpoints',
        request,
        page,
        (row) => row.id,
        () => countOwnEndpoints(context.db.pool, viewerOf(context)),
      );
    },
  }),
);
