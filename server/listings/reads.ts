import type { Queryable } from '#server/platform/database.ts';
import { type Page, type PageRequest, pageOf } from '#server/platform/page.ts';
import type { Reader } from '#server/platform/reader.ts';
import { type ListingChange, listingChanges, OWNERS_FIELDS } from './rules.ts';
import {
  type CheckRow,
  countListings,
  type ListingCut,
  type ListingReader,
  type ListingRow,
  type PolicyRow,
  type ShownComponent,
  selectBundlesHolding,
  selectChecks,
  selectComponents,
  selectListingPage,
  selectListings,
  selectPolicy,
  selectVersions,
} from './sql.ts';

export type { CheckRow, ListingCut, ListingRow, PolicyRow, ShownComponent } from './sql.ts';

/** The station whose own listings the reader sees, and as headquarters those of its whole network, which it reviews. Null for a supplier. */
export function visibleListings({ networkId, party }: Reader): ListingReader | null {
  return party.kind === 'STATION' ? { networkId, stationId: party.stationId } : null;
}

/** Of these listings (their SKUs' ids), those that the reader may see, by id. */
export async function listingsByIds(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, ListingRow>> {
  const scope = visibleListings(viewer);
  const rows = scope === null || ids.length === 0 ? [] : await selectListings(db, scope, ids);
  return new Map(rows.map((row) => [row.id, row]));
}

/** A page of the listings that the reader may see, newest first. */
export async function listingsPage(db: Queryable, viewer: Reader, cut: ListingCut, page: PageRequest): Promise<Page<ListingRow>> {
  const scope = visibleListings(viewer);
  if (scope === null) return { rows: [], hasMore: false };
  return pageOf(page, await selectListingPage(db, scope, cut, { direction: page.direction, from: page.from, limit: page.count + 1 }));
}

/** How many listings that list has. */
export async function listingsCount(db: Queryable, viewer: Reader, cut: ListingCut): Promise<number> {
  const scope = visibleListings(viewer);
  return scope === null ? 0 : countListings(db, scope, cut);
}

/** The checks of what each of these listings says now; of those that the reader may see. */
export async function checksOfListings(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, CheckRow[]>> {
  const seen = await listingsByIds(db, viewer, ids);
  return Map.groupBy(await selectChecks(db, viewer.networkId, [...seen.keys()]), ({ sku_id }) => sku_id);
}

/** A version and what it changed against the one before it; the first changed everything. */
export type SeenVersion = {
  readonly number: number;
  readonly reason: string;
  readonly createdAt: Date;
  readonly isReviewed: boolean;
  readonly changes: readonly ListingChange[];
};

/** Versions that are shown of one listing. */
export const VERSIONS_SHOWN = 20;

/**
 * The newest versions of each of these listings, newest first, of those that the reader may see. Of what only the owner may know (whom
 * it buys from, its prices) a reviewer who is not the owner reads that it changed (domain §2).
 */
export async function versionsOfListings(db: Queryable, viewer: Reader, ids: readonly string[]): Promise<Map<string, SeenVersion[]>> {
  const seen = await listingsByIds(db, viewer, ids);
  const stationId = visibleListings(viewer)?.stationId;
  // one more than is shown: what the last of them changed
  const rows = Map.groupBy(await selectVersions(db, viewer.networkId, [...seen.keys()], VERSIONS_SHOWN + 1), ({ sku_id }) => sku_id);
  return new Map(
    [...rows].map(([id, versions]) => {
      const listing = seen.get(id);
      const isOwner = listing?.owner_id === stationId;
      const shown = versions.slice(0, VERSIONS_SHOWN).map((version, index) => ({
        number: version.number,
        reason: version.reason,
        createdAt: version.created_at,
        isReviewed: version.number <= (listing?.reviewed_number ?? 0),
        changes: listingChanges(versions[index + 1]?.snapshot ?? null, version.snapshot).map((change) =>
          isOwner || !OWNERS_FIELDS.has(change.field) ? change : { field: change.field, before: null, after: null },
        ),
      }));
      return [id, shown] as const;
    }),
  );
}

/** What bundles are made of, by bundle. Whoever may see a bundle may see this: the caller has found it for the viewer. */
export function componentsOfBundles(db: Queryable, viewer: Reader, bundleIds: readonly string[]): Promise<Map<string, ShownComponent[]>> {
  return selectComponents(db, viewer.networkId, bundleIds);
}

/** The bundles that hold these SKUs, by SKU: whoever is told of them is asked for each whether it may see it. */
export function bundlesOfComponents(
  db: Queryable,
  { networkId }: Pick<Reader, 'networkId'>,
  skuIds: readonly string[],
): Promise<Map<string, string[]>> {
  return selectBundlesHolding(db, networkId, skuIds);
}

/** What the reader's network asks of every listing; null for a supplier. */
export async function listingPolicyOf(db: Queryable, viewer: Reader): Promise<PolicyRow | null> {
  return visibleListings(viewer) === null ? null : selectPolicy(db, viewer.networkId);
}
