import { createServer, type IncomingMessage, request as requestHttp, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CallKind, type Fault, type FaultShares, faultDrawer } from './faults.ts';
import { type Books, openShop, type Shop, type ShopOptions, type SimulatedPurchase } from './shop.ts';

// The other side of a protocol, for tests, for the storm and for trying a connector by hand. A protocol says how its words are read and
// written; what goes wrong on the way, and the books, are the same for all.

/** A call as it came in. */
export interface SimulatedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What is sent back. */
export interface SimulatedAnswer {
  readonly status?: number;
  readonly contentType?: string;
  readonly body: string;
}

/** A message that the upstream sends by itself. */
export interface SimulatedCallback {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether the answer says that it was received; it is sent again otherwise. */
  readonly isAccepted: (status: number, answer: string) => boolean;
}

/** How one protocol is spoken from the upstream's side. */
export interface SimulatedProtocol {
  readonly kind: string;
  callKindOf(request: SimulatedRequest): CallKind;
  /** Answers a call. `fault` is what befell it, where the protocol itself has to lie. */
  answer(request: SimulatedRequest, shop: Shop, fault: Fault | null): SimulatedAnswer;
  /** What it tells by itself when a purchase is delivered or refunded; null where it does not. */
  callbackOf?(purchase: SimulatedPurchase): SimulatedCallback | null;
}

/** What a simulator is started with. */
export interface SimulatorOptions extends Omit<ShopOptions, 'deliverMilliseconds'> {
  readonly port?: number;
  readonly host?: string;
  readonly faults?: FaultShares;
  readonly seed?: number;
  readonly slowMilliseconds?: number;
  readonly deliverMilliseconds?: number;
  /** After how long a callback that was not accepted is sent again, one after the other. */
  readonly callbackRetryMilliseconds?: readonly number[];
}

/** A simulated upstream that is running. */
export interface Simulator {
  readonly url: string;
  readonly port: number;
  readonly shop: Shop;
  books(): Books;
  /** What befell calls, by fault; `calls`, by kind; callbacks sent and accepted. */
  readonly counts: Readonly<Record<string, number>>;
  /** From now on. `dead` refuses connections until the next call of this. */
  setFaults(faults: FaultShares): Promise<void>;
  close(): Promise<void>;
}

const SLOW_MILLISECONDS = 3_000;
/** Asked for over HTTP, a dead simulator comes back by itself: nobody could ask it to. */
const DEAD_MILLISECONDS = 30_000;
const BODY_MOST = 1024 * 1024;
const NONSENSE = '<!DOCTYPE html><html><body><h1>SQLSTATE[40001]: Serialization failure: 1213 Deadlock found</h1></body></html>';

