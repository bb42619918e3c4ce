import DataLoader from 'dataloader';
import type { Context } from './context.ts';
import { gathered, type ReadForMany } from './gathered.ts';

/** Loads one row by its key, together with all others that are asked for in the same moment of the same operation. */
export type Load<Key, Row> = (context: Context, key: Key) => Promise<Row>;

const USUAL_BATCH = 1000;

type Loaders = Map<object, DataLoader<unknown, unknown>>;

/** Loaders live as long as their operation: nobody is shown what was loaded for somebody else. */
const loadersOf = new WeakMap<Context, Loaders>();

/** How a read is batched. */
type Batching<Key, Row> = {
  /** By what equal keys are known; needed where they are objects. */
  readonly keyText?: (key: Key) => string;
  /** The largest batch. */
  readonly most?: number;
  /** The same read for many stations at once: for what many are told of one event. */
  readonly readForMany?: ReadForMany<Key, Row>;
};

/** A batched read: `readMany` is asked once for all keys and answers a map; a key that is missing there is null. */
export function batched<Key, Row>(
  readMany: (context: Context, keys: readonly Key[]) => Promise<ReadonlyMap<string, Row>>,
  { keyText = String, most = USUAL_BATCH, readForMany }: Batching<Key, Row> = {},
): Load<Key, Row | null> {
  const readGathered = readForMany && gathered(readForMany);
  const read = (context: Context, keys: readonly Key[]) => {
    const { viewer, isOneOfMany } = context;
    if (readGathered === undefined || !isOneOfMany || viewer?.party.kind !== 'STATION') return readMany(context, keys);
    return readGathered(context.db, viewer.networkId, viewer.party.stationId, keys);
  };
  const load = (context: Context, key: Key) => {
    const loaders = loadersIn(context);
    let loader = loaders.get(readMany) as DataLoader<Key, Row | null, string> | undefined;
    if (loader === undefined) {
      loader = new DataLoader<Key, Row | null, string>(
        async (keys) => {
          const found = await read(context, keys);
          return keys.map((each) => found.get(keyText(each)) ?? null);
        },
        { cacheKeyFn: keyText, maxBatchSize: most },
      );
      loaders.set(readMany, loader as unknown as DataLoader<unknown, unknown>);
    }
    return loader.load(key);
  };
  return (context, key) => {
    const { observer } = context;
    return observer === undefined ? load(context, key) : observer.read(readMany, keyText(key), (own) => load(own, key));
  };
}

/** A read that an operation makes at most once. */
export function once<Row>(read: (context: Context) => Promise<Row>): (context: Context) => Promise<Row> {
  const load = batched<'', Row>(async (context) => new Map([['', await read(context)]]));
  return async (context) => {
    const row = await load(context, '');
    return row as Row;
  };
}

/** Forgets what was loaded: before each event of a subscription, after each mutation of a document, and whenever rows have changed. */
export function forgetLoaded(context: Context): void {
  loadersOf.delete(context);
}

function loadersIn(context: Context): Loaders {
  let loaders = loadersOf.get(context);
  if (loaders === undefined) {
    loaders = new Map();
    loadersOf.set(context, loaders);
  }
  return loaders;
}
