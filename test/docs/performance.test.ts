import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CASES } from '#bench/cases.ts';
import { dashed, FULL, optionsFrom, SMALL } from '#bench/options.ts';
import { median, readResults, resultOf } from '#bench/report.ts';
import { tableIn, tableOf } from '#bench/table.ts';

const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8');
const results = readResults(new URL('../../bench/results.json', import.meta.url));

describe('docs/performance.md', () => {
  test('lists every case of npm run bench by its name, and no other', () => {
    const named = page.split('\n').flatMap((line) => /^\| `([a-z0-9]+)` \|/.exec(line)?.[1] ?? []);
    expect(named.toSorted()).toEqual(Object.keys(CASES).toSorted());
  });

  test('shows exactly the numbers that stand in bench/results.json', () => {
    expect(tableIn(page)).toBe(tableOf(results));
  });
});

describe('bench/results.json', () => {
  test('has one object for a case, with its value, its reference, their ratio, the goal and the machine', () => {
    expect(new Set(results.map((result) => result.case)).size).toBe(results.length);
    for (const result of results) {
      expect(result).toMatchObject({
        case: expect.any(String),
        unit: expect.any(String),
        goal: expect.stringMatching(/^[≥≤] \d+(\.\d+)?$/),
      });
      // what could not be told from nothing (memory, CPU) is 0 of its reference
      const ratio = result.value / result.reference;
      expect(Math.abs(result.ratio - ratio), result.case).toBeLessThanOrEqual(0.05 * ratio);
      const bound = Number(result.goal.slice(2));
      expect(result.reached, result.case).toBe(result.goal.startsWith('≥') ? result.ratio >= bound : result.ratio <= bound);
      expect(result.machine, result.case).toMatchObject({ cores: expect.any(Number), postgres: { fsync: 'on', synchronous_commit: 'on' } });
    }
  });
});

describe('a result', () => {
  const cpu = (each: number) => ({ serverMicroseconds: each, postgresMicroseconds: each, clientMicroseconds: 0 });

  test('is the ratio of medians, and by CPU the other way round where more is better', () => {
    const found = { unit: 'orders/s', values: [100, 300, 200], references: [400, 100, 100, 400], goal: '≥ 1.0', notes: [] };
    const rounds = { ours: [cpu(50)], references: [cpu(100)] };
    expect(resultOf('x', { ...found, rounds })).toMatchObject({
      value: 200,
      reference: 250,
      ratio: 0.8,
      reached: false,
      cpu: { value: 100, reference: 200, ratio: 2 },
    });
    expect(resultOf('x', { ...found, goal: '≤ 1.0', rounds })).toMatchObject({ reached: true, cpu: { ratio: 0.5 } });
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test('without a reference is none', () => {
    expect(() => resultOf('x', { unit: 's', values: [1], references: [], goal: '≤ 1', notes: [] })).toThrow('x');
  });
});

describe('the sizes of npm run bench', () => {
  test('are those of the goals unless others are named; stations and SKUs hold for the catalogue too', () => {
    expect(optionsFrom({})).toEqual(FULL);
    expect(optionsFrom({ small: true, seconds: '3' })).toEqual({ ...SMALL, seconds: 3 });
    expect(optionsFrom({ stations: '500', skus: '50' })).toEqual({ ...FULL, stations: 500, skus: 50, pageStations: 500, pageSkus: 50 });
    expect(optionsFrom({ stations: '500', 'page-stations': '900' })).toMatchObject({ stations: 500, pageStations: 900 });
    expect(() => optionsFrom({ [dashed('largeOrders')]: 'many' })).toThrow('--large-orders: many');
  });
});
