import { readArguments } from './arguments.ts';
import { deathOfSupplier, MOVED_ENOUGH } from './supply-death.ts';
import { stormOfSupply } from './supply-storm.ts';

// npm run storm:supply -- --orders 100000: two servers that buy, one of them killed every twenty seconds, from simulated upstreams that
// time out after they sold, break, talk nonsense and lie. Exit code 1 when anything was bought, delivered or paid twice, lost or believed.
// npm run storm:supply -- --dies: steady orders over sixteen suppliers of which half die four times; exit code 1 when they go elsewhere too late.
const values = readArguments({
  command: 'storm:supply',
  numbers: {
    orders: { usual: 2_000, least: 1, help: 'how many are placed' },
    every: { usual: 20, least: 0, help: 'seconds from one kill to the next; 0: nobody is killed' },
    upstreams: { usual: 6, least: 1, help: 'simulated upstreams of each protocol' },
    lies: { usual: 5, least: 0, help: 'of a thousand calls, how many lie about what they sold' },
  },
  switches: { dies: 'instead: steady orders over sixteen suppliers, of which half die four times' },
});
const print = (name: string, value: string | number) => process.stdout.write(`${name.padEnd(34)} ${value}\n`);
const share = (list: readonly number[], of: number) => Math.round(list[Math.min(list.length - 1, Math.floor(list.length * of))] ?? 0);
if (values.dies) await tellDeath();

const { orders, every: killEverySeconds, upstreams: upstreamsOfKind, lies: liesPerThousand } = values;
const { books, verdict, seconds, cpu, kills, counts, refused } = await stormOfSupply({
  orders,
  killEverySeconds,
  upstreamsOfKind,
  liesPerThousand,
  tell: (text) => process.stderr.write(`${text}\n`),
});
const listed = (tally: Readonly<Record<string, number>>) =>
  Object.entries(tally)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';
const at = (of: number) => share(books.deliverMilliseconds, of);
print('orders', `${orders} (${Math.round(orders / seconds)} a second, ${Math.round(seconds)} s)`);
const each = (microseconds: number) => (microseconds / orders / 1000).toFixed(1);
print('CPU of an order, ms', `servers ${each(cpu.servers)}, PostgreSQL ${each(cpu.postgres)}, upstreams and load ${each(cpu.load)}`);
print('orders by state', listed(books.orders));
print('orders refused', listed(Object.fromEntries(refused)));
print('attempts by state', listed(verdict.attempts));
print('rejected, by why', listed(verdict.rejections));
print('servers killed', kills);
print('what befell calls', listed(counts));
print('ordered to delivered, ms', `p50 ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}`);
print('with a person, by why', listed(verdict.attention));
print('claims against suppliers', listed(verdict.discrepancies));
print('lies told', verdict.liesCount);
const found = Object.entries(verdict.mustBeZero);
for (const [name, value] of found) print(name, value);
for (const order of books.stuck) process.stdout.write(`${order}\n`);
for (const breach of books.breaches.slice(0, 5)) process.stdout.write(`${breach}\n`);
process.exit(found.every(([, value]) => value === 0) ? 0 : 1);

/** Prints what suppliers' deaths did to orders, and ends. */
async function tellDeath(): Promise<never> {
  const { orders: count, moved, before, during, undelivered } = await deathOfSupplier();
  const told = (list: readonly number[]) => `${list.length} orders, p50 ${share(list, 0.5)}, p99 ${share(list, 0.99)}`;
  print('orders', count);
  print('meant for a dead one, to another', `${told(moved)} (goal: p99 at most 2000, of at least ${MOVED_ENOUGH})`);
  print('all others, before any died', told(before));
  print('all others, while some were dead', told(during));
  print('p99 of the others, after / before', (share(during, 0.99) / Math.max(1, share(before, 0.99))).toFixed(2));
  print('not delivered', undelivered);
  process.exit(moved.length >= MOVED_ENOUGH && share(moved, 0.99) <= 2_000 && undelivered === 0 ? 0 : 1);
}
