import type { ProductRecord } from '#server/catalog/sql.ts';
import {
  type CheckRow,
  checksOfListings,
  type ListingRow,
  listingPolicyOf,
  listingsByIds,
  listingsCount,
  listingsPage,
  type PolicyRow,
  type SeenVersion,
  versionsOfListings,
} from '#server/listings/reads.ts';
import { type CheckProblem, type ListingChange, titleOf } from '#server/listings/rules.ts';
import { actsFor, viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { loadSku, ProductType, SkuType } from './catalogue.ts';
import { connectionType, emptyConnection, pageArgs, pageCost, readPage, toConnection } from './connection.ts';
import { optionalIdOf } from './ids.ts';
import { batched } from './loaders.ts';
import { nodeType } from './node.ts';
import { loadNamedStation, StationType } from './station.ts';

const reading = { party: 'STATION', permission: 'SUPPLY_READ' } as const;

/** State of a listing. */
export const ListingStateEnum = builder.enumType('ListingState', {
  description: 'How far a SKU is on its way to being sold.',
  values: {
    DRAFT: { description: 'Is being written; nobody else sees it.' },
    SUBMITTED: { description: 'Is checked and reviewed.' },
    APPROVED: { description: 'Waits for its time, or is sold in bundles alone.' },
    LIVE: { description: 'Is for sale.' },
    PAUSED: { description: 'Is off sale for a while.' },
    RETIRED: { description: 'Is off sale for ever.' },
    REJECTED: { description: 'A reviewer said no; its owner may revise it.' },
  } as const,
});

const CheckKindEnum = builder.enumType('ListingCheckKind', {
  description: 'What of a listing is checked.',
  values: {
    CONTENT: { description: 'What it says: attributes, title, banned words, twins, links.' },
    TECHNICAL: { description: 'Whether it can really be delivered.' },
    PRICE: { description: 'Whether its price covers the cost and a margin.' },
  } as const,
});

const CheckStateEnum = builder.enumType('ListingCheckState', {
  description: 'How a check stands.',
  values: {
    PENDING: { description: 'Is being done, or waits for a person.' },
    PASSED: { description: 'Found nothing wrong.' },
    FAILED: { description: 'Found something wrong.' },
  } as const,
});

/** What a check found. */
export const ListingProblemType = builder.objectRef<CheckProblem>('ListingProblem').implement({
  description: 'Something that is wrong with a listing.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'What it is, as a word: "BANNED_WORD".' }),
    field: t.exposeString('field', { description: 'Of which field.' }),
    message: t.exposeString('message', { description: 'The same in one English sentence.' }),
  }),
});

const CheckType = builder.objectRef<CheckRow>('ListingCheck').implement({
  description: 'A check of what a listing says now.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    kind: t.field({ type: CheckKindEnum, description: 'What is checked.', resolve: ({ kind }) => kind }),
    state: t.field({ type: CheckStateEnum, description: 'How it stands.', resolve: ({ state }) => state }),
    problems: t.field({ type: [ListingProblemType], description: 'What it found.', resolve: ({ problems }) => problems }),
    needsPerson: t.boolean({
      description: 'Whether a person has to try it: a direct top-up needs an account.',
      resolve: ({ state, facts }) => state === 'PENDING' && facts['needsPerson'] === true,
    }),
    marginBps: t.int({
      nullable: true,
      description: 'PRICE: the margin in basis points of the price; null where no cost is known.',
      resolve: ({ facts }) => (typeof facts['marginBps'] === 'number' ? facts['marginBps'] : null),
    }),
    checkedAt: t.field({ type: 'DateTime', description: 'When it came to this.', resolve: (row) => row.updated_at }),
  }),
});

const ChangeType = builder.objectRef<ListingChange>('ListingChange').implement({
  description: 'One field that a version says differently from the one before it.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    field: t.exposeString('field', { description: 'Which field.' }),
    before: t.exposeString('before', { nullable: true, description: 'What it said; null for nothing. Lists are JSON.' }),
    after: t.exposeString('after', { nullable: true, description: 'What it says; null for nothing.' }),
  }),
});

