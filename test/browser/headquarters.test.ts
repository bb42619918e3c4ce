import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { centsIn, keep, openAs, openBrowser, placeByApi, settled, signIn, signInByHand } from './people.ts';

// Headquarters' wall, and what only headquarters does.
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test('headquarters sees the order stream and today’s GMV move when a program far below places an order', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signInByHand(hq, 'hq');
  await settled(page);
  await page.getByText('实时', { exact: true }).waitFor();
  const gmv = page.locator('[data-figure=gmv]');
  const before = centsIn(await gmv.innerText());

  const order = await placeByApi(3);
  await expect.poll(() => page.locator('.stream li').first().innerText()).toContain(`${order.productName} ${order.skuName} × 3`);
  await keep(page, 'hq-live');
  await expect.poll(async () => centsIn(await gmv.innerText())).toBe(before + centsIn(order.total.amount));
  await page.getByText(/最近一分钟 [1-9]/).waitFor();

  await page.getByRole('button', { name: '看表格' }).click();
  expect(await page.getByRole('table', { name: '每小时交易额' }).getByRole('row').count()).toBe(25);
  await page.getByText('30 天', { exact: true }).click();
  await settled(page);
  await page.getByRole('button', { name: /^展开/ }).first().click();
  await expect.poll(() => page.locator('.gmv-tree ul .tree-row').count()).toBeGreaterThan(1);
  await keep(page, 'hq-30-days');
  expect(hq.problems).toEqual([]);
});

test('an order placed while the line was cut is there when it is back, and the top bar says how live the page is', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signIn(hq, 'hq');
  let cut = () => {};
  let away = false;
  await page.routeWebSocket(/\/graphql/, (socket) => {
    if (away) return void socket.close({ code: 4900 });
    const server = socket.connectToServer();
    cut = () => {
      void socket.close({ code: 4900 });
      void server.close();
    };
  });
  await page.goto('/orders');
  await settled(page);
  await page.getByText('实时', { exact: true }).waitFor();
  away = true;
  cut();
  await page.getByText('已断线', { exact: true }).waitFor();
  await keep(page, 'hq-offline');
  const missed = await placeByApi(4);
  away = false;
  await page.getByText('实时', { exact: true }).waitFor({ timeout: 40_000 });
  await expect.poll(() => page.getByRole('row').nth(1).innerText()).toContain('× 4');
  expect(await page.getByRole('row').nth(1).innerText()).toContain(missed.skuName);
});

test('headquarters refunds an order, names who bears it, and the order says so', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signIn(hq, 'hq');
  const order = await placeByApi(1);
  await page.goto(`/orders/${encodeURIComponent(order.id)}`);
  const drawer = page.locator('.details');
  await drawer.getByRole('button', { name: '退款' }).click();
  const dialog = page.getByRole('dialog').last();
  await dialog.getByLabel('原因').fill('客户反馈无法使用');
  await dialog.getByRole('button', { name: /^退款给/ }).click();
  await drawer.getByText('客户反馈无法使用').waitFor();
  await drawer.locator('.details-lead').getByText('已退款').waitFor();
  await keep(page, 'hq-refunded');
  expect(hq.problems).toEqual([]);
});

test('headquarters imports card keys; a line that is there twice is named', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signIn(hq, 'hq');
  await page.goto('/stock/import');
  await page.getByLabel('商品').fill('Steam');
  await page.locator('.ant-select-item-option', { hasText: 'Steam' }).first().click();
  await page.getByLabel('供货商').click();
  await page.locator('.ant-select-item-option', { hasText: '恒通数卡' }).click();
  await page.getByLabel('批次总成本').fill('120.00');
  const stamp = Date.now().toString(36).toUpperCase();
  await page.getByLabel('卡密', { exact: true }).fill([`${stamp}-AAAA-0001`, `${stamp}-AAAA-0002`, `${stamp}-AAAA-0001`].join('\n'));
  await keep(page, 'hq-import');
  await page.getByRole('button', { name: '导入 3 条卡密' }).click();
  await page.waitForURL(/\/stock\/jobs\/.+/);
  await page.locator('.details-lead').getByText('已完成').waitFor({ timeout: 30_000 });
  const facts = await page.locator('.details .pairs').innerText();
  expect(facts.replace(/\s+/g, ' ')).toContain('总行数 3 已导入 2 重复 1');
  await keep(page, 'hq-import-done');
  expect(hq.problems).toEqual([]);
});

test('an API key is shown once, and revoked for good', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signIn(hq, 'hq');
  await page.goto('/api-keys');
  await settled(page);
  const name = `对账程序 ${Date.now().toString(36)}`;
  await page.getByRole('button', { name: '新建密钥' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('名称').fill(name);
  await dialog.getByRole('button', { name: '新建密钥' }).click();
  const secret = await dialog.locator('.secret code').innerText();
  expect(secret).toMatch(/^fz_/);
  await dialog.getByRole('button', { name: '已保存，关闭' }).click();
  await expect.poll(() => page.content().then((html) => html.includes(secret))).toBe(false);
  await page.getByRole('button', { name: `吊销 ${name}` }).click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `吊销 ${name}` })
    .click();
  await expect.poll(() => page.getByRole('row').filter({ hasText: name }).innerText()).toContain('已吊销');
  expect(hq.problems).toEqual([]);
});
