/** Lets only so much be done in one go, whoever does it. */
export type Turns = () => Promise<void> | null;

/**
 * So many pieces of work of all that take their turns here run in one go; the rest wait, in order, until others had theirs: five thousand
 * groups of two are ten thousand writes, as one group of ten thousand is. Null: go on at once.
 */
export function createTurns(atOnce: number): Turns {
  const waiting: (() => void)[] = [];
  let left = atOnce;
  let isPlanned = false;

  function plan(): void {
    if (isPlanned) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      const next = waiting.splice(0, atOnce);
      left = atOnce - next.length;
      for (const go of next) go();
      if (waiting.length > 0) plan();
    });
  }

  return () => {
    plan();
    if (left > 0) {
      left -= 1;
      return null;
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
}
