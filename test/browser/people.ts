import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect, inject, onTestFailed } from 'vitest';
import { DEMO_PASSWORD } from '#prisma/demo/people.ts';
import { globalId } from '#schema/ids.ts';

/** A device to look with. */
export type Device = 'desk' | 'phone';

/** How a person looks at the console. */
export interface Looks {
  readonly device?: Device;
  readonly theme?: 'light' | 'dark';
  readonly language?: 'zh-CN' | 'en';
}

/** A person at a browser of their own. `problems` gathers what a healthy page never says. */
export interface Person {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly problems: string[];
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SIZES: Record<Device, { width: number; height: number }> = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const OUTPUT = fileURLToPath(new URL('../output/screenshots/', import.meta.url));

/** Debian's Chromium, or the one that CHROMIUM names. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: FLAGS });
}

/** Somebody who has not signed in. */
export async function openAs(browser: Browser, { device = 'desk', theme = 'light', language = 'zh-CN' }: Looks = {}): Promise<Person> {
  const context = await browser.newContext({
    viewport: SIZES[device],
    hasTouch: device === 'phone',
    colorScheme: theme,
    locale: language,
    timezoneId: 'Asia/Shanghai',
    baseURL: inject('serverUrl'),
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`));
  tellWhenFailed(page, problems);
  return { page, context, problems };
}

const ANSWERS_KEPT = 8;

/** Should the test fail, tells what its page showed and what it had last been answered: a time-out alone says nothing of why. */
function tellWhenFailed(page: Page, problems: readonly string[]): void {
  const { currentTestName } = expect.getState();
  // somebody of a whole file
  if (currentTestName === undefined) return;
  const answers: string[] = [];
  page.on('response', (response) => {
    const operation = /(?:query|mutation) \w+/.exec(response.request().postData() ?? '')?.[0];
    if (operation === undefined) return;
    void response.text().then(
      (text) => {
        answers.push(`${new Date().toISOString().slice(14, 23)} ${operation} ${response.status()} ${text.slice(0, 300)}`);
        if (answers.length > ANSWERS_KEPT) answers.shift();
      },
      () => undefined,
    );
  });
  onTestFailed(async () => {
    await keep(page, `failed-${currentTestName.replaceAll(/[^a-z0-9]+/gi, '-').slice(0, 80)}`).catch(() => undefined);
    const shown = await page.evaluate(() => document.body.innerText).catch(() => 'the page is gone');
    process.stdout.write(
      [
        `${currentTestName} failed: ${page.url()} showed`,
        shown.slice(0, 3_000),
        'its last answers:',
        ...answers,
        'its console:',
        ...problems,
        '',
      ].join('\n'),
    );
  });
}

/** Signs in through the page, as a person does. */
export async function signInByHand({ page }: Person, name: string): Promise<void> {
  await page.goto('/');
  await page.getByLabel('邮箱').fill(emailOf(name));
  await page.getByLabel('密码', { exact: true }).fill(DEMO_PASSWORD);
  await page.getByRole('button', { name: '登录' }).click();
}

/** Signs in without the page, for tests of what comes after. */
export async function signIn({ context }: Person, name: string): Promise<void> {
  const answer = await context.request.post('/auth/sign-in', {
    data: { email: emailOf(name), password: DEMO_PASSWORD },
    headers: ownHeaders(),
  });
  expect(answer.status()).toBe(200);
}

/** Asks the API in the name of a signed-in person; fails on errors. */
export async function askAs<Data>({ context }: Person, query: string, variables: object = {}): Promise<Data> {
  const { viewer } = await post<{ viewer: { memberships: { party: { id: string } }[] } }>(
    context,
    '{ viewer { memberships { party { ... on Station { id } ... on Supplier { id } } } } }',
    {},
    {},
  );
  return post<Data>(context, query, variables, { 'x-fenzhan-party': viewer.memberships[0]?.party.id ?? '' });
}

/** What the first start printed, as data: an API key of the reseller, and an order that it can place. */
export function firstSteps(): { apiKey: string; skuId: string } {
  const { apiKey, sampleOrder } = JSON.parse(readFileSync(join(inject('serverDataDir'), 'demo.json'), 'utf8')) as {
    apiKey: string;
    sampleOrder: { skuId: string };
  };
  return { apiKey, skuId: globalId('Sku', sampleOrder.skuId) };
}

/** An order placed by the reseller's program. */
export interface PlacedByApi {
  readonly id: string;
  readonly productName: string;
  readonly skuName: string;
  readonly total: { readonly amount: string };
}

/** Places one order through the API, as the reseller's program does. */
export async function placeByApi(quantity = 1): Promise<PlacedByApi> {
  const { apiKey, skuId } = firstSteps();
  const query = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) {
    __typename ... on OrderPlaced { order { id productName skuName total { amount } } } ... on Refusal { code message } } }`;
  const input = { requestKey: `browser-${crypto.randomUUID()}`, skuId, quantity, maxTotal: '99999.00' };
  const response = await fetch(`${inject('serverUrl')}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { data } = (await response.json()) as { data: { placeOrder: { __typename: string; order: PlacedByApi } } };
  expect(data.placeOrder).toMatchObject({ __typename: 'OrderPlaced' });
  return data.placeOrder.order;
}

/** Imports headquarters' own card keys of a SKU through the API, and answers the lot that they became. */
export async function importLot(hq: Person, lot: { skuId: string; texts: readonly string[]; expiresOn?: string }): Promise<string> {
  const { skuId, texts, expiresOn = null } = lot;
  const newest = async () => {
    const { lots } = await askAs<{ lots: { edges: { node: { id: string } }[] } }>(
      hq,
      'query ($skuId: ID) { lots(skuId: $skuId, first: 1) { edges { node { id } } } }',
      { skuId },
    );
    return lots.edges[0]?.node.id;
  };
  const before = await newest();
  const input = {
    requestKey: crypto.randomUUID(),
    skuId,
    terms: 'OWN',
    totalCost: '20.00',
    expiresOn,
    format: 'TEXT',
    text: texts.join('\n'),
  };
  const { importCardKeys } = await askAs<{ importCardKeys: { __typename: string } }>(
    hq,
    'mutation ($input: ImportCardKeysInput!) { importCardKeys(input: $input) { __typename } }',
    { input },
  );
  expect(importCardKeys.__typename).toBe('CardKeysImportStarted');
  await expect.poll(newest).not.toBe(before);
  return (await newest()) ?? '';
}

/** Waits until a page shows what it is about: no grey placeholder is left. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main h1').first().waitFor({ state: 'attached' });
  await page.waitForFunction(() => !document.querySelector('.bone, .starting, .ant-spin'), undefined, { timeout: 30_000 });
}

/** Keeps what is seen under test/output/screenshots/. */
export async function keep(page: Page, name: string): Promise<void> {
  mkdirSync(OUTPUT, { recursive: true });
  await page.screenshot({ path: `${OUTPUT}${name}.png` });
}

/** What axe finds serious or critical on the page, one line each. */
export async function seriousFindings({ page }: Person): Promise<string[]> {
  // no page of ours holds frames: in the old mode axe runs where the page is, instead of carrying what it read into a page of its own
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode();
  const { violations } = await axe.analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`).join(' | ')}`);
}

/** The amount in a text such as "¥1,234.50", in hundredths. */
export function centsIn(text: string): bigint {
  const amount = /(\d[\d,]*)\.(\d\d)/.exec(text);
  if (amount === null) throw new Error(`no amount in: ${text}`);
  return BigInt(`${amount[1]?.replaceAll(',', '')}${amount[2]}`);
}

async function post<Data>(context: BrowserContext, query: string, variables: object, headers: Record<string, string>): Promise<Data> {
  const answer = await context.request.post('/graphql', { data: { query, variables }, headers: { ...ownHeaders(), ...headers } });
  const { data, errors } = (await answer.json()) as { data: Data; errors?: unknown };
  expect(errors).toBeUndefined();
  return data;
}

function ownHeaders(): Record<string, string> {
  return { origin: inject('serverUrl'), 'x-fenzhan-csrf': '1' };
}

function emailOf(name: string): string {
  return `${name}@demo.fenzhan.local`;
}
