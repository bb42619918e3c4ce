import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import type { WireRecord } from '#server/connectors/connector.ts';
import { type Database, inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { compareMoney, currencyCode, isAmountText, money } from '#server/platform/money.ts';
import { type AttemptChange, changeAttempts, type NewStep, writeSteps } from '#server/purchases/commands.ts';
import { attemptsByIds } from '#server/purchases/reads.ts';
import { canBeAsked, type Discrepancy, openWire, VERIFY_AFTER_SECONDS } from '#server/purchases/rules.ts';
import { type DecidedAttemptRow, lockOwned, makeDue, selectWires } from '#server/purchases/sql.ts';
import { cardKeyProblem, type PlainCardKey } from '#server/stock/rules.ts';
import { sealGoods } from './purchase-calls.ts';
import type { PurchaseGround } from './purchase-ground.ts';
import { settleLines } from './settle-lines.ts';
import { stockPurchased } from './stock-purchased.ts';

/** Why a person's decision about an attempt changed nothing. */
export type NotAttended =
  | { readonly kind: 'NOT_FOUND' }
  | { readonly kind: 'NOT_ALLOWED'; readonly message: string }
  | { readonly kind: 'INVALID_INPUT'; readonly field: string; readonly message: string };

/** That it was done. */
export type Attended = { readonly kind: 'ATTENDED' };

/** Goods that a person has by other means. `cost`: a decimal text in the network's currency; null: as quoted. */
export type DeliveredByHand = {
  readonly attemptId: string;
  /** Card keys; none for a direct top-up, which is delivered whole. */
  readonly cardKeys: readonly PlainCardKey[];
  readonly cost: string | null;
  readonly note: string;
};

type Ground = Pick<PurchaseGround, 'db' | 'vault' | 'upstreams'>;

const KEYS_MAX = 5_000;
const NOTE_MAX = 1_000;

/**
 * Delivers what an attempt was to bring with goods that a person has: of a supplier that is bought from by hand, or where the machine
 * cannot know (domain §6: a person decides). The order's line takes them, what was to go into stock goes there. Refuses an attempt that is
 * settled or under way, keys that are known, and a cost above the line's limit.
 */
export async function deliverByHand(ground: Ground, viewer: Viewer, input: DeliveredByHand): Promise<Attended | NotAttended> {
  const problem = inputProblem(input);
  if (problem) return problem;
  const ownerId = actingStationWith(viewer, 'SUPPLY_MANAGE');
  const { networkId } = viewer;
  const [attempt] = (await attemptsByIds(ground.db.pool, { networkId, ownerId }, [input.attemptId])).values();
  if (!attempt) return { kind: 'NOT_FOUND' };
  if ((attempt.goods_kind === 'TOP_UP') !== (input.cardKeys.length === 0))
    return invalid('cardKeys', attempt.goods_kind === 'TOP_UP' ? 'A direct top-up has no card keys.' : 'Give the card keys.');
  if (input.cost !== null && !isAmountText(input.cost, currencyCode(attempt.currency)))
    return invalid('cost', 'A cost is a decimal text such as 12.30.');
  const brought = { cardKeys: input.cardKeys, deliveredQuantity: input.cardKeys.length || attempt.quantity };
  const goods = sealGoods(ground, networkId, attempt, brought);
  return decide(ground.db, viewer, ownerId, input.attemptId, async (tx, row) => {
    const cost = money(input.cost ?? row.quoted_cost, currencyCode(row.currency));
    const place = { attemptId: row.id, supplierId: row.supplier_id, terms: row.terms, cost, goods, actorId: actorId(viewer) };
    const discrepancies: Discrepancy[] = [];
    if (brought.deliveredQuantity < row.quantity) discrepancies.push('SHORT');
    if (brought.deliveredQuantity > row.quantity) discrepancies.push('TOO_MANY');
    if (compareMoney(cost, money(row.quoted_cost, cost.currency)) > 0) discrepancies.push('DEARER');
    if (row.line_id === null) {
      const stocked = await stockPurchased(tx, networkId, [{ ...place, offerId: row.offer_id, skuId: row.sku_id, ownerId }]);
      if (stocked.get(row.id)?.stockedCount === 0) return invalid('cardKeys', 'All of these card keys are known already.');
    } else {
      const [outcome] = await settleLines(tx, networkId, [{ kind: 'DELIVER', lineId: row.line_id, ...place }]);
      if (outcome?.kind === 'DUPLICATE_KEYS') return invalid('cardKeys', `${outcome.count} of these card keys are known already.`);
      if (outcome?.kind === 'TOO_DEAR') return invalid('cost', 'It may not cost more than the order brings in.');
      if (outcome?.kind !== 'SETTLED') return refusal('The order does not wait for it any more.');
    }
    return {
      action: 'purchase.delivered',
      change: {
        id: row.id,
        state: 'SUCCEEDED',
        reason: 'BY_HAND',
        isAccepted: true,
        cost,
        deliveredQuantity: brought.deliveredQuantity,
        discrepancy: discrepancies.length === 0 ? null : discrepancies.join('+'),
      },
      step: { outcome: 'DELIVERED', message: input.note },
    };
  });
}

/** Gives an attempt up: its order's line is refunded, or its stock not bought. What comes of it after all is SURPLUS (domain §6). */
export function giveUpPurchase(
  ground: Ground,
  viewer: Viewer,
  { attemptId, reason }: { readonly attemptId: string; readonly reason: string },
): Promise<Attended | NotAttended> {
  const ownerId = actingStationWith(viewer, 'SUPPLY_MANAGE');
  if (reason.trim() === '' || reason.length > NOTE_MAX)
    return Promise.resolve(invalid('reason', `Say why, in at most ${NOTE_MAX} characters.`));
  return decide(ground.db, viewer, ownerId, attemptId, async (tx, row) => {
    if (row.line_id !== null) await settleLines(tx, viewer.networkId, [{ kind: 'FAIL', lineId: row.line_id, reason: 'GIVEN_UP' }]);
    const { abilities, kind } = ground.upstreams.connectorOf(row.connector_kind);
    const canVerify = kind !== 'MANUAL' && canBeAsked(abilities, { state: 'REJECTED', upstreamRef: row.upstream_ref });
    const dueAt = canVerify ? new Date(tx.now.getTime() + VERIFY_AFTER_SECONDS * 1000) : null;
    return {
      action: 'purchase.given-up',
      change: { id: row.id, state: 'REJECTED', reason: 'GIVEN_UP', dueAt },
      step: { outcome: 'GIVEN_UP', message: reason },
    };
  });
}

/** Has a worker ask the upstream for an attempt's outcome now. Refuses where nobody can be asked. */
export function askAgain(ground: Ground, viewer: Viewer, { attemptId }: { readonly attemptId: string }): Promise<Attended | NotAttended> {
  const ownerId = actingStationWith(viewer, 'SUPPLY_MANAGE');
  return decide(ground.db, viewer, ownerId, attemptId, async (tx, row) => {
    const { abilities, kind } = ground.upstreams.connectorOf(row.connector_kind);
    if (kind === 'MANUAL' || !canBeAsked(abilities, { state: 'UNKNOWN', upstreamRef: row.upstream_ref }))
      return refusal('This supplier’s system cannot be asked for it.');
    await run(tx, makeDue, [viewer.networkId, row.id, tx.now]);
    return { action: 'purchase.asked', change: null, step: { outcome: 'ASKED', message: '' } };
  });
}

/** One call of an attempt as it went over the wire. */
export type OpenedCall = WireRecord & { readonly kind: string; readonly at: Date };

/**
 * What went over the wire for an attempt, in the clear: card keys may be in it, so opening it is audited. Seen by who may manage supply
 * for the goods' owner alone.
 */
export async function openPurchaseLog(
  { db, vault }: Pick<PurchaseGround, 'db' | 'vault'>,
  viewer: Viewer,
  attemptId: string,
): Promise<{ readonly kind: 'OPENED'; readonly calls: readonly OpenedCall[] } | { readonly kind: 'NOT_FOUND' }> {
  const ownerId = actingStationWith(viewer, 'SUPPLY_MANAGE');
  const { networkId } = viewer;
  const attempts = await attemptsByIds(db.pool, { networkId, ownerId }, [attemptId]);
  if (attempts.size === 0) return { kind: 'NOT_FOUND' };
  const rows = await run(db.pool, selectWires, [networkId, attemptId]);
  // written down before anything is shown
  await inTransaction(db, (tx) =>
    writeAudit(tx, viewer, { action: 'purchase.log-opened', subjectId: attemptId, data: { callCount: rows.length } }),
  );
  const calls = rows.flatMap((row) => {
    const sealed = { sealed: row.wire, dataKey: row.data_key, vaultKeyId: row.vault_key_id };
    return openWire(vault, networkId, attemptId, sealed).map((call) => ({ ...call, kind: row.kind, at: row.created_at }));
  });
  return { kind: 'OPENED', calls };
}

type Decided = {
  readonly action: string;
  /** null: it stays as it is */
  readonly change: AttemptChange | null;
  readonly step: Pick<NewStep, 'outcome' | 'message'>;
};

/** One decision in one transaction: the attempt is locked first, its order after it, as workers do. */
function decide(
  db: Database,
  viewer: Viewer,
  ownerId: string,
  attemptId: string,
  decision: (tx: Transaction, row: DecidedAttemptRow) => Promise<Decided | NotAttended>,
): Promise<Attended | NotAttended> {
  const { networkId } = viewer;
  return inTransaction(db, async (tx): Promise<Attended | NotAttended> => {
    const [row] = await run(tx, lockOwned, [networkId, ownerId, attemptId]);
    if (!row) return { kind: 'NOT_FOUND' };
    const obstacle = obstacleTo(row, tx.now);
    if (obstacle !== null) return refusal(obstacle);
    const decided = await decision(tx, row);
    if ('kind' in decided) return decided;
    const { action, change, step } = decided;
    await changeAttempts(tx, networkId, change === null ? [] : [change]);
    await writeSteps(tx, networkId, [{ ...step, attemptId, kind: 'PERSON', actorId: actorId(viewer) }]);
    await writeAudit(tx, viewer, { action, subjectId: attemptId, data: { orderId: row.order_id, note: step.message } });
    const data = { attemptId, orderId: row.order_id, skuId: row.sku_id, purpose: row.purpose };
    const event = { networkId, subjectId: attemptId, audience: [ownerId] };
    if (change !== null)
      await writeEvents(tx, [
        { ...event, topic: 'purchase.settled', data: { ...data, state: change.state } },
        { ...event, topic: 'purchase.needs-attention', data: { ...data, reason: null } },
      ]);
    return { kind: 'ATTENDED' };
  });
}

function obstacleTo(row: DecidedAttemptRow, now: Date): string | null {
  if (row.state === 'SUCCEEDED' || row.state === 'REJECTED') return 'It is settled already.';
  if (row.lease_until !== null && row.lease_until > now) return 'It is being asked for at this moment.';
  return row.attention_reason === null ? 'No person has to decide it.' : null;
}

function inputProblem({ cardKeys, note }: DeliveredByHand): NotAttended | null {
  if (note.length > NOTE_MAX) return invalid('note', `A note has at most ${NOTE_MAX} characters.`);
  if (cardKeys.length > KEYS_MAX) return invalid('cardKeys', `At most ${KEYS_MAX} card keys at once.`);
  const wrong = cardKeys.findIndex((key) => cardKeyProblem(key) !== null);
  if (wrong >= 0) return invalid('cardKeys', `Card key ${wrong + 1} is empty, too long, or holds a control character.`);
  const distinct = new Set(cardKeys.map(({ number, secret }) => JSON.stringify([number, secret])));
  return distinct.size < cardKeys.length ? invalid('cardKeys', 'One card key stands there twice.') : null;
}

function invalid(field: string, message: string): NotAttended {
  return { kind: 'INVALID_INPUT', field, message };
}

function refusal(message: string): NotAttended {
  return { kind: 'NOT_ALLOWED', message };
}
