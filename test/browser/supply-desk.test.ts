import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acgFakaProtocol } from '#test/simulators/acg-faka.ts';
import { DEFAULT_GOODS } from '#test/simulators/goods.ts';
import { kasushouProtocol } from '#test/simulators/kasushou.ts';
import { startSimulator } from '#test/simulators/simulator.ts';
import { askAs, importLot, keep, openAs, openBrowser, type Person, seriousFindings, settled, signIn } from './people.ts';

// Headquarters' supply desk: what a person decides there really happens, once each.
let browser: Browser;
let hq: Person;
beforeAll(async () => {
  browser = await openBrowser();
  hq = await openAs(browser);
  await signIn(hq, 'hq');
});
afterAll(() => browser.close());

test('of the top-ups that wait, one is marked as delivered and another is refunded: both leave the queue', async () => {
  const { page } = hq;
  await page.goto('/supply/attempts');
  await settled(page);
  const waiting = page.locator('tbody tr', { hasText: '话费直充' });
  const before = await waiting.count();
  expect(before).toBeGreaterThan(1);
  await waiting.first().locator('a').click();
  await page.locator('.details').getByRole('button', { name: '标记已充值' }).click();
  await sheet()
    .getByRole('button', { name: /^交付给/ })
    .click();
  await page.locator('.details-lead').getByText('成功', { exact: true }).waitFor();
  await expect.poll(() => waiting.count()).toBe(before - 1);

  await page.goto('/supply/attempts');
  await settled(page);
  await waiting.first().locator('a').click();
  await page.locator('.details').getByRole('button', { name: '退款给买家' }).click();
  await sheet().getByLabel('原因').fill('号码已停机');
  await sheet()
    .getByRole('button', { name: /^退款给/ })
    .click();
  await expect.poll(() => waiting.count()).toBe(before - 2);
  await page.locator('.details .timeline').getByText('号码已停机').waitFor();
  expect(hq.problems).toEqual([]);
});

test('a whole lot is put aside, put back, put aside again and made void, each with its reason', async () => {
  const { page } = hq;
  const stamp = crypto.randomUUID().slice(0, 8);
  const { skuId } = await makeSku(`隔离试验卡 ${stamp}`, 'FROM_STOCK');
  const lotId = await importLot(hq, { skuId, texts: [`${stamp}-LOT-1`, `${stamp}-LOT-2`] });
  await page.goto(`/stock/lots/${encodeURIComponent(lotId)}`);
  const drawer = page.locator('.details');
  for (const [move, state] of [
    ['隔离整批', '已隔离'],
    ['解除隔离', '可售'],
    ['隔离整批', '已隔离'],
    ['整批作废', '已作废'],
  ] as const) {
    await drawer.getByRole('button', { name: move }).click();
    await sheet().getByLabel('原因').fill(`${move}：试验`);
    await sheet().getByRole('button', { name: move }).click();
    await drawer.locator('.details-lead').getByText(state).waitFor();
    await drawer.getByText(`${move}：试验`).waitFor();
  }
  await drawer.locator('.lot-counts', { hasText: '已作废 2' }).waitFor();
  expect(hq.problems).toEqual([]);
});

