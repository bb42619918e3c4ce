import { run, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { writeSteps } from '#server/purchases/commands.ts';
import { PENDING_TOO_LONG_SECONDS, UNKNOWN_TOO_LONG_SECONDS } from '#server/purchases/rules.ts';
import { lockUnasked, raiseAttention, type UnaskedAttemptRow } from '#server/purchases/sql.ts';
import type { AccountPlace } from './purchase-ground.ts';
import { settleLines } from './settle-lines.ts';

const BATCH = 100;

/** Attempts whose outcome nobody could ask for, since their account is left alone: a person is told in the same time as of all others. */
export async function tellUnasked(tx: Transaction, { networkId, accountId }: AccountPlace): Promise<void> {
  const before = (seconds: number) => new Date(tx.now.getTime() - seconds * 1000);
  const values = [networkId, accountId, tx.now, before(UNKNOWN_TOO_LONG_SECONDS), before(PENDING_TOO_LONG_SECONDS), BATCH];
  const rows = await run(tx, lockUnasked, values);
  if (rows.length === 0) return;
  const told = rows.map((row) => ({
    row,
    reason: row.state === 'SENT' && row.accepted_at !== null ? 'PENDING_TOO_LONG' : 'UNKNOWN_TOO_LONG',
  }));
  await settleLines(
    tx,
    networkId,
    told.flatMap(({ row, reason }) => (row.line_id === null ? [] : [{ kind: 'ATTENTION', lineId: row.line_id, reason }])),
  );
  await run(tx, raiseAttention, [networkId, told.map(({ row }) => row.id), told.map(({ reason }) => reason), tx.now]);
  await writeSteps(
    tx,
    networkId,
    told.map(({ row, reason }) => ({ attemptId: row.id, kind: 'DECIDED', outcome: reason })),
  );
  await writeEvents(
    tx,
    told.map(({ row, reason }) => attentionEvent(networkId, row, reason)),
  );
}

function attentionEvent(networkId: string, row: UnaskedAttemptRow, reason: string) {
  const data = { attemptId: row.id, orderId: row.order_id, skuId: row.sku_id, purpose: row.purpose, reason };
  return { networkId, topic: 'purchase.needs-attention' as const, subjectId: row.id, audience: [row.owner_id], data };
}
