import type { Viewer } from '#server/accounts/rules.ts';
import { setListingPolicy } from '#server/flows/listing-policy.ts';
import {
  acknowledgeListing,
  approveListing,
  confirmListingCheck,
  type ListingMoved,
  pauseListing,
  recheckListing,
  rejectListing,
  resumeListing,
  retireListing,
  reviseListing,
  scheduleListing,
  submitListing,
} from '#server/flows/listing-states.ts';
import type { ListingRow, PolicyRow } from '#server/listings/reads.ts';
import type { CheckProblem } from '#server/listings/rules.ts';
import type { Database } from '#server/platform/database.ts';
import { viewerOf } from './acting.ts';
import { builder } from './builder.ts';
import { idOf } from './ids.ts';
import { ListingPolicyType, ListingProblemType, ListingType } from './listing.ts';
import { done, mutation, successType } from './mutation.ts';
import { InvalidInput, NotAllowed, NotFound, notFound, refusalType, refused, StaleVersion, staleVersion } from './refusals.ts';
import { resultUnion } from './results.ts';

const managing = { party: 'STATION', permission: 'LISTINGS_MANAGE' } as const;
const reviewing = { party: 'STATION', permission: 'LISTINGS_REVIEW' } as const;
const VERSION = 'The version of the listing that this is based on.';

/** The checks of a listing forbid it. */
export const ListingRefused = refusalType<{
  readonly __typename: 'ListingRefused';
  readonly message: string;
  readonly problems: readonly CheckProblem[];
}>('ListingRefused', 'The checks of the listing forbid it.', (t) => ({
  problems: t.field({ type: [ListingProblemType], description: 'What they found.', resolve: ({ problems }) => problems }),
}));

/** Says in the words of the contract what the checks forbid. */
export function listingRefused(problems: readonly CheckProblem[]) {
  return done('ListingRefused', { message: `The checks found ${problems.length} that is wrong: ${problems[0]?.message ?? ''}`, problems });
}

const ListingMovedType = successType<{ readonly __typename: 'ListingMoved'; readonly listing: ListingRow }>(
  'ListingMoved',
  'A listing is where it was to be moved.',
  (t) => ({ listing: t.field({ type: ListingType, description: 'The listing.', resolve: ({ listing }) => listing }) }),
);

/** A listing that was moved, or why not, as each of the moves answers it. */
function moveResult(name: string) {
  return resultUnion(`${capital(name)}Result`, 'A listing where it was to be moved, or why not.', [
    ListingMovedType,
    ListingRefused,
    NotFound,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]);
}

function answerOf(outcome: ListingMoved) {
  if (outcome.kind === 'LISTING_MOVED') return done('ListingMoved', { listing: outcome.listing });
  if (outcome.kind === 'LISTING_REFUSED') return listingRefused(outcome.problems);
  return outcome.kind === 'STALE_VERSION' ? staleVersion('Listing', outcome.current) : refused(outcome, 'listing');
}

type Named = { readonly skuId: string; readonly expectedVersion: number };

/** A move that needs nothing but the listing. */
function plainMove(
  name: string,
  description: string,
  access: typeof managing | typeof reviewing,
  run: (db: Database, viewer: Viewer, named: Named) => Promise<ListingMoved>,
): void {
  mutation(name, {
    description,
    access,
    input: builder.inputType(`${capital(name)}Input`, {
      description: 'The listing.',
      fields: (t) => ({
        skuId: t.id({ required: true, description: 'Of which SKU; the id of the listing will do.' }),
        expectedVersion: t.int({ required: true, description: VERSION }),
      }),
    }),
    result: moveResult(name),
    resolve: async ({ expectedVersion, ...input }, context) => {
      const skuId = skuIdOf(input.skuId);
      return skuId === null ? notFound('listing') : answerOf(await run(context.db, viewerOf(context), { skuId, expectedVersion }));
    },
  });
}

plainMove('reviseListing', 'Takes a listing back to be edited: one that was rejected, or is not live yet.', managing, reviseListing);
plainMove('recheckListing', 'Lets the checks of a submitted listing run again, for what it says and costs now.', managing, recheckListing);
plainMove('pauseListing', 'Takes a listing off sale for a while; headquarters may take off any.', managing, pauseListing);
plainMove('resumeListing', 'Puts a paused listing on sale again.', managing, resumeListing);
plainMove('retireListing', 'Takes a listing off sale for ever; headquarters may retire any.', managing, retireListing);
plainMove('acknowledgeListing', 'Notes that a reviewer has seen what a listing says now.', reviewing, acknowledgeListing);

