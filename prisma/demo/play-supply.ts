import { createUpstreams } from '#server/connectors/upstreams.ts';
import { deliverByHand } from '#server/flows/attend-purchase.ts';
import { sealOrderInput } from '#server/flows/order-input.ts';
import { placeOrders } from '#server/flows/place-orders.ts';
import type { PurchaseGround } from '#server/flows/purchase-ground.ts';
import { createPurchaseRunner } from '#server/flows/run-purchases.ts';
import { createSupplyAccount } from '#server/flows/supply-accounts.ts';
import { createSupplyOffer } from '#server/flows/supply-offers.ts';
import { inTransaction, run, statement } from '#server/platform/database.ts';
import { createLog } from '#server/platform/log.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { insertRows } from './insert-rows.ts';
import { ownerViewer } from './people.ts';
import type { Stage } from './play-story.ts';
import { known } from './write-network.ts';

// What cannot lie on a shelf: a top-up straight into a phone's account, bought from a supplier by hand.

const MINUTE = 60_000;
const SUPPLIER = 'HT';
const RESELLERS = ['HD-HZ-BJ-01', 'HD-HZ-BJ-02', 'HD-HZ-YW-02'];
const CATEGORY = /国内话费/;
/** 恒通 asks for so much; headquarters sells for so much. */
const TOP_UPS = [
  { code: 'ZC-HF-50', name: '50 元', faceValue: 'CNY 50', basePrice: '49.6000', cost: '48.7000' },
  { code: 'ZC-HF-100', name: '100 元', faceValue: 'CNY 100', basePrice: '99.2000', cost: '97.3000' },
];
/** Of these orders the elder ones were delivered, the younger ones wait for somebody at the desk. */
const ORDERS = 7;
const DELIVERED = 4;
const EVERY_MINUTES = 9;
const INPUT_FIELDS = [{ name: 'phone', label: '手机号码', kind: 'PHONE', isRequired: true, hint: '充值到账后不可撤销' }];

/** Puts direct top-ups up for sale, buys some for resellers, and leaves the last of them for a person to deliver. */
export async function playSupply(stage: Stage): Promise<void> {
  const { network, goods, headquarters } = stage.office;
  const category = [...goods.categories.keys()].find((path) => CATEGORY.test(path));
  const resellers = RESELLERS.filter((code) => network.stations.has(code));
  if (category === undefined || resellers.length === 0 || !network.suppliers.has(SUPPLIER)) return;
  const until = stage.clock.now();
  stage.clock.set(new Date(until.getTime() - 3 * 60 * MINUTE));
  const skuIds = await writeTopUps(stage, category);
  const ground = groundOf(stage);
  const owner = ownerViewer(network, headquarters);
  const account = await createSupplyAccount(ground, owner, {
    supplierId: known(network.suppliers, SUPPLIER),
    name: '恒通人工充值',
    kind: 'MANUAL',
    baseUrl: '',
    currency: stage.data.network.network.currency,
    settings: {},
    callsAtOnce: 1,
    isEnabled: true,
  });
  if (account.kind !== 'CREATED') throw new Error(`the demo has no account by hand: ${JSON.stringify(account)}`);
  for (const [index, { cost }] of TOP_UPS.entries())
    await offer(stage, ground, { skuId: skuIds[index] ?? '', accountId: account.accountId, cost });
  await stage.refreshStatistics();
  for (let number = 0; number < ORDERS; number += 1) {
    stage.clock.set(new Date(until.getTime() - (ORDERS - number) * EVERY_MINUTES * MINUTE));
    await order(stage, { reseller: resellers[number % resellers.length] ?? '', skuId: skuIds[number % skuIds.length] ?? '', number });
    await buy(ground);
    stage.clock.set(new Date(stage.clock.now().getTime() + 4 * MINUTE));
    if (number < DELIVERED) await deliverEldest(stage, ground);
  }
  stage.clock.set(until);
}

type Ground = PurchaseGround & { readonly upstreams: ReturnType<typeof createUpstreams> };

function groundOf({ office: { db, vault } }: Stage): Ground {
  // nobody is called: a supplier that is bought from by hand has no wire
  const upstreams = createUpstreams({ outgoing: createOutgoing({ allowedHosts: [] }), clock: db.clock }, null);
  return { db, vault, upstreams, log: createLog('silent'), chance: () => 0.5, callMilliseconds: MINUTE };
}

