import DataLoader from 'dataloader';
import type { Context } from './context.ts';

/** Loads one row by its key, together with all others that are asked for in the same moment of the same operation. */
export type Load<Key, Row> = (context: Context, key: Key) => Promise<Row>;

const USUAL_BATCH = 1000;

type Loaders = Map<object, DataLoader<unknown, unknown>>;

/** Loaders live as long as their operation: nobody is shown what was loaded for somebody else. */
const loadersOf = new WeakMap<Context, Loaders>();

/**
 * A batched read: `readMany` is asked once for all keys and answers a map; a key that is missing there is null.
 * Keys that are objects need `keyText`, by which equal ones are known; `most` is the largest batch.
 */
export function batched<Key, Row>(
  readMany: (context: Context, keys: readonly Key[]) => Promise<ReadonlyMap<string, Row>>,
  { keyText = String, most = USUAL_BATCH }: { readonly keyText?: (key: Key) => string; readonly most?: number } = {},
): Load<Key, Row | null> {
  return (context, key) => {
    const loaders = loadersIn(context);
    let loader = loaders.get(readMany) as DataLoader<Key, Row | null, string> | undefined;
    if (loader === undefined) {
      loader = new DataLoader<Key, Row | null, string>(
        async (keys) => {
          const found = await readMany(context, keys);
          return keys.map((each) => found.get(keyText(each)) ?? null);
        },
        { cacheKeyFn: keyText, maxBatchSize: most },
      );
      loaders.set(readMany, loader as unknown as DataLoader<unknown, unknown>);
    }
    return loader.load(key);
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
