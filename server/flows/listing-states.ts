import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { CHECK_KINDS, type CheckProblem, type ListingMove, stateAfter } from '#server/listings/rules.ts';
import {
  type CheckRow,
  type ListingFacts,
  type ListingRow,
  lockDueListings,
  selectChecks,
  selectListingLocked,
  selectListings,
  selectPolicy,
  writeCheckResult,
  writeChecks,
  writeListing,
  writeVersions,
} from '#server/listings/sql.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { type ListingRefused, tellOfListing } from './listing-versions.ts';

// The life of a listing (domain §6): DRAFT → SUBMITTED → its checks → APPROVED → LIVE, at once or at its time ⇄ PAUSED → RETIRED;
// REJECTED → DRAFT. Owners submit, pause and retire; headquarters reviews, or the owner itself where the network's policy says so.

/** A listing and the version of it that the move is based on. */
export type ListingNamed = { readonly skuId: string; readonly expectedVersion: number };

/** What can become of a move. */
export type ListingMoved =
  | { readonly kind: 'LISTING_MOVED'; readonly listing: ListingRow }
  | { readonly kind: 'STALE_VERSION'; readonly current: ListingRow }
  | ListingRefused
  | NotAllowed
  | NotFound
  | InvalidInput;

/**
 * What an owner submits. `marginReason`: why a margin below the network's least is right. `goLiveAt`: when it goes live once it is
 * approved, null: at once. `isHeld`: it stays APPROVED until its owner says, such as a component that is sold in bundles alone.
 */
export type SubmitListingInput = ListingNamed & {
  readonly marginReason: string | null;
  readonly goLiveAt: Date | null;
  readonly isHeld: boolean;
};

const REASON_MAX = 500;

/** Hands a draft over for review: what it says becomes a version, and the worker begins the checks of it. */
export async function submitListing(db: Database, viewer: Viewer, input: SubmitListingInput): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_MANAGE');
  if ((input.marginReason ?? '').length > REASON_MAX) return tooLong('marginReason');
  return move(db, viewer, { stationId, named: input, move: 'SUBMIT' }, async (tx, listing) => {
    const goLiveAt = input.isHeld ? null : (input.goLiveAt ?? tx.now);
    await beginChecks(tx, viewer, listing);
    return { marginReason: input.marginReason ?? '', submittedBy: actorId(viewer), goLiveAt };
  });
}

/** Takes a listing back to be edited: one that was rejected, or that is not live yet. */
export async function reviseListing(db: Database, viewer: Viewer, named: ListingNamed): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_MANAGE');
  return move(db, viewer, { stationId, named, move: 'REVISE' }, async () => ({}));
}

/** Lets an APPROVED listing go live: at once (null), or at a time. */
export async function scheduleListing(
  db: Database,
  viewer: Viewer,
  input: ListingNamed & { readonly goLiveAt: Date | null },
): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_MANAGE');
  const { goLiveAt } = input;
  const isLater = goLiveAt !== null && goLiveAt > db.clock();
  return move(db, viewer, { stationId, named: input, move: 'GO_LIVE', to: isLater ? 'APPROVED' : 'LIVE' }, async () => ({
    goLiveAt: isLater ? goLiveAt : null,
  }));
}

/** Takes a listing off sale, or back on. Headquarters may take any of its network off. */
export async function pauseListing(db: Database, viewer: Viewer, named: ListingNamed): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_MANAGE');
  return move(db, viewer, { stationId, named, move: 'PAUSE', headquartersToo: true }, async () => ({}));
}

/** Puts a paused listing on sale again. */
export async function resumeListing(db: Database, viewer: Viewer, named: ListingNamed): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_MANAGE');
  return move(db, viewer, { stationId, named, move: 'RESUME' }, async () => ({}));
}

/** Ends a listing for ever; what was bought of it stays. Headquarters may end any of its network. */
export async function retireListing(db: Database, viewer: Viewer, named: ListingNamed): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_MANAGE');
  return move(db, viewer, { stationId, named, move: 'RETIRE', headquartersToo: true }, async () => ({}));
}

/** A reviewer's word; `note` is kept and read by the owner. */
export type ReviewInput = ListingNamed & { readonly note: string };

/**
 * Approves a listing whose checks have all passed: it is live at once, or at the time that its owner asked for. LISTING_REFUSED names
 * what the checks found; while they run, or when its costs have moved since, it is refused until they are done (again).
 */
export async function approveListing(db: Database, viewer: Viewer, input: ReviewInput): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_REVIEW');
  if (input.note.length > REASON_MAX) return tooLong('note');
  return inTransaction(db, async (tx): Promise<ListingMoved> => {
    const found = await findForReview(tx, viewer, stationId, input);
    if (found.kind !== 'FOUND') return found;
    const { listing } = found;
    const refusal = await checksRefusal(tx, viewer.networkId, listing);
    if (refusal) return refusal;
    const isDue = listing.go_live_at !== null && listing.go_live_at <= tx.now;
    const facts = { decidedBy: actorId(viewer), decisionNote: input.note, reviewedNumber: listing.number };
    return write(
      tx,
      viewer,
      listing,
      { to: isDue ? 'LIVE' : 'APPROVED', action: 'approved' },
      { ...facts, goLiveAt: isDue ? null : listing.go_live_at },
    );
  });
}

