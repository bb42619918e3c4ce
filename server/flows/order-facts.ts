import { planBook } from '#server/commission/rules.ts';
import { loadPlans } from '#server/commission/sql.ts';
import { balanceOf } from '#server/ledger/commands.ts';
import type { WalletFacts } from '#server/ledger/rules.ts';
import { lockWallets } from '#server/ledger/sql.ts';
import type { LineStation } from '#server/network/sql.ts';
import { linesStand, loadLines } from '#server/network/sql.ts';
import { type ClaimedKey, type Fulfilment, type OrderFacts, type OrderRequest, stationKey } from '#server/orders/rules.ts';
import { type OrderedSkuRow, selectKnownKeys, selectOrderedSkus, selectTakenRefs, selectTerms, type TermsRow } from '#server/orders/sql.ts';
import { localDate } from '#server/platform/clock.ts';
import type { Transaction } from '#server/platform/database.ts';
import { type CurrencyCode, currencyCode, money, zeroMoney } from '#server/platform/money.ts';
import { together } from '#server/platform/together.ts';
import { type PricedSku, quantityFits, ruleBook } from '#server/pricing/rules.ts';
import { hopsOf, loadBands, loadRulesOfOrders, type OrderedHops } from '#server/pricing/sql.ts';
import { type ClaimedKeyRow, claimKeys, countAvailable, type Wanted } from '#server/stock/sql.ts';
import { loadFulfilments } from './order-fulfilment.ts';

/** What stands still while a list is decided: read first, without a lock. */
export type OrderGround = {
  readonly networkId: string;
  readonly currency: CurrencyCode;
  readonly terms: TermsRow;
  readonly lines: ReadonlyMap<string, readonly LineStation[]>;
  readonly skuRows: ReadonlyMap<string, OrderedSkuRow>;
  readonly skus: ReadonlyMap<string, PricedSku>;
  /** of the SKUs that are sourced or bundles */
  readonly fulfilments: ReadonlyMap<string, Fulfilment>;
};

/** How keys are claimed: see `claimKeys`. */
export type ClaimMode = 'AT_ONCE' | 'WAITING';

/** Keys are wanted that another transaction holds: whether they are sold is not known yet. The list is to be run again, WAITING. */
export class KeysHeldElsewhere extends Error {
  constructor() {
    super('card keys are held by another transaction');
    this.name = 'KeysHeldElsewhere';
  }
}

/** A buyer's line moved while its prices were being read: the list is run again from outside, as after a serialization failure. */
class LineMoved extends Error {
  readonly code = '40001';
  constructor() {
    super('a station moved while an order of its line was being priced');
    this.name = 'LineMoved';
  }
}

/** Reads policy, lines and SKUs: one round trip; what is not simply on the shelf takes more. */
export async function loadOrderGround(
  tx: Transaction,
  networkId: string,
  asked: readonly { readonly buyerId: string; readonly skuId: string }[],
): Promise<OrderGround> {
  const [terms, lines, rows] = await together(tx, (gathering) =>
    Promise.all([
      selectTerms(gathering, networkId),
      loadLines(gathering, networkId, distinct(asked.map(({ buyerId }) => buyerId))),
      selectOrderedSkus(gathering, networkId, distinct(asked.map(({ skuId }) => skuId))),
    ]),
  );
  const currency = currencyCode(terms.currency);
  const skus = new Map(rows.map((row) => [row.id, pricedSku(row, currency)]));
  const fulfilments = await loadFulfilments(tx, networkId, rows, localDate(tx.now, terms.time_zone));
  return { networkId, currency, terms, lines, skuRows: new Map(rows.map((row) => [row.id, row])), skus, fulfilments };
}

/**
 * Everything else that a list is decided on, in one round trip: wallets locked in id order, then what their locks keep still
 * (request keys, external references), prices, and the card keys, claimed as one pool for each SKU.
 */
export async function loadOrderFacts(
  tx: Transaction,
  ground: OrderGround,
  requests: readonly OrderRequest[],
  mode: ClaimMode,
): Promise<OrderFacts> {
  const { networkId, currency, lines } = ground;
  const skus = [...ground.skus.values()];
  const today = localDate(tx.now, ground.terms.time_zone);
  const wanted = wantedKeys(ground, requests);
  const [wallets, [knownKeys, takenRefs, rules, bands, plans, claimed, stand]] = await Promise.all([
    lockWallets(tx, networkId, currency, payersOf(ground, requests)),
    // a statement of its own, behind the locks: it sees what those who held them have committed
    together(tx, (gathering) =>
      Promise.all([
        selectKnownKeys(
          gathering,
          networkId,
          requests.map(({ buyerId, requestKey }) => [buyerId, requestKey]),
        ),
        selectTakenRefs(
          gathering,
          networkId,
          requests.flatMap(({ buyerId, externalRef }) => (externalRef === null ? [] : [[buyerId, externalRef] as const])),
        ),
        loadRulesOfOrders(gathering, networkId, pricedOrders(ground, requests)),
        loadBands(
          gathering,
          networkId,
          skus.map(({ id }) => id),
        ),
        loadPlans(gathering, networkId, skus),
        claimKeys(gathering, networkId, wanted, today, mode),
        // beside the rules, so that these belong to the lines, and under the wallets' locks, which a move waits for where credit is in use
        linesStand(gathering, networkId, lines),
      ]),
    ),
  ]);
  if (!stand) throw new LineMoved();
  const claimedKeys = keysBySku(claimed, currency);
  if (mode === 'AT_ONCE') await refuseToGuess(tx, networkId, { wanted, today }, claimedKeys);
  const found = new Map(wallets.map((row) => [row.station_id ?? '', balanceOf(row, currency)]));
  return {
    currency,
    commissionLevelsMax: ground.terms.commission_levels_max,
    paths: lines,
    skus: ground.skus,
    fulfilments: ground.fulfilments,
    chance: Math.random(),
    rules: ruleBook(rules),
    bands,
    plans: planBook(plans),
    claimedKeys,
    wallets: new Map(payersOf(ground, requests).map((id) => [id, found.get(id) ?? unusedWallet(ground, id)])),
    requestKeys: new Map(
      knownKeys.map((row) => [stationKey(row.station_id, row.key), { inputHash: row.input_hash.toString('hex'), orderId: row.order_id }]),
    ),
    externalRefs: new Set(takenRefs.map((row) => stationKey(row.buyer_id, row.external_ref))),
  };
}

