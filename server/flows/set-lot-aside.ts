import { writeAudit } from '#server/accounts/commands.ts';
import { actingStationWith, actorId, type Viewer } from '#server/accounts/rules.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { type Database, inTransaction, type Transaction } from '#server/platform/database.ts';
import { writeEvents } from '#server/platform/events.ts';
import { isId } from '#server/platform/ids.ts';
import { type LotState, lockLot, type MovedKeys, moveLotKeys, setLotState } from '#server/stock/sql.ts';

/** What is done with a lot as a whole. QUARANTINE: no key of it is sold any more; RELEASE: back on the shelf; VOID: never again. */
export type LotMove = 'QUARANTINE' | 'RELEASE' | 'VOID';

/** What became of it. `movedCount`: keys that changed; `expiredCount` of those released have passed their day. */
export type LotMoveOutcome =
  | { readonly kind: 'LOT_MOVED'; readonly lotId: string; readonly movedCount: number; readonly expiredCount: number }
  | NotFound
  | NotAllowed
  | InvalidInput;

const REASON_MAX = 500;
const BECOMES: Readonly<Record<LotMove, LotState>> = { QUARANTINE: 'QUARANTINED', RELEASE: 'OPEN', VOID: 'VOID' };
const ACTION: Readonly<Record<LotMove, string>> = { QUARANTINE: 'lot.quarantined', RELEASE: 'lot.released', VOID: 'lot.voided' };
/** From which states, and what is said of the others. */
const FROM: Readonly<Record<LotMove, { readonly states: readonly LotState[]; readonly otherwise: string }>> = {
  QUARANTINE: { states: ['OPEN', 'QUARANTINED'], otherwise: 'The lot is void.' },
  RELEASE: { states: ['QUARANTINED'], otherwise: 'Only a lot in quarantine is released.' },
  VOID: { states: ['QUARANTINED'], otherwise: 'Only a lot in quarantine is made void.' },
};

/**
 * Puts a whole lot aside, or decides what becomes of it (domain §6, QUARANTINED, VOID). All keys that are for sale move in one
 * guarded statement: a sale that runs at that instant has its keys, or finds them gone. What orders hold stays theirs, and is listed
 * by `touchedOrdersPage`; what comes back from them follows the lot. No money moves: a key costs when it is sold, or was paid for.
 */
export async function setLotAside(
  db: Database,
  viewer: Viewer,
  { lotId, move, reason }: { readonly lotId: string; readonly move: LotMove; readonly reason: string },
): Promise<LotMoveOutcome> {
  const ownerId = actingStationWith(viewer, 'STOCK_WITHDRAW');
  if (reason.trim() === '' || reason.length > REASON_MAX) {
    return { kind: 'INVALID_INPUT', field: 'reason', message: `a reason has 1 to ${REASON_MAX} characters` };
  }
  if (!isId(lotId)) return { kind: 'NOT_FOUND' };
  return inTransaction(db, async (tx): Promise<LotMoveOutcome> => {
    const lot = await lockLot(tx, viewer.networkId, ownerId, lotId);
    if (!lot) return { kind: 'NOT_FOUND' };
    const { states, otherwise } = FROM[move];
    if (!states.includes(lot.state)) return { kind: 'NOT_ALLOWED', message: otherwise };
    // looked at in a statement of its own, behind the lock: keys that came back meanwhile are seen
    const moved = await moveKeys(tx, viewer.networkId, lotId, move);
    const data = { skuId: lot.sku_id, reason, keyCount: moved.count, expiredCount: moved.expiredCount };
    await Promise.all([
      setLotState(tx, viewer.networkId, { lotId, state: BECOMES[move], reason, actorId: actorId(viewer) }),
      writeAudit(tx, viewer, { action: ACTION[move], subjectId: lotId, data }),
      writeEvents(tx, [
        { networkId: viewer.networkId, topic: 'stock.changed', subjectId: lot.sku_id, audience: [ownerId], data: { skuId: lot.sku_id } },
      ]),
    ]);
    return { kind: 'LOT_MOVED', lotId, movedCount: moved.count, expiredCount: moved.expiredCount };
  });
}

async function moveKeys(tx: Transaction, networkId: string, lotId: string, move: LotMove): Promise<MovedKeys> {
  if (move !== 'RELEASE') return moveLotKeys(tx, networkId, lotId, { kind: move });
  const { timeZone } = await selectNetwork(tx, networkId);
  return moveLotKeys(tx, networkId, lotId, { kind: 'RELEASE', today: localDate(tx.now, timeZone) });
}
