import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keep, type Looks, openAs, openBrowser, seriousFindings, settled, signIn } from './people.ts';

// Every page of every person: drawn without an error, nothing serious for axe, nothing wider than the screen.
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

const places: Record<string, string[]> = {
  reseller: ['/', '/orders', '/wallet', '/api-keys', '/webhooks'],
  substation: ['/', '/orders', '/downline', '/prices', '/prices?view=rules', '/catalogue', '/wallet', '/api-keys'],
  hq: [
    '/',
    '/orders',
    '/refunds',
    '/downline',
    '/prices',
    '/controls',
    '/controls?tab=plans',
    '/stock',
    '/stock/import',
    '/wallet',
    '/audit',
    '/supply/attempts',
    '/supply/suppliers',
    '/supply/offers',
    '/supply/accounts',
    '/supply/import',
    '/supply/listings?show=live',
    '/supply/scorecards',
    '/replenishment',
  ],
  supplier: ['/', '/attempts', '/supply/offers', '/documents', '/payables'],
};
const everywhere: Required<Looks>[] = [
  { device: 'desk', theme: 'light', language: 'zh-CN' },
  { device: 'phone', theme: 'dark', language: 'en' },
];
const homesOnly: Required<Looks>[] = [
  { device: 'desk', theme: 'dark', language: 'en' },
  { device: 'phone', theme: 'light', language: 'zh-CN' },
];

const cases = Object.entries(places).flatMap(([name, paths]) => [
  ...everywhere.map((looks) => ({ name, looks, paths })),
  ...homesOnly.map((looks) => ({ name, looks, paths: paths.slice(0, 1) })),
]);

describe.each(cases)('$name, $looks.device, $looks.theme, $looks.language', ({ name, looks, paths }) => {
  test(`${paths.length} pages`, async () => {
    const person = await openAs(browser, looks);
    await signIn(person, name);
    for (const path of paths) {
      await person.page.goto(path);
      await settled(person.page);
      await keep(
        person.page,
        `${name}${path.replaceAll(/[^a-z-]+/g, '-').replace(/-$/, '') || '-home'}-${looks.device}-${looks.theme}-${looks.language}`,
      );
      expect({ path, findings: await seriousFindings(person) }).toEqual({ path, findings: [] });
      const width = await person.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect({ path, tooWideBy: width }).toEqual({ path, tooWideBy: 0 });
    }
    expect(person.problems).toEqual([]);
    await person.context.close();
  }, 300_000);
});

test('the sign-in, in both languages and themes; a wrong password is answered where it was typed', async () => {
  for (const looks of [...everywhere, ...homesOnly]) {
    const nobody = await openAs(browser, looks);
    await nobody.page.goto('/orders');
    await nobody.page.locator('.sign-in h1').waitFor();
    await keep(nobody.page, `sign-in-${looks.device}-${looks.theme}-${looks.language}`);
    expect(await seriousFindings(nobody)).toEqual([]);
    await nobody.context.close();
  }
  const { page } = await openAs(browser);
  await page.goto('/');
  await page.getByLabel('邮箱').fill('nobody@demo.fenzhan.local');
  await page.getByLabel('密码', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: '登录' }).click();
  await page.getByText('邮箱或密码不对').waitFor();
});

test('what a role may not do is said, with who can change it; and the keyboard alone reaches a page and a SKU', async () => {
  const viewer = await openAs(browser);
  const { page } = viewer;
  await signIn(viewer, 'viewer');
  await page.goto('/api-keys');
  await page.getByText('没有权限').waitFor();
  await keep(page, 'refused');
  const search = async (text: string) => {
    await page.keyboard.press('Control+k');
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('combobox');
    await page.keyboard.type(text);
  };
  await search('订单');
  await page.getByRole('option', { name: /订单/ }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/orders/);
  await search('Steam');
  await page.getByRole('option', { name: /Steam/ }).first().waitFor();
  expect(await seriousFindings(viewer)).toEqual([]);
  await keep(page, 'find');
});
