import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keep, openAs, openBrowser, seriousFindings, settled, signIn } from './people.ts';

// A supplier hands in its licence with the file, headquarters reads and approves it; and both see what it says.
let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());

const PDF = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');
const NUMBER = '91330106MA2EXAMPLE';

test('a document is handed in with its file by the supplier, and approved by headquarters', async () => {
  const supplier = await openAs(browser);
  await signIn(supplier, 'supplier');
  await supplier.page.goto('/documents');
  await settled(supplier.page);
  await supplier.page.getByRole('button', { name: '提交文件' }).first().click();
  const sheet = supplier.page.getByRole('dialog');
  await sheet.getByLabel('证件号').fill(NUMBER);
  await sheet.getByLabel('有效期至').fill('2030-12-31');
  await sheet.locator('input[type=file]').setInputFiles({ name: '营业执照.pdf', mimeType: 'application/pdf', buffer: PDF });
  expect(await seriousFindings(supplier)).toEqual([]);
  await sheet.getByRole('button', { name: '提交文件' }).click();
  const row = supplier.page.locator('.documents li', { hasText: NUMBER });
  await row.getByText('待审核').waitFor();
  await row.getByRole('button', { name: '营业执照.pdf' }).waitFor();

  const hq = await openAs(browser);
  await signIn(hq, 'hq');
  await hq.page.goto('/supply/suppliers');
  await settled(hq.page);
  const waiting = hq.page.locator('tbody tr', { hasText: '1 份待审核' });
  await waiting.locator('a').first().click();
  const paper = hq.page.locator('.documents li', { hasText: NUMBER });
  const [download] = await Promise.all([hq.page.waitForEvent('download'), paper.getByRole('button', { name: '营业执照.pdf' }).click()]);
  expect(download.suggestedFilename()).toBe('营业执照.pdf');
  await paper.getByRole('button', { name: '通过', exact: true }).click();
  expect(await seriousFindings(hq)).toEqual([]);
  await hq.page.locator('.ant-modal-container, .ant-modal-content').getByRole('button', { name: '通过', exact: true }).click();
  await paper.getByText('有效').waitFor();
  await keep(hq.page, 'supplier-papers');

  await supplier.page.reload();
  await settled(supplier.page);
  await supplier.page.locator('.documents li', { hasText: NUMBER }).getByText('有效').waitFor();
  await keep(supplier.page, 'supplier-documents');
  expect([...supplier.problems, ...hq.problems]).toEqual([]);
});
