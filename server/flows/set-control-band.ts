import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import { selectSkuFacts } from '#server/catalog/sql.ts';
import type { NotAllowed, NotFound } from '#server/network/rules.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import { type ControlBandInput, draftControlBand, type Expected, type InvalidInput, writeBand } from '#server/pricing/commands.ts';
import type { ControlBand, MarkupRule } from '#server/pricing/rules.ts';
import type { ControlBandRecord } from '#server/pricing/sql.ts';
import { effectBelow } from './price-effects.ts';
import { goodsOf, priceChanged } from './price-reach.ts';

/** Floor and ceiling of a SKU's resale prices (null: none; without a ceiling it is 3 × P(1)); `expectedVersion` of the band it replaces. */
export type SetControlBandInput = ControlBandInput & Expected & { readonly skuId: string; readonly reason: string | null };

/** What can become of setting a band. `clampedCount`: stations, of the first 1,000 below the owner, whose price it holds back. */
export type SetControlBandOutcome =
  | { readonly kind: 'CONTROL_BAND_SET'; readonly band: ControlBandRecord; readonly clampedCount: number }
  | NotFound
  | NotAllowed
  | InvalidInput
  | { readonly kind: 'STALE_VERSION'; readonly current: ControlBandRecord };

/**
 * Sets the owner's floor and ceiling for P(i), i ≥ 2 (domain §3). Prices are clamped with the next read; a start above the new
 * ceiling hides the SKU from that station and all below it, and they are told ('price.inverted').
 */
export async function setControlBand(db: Database, viewer: Viewer, input: SetControlBandInput): Promise<SetControlBandOutcome> {
  const stationId = actingStationWith(viewer, 'PRICES_MANAGE');
  return inTransaction(db, (tx) => set(tx, viewer, stationId, input));
}

async function set(tx: Transaction, viewer: Viewer, stationId: string, input: SetControlBandInput): Promise<SetControlBandOutcome> {
  const { networkId } = viewer;
  const acting = { networkId, stationId };
  const [facts] = await selectSkuFacts(tx, { ...acting, now: tx.now }, [input.skuId]);
  if (!facts) return { kind: 'NOT_FOUND' };
  const { sku } = facts;
  if (sku.ownerId !== stationId) return { kind: 'NOT_ALLOWED', message: 'The owner of the goods sets their control band.' };
  const draft = draftControlBand(input, tx.newId(), sku.currency);
  if (draft.kind !== 'DRAFT') return draft;
  const author = { networkId, actorId: actorId(viewer), reason: input.reason ?? '', expectedVersion: input.expectedVersion };
  const written = await writeBand(tx, { skuId: sku.id, currency: sku.currency, band: draft.band }, author);
  if (written.kind === 'STALE') return written.current ? { kind: 'STALE_VERSION', current: written.current } : { kind: 'NOT_FOUND' };
  const { band, replaced } = written;
  const side = (each: ControlBand | null) => ({ band: each, rulesOf: (live: readonly MarkupRule[]) => live });
  const { clampedIds, hiddenIds } = await effectBelow(tx, acting, facts, { before: side(replaced), after: side(band) });
  await writeAudit(tx, viewer, {
    action: 'control_band.set',
    subjectId: band.id,
    data: { skuId: sku.id, replacedId: replaced?.id ?? null, reason: band.reason },
  });
  const reach = { topId: stationId, withTop: false, goods: goodsOf({ skuId: sku.id }) };
  const changed = priceChanged(networkId, band.id, [stationId], reach, { skuId: sku.id });
  const inverted: NewEvent = {
    networkId,
    topic: 'price.inverted',
    subjectId: band.id,
    audience: [stationId, ...hiddenIds],
    data: { skuIds: [sku.id], skuCount: 1 },
  };
  await writeEvents(tx, hiddenIds.length === 0 ? [changed] : [changed, inverted]);
  return { kind: 'CONTROL_BAND_SET', band, clampedCount: clampedIds.length };
}
