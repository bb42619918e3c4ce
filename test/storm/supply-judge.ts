import type { SimulatedPurchase } from '#test/simulators/shop.ts';

// Lays the upstreams' own books beside ours. Pure, so that a test can hand it books in which each thing that must not be is so.

/** A purchase attempt of an order as the database holds it. */
export type BookedAttempt = {
  readonly id: string;
  readonly account_id: string;
  readonly request_key: string;
  readonly line_id: string;
  readonly order_state: string;
  readonly state: string;
  readonly cost: string | null;
  readonly discrepancy: string | null;
  readonly attention_reason: string | null;
  readonly outcome_reason: string | null;
};

/** A card key that a buyer holds, with the attempt that it came by. */
export type HeldKey = { readonly attemptId: string; readonly secret: string };

/** Both sides' books. */
export interface SupplyBooks {
  /** orders by their state */
  readonly orders: Readonly<Record<string, number>>;
  readonly attempts: readonly BookedAttempt[];
  readonly keys: readonly HeldKey[];
  /** what the upstreams sold, with the account that it was sold to */
  readonly purchases: readonly { readonly accountId: string; readonly purchase: SimulatedPurchase }[];
  /** what the audit of the ledger found */
  readonly breaches: readonly string[];
  /** milliseconds from order to delivery, of those that were delivered, in order of length */
  readonly deliverMilliseconds: readonly number[];
  /** some of the orders that are not settled, each with its attempts as they stand */
  readonly stuck: readonly string[];
}

/** What the two sides' books say of each other. */
export interface SupplyVerdict {
  /** attempts that wait for a person, by why */
  readonly attention: Readonly<Record<string, number>>;
  /** what was not as agreed and settled all the same, by what */
  readonly discrepancies: Readonly<Record<string, number>>;
  readonly attempts: Readonly<Record<string, number>>;
  /** attempts that were rejected, by why */
  readonly rejections: Readonly<Record<string, number>>;
  readonly liesCount: number;
  readonly mustBeZero: Readonly<Record<MustBeZero, number>>;
}

/** What must be 0. Lost money: cents that an upstream took and no attempt accounts for, or the other way round. */
export type MustBeZero =
  | 'double purchases'
  | 'double deliveries'
  | 'keys of another order delivered'
  | 'lost money, cents'
  | 'purchases nobody made'
  | 'undetected lies'
  | 'failed orders that were charged'
  | 'neither settled nor in the queue'
  | 'breaches found by the audit';

const SETTLED = ['DELIVERED', 'PARTLY_REFUNDED', 'REFUNDED', 'FAILED', 'NEEDS_ATTENTION'];

/** Lays the upstreams' own books beside ours. */
export function judgeSupply({ orders, attempts, keys, purchases, breaches }: SupplyBooks): SupplyVerdict {
  const byKey = new Map(attempts.map((row) => [`${row.account_id} ${row.request_key}`, row]));
  const bought = purchases.map(({ accountId, purchase }) => ({ purchase, attempt: byKey.get(`${accountId} ${purchase.requestKey}`) }));
  const charged = bought.filter(({ purchase }) => !purchase.isRefunded);
  const doubted = doubtedKeys(bought);
  return {
    attention: tally(attempts.map(({ attention_reason }) => attention_reason)),
    discrepancies: tally(attempts.map(({ discrepancy }) => discrepancy)),
    attempts: tally(attempts.map(({ state }) => state)),
    rejections: tally(attempts.map(({ state, outcome_reason }) => (state === 'REJECTED' ? outcome_reason : null))),
    liesCount: bought.filter(({ purchase }) => isLie(purchase)).length,
    mustBeZero: {
      'double purchases': Object.values(tally(charged.map(({ attempt }) => attempt?.line_id ?? null))).filter((count) => count > 1).length,
      'double deliveries': keys.length - new Set(keys.map(({ secret }) => secret)).size,
      'keys of another order delivered': foreignKeys(keys, bought),
      'lost money, cents': lostCents(attempts, charged),
      'purchases nobody made': bought.filter(({ attempt }) => attempt === undefined).length,
      'undetected lies': bought.filter((each) => isBelieved(each, doubted)).length,
      'failed orders that were charged': charged.filter(({ attempt }) => attempt?.order_state === 'FAILED').length,
      'neither settled nor in the queue': Object.entries(orders).reduce(
        (sum, [state, count]) => sum + (SETTLED.includes(state) ? 0 : count),
        0,
      ),
      'breaches found by the audit': breaches.length,
    },
  };
}

type Bought = { readonly purchase: SimulatedPurchase; readonly attempt: BookedAttempt | undefined };

/** Keys that a buyer holds and that no upstream told for the very purchase that they came by. */
function foreignKeys(keys: readonly HeldKey[], bought: readonly Bought[]): number {
  const told = new Set(bought.flatMap(({ purchase, attempt }) => purchase.keys.map((key) => `${attempt?.id} ${key}`)));
  return keys.filter(({ attemptId, secret }) => !told.has(`${attemptId} ${secret}`)).length;
}

function lostCents(attempts: readonly BookedAttempt[], charged: readonly Bought[]): number {
  const taken = new Map<string, number>();
  for (const { purchase, attempt } of charged) if (attempt) taken.set(attempt.id, (taken.get(attempt.id) ?? 0) + purchase.costCents);
  let lost = 0;
  for (const attempt of attempts) {
    // what waits for a person is in the queue with all that was said of it: nothing of it is settled, so nothing of it is lost
    if (attempt.attention_reason !== null) continue;
    const ours = attempt.state === 'SUCCEEDED' ? Math.round(Number(attempt.cost) * 100) : 0;
    lost += Math.abs(ours - (taken.get(attempt.id) ?? 0));
  }
  return lost;
}

function isLie({ fault }: SimulatedPurchase): boolean {
  return fault === 'apology' || fault === 'wrong-count' || fault === 'wrong-price' || fault === 'other-keys';
}

/**
 * A lie that our books hold for the truth: settled without the mark that fits it. None fits an apology: whoever was given one for a card key
 * was lied to, also where they were too few. Of keys that were told twice, the other purchase has to be with a person; who of two
 * asks first for the same keys nobody can know.
 */
function isBelieved({ purchase, attempt }: Bought, doubted: ReadonlySet<string>): boolean {
  if (attempt?.state !== 'SUCCEEDED') return false;
  const isMarked = (...marks: string[]) => ['SURPLUS', ...marks].some((mark) => attempt.discrepancy?.split('+').includes(mark));
  switch (purchase.fault) {
    case 'apology':
      return true;
    case 'wrong-count':
      return !isMarked('SHORT', 'TOO_MANY');
    case 'wrong-price':
      return !isMarked('DEARER');
    case 'other-keys':
      return !purchase.keys.every((key) => doubted.has(key));
    default:
      return false;
  }
}

/** Keys of purchases that wait for a person: nobody was given them by these. */
function doubtedKeys(bought: readonly Bought[]): Set<string> {
  const waiting = bought.filter(({ attempt }) => attempt && attempt.state !== 'SUCCEEDED' && attempt.attention_reason !== null);
  return new Set(waiting.flatMap(({ purchase }) => purchase.keys));
}

function tally(names: readonly (string | null)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) if (name !== null) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
