import type { Limits } from './limits.ts';

/** What a document costs its viewer, as it stands in `extensions.cost`. All in points. */
export interface Cost {
  readonly requested: number;
  readonly remaining: number;
  readonly limit: number;
}

/** The outcome of asking a budget for points. */
export type Charge =
  | { readonly granted: true; readonly cost: Cost }
  | { readonly granted: false; readonly cost: Cost; readonly retryAfterSeconds: number };

/** The budgets of all viewers of one process. */
export interface Budgets {
  /** Takes points from the budget of `name`, or nothing when it holds too few. */
  charge(name: string, requested: number): Charge;
}

const PRUNE_ABOVE = 10_000;

/**
 * A budget for each viewer that refills steadily. Each process keeps its own: with n processes a viewer has up to n budgets,
 * which is a limit all the same and costs no round trip. `now` is in milliseconds and never goes back.
 */
export function createBudgets({ budget, refillPerSecond }: Limits, now: () => number): Budgets {
  const holders = new Map<string, { points: number; at: number }>();

  function pointsOf(name: string, at: number): number {
    const holder = holders.get(name);
    return holder === undefined ? budget : Math.min(budget, holder.points + ((at - holder.at) / 1000) * refillPerSecond);
  }
  function prune(at: number): void {
    // who has refilled to the brim is as if never seen
    for (const name of holders.keys()) if (pointsOf(name, at) >= budget) holders.delete(name);
  }

  return {
    charge(name, requested) {
      const at = now();
      const points = pointsOf(name, at);
      const cost = (remaining: number): Cost => ({ requested, remaining: Math.floor(remaining), limit: budget });
      if (points < requested) {
        return { granted: false, cost: cost(points), retryAfterSeconds: Math.max(1, Math.ceil((requested - points) / refillPerSecond)) };
      }
      if (holders.size >= PRUNE_ABOVE) prune(at);
      holders.set(name, { points: points - requested, at });
      return { granted: true, cost: cost(points - requested) };
    },
  };
}
