import { type ExecutionResult, parse, subscribe } from 'graphql';
import type { Context } from '#schema/context.ts';
import { schema } from '#schema/schema.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { encodeCursor } from '#server/live/cursor.ts';
import { readEventsAfter } from '#server/live/event-pages.ts';
import { type EventSource, readPosition } from '#server/live/event-source.ts';
import { relayOnce } from '#server/live/relay.ts';
import type { Database } from '#server/platform/database.ts';
import { contextOf } from './ask.ts';

// What a subscription tells of events that are numbered already, and nothing after them: no test waits to hear silence.

/** A source that yields what is numbered after a place as one batch, and ends. */
function numberedSource(db: Database): EventSource {
  return {
    async *read(networkId, after) {
      const events = await readEventsAfter(db.pool, networkId, after ?? 0n, 1_000);
      if (events.length > 0) yield events;
    },
    stop: async () => undefined,
  };
}

/** Numbers what waits, and answers the last place of a network. */
export async function placeOf(db: Database, networkId: string): Promise<bigint> {
  await relayOnce(db);
  return readPosition(db.pool, networkId);
}

/** A station's cursor of a subscription at a place. */
export function cursorAt(viewer: Viewer, subscription: string, place: bigint): string {
  const partyId = viewer.party.kind === 'STATION' ? viewer.party.stationId : viewer.party.supplierId;
  return encodeCursor({ networkId: viewer.networkId, partyId, subscription }, place);
}

/** Everything that a viewer is told by the subscription (its field takes `$after`) of what is numbered after a place. */
export async function toldAfter<Root>(
  db: Database,
  viewer: Viewer,
  { document, subscription, place, change }: { document: string; subscription: string; place: bigint; change?: (context: Context) => void },
): Promise<{ told: Root[]; errors: Readonly<Record<string, unknown>>[] }> {
  const contextValue = contextOf(db, viewer, numberedSource(db));
  const variableValues = { after: cursorAt(viewer, subscription, place) };
  const stream = await subscribe({ schema, document: parse(document), contextValue, variableValues });
  if (!(Symbol.asyncIterator in stream)) throw stream.errors?.[0] ?? new Error('no stream');
  change?.(contextValue);
  const told: Root[] = [];
  const errors: Readonly<Record<string, unknown>>[] = [];
  for await (const { data, errors: failures } of stream as AsyncGenerator<ExecutionResult>) {
    if (failures) errors.push(...failures.map(({ extensions }) => extensions));
    else told.push((JSON.parse(JSON.stringify(data)) as Record<string, Root>)[subscription] as Root);
  }
  return { told, errors };
}
