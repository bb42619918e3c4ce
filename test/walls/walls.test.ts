import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findBreaches } from './walls.ts';

/** A project of these files in a folder of its own, and what the walls say of it. */
function messagesOf(files: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'fenzhan-walls-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return findBreaches(root).map(({ path, line, message }) => `${path}:${line} ${message}`);
}

describe('an import is a breach', () => {
  test.each([
    [
      'from the platform to a slice',
      'server/platform/x.ts',
      '#server/orders/reads.ts',
      'server/platform may not import from a slice: server/orders/reads.ts',
    ],
    [
      'from a slice to another',
      'server/orders/reads.ts',
      '#server/pricing/reads.ts',
      'a slice imports no other slice: server/pricing/reads.ts',
    ],
    [
      'from rules to another slice’s reads',
      'server/orders/rules.ts',
      '#server/pricing/reads.ts',
      'a slice imports no other slice: server/pricing/reads.ts',
    ],
    [
      'from a slice to a flow',
      'server/orders/commands.ts',
      '#server/flows/x.ts',
      'a slice may not import from server/flows: server/flows/x.ts',
    ],
    [
      'from the server back to the contract',
      'server/flows/x.ts',
      '#schema/money.ts',
      'server/flows may not import from schema: schema/money.ts',
    ],
    [
      'from the contract to the transport',
      'schema/x.ts',
      '#server/http/http.ts',
      'schema may not import from server/http: server/http/http.ts',
    ],
    ['of the composition root', 'test/support/x.ts', '#server/main.ts', 'the composition root is imported by nobody'],
    ['of a test', 'server/http/x.ts', '#test/support/database.ts', 'server/http may not import from test: test/support/database.ts'],
    [
      'from the tables to the platform',
      'prisma/migrate.ts',
      '#server/platform/log.ts',
      'prisma may not import from server/platform: server/platform/log.ts',
    ],
    [
      'from the console to the server',
      'web/x.ts',
      '../server/platform/money.ts',
      'the console imports nothing of ours but its own files: ../server/platform/money.ts',
    ],
    [
      'by a relative path to another folder',
      'server/orders/reads.ts',
      '../platform/page.ts',
      'across folders an import begins with #: ../platform/page.ts',
    ],
    ['without its extension', 'server/flows/x.ts', '#server/platform/money', '#server/platform/money lacks its extension'],
  ])('%s', (_what, path, specifier, message) => {
    const messages = messagesOf({ [path]: `import { x } from '${specifier}';\nx();\n` });
    expect(messages).toContain(`${path}:1 ${message}`);
  });

  test('also when it is a type, written in an annotation, or made at run time', () => {
    const path = 'server/flows/x.ts';
    for (const text of [
      `import type { X } from '#schema/x.ts';\n`,
      `let x: import('#schema/x.ts').X;\n`,
      `await import('#schema/x.ts');\n`,
    ]) {
      expect(messagesOf({ [path]: text })).toEqual([`${path}:1 server/flows may not import from schema: schema/x.ts`]);
    }
  });

  test.each([`export * from './x.ts';`, `export { x } from './x.ts';`, `export type { X } from '#server/orders/reads.ts';`])(
    'that is passed on: %s',
    (text) => {
      expect(messagesOf({ 'server/flows/y.ts': text })).toEqual([
        'server/flows/y.ts:1 nothing is re-exported: import it from where it lives',
      ]);
    },
  );

  test('and these are none', () => {
    const importing = (specifier: string) => `import { x } from '${specifier}';\nx();\n`;
    expect(
      messagesOf({
        'server/orders/rules.ts': importing('#server/pricing/rules.ts'),
        'server/orders/reads.ts': `${importing('#server/platform/money.ts')}export type { Row } from './sql.ts';\n`,
        'server/platform/x.ts': importing('#prisma/migrate.ts'),
        'prisma/demo/x.ts': importing('#server/flows/place-orders.ts'),
        'server/main.ts': importing('#schema/schema.ts'),
        'web/a/x.ts': importing('../b/y.ts'),
        'test/x.test.ts': importing('#server/http/http.ts'),
      }),
    ).toEqual([]);
  });
});

