import { connect, type Socket } from 'node:net';
import type { CrowdOrder, CrowdReport, CrowdSays, CrowdSpec } from './live-crowd.ts';
import { clientFrame, createFrameReader, type FrameReader, pongFrame } from './live-frames.ts';

// A process full of subscribers on bare sockets: frames are cut apart and counted, and only some are read.

const OPENING_AT_ONCE = 200;
/** Source addresses 127.0.0.2 and on: one address has too few ports for ten thousand connections and those that are still closing. */
const ADDRESSES = 8;
const READ_EVERY = 64;
const ORDERS_MOST = 8_192;
const RETRY_MILLISECONDS = 400;
const NEXT = Buffer.from('"type":"next"');
const THROTTLED = Buffer.from('"THROTTLED"');

type Client = {
  readonly index: number;
  socket: Socket | null;
  reader: FrameReader;
  cursor: string | null;
  count: number;
  lastOrder: number;
  /** Was refused for now, and has asked again; the refusal's end is still to come. */
  isRefused: boolean;
};
type Event = { readonly cursor: string; readonly order?: { readonly id: string } };

// every read of every socket goes into this one piece of memory: nothing is allocated for a frame that is only counted
const shared = Buffer.allocUnsafeSlow(256 * 1024);
let spec: CrowdSpec;
let clients: Client[] = [];
let mark = Number.POSITIVE_INFINITY;
let isReading = true;
let isCutting = false;
let total = 0;
let duplicates = 0;
let outOfOrder = 0;
let cpu = process.cpuUsage();
let sample = '';
let times: number[][] = [];
let closed: Record<string, number> = {};
const complaints: string[] = [];
const orderNumbers = new Map<string, number>();
const orderTimes = new Map<string, number>();
let seen = new Uint8Array(0);

process.on('message', (order: CrowdOrder) => {
  obey(order).catch((error: Error) => say({ kind: 'FAILED', why: error.stack ?? String(error) }));
});
process.on('disconnect', () => process.exit(0));

async function obey(order: CrowdOrder): Promise<void> {
  switch (order.kind) {
    case 'OPEN':
      spec = order.spec;
      clients = Array.from({ length: spec.count }, (_, index) => newClient(index));
      if (spec.reads === 'ORDERS') seen = new Uint8Array(spec.count * ORDERS_MOST);
      await openAll();
      return say({ kind: 'DONE' });
    case 'RESET':
      reset();
      return say({ kind: 'DONE' });
    case 'TELL_AT':
      mark = order.total;
      return tellIfReached();
    case 'REPORT':
      return say({ kind: 'REPORT', report: report() });
    case 'STOP_READING':
      isReading = false;
      for (const { socket } of clients) socket?.pause();
      return say({ kind: 'DONE' });
    case 'CUT':
      isCutting = true;
      for (const { socket } of clients) socket?.resetAndDestroy();
      isCutting = false;
      return say({ kind: 'DONE' });
    case 'RESUME':
      await openAll();
      return say({ kind: 'DONE' });
  }
}

function newClient(index: number): Client {
  const client: Client = {
    index,
    socket: null,
    reader: { take: () => undefined },
    cursor: null,
    count: 0,
    lastOrder: -1,
    isRefused: false,
  };
  return client;
}

function reset(): void {
  total = 0;
  duplicates = 0;
  outOfOrder = 0;
  times = [];
  closed = {};
  mark = Number.POSITIVE_INFINITY;
  cpu = process.cpuUsage();
  orderNumbers.clear();
  orderTimes.clear();
  seen.fill(0);
  for (const client of clients) {
    client.count = 0;
    client.lastOrder = -1;
  }
}

async function openAll(): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(OPENING_AT_ONCE, clients.length) }, async () => {
      for (let client = clients[next++]; client !== undefined; client = clients[next++]) await open(client);
    }),
  );
}

/** Connects, says who it is, subscribes. */
function open(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = '';
    let isOpen = false;
    const socket = connect({
      port: spec.port,
      host: '127.0.0.1',
      localAddress: `127.0.0.${2 + (client.index % ADDRESSES)}`,
      noDelay: true,
      onread: {
        buffer: shared,
        callback: (length) => {
          const chunk = shared.subarray(0, length);
          if (isOpen) client.reader.take(chunk);
          else {
            head += chunk.toString('latin1');
            const end = head.indexOf('\r\n\r\n');
            if (end < 0) return isReading;
            if (!head.startsWith('HTTP/1.1 101')) return fail(new Error(`the upgrade was answered ${head.slice(0, 200)}`));
            isOpen = true;
            greet(client, resolve);
            client.reader.take(Buffer.from(head.slice(end + 4), 'latin1'));
          }
          return isReading;
        },
      },
    });
    const fail = (error: Error) => {
      reject(error);
      socket.destroy();
      return false;
    };
    client.socket = socket;
    client.reader = readerOf(client, resolve);
    socket.on('error', (error) => (isOpen ? undefined : reject(error)));
    socket.on('close', () => {
      if (!isCutting && client.socket === socket) note(closed, isOpen ? 'socket' : 'before it was open');
    });
    socket.on('connect', () => socket.write(upgradeRequest()));
  });
}

