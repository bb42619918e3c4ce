import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAs, openBrowser, type Person, settled, signIn } from './people.ts';

// What a browser really loads until the first page stands, gzipped.
const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const LIMIT_BYTES = 400_000;

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

test('the sign-in loads less than 400 kB of JavaScript', async () => {
  const nobody = await openAs(browser);
  const loaded = watchScripts(nobody);
  await nobody.page.goto('/');
  await nobody.page.locator('.sign-in h1').waitFor();
  expect(weigh('sign-in', loaded)).toBeLessThan(LIMIT_BYTES);
});

test.each(['reseller', 'substation'])('the home of a %s loads less than 400 kB of JavaScript, charts apart', async (name) => {
  const person = await openAs(browser);
  await signIn(person, name);
  const loaded = watchScripts(person);
  await person.page.goto('/');
  await settled(person.page);
  const withoutCharts = [...loaded].filter((path) => !path.includes('/line-chart'));
  expect(withoutCharts.length).toBeGreaterThan(3);
  expect(weigh(`home of a ${name}`, withoutCharts)).toBeLessThan(LIMIT_BYTES);
});

function watchScripts({ page }: Person): Set<string> {
  const paths = new Set<string>();
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.endsWith('.js')) paths.add(pathname);
  });
  return paths;
}

function weigh(page: string, paths: Iterable<string>): number {
  const bytes = [...paths].reduce((sum, path) => sum + gzipSync(readFileSync(`${DIST}${path}`)).length, 0);
  process.stdout.write(`${page}: ${bytes} bytes of JavaScript, gzipped\n`);
  return bytes;
}