test('keys that a person hands over pass the test purchase: that listing is approved, goes live and is retired; another is sent back and handed in again', async () => {
  const { page } = hq;
  const stamp = crypto.randomUUID().slice(0, 8);
  const good = await makeSku(`手工卡 ${stamp}`, 'SOURCED', { goLiveAt: '2099-01-01T00:00:00Z' });
  const bad = await makeSku(`退回卡 ${stamp}`, 'FROM_STOCK');
  await page.goto('/supply/attempts');
  await settled(page);
  await page.locator('tbody tr', { hasText: stamp }).locator('a').click({ timeout: 60_000 });
  await page.locator('.details').getByRole('button', { name: '交付卡密' }).click();
  await sheet().getByLabel('卡密', { exact: true }).fill(`${stamp}-HAND-1`);
  await sheet().getByRole('button', { name: '交付卡密' }).click();
  await page.locator('.details-lead').getByText('成功', { exact: true }).waitFor();

  await page.goto(`/supply/listings/${encodeURIComponent(good.listingId)}`);
  const drawer = page.locator('.details');
  const passed = drawer.locator('.checks').getByText('通过', { exact: true });
  const approve = drawer.getByRole('button', { name: '通过上架' });
  await expect
    .poll(async () => {
      await page.reload();
      await drawer.locator('.checks').waitFor();
      return passed.count();
    })
    .toBe(3);
  await approve.click();
  await sheet().getByRole('button', { name: '通过上架' }).click();
  await drawer.locator('.details-lead').getByText('待上架').waitFor();
  await drawer.getByRole('button', { name: '上架', exact: true }).click();
  await sheet().getByRole('button', { name: '上架', exact: true }).click();
  await drawer.locator('.details-lead').getByText('在售').waitFor();
  await drawer.getByRole('button', { name: '暂停销售' }).click();
  await drawer.locator('.details-lead').getByText('已暂停').waitFor();
  await drawer.getByRole('button', { name: '永久下架' }).click();
  await sheet().getByRole('button', { name: '永久下架' }).click();
  await drawer.locator('.details-lead').getByText('已下架').waitFor();

  await page.goto(`/supply/listings/${encodeURIComponent(bad.listingId)}`);
  await drawer.getByRole('button', { name: '退回' }).click();
  await sheet().getByLabel('说明').fill('库存里还没有卡密');
  await sheet().getByRole('button', { name: '退回' }).click();
  await drawer.locator('.details-lead').getByText('已退回').waitFor();
  await drawer.getByText('库存里还没有卡密').waitFor();
  await keep(page, 'hq-listing-rejected');
  await drawer.getByRole('button', { name: '撤回修改' }).click();
  await drawer.getByRole('button', { name: '提交审核' }).click();
  await sheet().getByLabel('指定时间').check();
  await sheet().getByLabel('上架时刻').fill('2099-01-01T08:00');
  await sheet().getByRole('button', { name: '提交审核' }).click();
  await drawer.locator('.details-lead').getByText('待审核').waitFor();
  expect(hq.problems).toEqual([]);
});

test('an account is tried before it is kept; its catalogue is previewed, mapped and imported; a wrong secret is not saved', async () => {
  const { page } = hq;
  const upstream = await startSimulator(acgFakaProtocol({ appId: '1000', appKey: 'right-key' }), {
    goods: DEFAULT_GOODS,
    openingCents: 100_000_000,
    mark: 'DESK',
  });
  const name = `共享店铺 ${crypto.randomUUID().slice(0, 6)}`;
  await page.goto('/supply/accounts');
  await settled(page);
  await page.getByRole('button', { name: '添加账号' }).click();
  await choose('供货商', '星河卡券供应链');
  await choose('接口', 'acg-faka');
  await sheet().getByLabel('账号名称').fill(name);
  await sheet().getByLabel('接口地址').fill(upstream.url);
  await sheet().getByLabel('app_id').fill('1000');
  await sheet().getByLabel('app_key').fill('right-key');
  await sheet().getByRole('button', { name: '试连并保存' }).click();
  await page.getByRole('link', { name }).click();
  const drawer = page.locator('.details');
  await drawer.getByText('已加密保存，不再显示').waitFor();
  await drawer.getByRole('button', { name: '修改账号' }).click();
  await sheet().getByLabel('app_key').fill('wrong-key');
  await sheet().getByRole('button', { name: '试连并保存' }).click();
  await sheet().getByText('填写有误').waitFor();
  expect(await seriousFindings(hq)).toEqual([]);
  await sheet().locator('.ant-modal-close').click();

  await drawer.getByRole('button', { name: '导入目录' }).click();
  await page.getByRole('button', { name: '预览', exact: true }).click();
  const row = (goods: string) => page.locator('tbody tr', { hasText: goods });
  await row('网易一卡通').waitFor();
  await keep(page, 'hq-import-preview');
  // what fades in is judged once it stands
  await expect.poll(() => seriousFindings(hq)).toEqual([]);
  await row('网易一卡通').getByRole('button', { name: /^对应/ }).click();
  await sheet().getByLabel('“游戏点卡”整个分类换到别处').check();
  await sheet().getByLabel('分类', { exact: true }).fill(`导入 / ${name}`);
  await sheet().getByRole('button', { name: '保存并重新预览' }).click();
  await row('网易一卡通').getByText(`导入 / ${name}`).waitFor();
  await row('网易一卡通').getByRole('checkbox').check();
  await page.getByRole('button', { name: '导入选中的 1 项' }).click();
  await page.getByText('已导入 1 项').waitFor();
  await row('网易一卡通').getByText('已导入').waitFor();
  await keep(page, 'hq-imported');
  await upstream.close();
  expect(hq.problems).toEqual([]);
});