async function writeTopUps({ office, clock, data }: Stage, category: string): Promise<string[]> {
  const { db, network, goods, headquarters } = office;
  return inTransaction(db, async (tx) => {
    const [productId, now] = [tx.newId(), clock.now()];
    const common = { network_id: network.networkId, owner_id: known(network.stations, headquarters), version: 1, created_at: now };
    const categoryId = known(goods.categories, category);
    const [{ path } = { path: [] }] = await run(tx, categoryPath, [network.networkId, categoryId]);
    await insertRows(tx, 'product', [
      {
        ...common,
        id: productId,
        category_id: categoryId,
        name: '三网话费直充',
        brand: '恒通数卡',
        description: '直接充入手机号码，无需卡密，一般 10 分钟内到账。',
      },
    ]);
    const rows = TOP_UPS.map((sku) => ({
      ...common,
      id: tx.newId(),
      product_id: productId,
      category_path: path,
      code: sku.code,
      name: sku.name,
      face_value: sku.faceValue,
      currency: data.network.network.currency,
      base_price: sku.basePrice,
      unit_size: 1,
      min_quantity: 1,
      max_quantity: 1,
      quantity_step: 1,
      delivery_kind: 'SOURCED',
      goods_kind: 'TOP_UP',
      input_fields: INPUT_FIELDS,
      listing_state: 'LIVE',
      listing_version: 1,
      updated_at: now,
    }));
    await insertRows(tx, 'sku', rows);
    return rows.map(({ id }) => id);
  });
}

const categoryPath = statement<{ path: string[] }>('demo.categoryPath', 'SELECT path FROM category WHERE network_id = $1 AND id = $2');

async function offer(
  { office }: Stage,
  ground: Ground,
  { skuId, accountId, cost }: { readonly skuId: string; readonly accountId: string; readonly cost: string },
): Promise<void> {
  const outcome = await createSupplyOffer(ground, ownerViewer(office.network, office.headquarters), {
    skuId,
    accountId,
    stockCount: null,
    reason: '年度框架协议',
    terms: 'CONSIGNMENT',
    goods: {},
    cost: { upstreamUnitCost: cost, rate: null, rateSource: null, rateAt: null },
    agreedUnitCost: cost,
    minQuantity: 1,
    maxQuantity: 1,
    leadTimeSeconds: 600,
    priority: 100,
    weight: 100,
    dailyCap: null,
    isEnabled: true,
  });
  if (outcome.kind !== 'CREATED') throw new Error(`the demo has no offer: ${JSON.stringify(outcome)}`);
}

async function order(
  { office, buyers }: Stage,
  { reseller, skuId, number }: { readonly reseller: string; readonly skuId: string; readonly number: number },
): Promise<void> {
  const { db, vault, network } = office;
  const requestKey = `demo-top-up-${number}`;
  const place = { networkId: network.networkId, buyerId: known(network.stations, reseller), requestKey };
  const input = sealOrderInput(vault, place, { phone: `139${String(50_600_000 + number * 7_919).padStart(8, '0')}` });
  const viewer = known(buyers, reseller);
  await placeOrders(db, [
    { viewer, channel: 'DEMO', requestKey, skuId, quantity: 1, maxTotal: '500.00', externalRef: null, groupId: null, input },
  ]);
}

async function buy(ground: Ground): Promise<void> {
  const runner = createPurchaseRunner(ground);
  await runner.runDue();
  await runner.settle();
}

const eldestWaiting = statement<{ id: string }>(
  'demo.eldestWaiting',
  'SELECT id FROM purchase_attempt WHERE network_id = $1 AND owner_id = $2 AND attention_since IS NOT NULL ORDER BY attention_since, id LIMIT 1',
);

/** Somebody at headquarters' desk has topped the phone up. */
async function deliverEldest({ office }: Stage, ground: Ground): Promise<void> {
  const { db, network, headquarters } = office;
  const [waiting] = await run(db.pool, eldestWaiting, [network.networkId, known(network.stations, headquarters)]);
  if (!waiting) return;
  const input = { attemptId: waiting.id, cardKeys: [], cost: null, note: '已在恒通后台充值到账' };
  const outcome = await deliverByHand(ground, ownerViewer(network, headquarters), input);
  if (outcome.kind !== 'ATTENDED') throw new Error(`the demo could not deliver a top-up: ${JSON.stringify(outcome)}`);
}
