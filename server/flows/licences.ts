import { applyConditions } from '#server/alerts/commands.ts';
import type { Condition } from '#server/alerts/rules.ts';
import { selectLiveAlerts } from '#server/alerts/sql.ts';
import { selectNetwork } from '#server/network/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import { type Database, inTransaction, run, type Transaction } from '#server/platform/database.ts';
import { type NewEvent, writeEvents } from '#server/platform/events.ts';
import { refreshOffers } from '#server/suppliers/commands.ts';
import { daysBetween, expiryStage } from '#server/suppliers/rules.ts';
import { type MovedOffer, networksToCheck, noteCheck, suppliersOfNetwork, type WatchedLicence } from '#server/suppliers/sql.ts';
import { headquartersId } from './supplier-access.ts';

/**
 * Brings everything that follows from how suppliers stand and from their licences up to date, within the transaction that changed
 * either, or that made an offer: offers are frozen or released, and headquarters is told of licences that expire. Today is the day
 * of the network. Looking again moves nothing and tells nobody.
 */
export async function refreshSuppliers(tx: Transaction, networkId: string, supplierIds: readonly string[]): Promise<void> {
  if (supplierIds.length === 0) return;
  const { timeZone } = await selectNetwork(tx, networkId);
  const today = localDate(tx.now, timeZone);
  // the suppliers are locked here: whoever refreshes the same ones waits, and then finds nothing to do
  const { moved, licences } = await refreshOffers(tx, networkId, supplierIds, today);
  await writeEvents(tx, moved.length === 0 ? [] : eventsOf(networkId, moved));
  await tellOfLicences(tx, networkId, licences, today);
}

/** Each offer by itself; and each SKU once, since it may be had no more, or again: guards, forecasts and buyers' shelves follow. */
function eventsOf(networkId: string, moved: readonly MovedOffer[]): NewEvent[] {
  const skus = new Map(moved.map(({ owner_id, sku_id }) => [sku_id, owner_id]));
  return [
    ...moved.map(
      ({ id, owner_id, supplier_id, sku_id, frozen_reason }): NewEvent => ({
        networkId,
        topic: 'offer.changed',
        subjectId: id,
        audience: [owner_id, supplier_id],
        data: { skuId: sku_id, frozenReason: frozen_reason },
      }),
    ),
    ...[...skus].map(
      ([skuId, ownerId]): NewEvent => ({ networkId, topic: 'stock.changed', subjectId: skuId, audience: [ownerId], data: { skuId } }),
    ),
  ];
}

/**
 * Alerts of licences, for headquarters. LICENCE_EXPIRING is told once at each of 30, 7 and 1 days before: a narrower warning is another
 * one, so the wider ends first. Whoever was away is told the narrowest alone.
 */
async function tellOfLicences(tx: Transaction, networkId: string, licences: readonly WatchedLicence[], today: string): Promise<void> {
  if (licences.length === 0) return;
  const stationId = await headquartersId(tx, networkId);
  const conditions = licences.flatMap((licence) => conditionsOf(stationId, licence, today));
  const live = await selectLiveAlerts(tx, networkId, conditions);
  const stageOf = new Map(conditions.filter(({ kind }) => kind === 'LICENCE_EXPIRING').map((each) => [each.subjectId, each]));
  const wider = live.flatMap((alert) => {
    const now = alert.kind === 'LICENCE_EXPIRING' ? stageOf.get(alert.subjectId) : undefined;
    return now?.holds && now.data['stageDays'] !== alert.data['stageDays'] ? [{ ...now, holds: false }] : [];
  });
  await applyConditions(tx, networkId, wider);
  await applyConditions(tx, networkId, conditions);
}

function conditionsOf(stationId: string, licence: WatchedLicence, today: string): Condition[] {
  const { id, type, supplier_id, supplier_name, expires_on, is_watched } = licence;
  const stage = is_watched && expires_on !== null ? expiryStage(daysBetween(today, expires_on)) : null;
  const about = { stationId, subjectId: id };
  const data = { supplierId: supplier_id, supplierName: supplier_name, documentType: type, expiresOn: expires_on ?? '' };
  const isExpiring = stage !== null && stage !== 'EXPIRED';
  return [
    { ...about, kind: 'LICENCE_EXPIRING', holds: isExpiring, data: { ...data, stageDays: isExpiring ? stage : 0 } },
    { ...about, kind: 'LICENCE_EXPIRED', holds: stage === 'EXPIRED', data },
  ];
}

/**
 * Looks at the licences of every network whose day has changed since they were looked at last, forwards or backwards: the day of the
 * network, not of the machine. Any number of processes may run it. Resolves to how many networks were looked at.
 */
export async function checkLicences(db: Database): Promise<number> {
  const due = await run(db.pool, networksToCheck, [db.clock()]);
  const failures: unknown[] = [];
  for (const { network_id } of due) {
    try {
      await inTransaction(db, (tx) => checkNetwork(tx, network_id));
    } catch (error) {
      // the other networks do not wait for one that fails
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return due.length;
}

async function checkNetwork(tx: Transaction, networkId: string): Promise<void> {
  const { timeZone } = await selectNetwork(tx, networkId);
  const suppliers = await run(tx, suppliersOfNetwork, [networkId]);
  await refreshSuppliers(
    tx,
    networkId,
    suppliers.map(({ id }) => id),
  );
  await run(tx, noteCheck, [networkId, localDate(tx.now, timeZone), tx.now]);
}
