import {
  type ApiKeyView,
  type AuditEntryRow,
  auditEntriesByIds,
  countAuditEntries,
  type MembershipRow,
  type PersonRow,
  readMemberships,
  readPeople,
  visibleApiKeys,
  visibleAuditEntries,
} from '#server/accounts/reads.ts';
import type { SupplierRow } from '#server/suppliers/reads.ts';
import { actingNetwork, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { connectionType, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import type { Context } from './context.ts';
import { PermissionEnum, RoleEnum } from './enums.ts';
import { globalId } from './ids.ts';
import { batched } from './loaders.ts';
import { nodeType } from './node.ts';
import { loadStation, type StationRow, StationType } from './station.ts';
import { loadSupplier, SupplierType } from './supplier.ts';

const Network = nodeType<Awaited<ReturnType<typeof actingNetwork>>>('Network', {
  description: 'One distribution business: its headquarters, stations, suppliers and money.',
  access: { party: 'ANY' },
  load: async (context, id) => (viewerOf(context).networkId === id ? actingNetwork(context) : null),
});

Network.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  currency: t.expose('currency', { type: 'CurrencyCode', description: 'The currency of all its money.' }),
  timeZone: t.exposeString('timeZone', { description: 'The time zone of its days (IANA).' }),
}));

const PartyUnion = builder.unionType('Party', {
  description: 'Whom one can act for.',
  types: () => [StationType, SupplierType],
  resolveType: (party) => ('kind' in party ? 'Station' : 'Supplier'),
});

const Membership = nodeType<MembershipRow>('Membership', {
  description: "A person's right to act for a party.",
  access: 'SIGNED_IN',
  load: async (context, id) => (await ownMemberships(context)).find((membership) => membership.id === id) ?? null,
});

Membership.fields((t) => ({
  party: t.field({ type: PartyUnion, description: 'Whom the person may act for.', resolve: (row, _, context) => partyOf(context, row) }),
  networkName: t.string({ description: "The name of the party's network.", resolve: (row) => row.network_name }),
  role: t.field({ type: RoleEnum, description: 'As what.', resolve: ({ role }) => role }),
}));

const membershipsOf = batched<string, readonly MembershipRow[]>(async (context, userIds) =>
  Map.groupBy(await readMemberships(context.db.pool, userIds), (row) => row.user_id),
);

const personOf = batched<string, PersonRow>(
  async (context, userIds) => new Map((await readPeople(context.db.pool, userIds)).map((row) => [row.id, row])),
);

/** Memberships of the signed-in person, in all of her networks; a program has none. */
async function ownMemberships(context: Context): Promise<readonly MembershipRow[]> {
  return context.person === null ? [] : ((await membershipsOf(context, context.person.userId)) ?? []);
}

/** The party itself where the viewer acts in its network; of a party in another network, its name. */
async function partyOf(context: Context, row: MembershipRow): Promise<StationRow | SupplierRow> {
  const acting = context.viewer?.networkId === row.network_id;
  if (row.station_id !== null && row.station_kind !== null) {
    const seen = acting ? await loadStation(context, row.station_id) : null;
    return seen ?? { id: row.station_id, name: row.party_name, code: row.party_code, kind: row.station_kind, sight: 'NAME_ONLY' };
  }
  if (row.supplier_id === null) throw new Error(`the membership ${row.id} has no party`);
  return { id: row.supplier_id, name: row.party_name, code: row.party_code };
}

async function actingParty(context: Context): Promise<StationRow | SupplierRow | null> {
  const party = context.viewer?.party;
  if (party === undefined) return null;
  return party.kind === 'STATION' ? loadStation(context, party.stationId) : loadSupplier(context, party.supplierId);
}

async function nameOfViewer(context: Context): Promise<{ name: string; email: string | null }> {
  if (context.person !== null) {
    const person = await personOf(context, context.person.userId);
    if (person === null) throw new Error(`the person ${context.person.userId} is not there`);
    return person;
  }
  const actor = viewerOf(context).actor;
  const key = actor.kind === 'API_KEY' ? await loadApiKey(context, actor.apiKeyId) : null;
  return { name: key?.name ?? '', email: null };
}

