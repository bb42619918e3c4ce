import type { FaultShares } from '#test/simulators/faults.ts';
import { readSupplyBooks } from './supply-books.ts';
import { judgeSupply, type SupplyBooks, type SupplyVerdict } from './supply-judge.ts';
import { type Market, type MarketCpu, openMarket } from './supply-market.ts';
import { countWaiting, pause, placeAll } from './supply-orders.ts';

/** How hard it blows. */
export interface SupplyStormSpec {
  readonly orders: number;
  /** 0: nobody is killed. */
  readonly killEverySeconds: number;
  readonly upstreamsOfKind: number;
  /** Of a thousand calls, so many tell one of the four lies, a quarter each. */
  readonly liesPerThousand: number;
  readonly settings?: Readonly<Record<string, string>>;
  /** Told of how far it is. */
  readonly tell?: (text: string) => void;
}

/** What a storm came to. */
export interface SupplyStormReport {
  readonly seconds: number;
  /** What all orders together took, starts of killed servers included. */
  readonly cpu: MarketCpu;
  readonly kills: number;
  readonly refused: ReadonlyMap<string, number>;
  /** What befell calls, over all upstreams. */
  readonly counts: Readonly<Record<string, number>>;
  readonly books: SupplyBooks;
  readonly verdict: SupplyVerdict;
}

/** Of the calls: 10 % time out after they sold, 5 % answer with 5xx (half of them after they sold), 2 % with nonsense. */
const FAULTS: FaultShares = {
  'timeout-after-success': 0.1,
  'error-before': 0.025,
  'error-after': 0.025,
  nonsense: 0.02,
  'duplicate-callbacks': 0.01,
};

function faultsOf(liesPerThousand: number): FaultShares {
  const each = liesPerThousand / 4_000;
  return { ...FAULTS, apology: each, 'wrong-count': each, 'wrong-price': each, 'other-keys': each };
}

/** After the last order: leases of the last process that was killed run out, and what is unknown is asked for with growing pauses. */
const SETTLE_MILLISECONDS = 600_000;

/** Orders that have to be bought from upstreams that fail and lie, by two processes of which one is killed again and again, by turns. */
export async function stormOfSupply(spec: SupplyStormSpec): Promise<SupplyStormReport> {
  const market = await openMarket({
    upstreamsOfKind: spec.upstreamsOfKind,
    faults: faultsOf(spec.liesPerThousand),
    ...(spec.settings ? { settings: spec.settings } : {}),
  });
  try {
    const began = performance.now();
    const before = market.cpu();
    const killing = spec.killEverySeconds > 0 ? killByTurns(market, spec.killEverySeconds) : null;
    const refused = await placeAll(market, spec.orders, (placed, waiting) =>
      spec.tell?.(`${Math.round((performance.now() - began) / 1000)} s: ${placed} placed, ${waiting} wait`),
    );
    const isPlaced = performance.now();
    while ((await countWaiting(market)) > 0 && performance.now() - isPlaced < SETTLE_MILLISECONDS) await pause(250);
    const seconds = (performance.now() - began) / 1000;
    const cpu = cpuSince(market, before);
    const kills = (await killing?.stop()) ?? 0;
    const books = await readSupplyBooks(market);
    return { seconds, cpu, kills, refused, counts: countsOf(market), books, verdict: judgeSupply(books) };
  } finally {
    await market.close();
  }
}

function cpuSince(market: Market, before: MarketCpu): MarketCpu {
  const { servers, postgres, load } = market.cpu();
  return { servers: servers - before.servers, postgres: postgres - before.postgres, load: load - before.load };
}

function killByTurns(market: Market, everySeconds: number): { stop(): Promise<number> } {
  let kills = 0;
  let isOver = false;
  const over = Promise.withResolvers<void>();
  const killing = (async () => {
    while (!isOver) {
      await Promise.race([pause(everySeconds * 1000), over.promise]);
      if (isOver) return;
      await market.killWorker(kills);
      kills += 1;
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      over.resolve();
      await killing;
      return kills;
    },
  };
}

function countsOf({ upstreams }: Market): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { simulator } of upstreams)
    for (const [name, count] of Object.entries(simulator.counts)) counts[name] = (counts[name] ?? 0) + count;
  return counts;
}
