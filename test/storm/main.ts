import { readArguments } from './arguments.ts';
import { stormOfRelays } from './relay-storm.ts';

// npm run storm:relay -- --seconds 300 --rate 500: two servers, one of them killed every ten seconds. Exit code 1 when anything was
// missed, told twice or told out of order, or an order failed.
const {
  seconds,
  rate: ratePerSecond,
  every: killEverySeconds,
} = readArguments({
  command: 'storm:relay',
  numbers: {
    seconds: { usual: 60, least: 1, help: 'how long orders are placed' },
    rate: { usual: 500, least: 1, help: 'orders a second' },
    every: { usual: 10, least: 1, help: 'seconds from one kill to the next' },
  },
});

const report = await stormOfRelays({ seconds, ratePerSecond, killEverySeconds });
const { orders, takeovers, verdicts } = report;
const at = (values: readonly number[], share: number) =>
  Math.round(values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0);
const rows: [string, number | string][] = [
  ['orders acknowledged', orders.acknowledged.length],
  ['orders a second', Math.round(orders.acknowledged.length / seconds)],
  ['orders failed', orders.failed.length],
  ['orders refused as Busy', orders.busyCount],
  ['refunds', orders.refundedCount],
  ['servers killed', report.kills],
  ['takeover p50, ms', at(takeovers, 0.5)],
  ['takeover max, ms', at(takeovers, 1)],
  ['resumes', report.resumes.join(' + ')],
  ['missed', verdicts.map(({ missed }) => missed).join(' + ')],
  ['told twice', verdicts.map(({ duplicates }) => duplicates).join(' + ')],
  ['out of order per order', verdicts.map(({ outOfOrder }) => outOfOrder).join(' + ')],
  ['errors told to subscribers', report.errors.length],
];
for (const [name, value] of rows) process.stdout.write(`${name.padEnd(28)} ${value}\n`);
for (const error of new Set([...orders.failed, ...report.errors].slice(0, 5))) process.stdout.write(`${error}\n`);
const isGood = orders.failed.length === 0 && verdicts.every((each) => each.missed + each.duplicates + each.outOfOrder === 0);
process.exit(isGood && report.errors.length === 0 ? 0 : 1);
