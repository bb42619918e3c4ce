import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { askAs, centsIn, firstSteps, keep, openAs, openBrowser, settled, signIn, signInByHand } from './people.ts';

// A reseller's day: sign in, buy what is bought often, reveal the keys, copy them.
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test('a reseller signs in, buys two, reveals the keys and copies them all', async () => {
  const reseller = await openAs(browser);
  const { page } = reseller;
  await signInByHand(reseller, 'reseller');
  await settled(page);
  const wallet = page.locator('.rail .money.large').first();
  const before = centsIn(await wallet.innerText());

  await page.locator('.often-item:not([disabled])').first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('spinbutton', { name: '数量' }).fill('2');
  const figures = dialog.locator('.figures[aria-busy=false]');
  await expect.poll(() => figures.count()).toBe(1);
  const total = centsIn(await figures.locator('dd').nth(1).innerText());
  const after = centsIn(await figures.locator('dd').nth(2).innerText());
  expect(after).toBe(before - total);
  await keep(page, 'reseller-quote');

  await dialog.getByRole('button', { name: /^支付/ }).click();
  await dialog.getByText('已交付 2 件').waitFor();
  await dialog.getByRole('button', { name: '查看 2 条卡密' }).click();
  const keys = dialog.locator('.keys-list li');
  await expect.poll(() => keys.count()).toBe(2);
  await dialog.getByRole('button', { name: '全部复制' }).click();
  await dialog.getByText('已复制').waitFor();
  const copied = (await page.evaluate(() => navigator.clipboard.readText())).split('\n');
  const shown = await keys.locator('code').allInnerTexts();
  expect(copied.map((line) => line.split('\t').at(-1))).toEqual(shown);
  await expect.poll(async () => centsIn(await wallet.innerText())).toBe(after);
  await keep(page, 'reseller-bought');

  await dialog.getByRole('button', { name: '查看订单' }).click();
  await page.waitForURL(/\/orders\/.+/);
  await page.getByText('已查看 2 / 2').waitFor();
  await keep(page, 'reseller-order');
  expect(reseller.problems).toEqual([]);
});

test('an order has an address of its own, also for who comes to it from outside, and its keys are the same again', async () => {
  const reseller = await openAs(browser, { device: 'phone' });
  await signIn(reseller, 'reseller');
  const { page } = reseller;
  await page.goto('/orders');
  await settled(page);
  await page.locator('.rows a').first().click();
  await page.waitForURL(/\/orders\/.+/);
  const address = page.url();
  const show = async () => {
    await page.getByRole('button', { name: /^查看 \d+ 条卡密/ }).click();
    await page.locator('.keys-list code').first().waitFor();
    return page.locator('.keys-list code').allInnerTexts();
  };
  const first = await show();
  await page.goto('/wallet');
  await settled(page);
  expect(await page.content()).not.toContain(first[0]);
  await page.goto(address);
  expect(await show()).toEqual(first);
  expect(reseller.problems).toEqual([]);
});

test('a price that rose while the dialog was open is not charged but offered', async () => {
  const reseller = await openAs(browser);
  const owner = await openAs(browser);
  await signIn(reseller, 'reseller');
  await signIn(owner, 'substation');
  const { page } = reseller;
  const { skuId } = firstSteps();
  const { node } = await askAs<{ node: { code: string } }>(reseller, 'query ($id: ID!) { node(id: $id) { ... on Sku { code } } }', {
    id: skuId,
  });
  await page.goto(`/?q=${node.code}`);
  await settled(page);
  await page.getByRole('button', { name: /^购买/ }).first().click();
  const dialog = page.getByRole('dialog');
  const figures = dialog.locator('.figures[aria-busy=false]');
  await expect.poll(() => figures.count()).toBe(1);
  const quoted = centsIn(await figures.locator('dd').nth(1).innerText());

  const { station } = await askAs<{ station: { children: { edges: { node: { id: string; code: string } }[] } } }>(
    owner,
    '{ station { children(first: 20) { edges { node { id code } } } } }',
  );
  const childId = station.children.edges.find((edge) => edge.node.code === 'HD-HZ-BJ')?.node.id;
  const { setMarkupRule } = await askAs<{ setMarkupRule: { __typename: string } }>(
    owner,
    'mutation ($input: SetMarkupRuleInput!) { setMarkupRule(input: $input) { __typename ... on Refusal { message } } }',
    { input: { childId, skuId, kind: 'PERCENT', value: '2.9' } },
  );
  expect(setMarkupRule).toEqual({ __typename: 'MarkupRuleSet' });
  await dialog.getByRole('button', { name: /^支付/ }).click();
  await dialog.getByText('价格刚刚变动').waitFor();
  await keep(page, 'reseller-price-moved');
  const offer = dialog.getByRole('button', { name: /^按新价支付/ });
  const offered = centsIn(await offer.innerText());
  expect(offered).toBeGreaterThan(quoted);
  await offer.click();
  await dialog.getByText('已交付 1 件').waitFor();
  expect(centsIn(await dialog.locator('.bought-head').innerText())).toBe(offered);
  expect([...reseller.problems, ...owner.problems]).toEqual([]);
});

test('an answer that was lost on the way is asked for again under the same key: one order, one charge', async () => {
  const reseller = await openAs(browser);
  await signIn(reseller, 'reseller');
  const { page } = reseller;
  await page.goto('/');
  await settled(page);
  const sent: string[] = [];
  await page.route('**/graphql', async (route) => {
    const body = route.request().postDataJSON() as { operationName?: string; query: string; variables: { input: { requestKey: string } } };
    if (!body.query.includes('mutation PlaceOrder')) return route.fallback();
    sent.push(JSON.stringify(body.variables.input));
    if (sent.length > 1) return route.fallback();
    await route.fetch();
    return route.abort('connectionreset');
  });
  const wallet = page.locator('.rail .money.large').first();
  const before = centsIn(await wallet.innerText());
  await page.locator('.often-item:not([disabled])').first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: /^支付 ¥/ }).click();
  await dialog.getByText('同一笔操作不会执行两次').waitFor();
  await keep(page, 'reseller-unanswered');
  await dialog.getByRole('button', { name: '重试同一笔' }).click();
  await dialog.getByText('已交付 1 件').waitFor();
  expect(sent).toHaveLength(2);
  expect(sent[1]).toBe(sent[0]);
  const paid = centsIn(await dialog.locator('.bought-head').innerText());
  await expect.poll(async () => centsIn(await wallet.innerText())).toBe(before - paid);
});
