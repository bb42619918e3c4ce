import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { SETTINGS } from '#server/platform/config.ts';

const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');

describe('docs/settings.md', () => {
  test('shows exactly the settings that the program reads, with what they mean and what holds without them', () => {
    expect(rowsOf(page)).toEqual(Object.entries(SETTINGS).map(([name, { meaning, otherwise }]) => [`\`${name}\``, meaning, otherwise]));
  });
});

/** The cells of the page's one table, without its head. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.slice(2, -2).split(' | '));
}
