import { importOfMany } from './import-case.ts';
import { costOfOrders, overviewOfSixtyDays } from './large-cases.ts';
import { memoryUnderLoad } from './memory-case.ts';
import { badNeighbours } from './neighbour-case.ts';
import { hotSku, latencyAtHalfLoad, listsOfOrders, singleOrders, twoServers } from './order-cases.ts';
import { catalogueOfFifty } from './page-case.ts';
import type { CaseResult } from './report.ts';
import type { Stage } from './stage.ts';

/** Every case by its name in a command; each can be run alone. Those that share what is made stand together. */
export const CASES: Readonly<Record<string, (stage: Stage) => Promise<CaseResult[]>>> = {
  single: singleOrders,
  lists: listsOfOrders,
  p99: latencyAtHalfLoad,
  hot: hotSku,
  two: twoServers,
  neighbour: badNeighbours,
  catalogue: catalogueOfFifty,
  million: costOfOrders,
  overview: overviewOfSixtyDays,
  import: importOfMany,
  memory: memoryUnderLoad,
};
