import {
  createWebhook,
  deleteWebhook,
  endWebhookRotation,
  resendWebhook,
  rotateWebhookSecret,
  testWebhook,
  updateWebhook,
} from '#server/flows/webhook-endpoints.ts';
import type { DeliveryRow, EndpointRow } from '#server/webhooks/reads.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { PermissionEnum } from './enums.ts';
import { globalId, idOf } from './ids.ts';
import { forgetLoaded } from './loaders.ts';
import { done, given, mutation, successType } from './mutation.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refused, StaleVersion, staleVersion } from './refusals.ts';
import { resultUnion } from './results.ts';
import { DeliveryType, EndpointType, loadDelivery, loadEndpoint, managingWebhooks } from './webhook.ts';

const WHAT = 'webhook';
const SECRET_TEXT = 'The signing secret (whsec_…). Shown this once.';

type WithEndpoint<Name extends string> = { readonly __typename: Name; readonly webhookEndpoint: EndpointRow };
type WithSecret<Name extends string> = WithEndpoint<Name> & { readonly secret: string };

const Created = successType<WithSecret<'WebhookEndpointCreated'>>('WebhookEndpointCreated', 'A webhook was made.', (t) => ({
  webhookEndpoint: t.field({ type: EndpointType, description: 'The webhook.', resolve: ({ webhookEndpoint }) => webhookEndpoint }),
  secret: t.exposeString('secret', { description: SECRET_TEXT }),
}));

mutation('createWebhookEndpoint', {
  description: 'Makes a webhook of the acting party. It is told of what happens from now on, and never of more than its maker may see.',
  access: managingWebhooks,
  input: builder.inputType('CreateWebhookEndpointInput', {
    description: 'The webhook to make.',
    fields: (t) => ({
      url: t.string({ required: true, description: 'Where to call it: https, at a public address.' }),
      description: t.string({ description: 'What people call it.' }),
      document: t.string({ required: true, description: 'One or more subscriptions without variables: their fields are what it is told.' }),
      permissions: t.field({ type: [PermissionEnum], description: 'What it may read; all that its maker may read when left out.' }),
    }),
  }),
  result: resultUnion('CreateWebhookEndpointResult', 'A webhook with its secret, or why there is none.', [
    Created,
    InvalidInput,
    NotAllowed,
  ]),
  resolve: async ({ url, description, document, permissions }, context) => {
    const input = { url, description: description ?? '', document, permissions: permissions ?? null };
    const outcome = await createWebhook(groundOf(context), viewerOf(context), input);
    if (outcome.kind !== 'CREATED') return refused(outcome, WHAT);
    return done('WebhookEndpointCreated', { webhookEndpoint: await requireEndpoint(context, outcome.endpointId), secret: outcome.secret });
  },
});

const Updated = successType<WithEndpoint<'WebhookEndpointUpdated'>>('WebhookEndpointUpdated', 'A webhook was changed.', (t) => ({
  webhookEndpoint: t.field({ type: EndpointType, description: 'The webhook.', resolve: ({ webhookEndpoint }) => webhookEndpoint }),
}));

