/**
 * Runs work one piece at a time, so that over time it takes no more than a share. `milliseconds`: what the work costs, where that is known; else
 * what the clock says. By the clock, work that waits for others costs what they cost, and a busy machine slows it down further.
 */
export type Pace = <Answer>(work: () => Promise<Answer>, milliseconds?: number) => Promise<Answer>;

/**
 * A pace of `share` (0 to 1). A burst of work runs at once; what goes beyond is spread out: whoever was cut off alone is served
 * at once, and two thousand who come back together do not take the machine from those who place orders.
 */
export function createPace({ share, burstMilliseconds }: { readonly share: number; readonly burstMilliseconds: number }): Pace {
  let turn: Promise<void> = Promise.resolve();
  let owed = 0;
  let at = performance.now();

  const settleDebt = () => {
    const now = performance.now();
    owed = Math.max(0, owed - (now - at) * share);
    at = now;
  };

  return async (work, milliseconds) => {
    const before = turn;
    const mine = Promise.withResolvers<void>();
    turn = mine.promise;
    await before;
    try {
      settleDebt();
      if (owed > burstMilliseconds) await new Promise((resolve) => setTimeout(resolve, (owed - burstMilliseconds) / share));
      settleDebt();
      const began = performance.now();
      const answer = await work();
      owed += milliseconds ?? performance.now() - began;
      return answer;
    } finally {
      mine.resolve();
    }
  };
}
