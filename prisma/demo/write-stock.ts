import { type LedgerOf, type NewTransfer, openAccountBook, writeTransfers } from '#server/ledger/commands.ts';
import { decideLotPurchase } from '#server/ledger/rules.ts';
import { spreadEvenly } from '#server/platform/allocate.ts';
import type { Transaction } from '#server/platform/database.ts';
import { type Money, money, scaleMoney, toAmountString } from '#server/platform/money.ts';
import type { Vault } from '#server/platform/vault.ts';
import { fingerprintCardKey, lotContext, sealCardKey } from '#server/stock/rules.ts';
import { insertRows, type Row } from './insert-rows.ts';
import type { PlainKey } from './make-keys.ts';
import type { PlannedLot } from './plan-stock.ts';
import type { ShapedSku } from './shape.ts';
import type { CatalogueIds } from './write-catalogue.ts';
import { known, type NetworkIds } from './write-network.ts';

const DAY = 86_400_000;

/** What lots are made with. */
export interface StockSource {
  readonly ledger: LedgerOf;
  readonly network: NetworkIds;
  readonly goods: CatalogueIds;
  /** SKUs by code. */
  readonly skus: ReadonlyMap<string, ShapedSku>;
  readonly vault: Vault;
  /** A new card key of a format. */
  makeKey(format: string): PlainKey;
  /** Whose wallet has no floor and may therefore buy lots outright: headquarters, by code. */
  readonly headquarters: string;
}

/**
 * Puts lots on their shelves: every key sealed under its lot's data key, costs spread to the cent, and what headquarters
 * bought outright paid from its wallet. One transaction's work.
 */
export async function writeLots(tx: Transaction, source: StockSource, lots: readonly PlannedLot[]): Promise<void> {
  const arrivals = lots.map((lot) => arrive(tx, source, lot));
  await insertRows(
    tx,
    'lot',
    arrivals.map(({ row }) => row),
  );
  await insertRows(
    tx,
    'card_key',
    arrivals.flatMap(({ keys }) => keys),
  );
  const purchases = arrivals.flatMap(({ purchase }) => (purchase === null ? [] : [purchase]));
  if (purchases.length === 0) return;
  const book = await openAccountBook(
    tx,
    source.ledger,
    purchases.flatMap(({ postings }) => postings),
  );
  await writeTransfers(tx, source.ledger, book, purchases);
}

interface Arrival {
  readonly row: Row;
  readonly keys: readonly Row[];
  readonly purchase: NewTransfer | null;
}

function arrive(tx: Transaction, source: StockSource, lot: PlannedLot): Arrival {
  const { network, goods, ledger, vault } = source;
  const sku = known(source.skus, lot.sku);
  const place = { networkId: network.networkId, lotId: tx.newId(), skuId: known(goods.skus, lot.sku) };
  const ownerId = known(network.stations, sku.owner);
  const supplierId = lot.supplier === null ? null : known(network.suppliers, lot.supplier);
  const listCost = money(sku.cost, ledger.currency);
  const totalCost = scaleMoney(listCost, BigInt(lot.keyCount) * BigInt(lot.costFactor), BigInt(sku.unitSize) * 10_000n, 'AMOUNT');
  const wrapped = vault.createDataKey(lotContext(place.networkId, place.lotId));
  const expiresOn = lot.expiresInDays === null ? null : new Date(lot.at.getTime() + lot.expiresInDays * DAY).toISOString().slice(0, 10);
  const keys = spreadEvenly(totalCost, lot.keyCount).map((cost) => {
    const id = tx.newId();
    const plain = source.makeKey(sku.keyFormat);
    return {
      network_id: place.networkId,
      id,
      lot_id: place.lotId,
      sku_id: place.skuId,
      owner_id: ownerId,
      state: 'AVAILABLE',
      sealed: sealCardKey(vault, { ...place, wrapped, keyId: id }, plain),
      fingerprint: fingerprintCardKey(vault, place.networkId, plain),
      cost: toAmountString(cost),
      expires_on: expiresOn,
      updated_at: tx.now,
    };
  });
  const createdBy = known(network.owners, sku.owner);
  const row = {
    network_id: place.networkId,
    id: place.lotId,
    sku_id: place.skuId,
    owner_id: ownerId,
    supplier_id: supplierId,
    terms: lot.terms,
    currency: ledger.currency,
    total_cost: toAmountString(totalCost),
    key_count: lot.keyCount,
    expires_on: expiresOn,
    data_key: wrapped.dataKey,
    vault_key_id: wrapped.vaultKeyId,
    created_by: createdBy,
    created_at: tx.now,
  };
  const isBought = lot.terms === 'OWN' && supplierId !== null && sku.owner === source.headquarters;
  return { row, keys, purchase: isBought ? purchaseOf(tx, { ownerId, supplierId, totalCost, createdBy }) : null };
}

interface Purchase {
  readonly ownerId: string;
  readonly supplierId: string;
  readonly totalCost: Money;
  readonly createdBy: string;
}

function purchaseOf(tx: Transaction, { ownerId, supplierId, totalCost, createdBy }: Purchase): NewTransfer | null {
  const zero = money('0', totalCost.currency);
  const decision = decideLotPurchase({ ownerId, supplierId, totalCost, wallet: { balance: zero, creditLimit: zero, floorless: true } });
  if (decision.kind !== 'ACCEPTED') throw new Error('headquarters can always buy');
  return decision.postings.length === 0 ? null : { id: tx.newId(), kind: 'LOT_PURCHASE', actorId: createdBy, postings: decision.postings };
}