mutation('updateWebhookEndpoint', {
  description: 'Changes a webhook of the acting party; what is left out stays. Who changes it answers for what it shows from then on.',
  access: managingWebhooks,
  input: builder.inputType('UpdateWebhookEndpointInput', {
    description: 'What to change.',
    fields: (t) => ({
      webhookEndpointId: t.id({ required: true, description: 'The webhook.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
      url: t.string({ description: 'Where to call it.' }),
      description: t.string({ description: 'What people call it.' }),
      document: t.string({ description: 'Its subscriptions.' }),
      permissions: t.field({ type: [PermissionEnum], description: 'What it may read.' }),
      isEnabled: t.boolean({ description: 'Whether it is told of events. Enabled again, it is told of what happens from then on.' }),
    }),
  }),
  result: resultUnion('UpdateWebhookEndpointResult', 'A changed webhook, or why it is as it was.', [
    Updated,
    NotFound,
    StaleVersion,
    InvalidInput,
    NotAllowed,
  ]),
  resolve: async ({ webhookEndpointId, expectedVersion, url, description, document, permissions, isEnabled }, context) => {
    const endpointId = idOf('WebhookEndpoint', webhookEndpointId);
    if (endpointId === null) return notFound(WHAT);
    const change = {
      ...given('url', url),
      ...given('description', description),
      ...given('document', document),
      ...given('permissions', permissions),
      ...given('isEnabled', isEnabled),
    };
    const outcome = await updateWebhook(groundOf(context), viewerOf(context), { endpointId, expectedVersion }, change);
    if (outcome.kind === 'STALE_VERSION') return stale(context, endpointId);
    if (outcome.kind !== 'SAVED') return refused(outcome, WHAT);
    return done('WebhookEndpointUpdated', { webhookEndpoint: await requireEndpoint(context, endpointId) });
  },
});

const endpointInput = (name: string, description: string) =>
  builder.inputType(name, {
    description,
    fields: (t) => ({
      webhookEndpointId: t.id({ required: true, description: 'The webhook.' }),
      expectedVersion: t.int({ required: true, description: 'Its version as it was read.' }),
    }),
  });

const Deleted = successType<{ readonly __typename: 'WebhookEndpointDeleted'; readonly deletedId: string }>(
  'WebhookEndpointDeleted',
  'A webhook is gone.',
  (t) => ({ deletedId: t.exposeID('deletedId', { description: 'The id that it had.' }) }),
);

mutation('deleteWebhookEndpoint', {
  description: 'Deletes a webhook of the acting party with its secrets; what waited is not sent.',
  access: managingWebhooks,
  input: endpointInput('DeleteWebhookEndpointInput', 'The webhook to delete.'),
  result: resultUnion('DeleteWebhookEndpointResult', 'That it is gone, or why not.', [Deleted, NotFound, StaleVersion]),
  resolve: async ({ webhookEndpointId, expectedVersion }, context) => {
    const endpointId = idOf('WebhookEndpoint', webhookEndpointId);
    if (endpointId === null) return notFound(WHAT);
    const outcome = await deleteWebhook(context.db, viewerOf(context), { endpointId, expectedVersion });
    if (outcome.kind === 'STALE_VERSION') return stale(context, endpointId);
    if (outcome.kind === 'NOT_FOUND') return notFound(WHAT);
    return done('WebhookEndpointDeleted', { deletedId: globalId('WebhookEndpoint', endpointId) });
  },
});

const Rotated = successType<WithSecret<'WebhookSecretRotated'>>('WebhookSecretRotated', 'A webhook has a new secret.', (t) => ({
  webhookEndpoint: t.field({ type: EndpointType, description: 'The webhook.', resolve: ({ webhookEndpoint }) => webhookEndpoint }),
  secret: t.exposeString('secret', { description: SECRET_TEXT }),
}));

mutation('rotateWebhookSecret', {
  description: 'Gives a webhook a new secret. The one before signs as well until the rotation is ended, at most for seven days.',
  access: managingWebhooks,
  input: endpointInput('RotateWebhookSecretInput', 'The webhook whose secret is to change.'),
  result: resultUnion('RotateWebhookSecretResult', 'A new secret, or why there is none.', [Rotated, NotFound, StaleVersion]),
  resolve: async ({ webhookEndpointId, expectedVersion }, context) => {
    const endpointId = idOf('WebhookEndpoint', webhookEndpointId);
    if (endpointId === null) return notFound(WHAT);
    const outcome = await rotateWebhookSecret(context.db, context.vault, viewerOf(context), { endpointId, expectedVersion });
    if (outcome.kind === 'STALE_VERSION') return stale(context, endpointId);
    if (outcome.kind === 'NOT_FOUND') return notFound(WHAT);
    return done('WebhookSecretRotated', { webhookEndpoint: await requireEndpoint(context, endpointId), secret: outcome.secret });
  },
});

const RotationEnded = successType<WithEndpoint<'WebhookSecretRotationEnded'>>(
  'WebhookSecretRotationEnded',
  'Only the newest secret signs.',
  (t) => ({
    webhookEndpoint: t.field({ type: EndpointType, description: 'The webhook.', resolve: ({ webhookEndpoint }) => webhookEndpoint }),
  }),
);

mutation('endWebhookSecretRotation', {
  description: 'Ends the rotation of a secret: the one before signs no more.',
  access: managingWebhooks,
  input: endpointInput('EndWebhookSecretRotationInput', 'The webhook whose rotation is to end.'),
  result: resultUnion('EndWebhookSecretRotationResult', 'That it ended, or why not.', [RotationEnded, NotFound, StaleVersion]),
  resolve: async ({ webhookEndpointId, expectedVersion }, context) => {
    const endpointId = idOf('WebhookEndpoint', webhookEndpointId);
    if (endpointId === null) return notFound(WHAT);
    const outcome = await endWebhookRotation(context.db, viewerOf(context), { endpointId, expectedVersion });
    if (outcome.kind === 'STALE_VERSION') return stale(context, endpointId);
    if (outcome.kind === 'NOT_FOUND') return notFound(WHAT);
    return done('WebhookSecretRotationEnded', { webhookEndpoint: await requireEndpoint(context, endpointId) });
  },
});

const Queued = successType<{ readonly __typename: 'WebhookDeliveryQueued'; readonly webhookDelivery: DeliveryRow }>(
  'WebhookDeliveryQueued',
  'A delivery is on its way.',
  (t) => ({
    webhookDelivery: t.field({ type: DeliveryType, description: 'The delivery.', resolve: ({ webhookDelivery }) => webhookDelivery }),
  }),
);

mutation('testWebhookEndpoint', {
  description: 'Sends a signed test message to an enabled webhook; the log tells what came of it.',
  access: managingWebhooks,
  input: builder.inputType('TestWebhookEndpointInput', {
    description: 'The webhook to test.',
    fields: (t) => ({ webhookEndpointId: t.id({ required: true, description: 'The webhook.' }) }),
  }),
  result: resultUnion('TestWebhookEndpointResult', 'The queued test, or why there is none.', [Queued, NotFound, NotAllowed]),
  resolve: async ({ webhookEndpointId }, context) => {
    const endpointId = idOf('WebhookEndpoint', webhookEndpointId);
    if (endpointId === null) return notFound(WHAT);
    const outcome = await testWebhook(context.db, viewerOf(context), endpointId);
    if (outcome.kind !== 'QUEUED') return refused(outcome, WHAT);
    return done('WebhookDeliveryQueued', { webhookDelivery: await requireDelivery(context, outcome.deliveryId) });
  },
});

mutation('resendWebhookDelivery', {
  description: 'Sends a delivery once more, under the same webhook-id, whatever became of it.',
  access: managingWebhooks,
  input: builder.inputType('ResendWebhookDeliveryInput', {
    description: 'The delivery to send again.',
    fields: (t) => ({ webhookDeliveryId: t.id({ required: true, description: 'The delivery.' }) }),
  }),
  result: resultUnion('ResendWebhookDeliveryResult', 'The queued delivery, or why there is none.', [Queued, NotFound, NotAllowed]),
  resolve: async ({ webhookDeliveryId }, context) => {
    const deliveryId = idOf('WebhookDelivery', webhookDeliveryId);
    if (deliveryId === null) return notFound('delivery');
    const outcome = await resendWebhook(context.db, viewerOf(context), deliveryId);
    if (outcome.kind !== 'QUEUED') return refused(outcome, 'delivery');
    return done('WebhookDeliveryQueued', { webhookDelivery: await requireDelivery(context, deliveryId) });
  },
});

function groundOf({ db, vault, webhooks }: Context) {
  return { db, vault, checks: webhooks };
}

async function stale(context: Context, endpointId: string) {
  return staleVersion('WebhookEndpoint', await requireEndpoint(context, endpointId));
}

async function requireEndpoint(context: Context, id: string): Promise<EndpointRow> {
  forgetLoaded(context);
  const endpoint = await loadEndpoint(context, id);
  if (endpoint === null) throw new Error(`the webhook ${id} is not there`);
  return endpoint;
}

async function requireDelivery(context: Context, id: string): Promise<DeliveryRow> {
  forgetLoaded(context);
  const delivery = await loadDelivery(context, id);
  if (delivery === null) throw new Error(`the delivery ${id} is not there`);
  return delivery;
}