/** Rejects a listing; the note says why, and its owner may revise it. */
export async function rejectListing(db: Database, viewer: Viewer, input: ReviewInput): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_REVIEW');
  if (input.note.trim() === '' || input.note.length > REASON_MAX)
    return { kind: 'INVALID_INPUT', field: 'note', message: `Say why, in at most ${REASON_MAX} characters.` };
  return inTransaction(db, async (tx): Promise<ListingMoved> => {
    const found = await findForReview(tx, viewer, stationId, input, 'REJECT');
    if (found.kind !== 'FOUND') return found;
    const facts = { decidedBy: actorId(viewer), decisionNote: input.note, reviewedNumber: found.listing.number };
    return write(tx, viewer, found.listing, { to: 'REJECTED', action: 'rejected' }, facts);
  });
}

/** Notes that a reviewer has seen what changed of a listing that is for sale. */
export async function acknowledgeListing(db: Database, viewer: Viewer, named: ListingNamed): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_REVIEW');
  return inTransaction(db, async (tx): Promise<ListingMoved> => {
    const found = await findForReview(tx, viewer, stationId, named, null);
    if (found.kind !== 'FOUND') return found;
    const { listing } = found;
    const facts = { goLiveAt: listing.go_live_at, reviewedNumber: listing.number };
    return write(tx, viewer, listing, { to: listing.state, action: 'acknowledged' }, facts);
  });
}

/** Lets the checks of a submitted listing run again, for what it says and costs now. */
export async function recheckListing(db: Database, viewer: Viewer, named: ListingNamed): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_MANAGE');
  return inTransaction(db, async (tx): Promise<ListingMoved> => {
    const found = await find(tx, viewer, stationId, named);
    if (found.kind !== 'FOUND') return found;
    if (found.listing.state !== 'SUBMITTED') return { kind: 'NOT_ALLOWED', message: 'Only a submitted listing is checked.' };
    await beginChecks(tx, viewer, found.listing);
    const facts = { goLiveAt: found.listing.go_live_at };
    return write(tx, viewer, found.listing, { to: 'SUBMITTED', action: 'rechecked' }, facts);
  });
}

/**
 * Confirms by hand that a direct top-up really arrives: a machine has no account to top up. The note says what was tried; it is kept with
 * the check.
 */
export async function confirmListingCheck(db: Database, viewer: Viewer, input: ReviewInput): Promise<ListingMoved> {
  const stationId = actingStationWith(viewer, 'LISTINGS_REVIEW');
  if (input.note.trim() === '' || input.note.length > REASON_MAX)
    return { kind: 'INVALID_INPUT', field: 'note', message: `Say what was tried, in at most ${REASON_MAX} characters.` };
  return inTransaction(db, async (tx): Promise<ListingMoved> => {
    const found = await findForReview(tx, viewer, stationId, input, null);
    if (found.kind !== 'FOUND') return found;
    const { listing } = found;
    const check = await checkOf(tx, viewer.networkId, listing, 'TECHNICAL');
    if (check?.state !== 'PENDING' || check.facts['needsPerson'] !== true)
      return { kind: 'NOT_ALLOWED', message: 'Only the technical check of a direct top-up waits for a person.' };
    await writeCheckResult(tx, viewer.networkId, check.id, {
      state: 'PASSED',
      problems: [],
      facts: { ...check.facts, note: input.note },
      attemptId: null,
      dueAt: null,
      actorId: actorId(viewer),
    });
    return write(tx, viewer, listing, { to: listing.state, action: 'check_confirmed' }, { goLiveAt: listing.go_live_at });
  });
}

const LIVE_AT_ONCE = 100;

/** Lets listings go live whose hour has come: each once, whoever else looks. Answers how many. */
export async function goLiveDue(db: Database): Promise<number> {
  return inTransaction(db, async (tx) => {
    const due = await lockDueListings(tx, LIVE_AT_ONCE);
    for (const { network_id: networkId, sku_id: skuId, owner_id: ownerId } of due) {
      await writeListing(tx, networkId, skuId, 'LIVE', { goLiveAt: null });
      await tellOfListing(tx, { networkId, ownerId }, [skuId], { buyersToo: true });
    }
    return due.length;
  });
}

type Moving = {
  readonly stationId: string;
  readonly named: ListingNamed;
  readonly move: ListingMove;
  /** another state than the move's own: it waits for its hour */
  readonly to?: ListingRow['state'];
  readonly headquartersToo?: boolean;
};

