/** How long and how large; see `npm run bench -- --help`. */
export interface BenchOptions {
  /** Of each round, after `warmSeconds`. */
  readonly seconds: number;
  readonly warmSeconds: number;
  /** Of each side, in turn, after so many that do not count: they find tables that were empty and servers that have just started. */
  readonly rounds: number;
  readonly firstRounds: number;
  readonly connections: number;
  /** Buyers and SKUs of the order cases. */
  readonly stations: number;
  readonly skus: number;
  /** Of the catalogue's network. */
  readonly pageStations: number;
  readonly pageSkus: number;
  /** Of the network with the long past. */
  readonly largeStations: number;
  readonly largeSkus: number;
  readonly largeOrders: number;
  /** Of the network that it is compared with. */
  readonly littleStations: number;
  readonly littleSkus: number;
  readonly littleOrders: number;
  /** Of the import. */
  readonly importKeys: number;
  /** Of the memory case. */
  readonly minutes: number;
}

/** The sizes of the goals. */
export const FULL: BenchOptions = {
  seconds: 5,
  warmSeconds: 2,
  rounds: 4,
  firstRounds: 1,
  connections: 64,
  stations: 1_000,
  skus: 1_000,
  pageStations: 100_000,
  pageSkus: 10_000,
  largeStations: 1_000_000,
  largeSkus: 100_000,
  largeOrders: 1_000_000,
  littleStations: 1_000,
  littleSkus: 1_000,
  littleOrders: 10_000,
  importKeys: 1_000_000,
  minutes: 10,
};

/** Says whether everything works, not how fast it is. */
export const SMALL: BenchOptions = {
  ...FULL,
  seconds: 1,
  warmSeconds: 1,
  rounds: 1,
  firstRounds: 0,
  stations: 100,
  skus: 100,
  pageStations: 1_000,
  pageSkus: 500,
  largeStations: 4_000,
  largeSkus: 1_000,
  largeOrders: 5_000,
  littleStations: 400,
  littleSkus: 200,
  littleOrders: 500,
  importKeys: 20_000,
  minutes: 0.3,
};

/** An option's name as it is written in a command. */
export function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Reads sizes from the words of a command; throws at what is no number above zero. `stations` and `skus` also set the catalogue's. */
export function optionsFrom(values: Readonly<Record<string, string | boolean | undefined>>): BenchOptions {
  const base = values['small'] === true ? SMALL : FULL;
  const read = (name: string, usual: number): number => {
    const text = values[dashed(name)];
    if (text === undefined) return usual;
    const number = Number(text);
    if (!(number > 0) && name !== 'firstRounds') throw new RangeError(`--${dashed(name)}: ${String(text)} is no number above zero`);
    return number;
  };
  const options = Object.fromEntries(Object.entries(base).map(([name, usual]) => [name, read(name, usual)])) as unknown as BenchOptions;
  return {
    ...options,
    pageStations: read('pageStations', read('stations', base.pageStations)),
    pageSkus: read('pageSkus', read('skus', base.pageSkus)),
  };
}
