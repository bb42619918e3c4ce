import { chooseOffer, type OfferCandidate, type OfferChoice, type RoutingPolicy } from '#server/offers/rules.ts';
import { loadCandidates } from '#server/offers/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { run, type Transaction } from '#server/platform/database.ts';
import { currencyCode, money } from '#server/platform/money.ts';
import { together } from '#server/platform/together.ts';
import type { NewAttempt } from '#server/purchases/commands.ts';
import { FILL_WITHIN_SECONDS, retryAt, TRANSIENT_REASONS } from '#server/purchases/rules.ts';
import { selectRouting, selectTries, type TriedRow, type WaitingAttemptRow } from '#server/purchases/sql.ts';

/** An attempt of an order's line that leads nowhere, and why. */
export type EndedAttempt = { readonly row: WaitingAttemptRow; readonly reason: string };

/** What is tried for its line instead; null: nothing (yet, or any more). */
export type NextTry = { readonly row: WaitingAttemptRow; readonly next: NewAttempt | null; readonly isOver: boolean };

/** Whether only another account helps, and which ones. */
export type Elsewhere = 'NO' | 'ANYWHERE' | ReadonlySet<string>;

/**
 * Finds another offer for lines whose attempts were refused (domain §6: fail over only from REJECTED). Whoever was tried is not asked
 * again, unless nothing ever arrived there: then it is tried again, later, while the line is young. `elsewhere`: the attempt was not
 * sent yet, and only another account helps (any, or one of these); where there is none, it goes on waiting. Three statements at most, whatever the length.
 */
export async function planNext(
  tx: Transaction,
  networkId: string,
  ended: readonly EndedAttempt[],
  { elsewhere, chance }: { readonly elsewhere: Elsewhere; readonly chance: () => number },
): Promise<NextTry[]> {
  const [first] = ended;
  if (!first) return [];
  const skuIds = [...new Set(ended.map(({ row }) => row.sku_id))];
  const lineIds = ended.flatMap(({ row }) => row.line_id ?? []);
  const now = { instant: tx.now, localDate: localDate(tx.now, first.row.time_zone) };
  const [tries, routing, candidates] = await together(tx, (gathering) =>
    Promise.all([
      run(gathering, selectTries, [networkId, lineIds]),
      run(gathering, selectRouting, [networkId, skuIds]),
      loadCandidates(gathering, networkId, skuIds, now),
    ]),
  );
  const triesOf = Map.groupBy(tries, (row) => row.line_id);
  const routes = new Map(routing.map((row) => [row.id, row]));
  return ended.map(({ row, reason }) => {
    const route = routes.get(row.sku_id);
    const before = triesOf.get(row.line_id ?? '') ?? [];
    if (!route) throw new Error(`the SKU ${row.sku_id} of an attempt is not there`);
    const seeking: Seeking = {
      row,
      reason,
      before,
      policy: route.routing_policy as RoutingPolicy,
      unitSize: route.unit_size,
      chance: chance(),
    };
    const offers = candidates.get(row.sku_id) ?? [];
    if (elsewhere === 'NO') return nextFor(tx, seeking, offers);
    const others = offers.filter(({ accountId }) => accountId !== row.account_id && (elsewhere === 'ANYWHERE' || elsewhere.has(accountId)));
    return elsewhereFor(tx, seeking, others);
  });
}

type Seeking = {
  readonly row: WaitingAttemptRow;
  readonly reason: string;
  readonly before: readonly TriedRow[];
  readonly policy: RoutingPolicy;
  readonly unitSize: number;
  readonly chance: number;
};

function elsewhereFor(tx: Transaction, seeking: Seeking, others: readonly OfferCandidate[]): NextTry {
  const { row } = seeking;
  const choice = choose(seeking, others, refusedOffers(seeking));
  if (choice.kind === 'CHOSEN') return { row, next: attemptOf(tx, seeking, choice, null), isOver: false };
  return { row, next: null, isOver: isOld(tx, seeking) };
}

function nextFor(tx: Transaction, seeking: Seeking, candidates: readonly OfferCandidate[]): NextTry {
  const { row, before } = seeking;
  const tried = new Set([...before.map(({ offer_id }) => offer_id), row.offer_id]);
  const choice = choose(seeking, candidates, tried);
  if (choice.kind === 'CHOSEN') return { row, next: attemptOf(tx, seeking, choice, null), isOver: false };
  if (isOld(tx, seeking)) return { row, next: null, isOver: true };
  // nobody else: whoever never heard of it, or is out of reach for now, is tried later
  const again = choose(
    seeking,
    candidates.map((offer) => ({ ...offer, isBroken: false })),
    refusedOffers(seeking),
  );
  const dueAt = retryAt(row.attempt_number, tx.now);
  return { row, next: again.kind === 'CHOSEN' ? attemptOf(tx, seeking, again, dueAt) : null, isOver: again.kind !== 'CHOSEN' };
}

/** Offers that really refused; one that nothing ever arrived at has not. */
function refusedOffers({ row, reason, before }: Seeking): Set<string> {
  const refused = before.filter(({ outcome_reason }) => outcome_reason !== null && !TRANSIENT_REASONS.includes(outcome_reason));
  const ids = refused.map(({ offer_id }) => offer_id);
  return new Set(TRANSIENT_REASONS.includes(reason) ? ids : [...ids, row.offer_id]);
}

function isOld(tx: Transaction, { row, before }: Seeking): boolean {
  const begun = before[0]?.created_at ?? row.created_at;
  return tx.now.getTime() - begun.getTime() >= FILL_WITHIN_SECONDS * 1000;
}

function choose(seeking: Seeking, candidates: readonly OfferCandidate[], excluded: ReadonlySet<string>): OfferChoice {
  const { row, policy, unitSize, chance } = seeking;
  const costLimit = row.cost_limit === null ? null : money(row.cost_limit, currencyCode(row.currency));
  return chooseOffer(candidates, { policy, quantity: row.quantity, unitSize, costLimit, excluded, chance });
}

function attemptOf(tx: Transaction, { row, before }: Seeking, choice: OfferChoice & { kind: 'CHOSEN' }, dueAt: Date | null): NewAttempt {
  if (row.order_id === null || row.line_id === null) throw new Error('only an order’s line is filled by another offer');
  return {
    id: tx.newId(),
    purpose: { kind: 'ORDER', orderId: row.order_id, lineId: row.line_id },
    attemptNumber: Math.max(row.attempt_number, ...before.map(({ attempt_number }) => attempt_number)) + 1,
    offer: choice.offer,
    quantity: row.quantity,
    goodsKind: row.goods_kind,
    quotedCost: choice.quotedCost,
    upstreamMaxCost: choice.upstreamMaxCost,
    costLimit: row.cost_limit === null ? null : money(row.cost_limit, currencyCode(row.currency)),
    dueAt,
  };
}
