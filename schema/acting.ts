import type { Viewer } from '#server/accounts/rules.ts';
import { networkOf, actingStation as readActingStation } from '#server/network/reads.ts';
import type { Context } from './context.ts';
import { unauthenticated, wrongParty } from './errors.ts';
import { once } from './loaders.ts';

/** The viewer of a field whose access asks for a party; throws where the declaration forgot it. */
export function viewerOf(context: Context): Viewer {
  if (context.viewer === null) throw unauthenticated();
  return context.viewer;
}

/** The station that the viewer acts for; throws for a supplier, where the declaration forgot it. */
export function stationIdOf(context: Context): string {
  const { party } = viewerOf(context);
  if (party.kind !== 'STATION') throw wrongParty('Only a station may ask this.');
  return party.stationId;
}

/** Whether the viewer acts for this station. */
export function actsFor(context: Context, stationId: string): boolean {
  const ask = ({ viewer }: Context) => viewer?.party.kind === 'STATION' && viewer.party.stationId === stationId;
  return context.observer === undefined ? ask(context) : context.observer.look(ask);
}

/** The network of the viewer, the only source of a network id (domain §2); read once. */
export const actingNetwork = once((context) => networkOf(context.db.pool, viewerOf(context)));

/** The station that the viewer acts for, read once. */
export const actingStation = once(async (context) => {
  const station = await readActingStation(context.db.pool, viewerOf(context));
  if (station === null) throw wrongParty('Only a station may ask this.');
  return station;
});

/** The calendar of the viewer's network, now. */
export async function networkTime(context: Context) {
  const { id, timeZone } = await actingNetwork(context);
  return { networkId: id, timeZone, now: context.db.clock() };
}
