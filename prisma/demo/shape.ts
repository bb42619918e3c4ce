import type { CategoryData, DemoData, SkuData, StationData } from './data.ts';
import { createRandom, type Random } from './random.ts';

/** How large the demo is to be; what is left out is as large as the data files. */
export interface ShapeSize {
  readonly stations?: number | undefined;
  readonly skus?: number | undefined;
}

/** A station by code; parents stand before their children. */
export interface ShapedStation extends Omit<StationData, 'children'> {
  readonly parent: string | null;
  readonly depth: number;
}

/** A category by its names joined by "/". `owner` is the code of the station whose shelf it is on. */
export interface ShapedCategory {
  readonly path: string;
  readonly name: string;
  readonly parent: string | null;
  readonly owner: string;
}

/** A product by code. */
export interface ShapedProduct {
  readonly code: string;
  readonly name: string;
  readonly brand: string;
  readonly description: string;
  readonly category: string;
  readonly owner: string;
}

/** A denomination, with how its stock comes and how often it is bought beside the others (`weight`). */
export interface ShapedSku extends SkuData {
  readonly product: string;
  readonly category: string;
  readonly owner: string;
  readonly keyFormat: string;
  /** Codes, the usual one first; none for goods that a sub-station makes itself. */
  readonly suppliers: readonly string[];
  readonly weight: number;
}

/** The demo network at its size, still without ids. */
export interface DemoShape {
  readonly stations: readonly ShapedStation[];
  readonly categories: readonly ShapedCategory[];
  readonly products: readonly ShapedProduct[];
  readonly skus: readonly ShapedSku[];
}

interface Shelf {
  readonly product: ShapedProduct;
  readonly demand: number;
  readonly keyFormat: string;
  readonly suppliers: readonly string[];
  readonly skus: readonly SkuData[];
}

/** Brings the data to the size that was asked for: cut, or continued with made-up stations and further editions of products. */
export function shapeDemo(data: DemoData, size: ShapeSize, seed: string): DemoShape {
  const stations = resizeStations(flattenStations(data.network.stations), size.stations, createRandom(seed, 'stations'));
  const known = new Set(stations.map((station) => station.code));
  const root = data.network.stations.code;
  const own = data.network.ownGoods.filter((goods) => known.has(goods.owner));
  const shelves = [...data.catalogue.flatMap((category) => categoryShelves(category, root)).sort(byShelfOrder), ...own.flatMap(ownShelves)];
  const chosen = resizeShelves(shelves, size.skus);
  const categories = [...data.catalogue.flatMap((category) => flattenCategory(category, root)), ...own.map(ownCategory)];
  return {
    stations,
    categories,
    products: chosen.map((shelf) => shelf.product),
    skus: weighSkus(chosen, createRandom(seed, 'demand')),
  };
}

function flattenStations(root: StationData): ShapedStation[] {
  const visit = (station: StationData, parent: string | null, depth: number): ShapedStation[] => {
    const { children, ...own } = station;
    return [{ ...own, parent, depth }, ...children.flatMap((child) => visit(child, station.code, depth + 1))];
  };
  return visit(root, null, 0);
}

const FAMILY_NAMES = '王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾';
const SHOP_NAMES = ['手游铺', '点卡屋', '会员社', '数卡行', '充值站', '卡券店', '数码港', '软件坊', '话费厅', '权益馆'];

function resizeStations(stations: readonly ShapedStation[], count: number | undefined, random: Random): ShapedStation[] {
  if (count === undefined || count === stations.length) return [...stations];
  // a prefix of a walk from the root is a tree itself
  if (count < stations.length) return stations.slice(0, Math.max(2, count));
  const grown = [...stations];
  const parents = stations.filter((station) => station.kind === 'SUBSTATION');
  while (grown.length < count) {
    const parent = random.pick(parents);
    const kind = parent.depth < 4 && random.chance(0.15) ? 'SUBSTATION' : 'RESELLER';
    const station: ShapedStation = {
      code: `${parent.code}-X${grown.length}`,
      name: `${random.pick(Array.from(FAMILY_NAMES))}记${random.pick(SHOP_NAMES)} ${grown.length} 号`,
      kind,
      level: random.pick(['普通', '普通', '银牌', '金牌']),
      volume: kind === 'RESELLER' ? Math.ceil(40 / (1 + random.int(20))) : 2,
      sinceDay: random.chance(0.3) ? random.int(20) : 0,
      parent: parent.code,
      depth: parent.depth + 1,
    };
    grown.push(station);
    if (kind === 'SUBSTATION') parents.push(station);
  }
  return grown;
}