/** A reviewer's word. */
function reviewMove(
  name: string,
  description: string,
  note: string,
  run: (db: Database, viewer: Viewer, input: Named & { readonly note: string }) => Promise<ListingMoved>,
): void {
  mutation(name, {
    description,
    access: reviewing,
    input: builder.inputType(`${capital(name)}Input`, {
      description: 'The listing and what the reviewer says.',
      fields: (t) => ({
        skuId: t.id({ required: true, description: 'Of which SKU; the id of the listing will do.' }),
        expectedVersion: t.int({ required: true, description: VERSION }),
        note: t.string({ description: note }),
      }),
    }),
    result: moveResult(name),
    resolve: async ({ expectedVersion, note: said, ...input }, context) => {
      const skuId = skuIdOf(input.skuId);
      if (skuId === null) return notFound('listing');
      return answerOf(await run(context.db, viewerOf(context), { skuId, expectedVersion, note: said ?? '' }));
    },
  });
}

reviewMove(
  'approveListing',
  'Approves a listing whose checks have all passed: it goes live at once or at its time.',
  'A word to the owner.',
  approveListing,
);
reviewMove('rejectListing', 'Rejects a listing; its owner may revise it.', 'Why; the owner reads it. Required.', rejectListing);
reviewMove(
  'confirmListingCheck',
  'Confirms that a direct top-up really arrives, which a person has tried.',
  'What was tried; kept with the check. Required.',
  confirmListingCheck,
);

mutation('submitListing', {
  description: 'Hands a draft over for review; its checks begin.',
  access: managing,
  input: builder.inputType('SubmitListingInput', {
    description: 'The draft.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'Which SKU.' }),
      expectedVersion: t.int({ required: true, description: VERSION }),
      marginReason: t.string({ description: 'Why a margin below the least is right.' }),
      goLiveAt: t.field({ type: 'DateTime', description: 'When it goes live once it is approved; at once when left out.' }),
      isHeld: t.boolean({ description: 'It stays approved until its owner says: for what is sold in bundles alone.' }),
    }),
  }),
  result: moveResult('submitListing'),
  resolve: async ({ expectedVersion, marginReason, goLiveAt, isHeld, ...input }, context) => {
    const skuId = skuIdOf(input.skuId);
    if (skuId === null) return notFound('listing');
    const wish = { marginReason: marginReason ?? null, goLiveAt: goLiveAt ?? null, isHeld: isHeld ?? false };
    return answerOf(await submitListing(context.db, viewerOf(context), { skuId, expectedVersion, ...wish }));
  },
});

mutation('scheduleListing', {
  description: 'Lets an approved listing go live, at once or at a time.',
  access: managing,
  input: builder.inputType('ScheduleListingInput', {
    description: 'The listing and its hour.',
    fields: (t) => ({
      skuId: t.id({ required: true, description: 'Which SKU; the id of the listing will do.' }),
      expectedVersion: t.int({ required: true, description: VERSION }),
      goLiveAt: t.field({ type: 'DateTime', description: 'When; at once when left out.' }),
    }),
  }),
  result: moveResult('scheduleListing'),
  resolve: async ({ expectedVersion, goLiveAt, ...input }, context) => {
    const skuId = skuIdOf(input.skuId);
    if (skuId === null) return notFound('listing');
    return answerOf(await scheduleListing(context.db, viewerOf(context), { skuId, expectedVersion, goLiveAt: goLiveAt ?? null }));
  },
});

const ListingPolicySet = successType<{ readonly __typename: 'ListingPolicySet'; readonly policy: PolicyRow }>(
  'ListingPolicySet',
  'The network asks something else of every listing.',
  (t) => ({ policy: t.field({ type: ListingPolicyType, description: 'The policy.', resolve: ({ policy }) => policy }) }),
);

mutation('setListingPolicy', {
  description: 'Sets what headquarters asks of every listing of its network.',
  access: reviewing,
  input: builder.inputType('SetListingPolicyInput', {
    description: 'The whole policy.',
    fields: (t) => ({
      bannedWords: t.stringList({ required: true, description: 'Words that no listing may hold.' }),
      requiredAttributes: t.stringList({ required: true, description: 'Attributes that every product must have.' }),
      marginMinBps: t.int({ required: true, description: 'The least margin without a reason, 0 to 10,000 basis points of the price.' }),
      selfReview: t.boolean({ required: true, description: 'Whether owners of sub-stations decide about their own listings.' }),
      expectedVersion: t.int({ required: true, description: 'The version that the edit is based on; 0 when nothing was set yet.' }),
    }),
  }),
  result: resultUnion('SetListingPolicyResult', 'A policy that holds, or why not.', [
    ListingPolicySet,
    NotAllowed,
    InvalidInput,
    StaleVersion,
  ]),
  resolve: async (input, context) => {
    const outcome = await setListingPolicy(context.db, viewerOf(context), input);
    if (outcome.kind === 'LISTING_POLICY_SET') return done('ListingPolicySet', { policy: outcome.policy });
    return outcome.kind === 'STALE_VERSION' ? staleVersion('ListingPolicy', outcome.current) : refused(outcome);
  },
});

function skuIdOf(text: string): string | null {
  return idOf('Sku', text) ?? idOf('Listing', text);
}

function capital(name: string): string {
  return `${name[0]?.toUpperCase()}${name.slice(1)}`;
}