test('keys that came before stop a purchase, which names who has them, and is asked again; a deployment without a public address says that it has no callbacks to change', async () => {
  const { page } = hq;
  const stamp = crypto.randomUUID().slice(0, 8);
  const upstream = await startSimulator(kasushouProtocol({ userId: '1', apiKey: 'right-key' }), {
    goods: DEFAULT_GOODS,
    openingCents: 100_000_000,
    mark: stamp,
  });
  const accountId = await makeAccount(`重复店铺 ${stamp}`, upstream.url);
  const viaUpstream = { accountId, goods: [{ name: 'id', value: '1001' }], unitCost: '46.00', basePrice: '60.00' };
  await makeSku(`先到 ${stamp}`, 'SOURCED', viaUpstream);
  await expect.poll(() => stateOfNewestPurchase(), { timeout: 60_000 }).toBe(`先到 ${stamp}: SUCCEEDED`);
  await upstream.setFaults({ 'other-keys': 1 });
  await makeSku(`后到 ${stamp}`, 'SOURCED', viaUpstream);
  await page.goto('/supply/attempts');
  const row = page.locator('tbody tr', { hasText: `后到 ${stamp}` });
  await row.getByText('发来的卡密早已有人拥有').waitFor({ timeout: 60_000 });
  await row.locator('a').click();
  const drawer = page.locator('.details');
  await drawer.getByRole('heading', { name: '这些卡密先前已有' }).waitFor();
  await drawer.getByText('1 条卡密').waitFor();
  await drawer.getByRole('link', { name: /的采购单$/ }).waitFor();
  await drawer.locator('.timeline').getByText('发来的卡密早已有人拥有').waitFor();
  await keep(page, 'hq-keys-held-before');
  await drawer.getByRole('button', { name: '再问一次' }).click();
  await page.getByText('已排队再问一次').waitFor();

  await page.goto(`/supply/accounts/${encodeURIComponent(accountId)}`);
  await drawer.getByRole('button', { name: '更换回调地址' }).click();
  await sheet().getByRole('button', { name: '更换回调地址' }).click();
  await sheet().getByText('PUBLIC_URL').waitFor();
  await upstream.close();
  expect(hq.problems).toEqual([]);
});

async function choose(label: string, option: string): Promise<void> {
  await sheet().getByLabel(label, { exact: true }).click();
  await hq.page.locator('.ant-select-item-option', { hasText: option }).last().click();
}

function sheet(): Locator {
  return hq.page.getByRole('dialog').last();
}

/** How a SKU is made: its price, from when it may be sold, and for one that is bought through which account, with which goods and at what cost. */
interface SkuTerms {
  readonly basePrice?: string;
  readonly goLiveAt?: string;
  readonly accountId?: string;
  readonly goods?: readonly { readonly name: string; readonly value: string }[];
  readonly unitCost?: string;
}