const VersionType = builder.objectRef<SeenVersion>('ListingVersion').implement({
  description: 'What a listing said and cost from a moment on; orders pin its number.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'Counted from 1.' }),
    createdAt: t.field({ type: 'DateTime', description: 'Since when.', resolve: ({ createdAt }) => createdAt }),
    reason: t.exposeString('reason', { description: 'Why; may be empty.' }),
    isReviewed: t.exposeBoolean('isReviewed', { description: 'Whether a reviewer has seen it.' }),
    changes: t.field({ type: [ChangeType], description: 'What it changed.', resolve: ({ changes }) => changes }),
  }),
});

const Listing = nodeType<ListingRow>('Listing', {
  description: 'How far a SKU is on its way to being sold; shown to its owner and to headquarters, which reviews it.',
  access: reading,
  load: (context, id) => loadListing(context, id),
});

/** The listing type of the contract. */
export const ListingType = Listing.ref;

/** A listing that the viewer may see, by its SKU's id; batched. */
export const loadListing = batched<string, ListingRow>((context, ids) => listingsByIds(context.db.pool, viewerOf(context), ids));
const checksOf = batched<string, CheckRow[]>((context, ids) => checksOfListings(context.db.pool, viewerOf(context), ids));
const versionsOf = batched<string, SeenVersion[]>((context, ids) => versionsOfListings(context.db.pool, viewerOf(context), ids));

Listing.fields((t) => ({
  sku: t.field({
    type: SkuType,
    nullable: true,
    description: 'The SKU; null for a reviewer to whose station it is not sold.',
    resolve: ({ id }, _, context) => loadSku(context, id),
  }),
  owner: t.field({
    type: StationType,
    nullable: true,
    description: 'Whose goods they are.',
    resolve: (row, _, context) => loadNamedStation(context, row.owner_id),
  }),
  title: t.string({
    description: 'The whole title: name, attribute and scene.',
    resolve: (row) => titleOf({ productName: row.product_name, skuName: row.sku_name, scene: row.scene }),
  }),
  state: t.field({ type: ListingStateEnum, description: 'How far it is.', resolve: ({ state }) => state }),
  number: t.exposeInt('number', { description: 'The version that holds: an order placed now pins it.' }),
  version: t.exposeInt('version', { description: 'Rises with every edit and move: the expectedVersion of the next.' }),
  marginReason: t.string({ description: 'Why a small margin is right; may be empty.', resolve: (row) => row.margin_reason }),
  submittedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it was submitted last.',
    resolve: (row) => row.submitted_at,
  }),
  goLiveAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it goes live once it is approved; null when it does not by itself.',
    resolve: (row) => row.go_live_at,
  }),
  decidedAt: t.field({ type: 'DateTime', nullable: true, description: 'When a reviewer decided last.', resolve: (row) => row.decided_at }),
  decisionNote: t.string({ description: 'What the reviewer said; may be empty.', resolve: (row) => row.decision_note }),
  hasUnreviewedChanges: t.boolean({
    description: 'Whether a reviewer has not seen what it says now.',
    resolve: (row) => row.has_unreviewed_changes,
  }),
  checks: t.field({
    type: [CheckType],
    description: 'The checks of what it says now.',
    complexity: { field: 1, multiplier: 3 },
    resolve: async ({ id }, _, context) => (await checksOf(context, id)) ?? [],
  }),
  versions: t.field({
    type: [VersionType],
    description: 'Its newest 20 versions, newest first, each with what it changed.',
    complexity: { field: 5, multiplier: 20 },
    resolve: async ({ id }, _, context) => (await versionsOf(context, id)) ?? [],
  }),
}));