function flattenCategory(top: CategoryData, owner: string): ShapedCategory[] {
  const category = (path: string, name: string, parent: string | null): ShapedCategory => ({ path, name, parent, owner });
  return [
    category(top.name, top.name, null),
    ...top.groups.flatMap((group) => [
      category(`${top.name}/${group.name}`, group.name, top.name),
      ...group.groups.map((leaf) => category(`${top.name}/${group.name}/${leaf.name}`, leaf.name, `${top.name}/${group.name}`)),
    ]),
  ];
}

function categoryShelves(top: CategoryData, owner: string): Shelf[] {
  return top.groups.flatMap((group) =>
    group.groups.flatMap((leaf) =>
      leaf.products.map(({ skus, demand, ...product }) => ({
        product: { ...product, category: `${top.name}/${group.name}/${leaf.name}`, owner },
        demand,
        keyFormat: leaf.keyFormat,
        suppliers: leaf.suppliers,
        skus,
      })),
    ),
  );
}

function ownCategory(goods: DemoData['network']['ownGoods'][number]): ShapedCategory {
  return { path: goods.category, name: goods.category, parent: null, owner: goods.owner };
}

function ownShelves(goods: DemoData['network']['ownGoods'][number]): Shelf[] {
  return goods.products.map(({ skus, demand, keyFormat, ...product }) => ({
    product: { ...product, category: goods.category, owner: goods.owner },
    demand,
    keyFormat,
    suppliers: [],
    skus,
  }));
}

// what sells best first, so that a small demo is still worth looking at; equal demand keeps the files' order
function byShelfOrder(a: Shelf, b: Shelf): number {
  return b.demand - a.demand;
}

function resizeShelves(shelves: readonly Shelf[], count: number | undefined): Shelf[] {
  if (count === undefined) return [...shelves];
  const chosen: Shelf[] = [];
  let left = count;
  for (let edition = 1; left > 0; edition += 1) {
    for (const shelf of shelves) {
      if (left <= 0) break;
      chosen.push(editionOf(shelf, edition, left));
      left -= shelf.skus.length;
    }
  }
  return chosen;
}

function editionOf(shelf: Shelf, edition: number, skuCount: number): Shelf {
  const skus = shelf.skus.slice(0, skuCount);
  if (edition === 1) return { ...shelf, skus };
  const product = { ...shelf.product, code: `${shelf.product.code}.${edition}`, name: `${shelf.product.name}（渠道 ${edition}）` };
  return { ...shelf, product, skus: skus.map((sku) => ({ ...sku, code: `${sku.code}.${edition}` })) };
}

const DEMAND = [0, 1, 2.2, 5, 11, 24];
/** Small and middle denominations go fastest. */
const BY_POSITION = [0.75, 1, 0.95, 0.7, 0.42, 0.26, 0.16, 0.1];

/** Best sellers by Zipf: the rank decides how often a SKU is bought, its demand and denomination decide the rank. */
function weighSkus(shelves: readonly Shelf[], random: Random): ShapedSku[] {
  const scored = shelves.flatMap((shelf) =>
    shelf.skus.map((sku, position) => ({
      sku: { ...sku, product: shelf.product.code, category: shelf.product.category, owner: shelf.product.owner },
      shelf,
      score: (DEMAND[shelf.demand] ?? 1) * (BY_POSITION[position] ?? 0.1) * (0.6 + 0.8 * random.next()),
    })),
  );
  const ranks = new Map(scored.toSorted((a, b) => b.score - a.score).map((entry, rank) => [entry.sku.code, rank]));
  return scored.map(({ sku, shelf }) => ({
    ...sku,
    keyFormat: shelf.keyFormat,
    suppliers: shelf.suppliers,
    weight: 1 / ((ranks.get(sku.code) ?? 0) + 4) ** 0.85,
  }));
}
