import { createApiKey, revokeApiKey } from '#server/accounts/commands.ts';
import type { ApiKeyView } from '#server/accounts/reads.ts';
import { inTransaction } from '#server/platform/database.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { PermissionEnum } from './enums.ts';
import { idOf } from './ids.ts';
import { done, mutation, successType } from './mutation.ts';
import { ApiKeyType, loadApiKey } from './people.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refused } from './refusals.ts';
import { resultUnion } from './results.ts';

const managing = { party: 'ANY', permission: 'API_KEYS_MANAGE' } as const;

const ApiKeyCreated = successType<{ readonly __typename: 'ApiKeyCreated'; readonly apiKey: ApiKeyView; readonly secret: string }>(
  'ApiKeyCreated',
  'An API key was made.',
  (t) => ({
    apiKey: t.field({ type: ApiKeyType, description: 'The key as it is listed.', resolve: ({ apiKey }) => apiKey }),
    secret: t.exposeString('secret', { description: 'The whole key, for the Authorization header. Shown this once.' }),
  }),
);

mutation('createApiKey', {
  description: 'Makes an API key for the acting party, with no permission that the person lacks.',
  access: managing,
  input: builder.inputType('CreateApiKeyInput', {
    description: 'The key to make.',
    fields: (t) => ({
      name: t.string({ required: true, description: 'What people call it.' }),
      permissions: t.field({ type: [PermissionEnum], required: true, description: 'Its scopes.' }),
      expiresAt: t.field({ type: 'DateTime', description: 'When it ends; never when left out.' }),
      allowedIps: t.stringList({ description: 'Addresses and CIDR ranges that it may be used from; anywhere when left out.' }),
    }),
  }),
  result: resultUnion('CreateApiKeyResult', 'An API key, or why there is none.', [ApiKeyCreated, InvalidInput, NotAllowed]),
  resolve: async ({ name, permissions, expiresAt, allowedIps }, context) => {
    const request = { name, permissions, expiresAt: expiresAt ?? null, allowedIps: allowedIps ?? [] };
    const outcome = await inTransaction(context.db, (tx) => createApiKey(tx, viewerOf(context), request));
    if (outcome.kind !== 'API_KEY_CREATED') return refused(outcome);
    return done('ApiKeyCreated', { apiKey: await requireApiKey(context, outcome.apiKeyId), secret: outcome.secret });
  },
});

const ApiKeyRevoked = successType<{ readonly __typename: 'ApiKeyRevoked'; readonly apiKey: ApiKeyView }>(
  'ApiKeyRevoked',
  'An API key opens nothing any more.',
  (t) => ({ apiKey: t.field({ type: ApiKeyType, description: 'The key.', resolve: ({ apiKey }) => apiKey }) }),
);

mutation('revokeApiKey', {
  description: 'Revokes an API key of the acting party; its open streams close within a second.',
  access: managing,
  input: builder.inputType('RevokeApiKeyInput', {
    description: 'The key to revoke.',
    fields: (t) => ({ apiKeyId: t.id({ required: true, description: 'The key.' }) }),
  }),
  result: resultUnion('RevokeApiKeyResult', 'A revoked API key, or why there is none.', [ApiKeyRevoked, NotFound]),
  resolve: async (input, context) => {
    const apiKeyId = idOf('ApiKey', input.apiKeyId);
    if (apiKeyId === null) return notFound('API key');
    const outcome = await inTransaction(context.db, (tx) => revokeApiKey(tx, viewerOf(context), apiKeyId));
    if (outcome.kind === 'NOT_FOUND') return notFound('API key');
    return done('ApiKeyRevoked', { apiKey: await requireApiKey(context, apiKeyId) });
  },
});

async function requireApiKey(context: Context, id: string): Promise<ApiKeyView> {
  const apiKey = await loadApiKey(context, id);
  if (apiKey === null) throw new Error(`the API key ${id} is not there`);
  return apiKey;
}