/** A SKU of headquarters' own with its listing submitted; one that is bought, of the demo's account by hand unless said otherwise. */
async function makeSku(
  name: string,
  deliveryKind: 'FROM_STOCK' | 'SOURCED',
  { basePrice = '10.00', goLiveAt, ...offer }: SkuTerms = {},
): Promise<{ skuId: string; listingId: string }> {
  const { categories } = await askAs<{ categories: { id: string }[] }>(hq, '{ categories { id } }');
  const product = { categoryId: categories[0]?.id, name, attributes: [], description: '由人工交付的卡密，用来试验供货台。' };
  const { createProduct } = await askAs<{ createProduct: { product: { id: string } } }>(
    hq,
    'mutation ($input: CreateProductInput!) { createProduct(input: $input) { __typename ... on ProductCreated { product { id } } } }',
    { input: product },
  );
  const sku = {
    productId: createProduct.product.id,
    code: `T-${crypto.randomUUID().slice(0, 13)}`,
    name: '10 元',
    scene: '试用',
    basePrice,
  };
  const { createSku } = await askAs<{ createSku: { sku: { id: string; listing: { id: string; version: number } } } }>(
    hq,
    'mutation ($input: CreateSkuInput!) { createSku(input: $input) { __typename ... on SkuCreated { sku { id listing { id version } } } } }',
    { input: { ...sku, deliveryKind } },
  );
  const { id: skuId, listing } = createSku.sku;
  if (deliveryKind === 'SOURCED') await makeOffer(skuId, offer);
  const { submitListing } = await askAs<{ submitListing: { __typename: string } }>(
    hq,
    'mutation ($input: SubmitListingInput!) { submitListing(input: $input) { __typename } }',
    { input: { skuId, expectedVersion: listing.version, goLiveAt: goLiveAt ?? null } },
  );
  expect(submitListing.__typename).toBe('ListingMoved');
  return { skuId, listingId: listing.id };
}

async function makeOffer(skuId: string, { accountId, goods = [], unitCost = '6.00' }: SkuTerms): Promise<void> {
  const supplyAccountId = accountId ?? (await firstAccount('MANUAL'));
  const offer = { skuId, supplyAccountId, terms: 'OWN', goods, cost: { unitCost } };
  const { createSupplyOffer } = await askAs<{ createSupplyOffer: { __typename: string } }>(
    hq,
    'mutation ($input: CreateSupplyOfferInput!) { createSupplyOffer(input: $input) { __typename } }',
    { input: offer },
  );
  expect(createSupplyOffer.__typename).toBe('SupplyOfferCreated');
}

async function firstAccount(kind: string): Promise<string | undefined> {
  const { supplyAccounts } = await askAs<{ supplyAccounts: { edges: { node: { id: string; kind: string } }[] } }>(
    hq,
    '{ supplyAccounts(first: 50) { edges { node { id kind } } } }',
  );
  return supplyAccounts.edges.find(({ node }) => node.kind === kind)?.node.id;
}

async function stateOfNewestPurchase(): Promise<string> {
  const { purchaseAttempts } = await askAs<{ purchaseAttempts: { edges: { node: { productName: string; state: string } }[] } }>(
    hq,
    '{ purchaseAttempts(first: 1) { edges { node { productName state } } } }',
  );
  const newest = purchaseAttempts.edges[0]?.node;
  return `${newest?.productName}: ${newest?.state}`;
}

/** An account at the simulated 卡速售, of the demo's first supplier. */
async function makeAccount(name: string, baseUrl: string): Promise<string> {
  const { suppliers } = await askAs<{ suppliers: { id: string }[] }>(hq, '{ suppliers { id } }');
  const settings = [
    { name: 'user_id', value: '1' },
    { name: 'api_key', value: 'right-key' },
  ];
  const { createSupplyAccount } = await askAs<{ createSupplyAccount: { supplyAccount: { id: string } } }>(
    hq,
    'mutation ($input: CreateSupplyAccountInput!) { createSupplyAccount(input: $input) { __typename ... on SupplyAccountCreated { supplyAccount { id } } } }',
    { input: { supplierId: suppliers[0]?.id, kind: 'KASUSHOU_V2', name, baseUrl, currency: 'CNY', settings } },
  );
  return createSupplyAccount.supplyAccount.id;
}
