import { prunePurchaseLogs } from '#server/flows/prune-purchases.ts';
import type { PurchaseGround } from '#server/flows/purchase-ground.ts';
import { createPurchaseRunner } from '#server/flows/run-purchases.ts';
import { type Loop, startLoop } from '#server/platform/loop.ts';
import { pause } from '#server/platform/pause.ts';

const POLL_MILLISECONDS = 150;
/** What falls due within so short a time is taken together. */
const ROUND_MILLISECONDS = 20;
/** Commits of this process wake the worker at most so often: most of them have nothing to buy. */
const WAKE_EVERY_MILLISECONDS = 40;
/** What is old is looked for so often; by any process, which may be any number. */
const PRUNE_EVERY_MILLISECONDS = 3_600_000;

/**
 * Buys what is due until it is stopped; then it begins nothing more and waits for the calls that are under way. Any number of processes
 * may run it. Logs are kept for `logDays` after an attempt was settled. `commits`: those of this process's other connections, after which there may be something to buy.
 */
export function startPurchaseWorker(ground: PurchaseGround & { readonly logDays: number }, commits: readonly Set<() => void>[] = []): Loop {
  const runner = createPurchaseRunner(ground, () => loop.wake());
  const round = async (stopping: AbortSignal) => {
    const count = await runner.runDue();
    await pause(ROUND_MILLISECONDS, stopping);
    return count > 0;
  };
  const loop = startLoop(ground.log, { subject: 'the buying from suppliers', round, pollMilliseconds: POLL_MILLISECONDS });
  const pruning = startLoop(ground.log, {
    subject: 'the removal of old logs of purchases',
    round: async () => {
      await prunePurchaseLogs(ground.db, ground.logDays);
      return false;
    },
    pollMilliseconds: PRUNE_EVERY_MILLISECONDS,
  });
  let timer: NodeJS.Timeout | undefined;
  const hint = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      loop.wake();
    }, WAKE_EVERY_MILLISECONDS);
  };
  for (const each of commits) each.add(hint);
  return {
    wake: () => loop.wake(),
    stop: async () => {
      for (const each of commits) each.delete(hint);
      clearTimeout(timer);
      await Promise.all([loop.stop(), pruning.stop()]);
      await runner.settle();
    },
  };
}