/** One move of an owner's listing: found, allowed by its state, done with what it needs, written and told. */
async function move(
  db: Database,
  viewer: Viewer,
  { stationId, named, move: asked, to, headquartersToo = false }: Moving,
  effects: (tx: Transaction, listing: ListingRow) => Promise<ListingFacts>,
): Promise<ListingMoved> {
  return inTransaction(db, async (tx): Promise<ListingMoved> => {
    const found = await find(tx, viewer, stationId, named, headquartersToo);
    if (found.kind !== 'FOUND') return found;
    const after = stateAfter(found.listing.state, asked);
    if (after === null) return wrongState(found.listing);
    const facts = await effects(tx, found.listing);
    return write(tx, viewer, found.listing, { to: to ?? after, action: asked.toLowerCase() }, facts);
  });
}

type Found = { readonly kind: 'FOUND'; readonly listing: ListingRow };

async function find(
  tx: Transaction,
  { networkId }: Viewer,
  stationId: string,
  { skuId, expectedVersion }: ListingNamed,
  headquartersToo = false,
): Promise<Found | Exclude<ListingMoved, { kind: 'LISTING_MOVED' }>> {
  const listing = await selectListingLocked(tx, { networkId, stationId }, skuId);
  if (listing === null) return { kind: 'NOT_FOUND' };
  if (listing.owner_id !== stationId && !(headquartersToo && listing.headquarters_id === stationId))
    return { kind: 'NOT_ALLOWED', message: 'The owner of the goods does this.' };
  return listing.version === expectedVersion ? { kind: 'FOUND', listing } : { kind: 'STALE_VERSION', current: listing };
}

/** The listing, where this station decides about it. `asked` null: whatever its state. */
async function findForReview(
  tx: Transaction,
  viewer: Viewer,
  stationId: string,
  named: ListingNamed,
  asked: ListingMove | null = 'APPROVE',
): Promise<Found | Exclude<ListingMoved, { kind: 'LISTING_MOVED' }>> {
  const found = await find(tx, viewer, stationId, named, true);
  if (found.kind !== 'FOUND') return found;
  const { listing } = found;
  const isHeadquarters = listing.headquarters_id === stationId;
  if (!isHeadquarters && !(await selectPolicy(tx, viewer.networkId)).selfReview)
    return { kind: 'NOT_ALLOWED', message: 'Headquarters reviews the listings of this network.' };
  return asked === null || stateAfter(listing.state, asked) !== null ? found : wrongState(listing);
}

function wrongState({ state }: ListingRow): NotAllowed {
  return { kind: 'NOT_ALLOWED', message: `The listing is ${state}.` };
}

/** What it says now is a version, and its three checks begin. */
async function beginChecks(tx: Transaction, viewer: Viewer, listing: ListingRow): Promise<void> {
  const { networkId } = viewer;
  const author = { actorId: actorId(viewer), reason: '' };
  await writeVersions(tx, networkId, [listing.id], { ...author, onlyFirst: true });
  const [made] = await writeVersions(tx, networkId, [listing.id], { ...author, onlyFirst: false });
  const pending = CHECK_KINDS.map((kind) => ({ kind, state: 'PENDING', problems: [], facts: {} }) as const);
  await writeChecks(
    tx,
    networkId,
    { skuId: listing.id, number: made?.number ?? listing.number },
    pending.map((check) => ({ ...check, problems: [] })),
  );
}

async function checksRefusal(tx: Transaction, networkId: string, listing: ListingRow): Promise<ListingRefused | NotAllowed | null> {
  const checks = await selectChecks(tx, networkId, [listing.id]);
  const problems: CheckProblem[] = checks.filter(({ state }) => state === 'FAILED').flatMap((check) => check.problems);
  if (problems.length > 0) return { kind: 'LISTING_REFUSED', problems };
  const isDone = CHECK_KINDS.every((kind) => checks.some((check) => check.kind === kind && check.state === 'PASSED'));
  return isDone ? null : { kind: 'NOT_ALLOWED', message: 'The checks of what it says and costs now are not done.' };
}

async function checkOf(tx: Transaction, networkId: string, listing: ListingRow, kind: CheckRow['kind']): Promise<CheckRow | undefined> {
  return (await selectChecks(tx, networkId, [listing.id])).find((check) => check.kind === kind);
}

async function write(
  tx: Transaction,
  viewer: Viewer,
  listing: ListingRow,
  { to, action }: { readonly to: ListingRow['state']; readonly action: string },
  facts: ListingFacts,
): Promise<ListingMoved> {
  const { networkId } = viewer;
  const data = { from: listing.state, to, number: listing.number, note: facts.decisionNote ?? facts.marginReason ?? null };
  await writeListing(tx, networkId, listing.id, to, facts);
  await writeAudit(tx, viewer, { action: `listing.${action}`, subjectId: listing.id, data });
  const buyersToo = to !== listing.state && [to, listing.state].includes('LIVE');
  await tellOfListing(tx, { networkId, ownerId: listing.owner_id }, [listing.id], { buyersToo });
  const [moved] = await selectListings(tx, { networkId, stationId: listing.owner_id }, [listing.id]);
  if (!moved) throw new Error(`the listing ${listing.id} that was moved is not there`);
  return { kind: 'LISTING_MOVED', listing: moved };
}

function tooLong(field: string): InvalidInput {
  return { kind: 'INVALID_INPUT', field, message: `At most ${REASON_MAX} characters.` };
}
