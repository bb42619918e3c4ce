import { parseArgs } from 'node:util';
import { mustBeZero, stormOfSupply } from './supply-storm.ts';

// npm run storm:supply -- --orders 100000: two servers that buy, one of them killed every twenty seconds, from simulated upstreams that
// time out after they sold, break, talk nonsense and lie. Exit code 1 when anything was bought, delivered or paid twice, lost or believed.
const { values } = parseArgs({
  options: {
    orders: { type: 'string', default: '2000' },
    every: { type: 'string', default: '20' },
    upstreams: { type: 'string', default: '6' },
  },
});
const [orders, killEverySeconds, upstreamsOfKind] = [values.orders, values.every, values.upstreams].map(Number);
if (!orders || !killEverySeconds || !upstreamsOfKind) throw new Error('--orders, --every and --upstreams are numbers above zero');

const { verdict, seconds, kills, counts, refused } = await stormOfSupply({ orders, killEverySeconds, upstreamsOfKind });
const print = (name: string, value: string | number) => process.stdout.write(`${name.padEnd(34)} ${value}\n`);
const listed = (tally: Readonly<Record<string, number>>) =>
  Object.entries(tally)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';
const at = (share: number) => {
  const { deliverMilliseconds } = verdict;
  return Math.round(deliverMilliseconds[Math.min(deliverMilliseconds.length - 1, Math.floor(deliverMilliseconds.length * share))] ?? 0);
};
print('orders', `${orders} (${Math.round(orders / seconds)} a second, ${Math.round(seconds)} s)`);
print('orders by state', listed(verdict.orders));
print('orders refused', listed(Object.fromEntries(refused)));
print('attempts by state', listed(verdict.attempts));
print('rejected, by why', listed(verdict.rejections));
print('servers killed', kills);
print('what befell calls', listed(counts));
print('ordered to delivered, ms', `p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}`);
print('with a person, by why', listed(verdict.attention));
print('claims against suppliers', listed(verdict.discrepancies));
print('lies told', verdict.liesCount);
for (const [name, value] of mustBeZero(verdict)) print(name, value);
for (const breach of verdict.breaches.slice(0, 5)) process.stdout.write(`${breach}\n`);
process.exit(mustBeZero(verdict).every(([, value]) => value === 0) ? 0 : 1);
