import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, type Viewer } from '#server/accounts/rules.ts';
import { createPriceLevel as createRow, type StaleVersion, type StationChange, setPriceLevel as setRow } from '#server/network/commands.ts';
import { type SeenStation, seenBy } from '#server/network/reads.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import type { PriceLevelRecord } from '#server/network/sql.ts';
import { type Database, inTransaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { EVERYTHING, priceChanged } from './price-reach.ts';

/** A direct child and the level that it gets; null takes it away. */
export type SetPriceLevelInput = StationChange & { readonly levelId: string | null };

/** What can become of giving a level. */
export type SetPriceLevelOutcome =
  | { readonly kind: 'PRICE_LEVEL_SET'; readonly station: SeenStation }
  | NotFound
  | NotAllowed
  | StaleVersion<SeenStation>;

/** What can become of making a level. */
export type CreatePriceLevelOutcome = { readonly kind: 'PRICE_LEVEL_CREATED'; readonly level: PriceLevelRecord } | InvalidInput;

/** Gives a direct child a price level of the acting station: its prices follow at once (domain §3). */
export async function setPriceLevel(db: Database, viewer: Viewer, input: SetPriceLevelInput): Promise<SetPriceLevelOutcome> {
  const { networkId } = viewer;
  const actingId = actingStationWith(viewer, 'PRICES_MANAGE');
  return inTransaction(db, async (tx): Promise<SetPriceLevelOutcome> => {
    const outcome = await setRow(tx, { networkId, stationId: actingId }, input);
    if (outcome.kind === 'STALE_VERSION') return { kind: 'STALE_VERSION', current: seenBy(actingId, outcome.current) };
    if (outcome.kind !== 'CHANGED') return outcome;
    const { station } = outcome;
    const { levelId } = input;
    await writeAudit(tx, viewer, { action: 'price_level.set', subjectId: station.id, data: { levelId } });
    const audience = [actingId, station.id];
    const reach = { topId: station.id, withTop: true, goods: EVERYTHING };
    await writeEvents(tx, [priceChanged(networkId, station.id, audience, reach, { childId: station.id })]);
    return { kind: 'PRICE_LEVEL_SET', station: seenBy(actingId, station) };
  });
}

/** Makes a label that the acting station can give to its children and name in its markup rules. */
export async function createPriceLevel(db: Database, viewer: Viewer, name: string): Promise<CreatePriceLevelOutcome> {
  const { networkId } = viewer;
  const actingId = actingStationWith(viewer, 'PRICES_MANAGE');
  return inTransaction(db, async (tx): Promise<CreatePriceLevelOutcome> => {
    const outcome = await createRow(tx, { networkId, stationId: actingId }, name);
    if (outcome.kind !== 'CREATED') return outcome;
    await writeAudit(tx, viewer, { action: 'price_level.created', subjectId: outcome.level.id, data: { name } });
    return { kind: 'PRICE_LEVEL_CREATED', level: outcome.level };
  });
}
