import { readFileSync } from 'node:fs';
import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { LIMITS } from '#server/http/limits.ts';

const textOf = (page: string): string => readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
const page = textOf('docs/live.md');
const program = textOf('docs/examples/mirror.ts');

describe('docs/live.md', () => {
  test('shows exactly the program that the crash test runs', () => {
    expect(/```ts\n([\s\S]*?)```/.exec(page)?.[1]).toBe(program);
  });

  test('every document of the program is valid in the contract', () => {
    const contract = buildSchema(textOf('schema/schema.graphql'));
    const sku = /const SKU = '([^']+)'/.exec(program)?.[1] ?? '';
    const documents = [...program.matchAll(/[`'](query [^`']+|subscription [^`']+|\{ orders[^`']+)[`']/g)].map(([, text = '']) =>
      text.replaceAll('${SKU}', sku),
    );
    expect(documents).toHaveLength(5);
    for (const document of documents) expect(validate(contract, parse(document))).toEqual([]);
  });

  test('names the bytes that a client may leave unread', () => {
    expect(page).toContain(`more than ${LIMITS.unreadBytes / 1024} KiB lay unread`);
  });
});