const ViewerType = builder.objectRef<{ readonly context: Context }>('Viewer').implement({
  description: 'Who sends this request, and for whom.',
  access: 'SIGNED_IN',
  fields: (t) => ({
    id: t.id({
      description: 'The person or the API key.',
      resolve: (_, __, { viewer, person }) =>
        viewer?.actor.kind === 'API_KEY' ? globalId('ApiKey', viewer.actor.apiKeyId) : globalId('User', person?.userId ?? ''),
    }),
    name: t.string({ description: 'Of the person or the API key.', resolve: async (_, __, context) => (await nameOfViewer(context)).name }),
    email: t.string({
      nullable: true,
      description: 'Of the person; null for an API key.',
      resolve: async (_, __, context) => (await nameOfViewer(context)).email,
    }),
    network: t.field({
      type: Network.ref,
      nullable: true,
      description: 'The network of the party; null until a party is chosen.',
      resolve: (_, __, context) => (context.viewer === null ? null : actingNetwork(context)),
    }),
    party: t.field({
      type: PartyUnion,
      nullable: true,
      description: 'The party that this request acts for; null until one is chosen.',
      resolve: (_, __, context) => actingParty(context),
    }),
    role: t.field({
      type: RoleEnum,
      nullable: true,
      description: 'The role in the party; null for an API key.',
      resolve: (_, __, { viewer }) => viewer?.role ?? null,
    }),
    permissions: t.field({
      type: [PermissionEnum],
      description: 'What this request may do.',
      resolve: (_, __, { viewer }) => [...(viewer?.permissions ?? [])],
    }),
    memberships: t.field({
      type: [Membership.ref],
      description: 'What the signed-in person may act for; empty for an API key.',
      resolve: (_, __, context) => ownMemberships(context),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerType,
    nullable: true,
    access: 'ANYBODY',
    description: 'Who sends this request; null for nobody.',
    resolve: (_, __, context) => (context.viewer === null && context.person === null ? null : { context }),
  }),
);

const ownParty = { party: 'ANY', permission: 'API_KEYS_MANAGE' } as const;

const ApiKey = nodeType<ApiKeyView>('ApiKey', {
  description: 'A key by which a program acts for one party.',
  access: ownParty,
  load: (context, id) => loadApiKey(context, id),
});

/** The API key type of the contract. */
export const ApiKeyType = ApiKey.ref;

/** A key of the viewer's own party, by id. */
export const loadApiKey = batched<string, ApiKeyView>(
  async (context, ids) => new Map((await visibleApiKeys(context.db.pool, viewerOf(context), ids)).map((row) => [row.id, row])),
);

ApiKey.fields((t) => ({
  name: t.exposeString('name', { description: 'What people call it.' }),
  prefix: t.exposeString('prefix', { description: 'Its public beginning, by which it is recognised.' }),
  permissions: t.field({ type: [PermissionEnum], description: 'Its scopes.', resolve: ({ permissions }) => permissions }),
  allowedIps: t.exposeStringList('allowedIps', { description: 'Addresses and ranges that it may be used from; empty for anywhere.' }),
  createdAt: t.field({ type: 'DateTime', description: 'When it was made.', resolve: ({ createdAt }) => createdAt }),
  expiresAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it ends; null for never.',
    resolve: ({ expiresAt }) => expiresAt,
  }),
  lastUsedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it was used last, to the minute.',
    resolve: ({ lastUsedAt }) => lastUsedAt,
  }),
  revokedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it was revoked; null for a live one.',
    resolve: ({ revokedAt }) => revokedAt,
  }),
}));

builder.queryField('apiKeys', (t) =>
  t.field({
    type: [ApiKeyType],
    access: ownParty,
    description: 'The API keys of the acting party, newest first, revoked ones included.',
    resolve: (_, __, context) => visibleApiKeys(context.db.pool, viewerOf(context)),
  }),
);

const ownAudit = { party: 'ANY', permission: 'MEMBERS_MANAGE' } as const;

const AuditEntry = nodeType<AuditEntryRow>('AuditEntry', {
  description: 'Something that somebody did for the party and that must stay known.',
  access: ownAudit,
  load: (context, id) => loadAuditEntry(context, id),
});

const loadAuditEntry = batched<string, AuditEntryRow>((context, ids) => auditEntriesByIds(context.db.pool, viewerOf(context), ids));

const AuditEntryConnection = connectionType<AuditEntryRow>('AuditEntry', AuditEntry.ref);

AuditEntry.fields((t) => ({
  action: t.exposeString('action', { description: 'What was done, as a word: "api_key.created".' }),
  actorName: t.string({ description: 'The person or API key that did it.', resolve: (row) => row.actor_name ?? '' }),
  subjectId: t.id({ nullable: true, description: 'What it was done to, as a plain id.', resolve: (row) => row.subject_id }),
  createdAt: t.field({ type: 'DateTime', description: 'When.', resolve: (row) => row.created_at }),
}));

builder.queryField('auditEntries', (t) =>
  t.field({
    type: AuditEntryConnection,
    access: ownAudit,
    description: 'What was done for the acting party, newest first.',
    complexity: pageCost,
    args: pageArgs(t.arg),
    resolve: async (_, args, context) => {
      const request = readPage('auditEntries', args);
      const page = await visibleAuditEntries(context.db.pool, viewerOf(context), request);
      return toConnection(
        'auditEntries',
        request,
        page,
        (row) => row.id,
        () => countAuditEntries(context.db.pool, viewerOf(context)),
      );
    },
  }),
);