function upgradeRequest(): string {
  return `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:${spec.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`;
}

function greet(client: Client, resolve: () => void): void {
  const program =
    spec.programs[
      (spec.everyPair === false ? client.index : Math.floor(client.index / Math.max(1, spec.documents.length))) %
        Math.max(1, spec.programs.length)
    ];
  if (spec.documents.length === 0) return resolve();
  const payload = program === undefined ? {} : { authorization: `Bearer ${program}` };
  client.socket?.write(clientFrame(JSON.stringify({ type: 'connection_init', payload })));
}

function subscribe(client: Client): void {
  const query = spec.documents[client.index % spec.documents.length] ?? '';
  const variables = client.cursor === null ? spec.variables : { ...spec.variables, after: client.cursor };
  client.socket?.write(clientFrame(JSON.stringify({ id: `subscriber-${client.index}`, type: 'subscribe', payload: { query, variables } })));
}

function readerOf(client: Client, resolve: () => void): FrameReader {
  const isRead = spec.reads === 'ORDERS' || client.index % READ_EVERY === 0;
  return createFrameReader({
    text: (buffer, from, to) => {
      const at = buffer.indexOf(NEXT, from);
      if (at < 0 || at >= to) return answer(client, buffer.toString('utf8', from, to), resolve);
      // a refusal comes as the first answer, and its end after it
      if (client.count === 0 && buffer.subarray(from, to).includes(THROTTLED)) return askAgain(client);
      client.count += 1;
      total += 1;
      if (spec.keepTimes) (times[client.count - 1] ??= []).push(Date.now());
      if (isRead) readEvent(client, buffer.toString('utf8', from, to));
      if (total >= mark) tellIfReached();
    },
    ping: (payload) => client.socket?.write(pongFrame(payload)),
    closed: (code) => note(closed, String(code)),
  });
}

/** Anything but an event: the acknowledgement, or a refusal; who was throttled asks again. */
function answer(client: Client, text: string, resolve: () => void): void {
  const message = JSON.parse(text) as { type: string };
  if (message.type === 'connection_ack') {
    subscribe(client);
    return resolve();
  }
  if (message.type === 'ping') return void client.socket?.write(clientFrame('{"type":"pong"}'));
  if (text.includes('THROTTLED')) return askAgain(client);
  if (message.type === 'complete' && client.isRefused) {
    client.isRefused = false;
    return;
  }
  if (complaints.length < 5) complaints.push(text.slice(0, 400));
}

function askAgain(client: Client): void {
  client.isRefused = true;
  setTimeout(() => subscribe(client), RETRY_MILLISECONDS + Math.random() * RETRY_MILLISECONDS);
}

function readEvent(client: Client, text: string): void {
  sample = text;
  const message = JSON.parse(text) as { id: string; payload: { data?: Record<string, Event> | null } };
  const event = Object.values(message.payload.data ?? {})[0];
  if (message.id !== `subscriber-${client.index}` || event === undefined) {
    if (complaints.length < 5) complaints.push(text.slice(0, 400));
    return;
  }
  if (event.cursor === client.cursor) duplicates += 1;
  client.cursor = event.cursor;
  if (event.order !== undefined) readOrder(client, event.order.id);
}

function readOrder(client: Client, orderId: string): void {
  const number = orderNumbers.get(orderId) ?? orderNumbers.size;
  if (number === orderNumbers.size) {
    orderNumbers.set(orderId, number);
    orderTimes.set(orderId, Date.now());
  }
  if (number >= ORDERS_MOST) return;
  const place = client.index * ORDERS_MOST + number;
  if (seen[place]) duplicates += 1;
  seen[place] = 1;
  if (number < client.lastOrder) outOfOrder += 1;
  client.lastOrder = number;
}

function tellIfReached(): void {
  if (total < mark) return;
  mark = Number.POSITIVE_INFINITY;
  say({ kind: 'REACHED', total });
}

function report(): CrowdReport {
  const { user, system } = process.cpuUsage(cpu);
  const counts = clients.map(({ count }) => count);
  return {
    total,
    least: counts.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY),
    most: counts.reduce((most, count) => Math.max(most, count), 0),
    duplicates,
    outOfOrder,
    closed,
    cpuMicroseconds: user + system,
    times: times.map((each) => Float64Array.from(each)),
    orders: orderTimes,
    sample,
    complaints,
  };
}

function note(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function say(said: CrowdSays): void {
  process.send?.(said);
}
