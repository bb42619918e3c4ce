import { allocateShares } from '#server/platform/allocate.ts';
import {
  type CurrencyCode,
  type Decimal4,
  isNegative,
  type Money,
  maxMoney,
  minMoney,
  minorUnit,
  moneyOf,
  roundedQuotient,
  scaleMoney,
  sumMoney,
  zeroMoney,
} from '#server/platform/money.ts';
import { mostSpecific, type PricedSku, scopeOf } from '#server/pricing/rules.ts';

// Commission of domain §4: a pool that the owner gives out of its margin to the stations between itself and the buyer.
// Worked example: 1 % of 147.72 = 1.48; shares 5000/3000/2000 → 0.74, 0.44, 0.30; level 3 is the owner, so 0.30 stays with it.

/** PERCENT of the buyer's total, or an amount PER_UNIT of quantity. */
export type CommissionPoolKind = 'PERCENT' | 'PER_UNIT';

/** A valid version of a plan. `shareBps[0]` belongs to the buyer's parent (level 1), in basis points of the pool. */
export type CommissionPlan = {
  id: string;
  ownerId: string;
  skuId: string | null;
  productId: string | null;
  categoryId: string | null;
  poolKind: CommissionPoolKind;
  /** percent of the buyer's total (1 % is 10000n) or an amount per unit, in ten-thousandths */
  poolValue: Decimal4;
  shareBps: readonly number[];
  currency: CurrencyCode;
};

/** Valid plans by owner and scope. */
export type PlanBook = ReadonlyMap<string, ReadonlyMap<string, CommissionPlan>>;

/** What the split needs. `ownerMargin` is T(1) minus the whole cost; `between` counts the stations strictly between owner and buyer. */
export type CommissionQuestion = {
  plan: CommissionPlan | null;
  buyerTotal: Money;
  quantity: number;
  ownerMargin: Money;
  between: number;
  levelsMax: number;
};

/** `paid[0]` goes to the buyer's parent, `paid[1]` to its parent …: at most `between` entries. `paidTotal` leaves the owner. */
export type CommissionSplit = { planId: string | null; pool: Money; paid: readonly Money[]; paidTotal: Money };

const ALL_BPS = 10_000n;
const PERCENT_ONE = 1_000_000n; // 100 % in ten-thousandths of a percent

/**
 * The pool, rounded first, then capped at the owner's margin, then split (domain §4): the planned levels together get
 * round(pool × Σshares ÷ 10 000), each is floored and the cents left over go to the largest remainders, ties to the nearest
 * level. A level without a station strictly between owner and buyer is not paid: its part stays with the owner.
 */
export function splitCommission(question: CommissionQuestion): CommissionSplit {
  const { plan, between, levelsMax } = question;
  const { currency } = question.buyerTotal;
  if (!plan) return { planId: null, pool: zeroMoney(currency), paid: [], paidTotal: zeroMoney(currency) };
  const pool = cappedPool(plan, question);
  const paid = splitOverLevels(pool, plan.shareBps.slice(0, levelsMax)).slice(0, between);
  return { planId: plan.id, pool, paid, paidTotal: sumMoney(paid, currency) };
}

/** Puts valid plans where an order finds them. Two plans of one owner for one scope throw: the database forbids them. */
export function planBook(plans: Iterable<CommissionPlan>): PlanBook {
  const book = new Map<string, Map<string, CommissionPlan>>();
  for (const plan of plans) {
    const scopes = book.get(plan.ownerId) ?? new Map<string, CommissionPlan>();
    if (scopes.has(scopeOf(plan))) throw new Error(`two valid commission plans for one scope: ${plan.id}`);
    book.set(plan.ownerId, scopes.set(scopeOf(plan), plan));
  }
  return book;
}

/** The owner's plan for a SKU: SKU over product over nearest category (domain §4); null pays no commission. */
export function planFor(plans: PlanBook, sku: PricedSku): CommissionPlan | null {
  const scopes = plans.get(sku.ownerId);
  return scopes ? mostSpecific(scopes, sku) : null;
}

/** What is wrong with a plan before it is saved, or null. */
export function commissionPlanProblem(
  plan: Pick<CommissionPlan, 'poolKind' | 'poolValue' | 'shareBps'>,
  levelsMax: number,
): { field: 'poolValue' | 'shareBps'; problem: string } | null {
  const sumBps = plan.shareBps.reduce((sum, share) => sum + share, 0);
  if (plan.poolValue < 0n) return { field: 'poolValue', problem: 'a pool is never negative' };
  if (plan.poolKind === 'PERCENT' && plan.poolValue > PERCENT_ONE) return { field: 'poolValue', problem: 'a pool is at most 100 %' };
  if (plan.shareBps.length < 1) return { field: 'shareBps', problem: 'a plan has at least one level' };
  if (plan.shareBps.length > levelsMax) return { field: 'shareBps', problem: `a plan has at most ${levelsMax} levels` };
  if (plan.shareBps.some((share) => !Number.isInteger(share) || share < 0)) {
    return { field: 'shareBps', problem: 'a share is a whole number of basis points, never negative' };
  }
  return sumBps > Number(ALL_BPS) ? { field: 'shareBps', problem: 'shares sum to at most 10 000 basis points' } : null;
}

function cappedPool(plan: CommissionPlan, { buyerTotal, quantity, ownerMargin }: CommissionQuestion): Money {
  const pool =
    plan.poolKind === 'PERCENT'
      ? scaleMoney(buyerTotal, plan.poolValue, PERCENT_ONE, 'AMOUNT')
      : scaleMoney(moneyOf(plan.poolValue, plan.currency), BigInt(quantity), 1n, 'AMOUNT');
  if (isNegative(pool)) throw new Error(`commission plan ${plan.id} has a negative pool`);
  return minMoney(pool, maxMoney(ownerMargin, zeroMoney(ownerMargin.currency)));
}

function splitOverLevels(pool: Money, shareBps: readonly number[]): Money[] {
  const unit = minorUnit(pool.currency);
  const minor = pool.tenThousandths / unit;
  const numerators = shareBps.map((share) => minor * BigInt(share));
  const together = roundedQuotient(
    numerators.reduce((sum, numerator) => sum + numerator, 0n),
    ALL_BPS,
  );
  return allocateShares({ numerators, denominator: ALL_BPS, together }).map((part) => moneyOf(part * unit, pool.currency));
}