/** Of each order that could have a price, what it is priced by. */
function pricedOrders({ lines, skus }: OrderGround, requests: readonly OrderRequest[]): OrderedHops[] {
  const hopsOfBuyers = new Map([...lines].map(([buyerId, line]) => [buyerId, hopsOf([line])] as const));
  return requests.flatMap(({ buyerId, skuId }) => {
    const [hops, sku] = [hopsOfBuyers.get(buyerId), skus.get(skuId)];
    return hops && sku ? [{ hops, sku }] : [];
  });
}

/** Buyers, and owners who may be asked to bear a loss: the wallets that orders of this list may take money from. */
function payersOf(ground: OrderGround, requests: readonly OrderRequest[]): string[] {
  const owners = [...ground.lines.values()].flatMap((line) =>
    line.filter(({ id, costGuard }) => costGuard === 'ALLOW_LOSS' && [...ground.skus.values()].some((sku) => sku.ownerId === id)),
  );
  return distinct([...requests.map(({ buyerId }) => buyerId), ...owners.map(({ id }) => id)]);
}

/** So many keys does one order claim of a SKU at most; see LIST_KEYS_MAX. */
const ORDER_KEYS_MAX = 5_000;

/** What is to be claimed: an order of an impossible quantity claims nothing, one of a bundle its parts from stock. */
function wantedKeys(ground: OrderGround, requests: readonly OrderRequest[]): Wanted[] {
  const bySku = new Map<string, number>();
  const want = (skuId: string, units: number) => {
    if (units <= ORDER_KEYS_MAX) bySku.set(skuId, (bySku.get(skuId) ?? 0) + units);
  };
  for (const { skuId, quantity } of requests) {
    const sku = ground.skus.get(skuId);
    if (sku?.listingState !== 'LIVE' || !quantityFits(sku, quantity)) continue;
    const fulfilment = ground.fulfilments.get(skuId);
    if (!fulfilment) want(skuId, quantity);
    for (const part of fulfilment?.parts ?? []) if (part.supply.kind === 'STOCK') want(part.skuId, part.unitsEach * quantity);
  }
  return [...bySku].map(([skuId, quantity]) => ({ skuId, quantity }));
}

/** When fewer keys came than were wanted, and more than came are for sale, somebody holds the difference. */
async function refuseToGuess(
  tx: Transaction,
  networkId: string,
  { wanted, today }: { wanted: readonly Wanted[]; today: string },
  claimed: ReadonlyMap<string, readonly ClaimedKey[]>,
): Promise<void> {
  const short = wanted.filter(({ skuId, quantity }) => (claimed.get(skuId)?.length ?? 0) < quantity);
  if (short.length === 0) return;
  const countMax = Math.max(...short.map(({ quantity }) => quantity));
  const counts = await countAvailable(
    tx,
    networkId,
    short.map(({ skuId }) => skuId),
    today,
    countMax,
  );
  if (counts.some(({ sku_id, count }) => count > (claimed.get(sku_id)?.length ?? 0))) throw new KeysHeldElsewhere();
}

function keysBySku(rows: readonly ClaimedKeyRow[], currency: CurrencyCode): Map<string, ClaimedKey[]> {
  const bySku = new Map<string, ClaimedKey[]>();
  for (const { id, sku_id, cost, supplier_id, terms } of rows) {
    const keys = bySku.get(sku_id) ?? [];
    keys.push({ id, cost: money(cost, currency), supplierId: supplier_id, terms });
    bySku.set(sku_id, keys);
  }
  return bySku;
}

function pricedSku(row: OrderedSkuRow, currency: CurrencyCode): PricedSku {
  return {
    id: row.id,
    productId: row.product_id,
    categoryPath: row.category_path,
    ownerId: row.owner_id,
    basePrice: money(row.base_price, currency),
    unitSize: row.unit_size,
    minQuantity: row.min_quantity,
    maxQuantity: row.max_quantity,
    quantityStep: row.quantity_step,
    listingState: row.archived ? 'RETIRED' : row.listing_state,
  };
}

/** A wallet that was never used does not exist yet: it is empty, and only headquarters' has no floor. */
function unusedWallet({ currency, lines }: OrderGround, stationId: string): WalletFacts {
  const isHeadquarters = [...lines.values()].some(([first]) => first?.id === stationId);
  return { balance: zeroMoney(currency), creditLimit: zeroMoney(currency), floorless: isHeadquarters };
}

function distinct(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
