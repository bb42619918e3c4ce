import { CommitUnknown, sqlState } from '#server/platform/database.ts';
import type { CalledAttempt } from './purchase-calls.ts';
import type { PurchaseGround } from './purchase-ground.ts';
import { settlePurchases } from './settle-purchases.ts';

/** Attempts that are written down by one transaction, at most. */
const BATCH = 64;
const WRITE_AGAIN_MILLISECONDS = 500;
const UNIQUE_VIOLATION = '23505';

type Waiting = { readonly called: CalledAttempt; readonly resolve: () => void; readonly reject: (error: unknown) => void };

/**
 * Writes outcomes down, in lists: what comes while one list of a network is being written is the next one. While the database is away
 * they are kept and written again: goods that came cannot be asked for everywhere a second time. One that cannot be written is refused
 * alone; the others of its list are written by themselves.
 */
export function createSettleLane(ground: PurchaseGround) {
  const queues = new Map<string, Waiting[]>();

  const drain = async (networkId: string, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) {
      const list = queue.splice(0, BATCH);
      const failures = await writeList(
        ground,
        networkId,
        list.map(({ called }) => called),
      );
      for (const { called, resolve, reject } of list) {
        const failure = failures.get(called.row.id);
        if (failure === undefined) resolve();
        else reject(failure);
      }
    }
    queues.delete(networkId);
  };

  return {
    write: (networkId: string, called: CalledAttempt): Promise<void> => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const queue = queues.get(networkId);
      if (queue) queue.push({ called, resolve, reject });
      else {
        const begun: Waiting[] = [{ called, resolve, reject }];
        queues.set(networkId, begun);
        void drain(networkId, begun);
      }
      return promise;
    },
  };
}

/** Writes a list; where it cannot be written, each by itself, so that one does not keep the others from it. Answers what failed. */
async function writeList(ground: PurchaseGround, networkId: string, list: readonly CalledAttempt[]): Promise<Map<string, unknown>> {
  try {
    await writeSurely(ground, networkId, list);
    return new Map();
  } catch (error) {
    if (list.length === 1) return new Map(list.map(({ row }) => [row.id, error]));
    const failures = new Map<string, unknown>();
    for (const each of list) for (const [id, failure] of await writeList(ground, networkId, [each])) failures.set(id, failure);
    return failures;
  }
}

/** Goods are worth waiting for; after this the lease is over, and another worker asks for what can be asked for. */
const WRITE_TRIES = 60;

async function writeSurely(ground: PurchaseGround, networkId: string, list: readonly CalledAttempt[]): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await settlePurchases(ground, networkId, list);
    } catch (error) {
      // another transaction brought one of the keys at the same time: the next look sees it
      const isClash = sqlState(error) === UNIQUE_VIOLATION && tries < 3;
      if (!isClash && (!isAway(error) || tries >= WRITE_TRIES)) throw error;
      if (!isClash) await new Promise((resolve) => setTimeout(resolve, WRITE_AGAIN_MILLISECONDS));
    }
  }
}

/** The database cannot be reached, or ended the session; whether a COMMIT took effect is found out by writing again. */
function isAway(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return /^(08|57P|53)/.test(state);
  return error instanceof CommitUnknown || (error instanceof Error && ('syscall' in error || /connect|terminated/i.test(error.message)));
}
