import type { Transaction } from '#server/platform/database.ts';
import type { DemoData, MarkupRuleData } from './data.ts';
import { insertRows } from './insert-rows.ts';
import type { DemoShape, ShapedCategory } from './shape.ts';
import { known, levelKey, type NetworkIds } from './write-network.ts';

/** The ids of what is sold: categories by path, products and SKUs by code. */
export interface CatalogueIds {
  readonly categories: ReadonlyMap<string, string>;
  readonly products: ReadonlyMap<string, string>;
  readonly skus: ReadonlyMap<string, string>;
}

/** What a catalogue and its prices are made from. */
export interface CatalogueSource {
  readonly data: DemoData;
  readonly shape: DemoShape;
  /** Since when all of it holds. */
  readonly start: Date;
}

/** Writes categories, products and SKUs, all of them for sale. */
export async function writeCatalogue(tx: Transaction, network: NetworkIds, { shape, start, data }: CatalogueSource): Promise<CatalogueIds> {
  const ids: CatalogueIds = {
    categories: new Map(shape.categories.map(({ path }) => [path, tx.newId()])),
    products: new Map(shape.products.map(({ code }) => [code, tx.newId()])),
    skus: new Map(shape.skus.map(({ code }) => [code, tx.newId()])),
  };
  const paths = categoryPaths(shape.categories, ids.categories);
  const common = { network_id: network.networkId, version: 1, created_at: start };
  await insertRows(
    tx,
    'category',
    shape.categories.map((category, position) => ({
      ...common,
      id: known(ids.categories, category.path),
      owner_id: known(network.stations, category.owner),
      parent_id: category.parent === null ? null : known(ids.categories, category.parent),
      name: category.name,
      path: known(paths, category.path),
      position,
    })),
  );
  await insertRows(
    tx,
    'product',
    shape.products.map((product) => ({
      ...common,
      id: known(ids.products, product.code),
      owner_id: known(network.stations, product.owner),
      category_id: known(ids.categories, product.category),
      name: product.name,
      brand: product.brand,
      description: product.description,
    })),
  );
  await insertRows(
    tx,
    'sku',
    shape.skus.map((sku) => ({
      ...common,
      id: known(ids.skus, sku.code),
      product_id: known(ids.products, sku.product),
      owner_id: known(network.stations, sku.owner),
      category_path: known(paths, sku.category),
      code: sku.code,
      name: sku.name,
      face_value: sku.faceValue,
      currency: data.network.network.currency,
      base_price: sku.basePrice,
      unit_size: sku.unitSize,
      min_quantity: sku.minQuantity,
      max_quantity: sku.maxQuantity,
      quantity_step: sku.quantityStep,
      delivery_kind: 'FROM_STOCK',
      listing_state: 'LIVE',
      listing_version: 1,
      updated_at: start,
    })),
  );
  return ids;
}

function categoryPaths(categories: readonly ShapedCategory[], ids: ReadonlyMap<string, string>): Map<string, readonly string[]> {
  const paths = new Map<string, readonly string[]>();
  for (const { path, parent } of categories) paths.set(path, [...(parent === null ? [] : known(paths, parent)), known(ids, path)]);
  return paths;
}

/** Writes markup rules, control bands and commission plans: those whose station, child and goods are part of this demo. */
export async function writePricing(
  tx: Transaction,
  network: NetworkIds,
  goods: CatalogueIds,
  { data, start }: CatalogueSource,
): Promise<void> {
  const { markupRules, controlBands, commissionPlans, stations, network: settings } = data.network;
  const version = (by: string) => ({
    network_id: network.networkId,
    id: tx.newId(),
    currency: settings.currency,
    version: 1,
    valid_from: start,
    created_by: known(network.owners, by),
  });
  const here = markupRules.filter((rule) => isRuleHere(network, goods, rule));
  await insertRows(
    tx,
    'markup_rule',
    here.map((rule) => ({
      ...version(rule.station),
      station_id: known(network.stations, rule.station),
      child_id: rule.child === undefined ? null : known(network.stations, rule.child),
      level_id: rule.level === undefined ? null : known(network.levels, levelKey(rule.station, rule.level)),
      ...scopeIds(goods, rule),
      kind: rule.kind,
      value: rule.value,
      breaks: rule.breaks,
      inversion: rule.inversion,
      reason: rule.reason,
    })),
  );
  await insertRows(
    tx,
    'control_band',
    controlBands
      .filter((band) => isOnSale(goods, band))
      .map(({ sku, floor, ceiling, reason }) => ({
        ...version(stations.code),
        sku_id: known(goods.skus, sku),
        floor: floor ?? null,
        ceiling: ceiling ?? null,
        reason,
      })),
  );
  await insertRows(
    tx,
    'commission_plan',
    commissionPlans
      .filter((plan) => isOnSale(goods, plan))
      .map((plan) => ({
        ...version(stations.code),
        owner_id: known(network.stations, stations.code),
        ...scopeIds(goods, plan),
        pool_kind: plan.poolKind,
        pool_value: plan.poolValue,
        share_bps: plan.shareBps,
        reason: plan.reason,
      })),
  );
}

/** What a rule or plan is about, by code or category path; nothing named is everything. */
export interface Scope {
  readonly sku?: string | undefined;
  readonly product?: string | undefined;
  readonly category?: string | undefined;
}

/** Whether a rule's station, child and goods are part of this demo: a smaller one lacks some. */
export function isRuleHere(network: NetworkIds, goods: CatalogueIds, rule: MarkupRuleData): boolean {
  return network.stations.has(rule.station) && (rule.child === undefined || network.stations.has(rule.child)) && isOnSale(goods, rule);
}

function isOnSale(goods: CatalogueIds, { sku, product, category }: Scope): boolean {
  return (
    (sku === undefined || goods.skus.has(sku)) &&
    (product === undefined || goods.products.has(product)) &&
    (category === undefined || goods.categories.has(category))
  );
}

/** Ids of what a rule is about; what it does not name is null. */
export function scopeIds(goods: CatalogueIds, { sku, product, category }: Scope) {
  return {
    sku_id: sku === undefined ? null : known(goods.skus, sku),
    product_id: product === undefined ? null : known(goods.products, product),
    category_id: category === undefined ? null : known(goods.categories, category),
  };
}
