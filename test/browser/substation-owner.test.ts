import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askAs, centsIn, keep, openAs, openBrowser, type Person, placeByApi, settled, signIn, signInByHand } from './people.ts';

// A sub-station owner's day: what is earned, what the downline pays, who is below.
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test('an owner changes a markup in its row; the bar says what will change, and price and margin follow', async () => {
  const owner = await openAs(browser);
  const { page } = owner;
  await signInByHand(owner, 'substation');
  await settled(page);
  await page.getByRole('link', { name: '加价' }).click();
  await settled(page);
  const row = page.getByRole('row').nth(3);
  const price = () => row.locator('td').nth(4).innerText();
  const margin = () => row.locator('td').nth(5).innerText();
  const [oldPrice, oldMargin] = [await price(), await margin()];

  await row.locator('button.rule-cell').click();
  await row.getByLabel('数值').fill('2.75');
  await page.keyboard.press('Enter');
  const bar = page.getByRole('region', { name: '未保存的修改' });
  await bar.getByText('将修改 1 条规则').waitFor();
  expect(await bar.innerText()).toContain('+2.75%');
  expect(await price()).toBe(oldPrice);
  await keep(page, 'owner-save-bar');

  await bar.getByRole('button', { name: '保存' }).click();
  await bar.getByText('已保存 1 条规则').waitFor();
  await expect.poll(price).not.toBe(oldPrice);
  expect(await margin()).not.toBe(oldMargin);
  expect(await row.innerText()).toContain('+2.75%');
  await keep(page, 'owner-prices');
  expect(owner.problems).toEqual([]);
});

test('an order of the downline appears by itself with its margin, and today’s margin grows by it', async () => {
  const owner = await openAs(browser);
  const { page } = owner;
  await signIn(owner, 'substation');
  await page.goto('/');
  await settled(page);
  await page.getByText('实时', { exact: true }).waitFor();
  const earned = page.locator('.figure-card.first .money.large');
  const before = centsIn(await earned.innerText());

  const order = await placeByApi(2);
  const first = page.locator('.stream li').first();
  await expect.poll(() => first.innerText()).toContain(`${order.productName} ${order.skuName} × 2`);
  expect(centsIn(await first.locator('.money').first().innerText())).toBe(centsIn(order.total.amount));
  const margin = centsIn(await first.locator('.money').nth(1).innerText());
  expect(margin).toBeGreaterThan(0n);
  await expect.poll(async () => centsIn(await earned.innerText())).toBe(before + margin);
  await keep(page, 'owner-home-live');

  await page.goto('/orders');
  await settled(page);
  await page.getByRole('row').nth(1).getByRole('link').click();
  await page.getByText('本站这一级').waitFor();
  await keep(page, 'owner-order');
  expect(owner.problems).toEqual([]);
});

test('who has read on in the list is not disturbed: new orders wait behind a pill', async () => {
  const owner = await openAs(browser, { device: 'phone' });
  const { page } = owner;
  await signIn(owner, 'substation');
  await page.goto('/orders');
  await settled(page);
  await page.getByText('实时', { exact: true }).waitFor({ state: 'attached' });
  await page.mouse.wheel(0, 600);
  await expect.poll(() => page.evaluate(() => window.scrollY)).toBeGreaterThan(300);
  const top = await page.locator('.rows li').first().innerText();
  const order = await placeByApi();
  await page.getByRole('button', { name: '1 笔新订单' }).waitFor();
  expect(await page.locator('.rows li').first().innerText()).toBe(top);
  await keep(page, 'owner-orders-pill');
  await page.getByRole('button', { name: '1 笔新订单' }).click();
  await expect.poll(() => page.locator('.rows li').first().innerText()).toContain(order.skuName);
  expect(owner.problems).toEqual([]);
});

test('an owner opens a station, tops it up from her own wallet, freezes it, and closes for ever one that has nothing left', async () => {
  const owner = await openAs(browser);
  const { page } = owner;
  await signIn(owner, 'substation');
  await page.goto('/downline');
  await settled(page);
  const code = `NEW-${Date.now().toString(36).toUpperCase()}`;
  await page.getByRole('button', { name: '开通站点' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('名称').fill(`浏览器小店 ${code}`);
  await dialog.getByLabel('编号').fill(code);
  await dialog.getByLabel('负责人邮箱').fill(`${code.toLowerCase()}@demo.fenzhan.local`);
  await dialog.getByLabel('负责人姓名').fill('新店主');
  await dialog.getByRole('button', { name: '开通站点' }).click();
  await dialog.getByText('只显示这一次').waitFor();
  await keep(page, 'owner-opened');
  await dialog.getByRole('button', { name: '关闭' }).last().click();

  await page.getByRole('link', { name: `浏览器小店 ${code}` }).click();
  const drawer = page.locator('.details');
  await drawer.getByRole('button', { name: '充值' }).click();
  await page.getByLabel('金额').fill('12.34');
  await page.getByRole('button', { name: /^充值 ¥12.34 给/ }).click();
  await expect.poll(async () => centsIn(await drawer.locator('.pairs dd').first().innerText())).toBe(1234n);

  await drawer.getByRole('button', { name: '冻结' }).click();
  await page.getByLabel('原因').fill('测试');
  await page.getByRole('button', { name: `冻结 浏览器小店 ${code}` }).click();
  await drawer.getByText('已冻结').waitFor();
  await keep(page, 'owner-station');

  const closeForEver = async (name: string, itsCode: string) => {
    await drawer.getByRole('button', { name: '永久关闭' }).click();
    const confirm = dialog.getByRole('button', { name: `永久关闭 ${name}` });
    await dialog.getByLabel('原因').fill('不再合作');
    expect(await confirm.isDisabled()).toBe(true);
    await dialog.getByLabel(`输入 ${itsCode} 以确认`).fill(itsCode);
    await confirm.click();
  };
  await closeForEver(`浏览器小店 ${code}`, code);
  await dialog
    .getByRole('alert')
    .getByText(/money, or credit, on its accounts/)
    .waitFor();
  await keep(page, 'owner-close-refused');
  const empty = await openFrozenStation(owner, `${code}-2`);
  await page.goto(`/downline/${encodeURIComponent(empty)}`);
  await closeForEver('空站', `${code}-2`);
  await drawer.locator('.details-lead').getByText('已关闭').waitFor();
  expect(await drawer.locator('.details-actions').getByRole('button').count()).toBe(0);
  expect(owner.problems).toEqual([]);
});

/** A station of the owner's that never had anything, frozen: what can be closed. */
async function openFrozenStation(owner: Person, code: string): Promise<string> {
  const { openStation } = await askAs<{ openStation: { station: { id: string; version: number } } }>(
    owner,
    'mutation ($input: OpenStationInput!) { openStation(input: $input) { __typename ... on StationOpened { station { id version } } } }',
    { input: { requestKey: code, kind: 'RESELLER', name: '空站', code } },
  );
  const { id, version } = openStation.station;
  const { freezeStation } = await askAs<{ freezeStation: { __typename: string } }>(
    owner,
    'mutation ($input: FreezeStationInput!) { freezeStation(input: $input) { __typename } }',
    { input: { stationId: id, expectedVersion: version, reason: '停业' } },
  );
  expect(freezeStation.__typename).toBe('StationFroze');
  return id;
}