/** Starts a simulated upstream on 127.0.0.1; also answers `GET /__books` and `POST /__faults`. */
export async function startSimulator(protocol: SimulatedProtocol, options: SimulatorOptions): Promise<Simulator> {
  const shop = openShop({ ...options, deliverMilliseconds: options.deliverMilliseconds ?? 0 });
  const draw = faultDrawer(options.seed ?? 1);
  const counts: Record<string, number> = {};
  const count = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1;
  };
  const timers = new Set<NodeJS.Timeout>();
  let faults: FaultShares = options.faults ?? {};
  const host = options.host ?? '127.0.0.1';
  const server = createServer({ keepAliveTimeout: 2_000 }, (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  const later = (milliseconds: number, effect: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      effect();
    }, milliseconds);
    timers.add(timer);
  };

  const tell = (purchase: SimulatedPurchase) => {
    const callback = protocol.callbackOf?.(purchase) ?? null;
    if (callback === null) return;
    const send = (retries: readonly number[]) => {
      count('callbacks sent');
      post(callback, (isAccepted) => {
        if (isAccepted) count('callbacks accepted');
        else if (retries[0] !== undefined) later(retries[0], () => send(retries.slice(1)));
      });
    };
    const times = purchase.fault === 'duplicate-callbacks' ? 3 : 1;
    for (let time = 0; time < times; time += 1)
      later(Math.max(0, purchase.readyAt - Date.now()) + time, () => send(options.callbackRetryMilliseconds ?? []));
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await readRequest(incoming);
    if (request.path.startsWith('/__')) return control(request, response);
    const kind = protocol.callKindOf(request);
    const fault = draw(faults, kind);
    count(`calls ${kind.toLowerCase()}`);
    if (fault !== null) count(fault);
    if (fault === 'timeout-before') return;
    if (fault === 'error-before') return respond(response, { status: 500, contentType: 'text/html', body: 'Internal Server Error' });
    const soldBefore = shop.books().purchaseCount;
    const answer = protocol.answer(request, shop, fault);
    if (shop.books().purchaseCount > soldBefore) tellLast();
    if (fault === 'slow') later(options.slowMilliseconds ?? SLOW_MILLISECONDS, () => respond(response, answer));
    else respondWith(response, answer, fault);
  };

  const tellLast = () => {
    const last = shop.lastPurchase();
    if (last) tell(last);
  };

  const control = (request: SimulatedRequest, response: ServerResponse): void => {
    if (request.path === '/__books')
      return respondJson(response, {
        kind: protocol.kind,
        faults,
        counts,
        books: shop.books(),
        ...(request.query.has('purchases') ? { purchases: [...shop.purchases()] } : {}),
      });
    if (request.path !== '/__faults' || request.method !== 'POST') return respond(response, { status: 404, body: '' });
    faults = JSON.parse(request.body || '{}') as FaultShares;
    respondJson(response, { faults });
    if (faults.dead)
      void setFaults(faults).then(() =>
        later(DEAD_MILLISECONDS, () => {
          const { dead: _dead, ...others } = faults;
          void setFaults(others);
        }),
      );
  };

  const setFaults = async (next: FaultShares): Promise<void> => {
    faults = next;
    const isDead = (next.dead ?? 0) > 0;
    if (isDead && server.listening) await stop(server);
    if (!isDead && !server.listening) await listen(server, port, host);
  };

  let port = options.port ?? 0;
  port = await listen(server, port, host);
  await setFaults(faults);
  return {
    url: `http://${host}:${port}`,
    port,
    shop,
    books: () => shop.books(),
    counts,
    setFaults,
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      if (server.listening) await stop(server);
    },
  };
}

/** What happens to an answer on its way. */
function respondWith(response: ServerResponse, answer: SimulatedAnswer, fault: Fault | null): void {
  switch (fault) {
    case 'timeout-after-success':
      return;
    case 'error-after':
      return respond(response, { status: 502, contentType: 'text/html', body: 'Bad Gateway' });
    case 'nonsense':
      return respond(response, { contentType: 'text/html; charset=utf-8', body: NONSENSE });
    case 'hang-mid-answer':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer.body) });
      response.write(answer.body.slice(0, Math.floor(answer.body.length / 2)));
      return;
    default:
      return respond(response, answer);
  }
}

function respond(response: ServerResponse, { status = 200, contentType = 'application/json; charset=utf-8', body }: SimulatedAnswer): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }).end(body);
}

function respondJson(response: ServerResponse, value: unknown): void {
  respond(response, { body: `${JSON.stringify(value, null, 2)}\n` });
}

async function readRequest(incoming: IncomingMessage): Promise<SimulatedRequest> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_MOST) throw new Error('a request is too long');
    chunks.push(chunk);
  }
  const url = new URL(incoming.url ?? '/', 'http://simulator');
  const headers = incoming.headers as Record<string, string | undefined>;
  return { method: incoming.method ?? '', path: url.pathname, query: url.searchParams, headers, body: Buffer.concat(chunks).toString() };
}

function post({ url, headers, body, isAccepted }: SimulatedCallback, done: (isAccepted: boolean) => void): void {
  const call = requestHttp(url, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    answer.once('end', () => done(isAccepted(answer.statusCode ?? 0, text)));
  });
  call.once('error', () => done(false));
  call.setTimeout(5_000, () => call.destroy());
  call.end(body);
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
