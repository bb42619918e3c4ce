import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAs, openBrowser, settled, signIn } from './people.ts';

// The words of supply come with the pages of supply: never a key in their place, and never unheard.
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

const WORDS_OF_SUPPLY = /\/assets\/supply-(zh-cn|en)-[^/]+\.js$/;

test('the first page goes without the words of supply; a page of supply fetches them, and the other language too once it is chosen', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  const fetched: string[] = [];
  page.on('response', (response) => fetched.push(...(WORDS_OF_SUPPLY.exec(response.url())?.slice(1) ?? [])));
  await signIn(hq, 'hq');
  await page.goto('/');
  await settled(page);
  expect(fetched).toEqual([]);
  await page.getByRole('link', { name: '货源与路由' }).click();
  await page.getByText('每个规格由谁供货、成本多少').waitFor();
  expect(fetched).toEqual(['zh-cn']);
  await page.getByRole('button', { name: '语言' }).click();
  await page.getByRole('menuitem', { name: 'English' }).click();
  await page.getByText('Who fills which SKU at what cost').waitFor();
  expect(fetched).toEqual(['zh-cn', 'en']);
  expect(hq.problems).toEqual([]);
  await hq.context.close();
});

test('a key without words is said aloud, and words that cannot be had fail the page instead of showing keys', async () => {
  const hq = await openAs(browser);
  const { page } = hq;
  await signIn(hq, 'hq');
  await page.route(WORDS_OF_SUPPLY, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace('offers:{', 'lost:{') });
  });
  await page.goto('/supply/offers');
  await settled(page);
  expect(hq.problems).toContain('uncaught: no words for offers.lead in zh-CN');
  await page.unroute(WORDS_OF_SUPPLY);
  await page.route(WORDS_OF_SUPPLY, (route) => route.abort());
  await page.goto('/supply/offers');
  await page.getByText('页面没能打开').waitFor();
  expect(await page.getByText('offers.').count()).toBe(0);
  await hq.context.close();
});
