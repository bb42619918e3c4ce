import { stockUp } from './arrange.ts';
import { placeOne } from './order-loads.ts';
import { SKU_KINDS } from './past-models.ts';
import { writePast } from './past-orders.ts';
import { type LargeShop, openAllPrograms } from './programs.ts';
import type { Site } from './site.ts';
import type { Stage } from './stage.ts';

/** A network with a past, in a database of its own. */
export interface PastSite {
  readonly site: Site;
  readonly shop: LargeShop;
  readonly says: string;
}

const CHAIN = 5;
/** Direct children of headquarters, whatever the size: an overview lists them. */
const CHILDREN = 10;
const BUYERS_PER_SUBSTATION = 100;
const DAYS = 60;

/** The large network and the one that it is compared with; each is made once in a run. */
export async function pastSites(stage: Stage): Promise<{ large: PastSite; little: PastSite }> {
  const { options } = stage;
  const little = { stations: options.littleStations, skus: options.littleSkus, orders: options.littleOrders };
  const large = { stations: options.largeStations, skus: options.largeSkus, orders: options.largeOrders };
  return {
    little: await stage.once('past of little', () => makePastSite(stage, 'little', little)),
    large: await stage.once('past of large', () => makePastSite(stage, 'large', large)),
  };
}

type PastSize = { readonly stations: number; readonly skus: number; readonly orders: number };

async function makePastSite(stage: Stage, name: string, { stations, skus, orders }: PastSize): Promise<PastSite> {
  const began = performance.now();
  const lowest = Math.max(CHILDREN, Math.ceil(stations / BUYERS_PER_SUBSTATION));
  const subStations = [CHILDREN, Math.max(CHILDREN, Math.round(lowest / CHILDREN)), lowest];
  const site = await stage.site(name);
  const shop = await stage.shop(site, name, { chain: CHAIN, subStations, stations, skus, keysPerSku: 0, programs: 1 });
  const [server] = await site.servers(1);
  const codes = await site.db.pool.query<{ id: string; kind: string }>(
    `SELECT DISTINCT ON (right(code, 1)) id, right(code, 1) AS kind FROM sku WHERE network_id = $1 AND right(code, 1) = ANY ($2) ORDER BY right(code, 1), id`,
    [shop.networkId, SKU_KINDS],
  );
  await stockUp(
    site.db,
    shop.networkId,
    1,
    codes.rows.map(({ id }) => id),
  );
  for (const { id } of codes.rows) await placeOne(server?.url ?? '', shop.buyers[0]?.secret ?? '', id);
  await site.servers(0);
  const drawPrograms = await openAllPrograms(site.db, shop);
  await writePast(site.db, shop, { orders, days: DAYS }, (progress) => stage.say(`${name}: ${progress}`));
  stage.say(`${name}: VACUUM, ANALYZE and the audit`);
  await site.db.pool.query('VACUUM ANALYZE');
  await stage.audit(site, shop);
  stage.say(`${name}: ${orders} past orders made in ${Math.round((performance.now() - began) / 1000)} s, the audit is clean`);
  return { site, shop: { ...shop, drawPrograms }, says: `${stations} stations, ${skus} SKUs, after ${orders} orders` };
}