builder.objectFields(SkuType, (t) => ({
  listing: t.field({
    type: ListingType,
    nullable: true,
    access: { ...reading, only: (sku, context) => actsFor(context, sku.ownerId) },
    description: 'How far it is on its way to being sold; shown to the owner alone.',
    resolve: ({ id }, _, context) => loadListing(context, id),
  }),
}));

const ListingConnection = connectionType<ListingRow>('Listing', ListingType);

const ListingFilterInput = builder.inputType('ListingFilter', {
  description: 'Which listings; what is left out does not ask.',
  fields: (t) => ({
    states: t.field({ type: [ListingStateEnum], description: 'In one of these states.' }),
    ownerId: t.id({ description: 'Of this station.' }),
    hasUnreviewedChanges: t.boolean({ description: 'Only those of which a reviewer has not seen what they say now.' }),
  }),
});

builder.queryField('listings', (t) =>
  t.field({
    type: ListingConnection,
    access: reading,
    description: 'The listings of the acting station, of headquarters those of its whole network, newest first.',
    complexity: pageCost,
    args: { filter: t.arg({ type: ListingFilterInput, description: 'Which listings.' }), ...pageArgs(t.arg) },
    resolve: async (_, { filter, ...args }, context) => {
      const request = readPage('listings', args);
      const ownerId = optionalIdOf('Station', filter?.ownerId);
      if (ownerId === null) return emptyConnection<ListingRow>();
      const cut = { states: filter?.states ?? null, ownerId: ownerId ?? null, changed: filter?.hasUnreviewedChanges ?? false };
      const viewer = viewerOf(context);
      const page = await listingsPage(context.db.pool, viewer, cut, request);
      return toConnection(
        'listings',
        request,
        page,
        (row) => row.id,
        () => listingsCount(context.db.pool, viewer, cut),
      );
    },
  }),
);

const Policy = nodeType<PolicyRow>('ListingPolicy', {
  description: 'What a network asks of every listing.',
  access: reading,
  load: async (context, id) => (id === viewerOf(context).networkId ? listingPolicyOf(context.db.pool, viewerOf(context)) : null),
});

/** The policy type of the contract. */
export const ListingPolicyType = Policy.ref;

Policy.fields((t) => ({
  bannedWords: t.stringList({ description: 'Words that no listing may hold.', resolve: ({ bannedWords }) => [...bannedWords] }),
  requiredAttributes: t.stringList({
    description: 'Attributes that every product must have.',
    resolve: ({ requiredAttributes }) => [...requiredAttributes],
  }),
  marginMinBps: t.exposeInt('marginMinBps', { description: 'The least margin without a reason, in basis points of the price.' }),
  selfReview: t.exposeBoolean('selfReview', { description: 'Whether owners of sub-stations decide about their own listings.' }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next; 0 when nothing was set yet.' }),
}));

builder.queryField('listingPolicy', (t) =>
  t.field({
    type: ListingPolicyType,
    nullable: true,
    access: reading,
    description: 'What the network asks of every listing.',
    resolve: (_, __, context) => listingPolicyOf(context.db.pool, viewerOf(context)),
  }),
);

/** An attribute of a product. */
const AttributeType = builder.objectRef<{ readonly name: string; readonly value: string }>('ProductAttribute').implement({
  description: 'Something that a product says of itself.',
  access: 'WITH_PARENT',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is.' }),
    value: t.exposeString('value', { description: 'Its value.' }),
  }),
});

builder.objectFields(ProductType, (t) => ({
  attributes: t.field({
    type: [AttributeType],
    description: 'What it says of itself.',
    resolve: ({ attributes }: ProductRecord) => Object.entries(attributes).map(([name, value]) => ({ name, value })),
  }),
  pictureUrl: t.exposeString('pictureUrl', { nullable: true, description: 'Its picture.' }),
  version: t.exposeInt('version', { description: 'Rises with every edit: the expectedVersion of the next.' }),
}));
