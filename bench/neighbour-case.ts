import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { auditLedger } from '#server/ledger/reads.ts';
import { openDatabase } from '#server/platform/database.ts';
import { openProgram } from './arrange.ts';
import { type LoadReport, runLoad } from './load.ts';
import { loadOf, shopOf } from './order-loads.ts';
import { type CaseResult, median, resultOf, short } from './report.ts';
import type { Stage } from './stage.ts';
import { inTurn } from './turns.ts';
import { openWire, postOf } from './wire.ts';

const LIST = 100;
const LISTS_PER_SECOND = 100;
const BULLY_CONNECTIONS = 32;
/** Orders a second of the station whose waiting is measured; its own, and no more than any server can do. */
const QUIET_PER_SECOND = 25;
const QUIET_CONNECTIONS = 8;
const SLOW_SUBSCRIBERS = 20;
const SUBSCRIPTION = 'subscription { orderUpdated(scope: DOWNLINE) { cursor order { id total { amount } } } }';
const REPORT =
  '{ gmvOverview(range: DAYS_60) { totals { gmv { amount } } points { start gmv { amount } } byChild { station { id } totals { gmv { amount } } } } }';

/** What a station's single orders wait (p99) while another sends far more than the server takes; then beside slow subscribers and long reports. */
export async function badNeighbours(stage: Stage): Promise<CaseResult[]> {
  await growUp(stage);
  const bully = await beside(stage, sendLists);
  const slow = await beside(stage, readSlowly);
  return [
    resultOf('p99 beside a station that floods', { unit: 'ms', ...bully, goal: '≤ 5' }),
    resultOf('p99 beside slow subscribers and long reports', { unit: 'ms', ...slow, goal: '≤ 5' }),
  ];
}

/** Orders before the first round: statistics of tables with one row make plans that no network with customers has. */
async function growUp(stage: Stage): Promise<void> {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  await site.prepare(shop, shop.skuIds);
  await site.measure(await loadOf(stage, site, shop, { seconds: 1 }));
  stage.say('the network has had its first orders');
}

/** Somebody who does something until he is told to stop, and then says what he did. */
type Neighbour = (stage: Stage, seconds: number) => Promise<{ stop(): Promise<string> }>;

/** p99 of quiet orders, in turn beside the neighbour and without. */
async function beside(stage: Stage, neighbour: Neighbour): Promise<{ values: number[]; references: number[]; notes: string[] }> {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  const { seconds, warmSeconds } = stage.options;
  const secret = shop.buyers[1]?.secret ?? '';
  const load = await loadOf(stage, site, shop, { secrets: [secret], connections: QUIET_CONNECTIONS, requestsPerSecond: QUIET_PER_SECOND });
  const did: string[] = [];
  // twice as long: the slowest hundredth of few orders is one order
  const quiet = () => runLoad({ ...load, seconds: 2 * seconds });
  const ours = async () => {
    await site.prepare(shop, shop.skuIds);
    const other = await neighbour(stage, 2 * seconds + 2 * warmSeconds);
    try {
      return await quiet();
    } finally {
      did.push(await other.stop());
    }
  };
  const reference = async () => {
    await site.prepare(shop, shop.skuIds);
    return quiet();
  };
  const found = await inTurn(stage, { ours, reference }, ({ p99 }) => `p99 ${short(p99)} ms`);
  await stage.audit(site, shop);
  const p50 = (of: readonly LoadReport[]) => short(median(of.map((report) => report.p50)));
  return {
    values: found.ours.map(({ p99 }) => p99),
    references: found.references.map(({ p99 }) => p99),
    notes: [
      `single orders of one station at ${QUIET_PER_SECOND}/s; p50 ${p50(found.ours)} ms beside, ${p50(found.references)} ms without`,
      `the neighbour: ${did.at(-1) ?? ''}`,
    ],
  };
}

/** One station sends lists at fixed times, whether it is answered or not; most are refused. */
async function sendLists(stage: Stage, seconds: number): Promise<{ stop(): Promise<string> }> {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  const sending = runLoad({
    ...(await loadOf(stage, site, shop, { secrets: [shop.buyers[0]?.secret ?? ''] })),
    connections: BULLY_CONNECTIONS,
    listSize: LIST,
    requestsPerSecond: LISTS_PER_SECOND,
    mayBeRefused: true,
    seconds,
    warmSeconds: 0,
  });
  sending.catch(() => undefined);
  return {
    stop: async () => {
      const { count, refused, seconds: took } = await sending;
      return `${LISTS_PER_SECOND} lists of ${LIST} a second from one station: ${short(count / took)} orders/s placed, ${short(refused / took)} lists/s refused wholly or in part`;
    },
  };
}

/** Subscribers that never read what they are sent, headquarters' overviews without a pause, and an audit of everything. */
async function readSlowly(stage: Stage): Promise<{ stop(): Promise<string> }> {
  const site = await stage.site();
  const shop = await shopOf(stage, 'server');
  const [server] = await site.servers(1);
  const url = new URL(server?.url ?? '');
  const secret = await openProgram(site.db, shop, shop.trunk[0] ?? '', ['ORDERS_READ', 'ANALYTICS_READ', 'STATIONS_READ']);
  const sockets = await Promise.all(Array.from({ length: SLOW_SUBSCRIBERS }, () => subscribeAndSleep(Number(url.port), secret)));
  let going = true;
  const counts = { reports: 0, audits: 0 };
  const wire = await openWire(Number(url.port));
  const report = async () => {
    while (going) {
      const answer = await wire.ask(postOf('/graphql', secret, JSON.stringify({ query: REPORT })), [200, 429]);
      if (answer.startsWith('{"data":{')) counts.reports += 1;
    }
  };
  // as `npm run audit` asks, not with what makes the benchmark's data
  const auditors = openDatabase({ url: site.url, poolSize: 1 });
  const audit = async () => {
    while (going) {
      await auditLedger(auditors.pool, shop.networkId);
      counts.audits += 1;
    }
  };
  const work = Promise.all([report(), audit()]);
  work.catch(() => undefined);
  return {
    stop: async () => {
      going = false;
      await work;
      await auditors.close();
      wire.close();
      for (const socket of sockets) socket.destroy();
      return `${SLOW_SUBSCRIBERS} subscribers that never read, ${counts.reports} overviews of 60 days and ${counts.audits} audits of all rows, one after the other`;
    },
  };
}

/** A WebSocket that subscribes and then reads nothing more. */
async function subscribeAndSleep(port: number, secret: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const heard = new Promise<void>((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('connection_ack')) resolve();
    });
    socket.once('close', () => reject(new Error(`no subscription: ${text}`)));
  });
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
  );
  socket.write(frameOf({ type: 'connection_init', payload: { authorization: `Bearer ${secret}` } }));
  await heard;
  socket.write(frameOf({ id: 'slow', type: 'subscribe', payload: { query: SUBSCRIPTION } }));
  socket.removeAllListeners('data').removeAllListeners('close').pause();
  // the server may hang up on somebody who never reads
  socket.on('error', () => undefined);
  return socket;
}

/** A text frame as a client must send it: masked, here with zeros. */
function frameOf(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message), 'utf8');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  const head = body.length < 126 ? Buffer.from([0x81, 0x80 | body.length]) : Buffer.concat([Buffer.from([0x81, 0xfe]), length]);
  return Buffer.concat([head, Buffer.alloc(4), body]);
}
