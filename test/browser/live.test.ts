import type { Browser, Page, WebSocketRoute } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { firstSteps, importLot, keep, openAs, openBrowser, placeByApi, settled, signIn } from './people.ts';

// What is live stays true when the line does not: it says so, comes back by itself, and lacks nothing then.
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

/** A line between the page and the server that can go dead without a word. */
type Line = { readonly sent: string[]; isDead: boolean };

test('a line that goes dead without a word is offline, and back again it asks from where it stopped: nothing missed, nothing twice', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signIn(hq, 'hq');
  const line = await openLine(page);
  await page.goto('/orders');
  await settled(page);
  await page.getByText('实时', { exact: true }).waitFor();
  await placeByApi(2);
  await expect.poll(() => page.getByRole('row').nth(1).innerText()).toContain('× 2');

  line.isDead = true;
  const missed = [await placeByApi(3), await placeByApi(4)];
  await page.getByText('已断线', { exact: true }).waitFor({ timeout: 30_000 });
  await keep(page, 'live-offline-desk');
  const sentBefore = line.sent.length;
  line.isDead = false;
  await page.getByText('实时', { exact: true }).waitFor({ timeout: 60_000 });
  await expect.poll(() => page.getByRole('row').nth(1).innerText()).toContain('× 4');
  expect(await page.getByRole('row').nth(2).innerText()).toContain('× 3');
  const links = await page.locator('tbody tr a.row-name').evaluateAll((all) => all.map((each) => each.getAttribute('href')));
  expect(new Set(links).size).toBe(links.length);
  for (const { id } of missed) expect(links.filter((link) => link?.includes(encodeURIComponent(id)))).toHaveLength(1);
  const again = line.sent.slice(sentBefore).filter((text) => text.includes('orderUpdated'));
  expect(again.length).toBeGreaterThan(0);
  for (const text of again)
    expect((JSON.parse(text) as { payload: { variables: { after: unknown } } }).payload.variables.after).toEqual(expect.any(String));
});

test('a list is followed from the cursor that was read with it', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signIn(hq, 'hq');
  const line = await openLine(page);
  await page.goto('/orders');
  await settled(page);
  await expect.poll(() => line.sent.filter((text) => text.includes('orderUpdated')).length).toBe(1);
  expect(line.sent.find((text) => text.includes('orderUpdated'))).toMatch(/"after":"[\w-]{20,}"/);
  expect(hq.problems).toEqual([]);
});

test('a sale shows on the shelf at once: the row glows, and the count is lower', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signIn(hq, 'hq');
  // sold before all others, since they expire before them
  const stamp = crypto.randomUUID();
  const lotId = await importLot(hq, {
    skuId: firstSteps().skuId,
    texts: [1, 2, 3].map((n) => `${stamp}-${n}`),
    expiresOn: new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10),
  });
  await page.goto('/stock');
  await settled(page);
  await page.getByText('实时', { exact: true }).waitFor();
  const row = page.locator('tbody tr', { has: page.locator(`a[href="/stock/lots/${encodeURIComponent(lotId)}"]`) });
  expect(await row.innerText()).toContain('3 / 3');
  await placeByApi(1);
  await row.and(page.locator('.glows')).waitFor();
  await keep(page, 'live-stock-desk');
  await expect.poll(() => row.innerText()).toContain('2 / 3');
});

test('movements of the wallet wait behind a pill while one reads on, also on a phone', async () => {
  const reseller = await openAs(browser, { device: 'phone' });
  const { page } = reseller;
  await signIn(reseller, 'reseller');
  await page.goto('/wallet');
  await settled(page);
  await page.getByText('实时', { exact: true }).waitFor({ state: 'attached' });
  await page.locator('.rows li').nth(15).waitFor({ state: 'attached' });
  // a wheel that turns before the page can scroll is lost
  const scroll = async () => {
    await page.mouse.wheel(0, 900);
    return page.evaluate(() => window.scrollY);
  };
  await expect.poll(scroll).toBeGreaterThan(300);
  const first = await page.locator('.rows li').first().innerText();
  await placeByApi(2);
  const pill = page.getByRole('button', { name: '1 条新记录' });
  await pill.waitFor();
  expect(await page.locator('.rows li').first().innerText()).toBe(first);
  await keep(page, 'live-wallet-pill-phone');
  await pill.click();
  await expect.poll(() => page.locator('.rows li').first().innerText()).not.toBe(first);
  await keep(page, 'live-wallet-shown-phone');
});

test('who has asked for less motion gets a mark instead of a glow', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await signIn(hq, 'hq');
  await page.goto('/orders');
  await settled(page);
  await page.getByText('实时', { exact: true }).waitFor();
  await placeByApi(1);
  // in one question: the row is marked for a second only
  const asked = await page.waitForFunction(() => {
    const row = document.querySelector('tr.glows');
    const cell = row?.querySelector('td');
    return row && cell ? { shadow: getComputedStyle(row).boxShadow, seconds: getComputedStyle(cell).animationDuration } : null;
  });
  const seen = await asked.jsonValue();
  expect(seen?.shadow).not.toBe('none');
  expect(seen?.seconds).toBe('0s');
});

async function openLine(page: Page): Promise<Line> {
  const line: Line = { sent: [], isDead: false };
  await page.routeWebSocket(/\/graphql/, (socket: WebSocketRoute) => {
    if (line.isDead) return void socket.close({ code: 4900 });
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      if (line.isDead) return;
      line.sent.push(String(message));
      server.send(message);
    });
    server.onMessage((message) => {
      if (!line.isDead) socket.send(message);
    });
  });
  return line;
}
