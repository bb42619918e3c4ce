import DataLoader from 'dataloader';
import type { Database } from '#server/platform/database.ts';

/** Reads rows for many parties of a network: by party, then by key. */
export type ReadForMany<Key, Row> = (
  db: Database,
  networkId: string,
  partyIds: readonly string[],
  keys: readonly Key[],
) => Promise<ReadonlyMap<string, ReadonlyMap<string, Row>>>;

/** Reads rows for one party, together with what others ask for in the same moment. */
export type ReadGathered<Key, Row> = (
  db: Database,
  networkId: string,
  partyId: string,
  keys: readonly Key[],
) => Promise<ReadonlyMap<string, Row>>;

type Asked<Key> = { readonly partyId: string; readonly keys: readonly Key[] };

/**
 * What all parties of a network ask for in the same moment is read at once, each key for each of them, and nothing is kept: an event
 * that concerns fifty stations is fifty questions, and one statement.
 */
export function gathered<Key, Row>(readForMany: ReadForMany<Key, Row>): ReadGathered<Key, Row> {
  const loaders = new WeakMap<Database, Map<string, DataLoader<Asked<Key>, ReadonlyMap<string, Row>>>>();

  async function readAll(db: Database, networkId: string, asked: readonly Asked<Key>[]): Promise<readonly ReadonlyMap<string, Row>[]> {
    const partyIds = [...new Set(asked.map(({ partyId }) => partyId))];
    const found = await readForMany(db, networkId, partyIds, [...new Set(asked.flatMap(({ keys }) => keys))]);
    return asked.map(({ partyId }) => found.get(partyId) ?? new Map<string, Row>());
  }

  return (db, networkId, partyId, keys) => {
    const ofDatabase = loaders.get(db) ?? new Map<string, DataLoader<Asked<Key>, ReadonlyMap<string, Row>>>();
    loaders.set(db, ofDatabase);
    let loader = ofDatabase.get(networkId);
    if (loader === undefined) {
      loader = new DataLoader<Asked<Key>, ReadonlyMap<string, Row>>((asked) => readAll(db, networkId, asked), { cache: false });
      ofDatabase.set(networkId, loader);
    }
    return loader.load({ partyId, keys });
  };
}