describe('the slice alphabet', () => {
  test.each([
    ['server/orders/utils.ts', 'a slice has rules.ts, commands.ts, reads.ts, sql.ts and nothing else'],
    ['server/orders/deep/rules.ts', 'a slice has rules.ts, commands.ts, reads.ts, sql.ts and nothing else'],
    ['server/helpers/rules.ts', 'helpers is no slice of the glossary'],
    ['server/flows/placeOrders.ts', 'file names are kebab-case'],
    ['scripts/x.ts', 'scripts is no entry of the top level'],
  ])('does not know %s', (path, message) => {
    expect(messagesOf({ [path]: '' })).toContain(`${path}:1 ${message}`);
  });
});

describe('rules are pure', () => {
  test.each([
    [`import { run } from '#server/platform/database.ts';`, 'rules are pure: they do not import #server/platform/database.ts'],
    [`import type { Transaction } from '#server/platform/database.ts';`, 'rules are pure: they do not import #server/platform/database.ts'],
    [`import { readFileSync } from 'node:fs';`, 'rules are pure: they do not import node:fs'],
    ['const now = new Date();', 'time comes from the injected clock'],
    ['const now = Date.now();', 'time comes from the injected clock'],
    ['const chance = Math.random();', 'rules are pure: no waiting, no chance, no process'],
    ['const x = async () => { await 1; };', 'rules are pure: no waiting, no chance, no process'],
  ])('%s', (text, message) => {
    expect(messagesOf({ 'server/orders/rules.ts': text })).toEqual([`server/orders/rules.ts:1 ${message}`]);
  });

  test('and flows, commands and resolvers take the time from the clock, too', () => {
    for (const path of ['server/flows/x.ts', 'server/orders/commands.ts', 'schema/x.ts']) {
      expect(messagesOf({ [path]: 'const now = new Date();' })).toEqual([`${path}:1 time comes from the injected clock`]);
    }
    expect(messagesOf({ 'server/flows/x.ts': 'const then = new Date(row.at);' })).toEqual([]);
  });
});

describe('money is calculated at home only', () => {
  test.each([
    [`import { Decimal } from 'decimal.js';`, 'decimals are made in platform/money.ts only'],
    ['const x = new Prisma.Decimal(1);', 'decimals are made in platform/money.ts only'],
    ['const x = price.tenThousandths;', 'the inside of an amount is read in rules.ts only'],
    ['const x = order.total * 2n;', 'arithmetic on money belongs into rules.ts: order.total * 2n'],
    ['let x = 0; x += line.unitPrice;', 'arithmetic on money belongs into rules.ts: x += line.unitPrice'],
    ['const x = -fee;', 'arithmetic on money belongs into rules.ts: -fee'],
    ['const x = wallet.balance() - paidTotal;', 'arithmetic on money belongs into rules.ts: wallet.balance() - paidTotal'],
    ['const x = Number(row.amount);', 'an amount is never a JavaScript number: Number(row.amount)'],
    ['const x = Number.parseFloat(margin);', 'an amount is never a JavaScript number: Number.parseFloat(margin)'],
  ])('%s', (text, message) => {
    for (const path of ['server/orders/commands.ts', 'web/x.tsx']) expect(messagesOf({ [path]: text })).toContain(`${path}:1 ${message}`);
    expect(messagesOf({ 'server/orders/rules.ts': text })).toEqual([]);
  });

  test('counting, and putting texts together, is no arithmetic on money', () => {
    expect(
      messagesOf({
        'schema/x.ts': 'const x = orderCount + 1; const y = `${total}` + "¥"; const z = "¥" + price; const w = Number(totalCount);',
      }),
    ).toEqual([]);
  });
});

describe('an export', () => {
  test.each([
    ['export function f() {}', 'f is exported without a docstring'],
    ['// no docstring\nexport const f = 1;', 'f is exported without a docstring'],
    ['/* nor this */ export type F = 1;', 'F is exported without a docstring'],
    ['/** Of g. */\nfunction g() {}\nexport interface F {}', 'F is exported without a docstring'],
    ['/** A class. */ export class Thing {}', 'classes are for errors only'],
    ['/** A default. */ export default 1;', 'exports are named'],
  ])('%j is a breach', (text, message) => {
    const messages = messagesOf({ 'server/flows/x.ts': text });
    expect(messages).toEqual([`server/flows/x.ts:${text.split('\n').length} ${message}`]);
  });

  test('with a docstring is none', () => {
    const text =
      '/** An error. */\nexport class Refused extends Error {}\n/** A number. */\nexport const n = 1;\n/**\n * Long.\n */\nexport async function f() {}\n';
    expect(messagesOf({ 'server/flows/x.ts': text })).toEqual([]);
  });
});
