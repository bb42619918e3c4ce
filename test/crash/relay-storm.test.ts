import { expect, test } from 'vitest';
import { stormOfRelays } from '#test/storm/relay-storm.ts';

test('two servers are killed by turns under load: every event of every order is told to both subscribers, once and in order', async () => {
  const report = await stormOfRelays({ seconds: 16, ratePerSecond: 60, killEverySeconds: 4 });
  expect(report.kills).toBe(3);
  expect(report.orders.failed).toEqual([]);
  expect(report.orders.acknowledged.length).toBeGreaterThan(500);
  expect(new Set(report.orders.acknowledged).size).toBe(report.orders.acknowledged.length);
  expect(report.resumes.every((count) => count > 0)).toBe(true);
  expect(report.errors).toEqual([]);
  const nothing = { missed: 0, duplicates: 0, outOfOrder: 0 };
  expect(report.verdicts).toEqual([nothing, nothing]);
  expect(Math.max(...report.takeovers)).toBeLessThan(2_000);
}, 300_000);
