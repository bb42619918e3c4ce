import { lookup } from 'node:dns/promises';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** A call to an address that somebody else chose. */
export interface OutgoingRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** So much is read of this call's answer; the client's limit where it is left out. */
  readonly answerBytes?: number;
  /** So long may this call take; the client's limit where it is left out. */
  readonly totalMilliseconds?: number;
}

/** What came back, whatever its status: a redirect is an answer like any other and is never followed. */
export interface OutgoingAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The first bytes, at most `answerBytes`. */
  readonly body: Buffer;
  /** Whether the answer was longer than what was read of it. */
  readonly isCut: boolean;
}

/** Why a call was not made, or brought no answer. None of these words holds what the other side sent. */
export type OutgoingFailureReason =
  | 'URL_NOT_ALLOWED'
  | 'ADDRESS_NOT_ALLOWED'
  | 'NAME_NOT_FOUND'
  | 'CONNECT_TIMEOUT'
  | 'TOTAL_TIMEOUT'
  | 'CONNECTION_FAILED'
  | 'TLS_FAILED'
  | 'NO_HTTP';

/** A call that brought no answer. Whether the other side received it is unknown, unless it surely never left. */
export class OutgoingFailure extends Error {
  readonly reason: OutgoingFailureReason;
  /** False when no connection ever stood: the address was not allowed or not found, or nobody took the call. Then nothing can have arrived. */
  readonly mayHaveArrived: boolean;
  constructor(reason: OutgoingFailureReason, cause?: unknown, mayHaveArrived = false) {
    super(`an outgoing call failed: ${reason}`, { cause });
    this.name = 'OutgoingFailure';
    this.reason = reason;
    this.mayHaveArrived = mayHaveArrived;
  }
}

/** One address of a name. */
export type ResolvedAddress = { readonly address: string };

/** What bounds every call of a client. */
export interface OutgoingOptions {
  /** Hosts (`name` or `name:port`) that may be called by plain http and at private addresses: the operator's own. */
  readonly allowedHosts: readonly string[];
  readonly connectMilliseconds?: number;
  /** From the look-up of the name to the last byte that is read. */
  readonly totalMilliseconds?: number;
  readonly answerBytes?: number;
  /** Finds a name's addresses; the system's resolver unless a test brings its own. */
  readonly resolve?: (name: string) => Promise<readonly ResolvedAddress[]>;
}

/** Calls addresses that users chose. */
export interface Outgoing {
  /** Whether a URL may be called at all, as far as its text tells: asked when it is saved. null: it may. */
  urlProblem(url: string): string | null;
  /** Calls it once. Throws OutgoingFailure where no answer came. */
  send(request: OutgoingRequest): Promise<OutgoingAnswer>;
  /**
   * For a connection that stays open (a WebSocket): looks the name up once and checks its addresses as `send` does. The connection is to
   * be made with the answered `lookup`, which leads to the address that was checked. Throws OutgoingFailure where it may not be made.
   */
  pin(url: string): Promise<LookupFunction>;
}

const CONNECT_MILLISECONDS = 5_000;
const TOTAL_MILLISECONDS = 15_000;
const ANSWER_BYTES = 64 * 1024;

/**
 * A client for calls to addresses that users chose (connectors.md: rules for all protocols): https only, the name looked up once,
 * each address checked and the connection pinned to the one that was, no redirect followed, time and answer bounded. A connection
 * serves one call: a kept one would outlive the check of its address.
 */
export function createOutgoing(options: OutgoingOptions): Outgoing {
  const allowed = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  const resolve = options.resolve ?? systemResolver;
  const isAllowed = (url: URL) => allowed.has(url.host) || allowed.has(url.hostname);
  const readable = (text: string): URL => {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || problemOf(url, isAllowed(url)) !== null) throw new OutgoingFailure('URL_NOT_ALLOWED');
    return url;
  };
  return {
    urlProblem: (text) => {
      const url = URL.canParse(text) ? new URL(text) : null;
      return url === null ? 'This is no URL.' : problemOf(url, isAllowed(url));
    },
    send: async (request) => {
      const url = readable(request.url);
      const clock = deadline(request.totalMilliseconds ?? options.totalMilliseconds ?? TOTAL_MILLISECONDS);
      try {
        const address = await Promise.race([chooseAddress(url, isAllowed(url), resolve), clock.failed]);
        return await exchange(request, url, address, options, clock);
      } finally {
        clock.stop();
      }
    },
    pin: async (text) => {
      const url = readable(text);
      const clock = deadline(options.connectMilliseconds ?? CONNECT_MILLISECONDS);
      try {
        return lookupOf(await Promise.race([chooseAddress(url, isAllowed(url), resolve), clock.failed]));
      } finally {
        clock.stop();
      }
    },
  };
}

function problemOf(url: URL, isAllowed: boolean): string | null {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isAllowed)) return 'The URL must begin with https://.';
  if (url.username !== '' || url.password !== '') return 'The URL must hold no user name and no password.';
  const literal = addressLiteral(url);
  if (literal !== null && !isAllowed && !isPublicAddress(literal)) return 'This address is not a public one.';
  if (literal === null && !isAllowed && !url.hostname.replace(/\.$/, '').includes('.')) return 'This host is not a public one.';
  return null;
}

/** The address that a URL names outright. The URL parser has turned decimal, octal and hexadecimal spellings into dotted ones. */
function addressLiteral(url: URL): string | null {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? null : host;
}

/** Every address of the name must be public: one private among them is an attempt to get in, not a choice. */
async function chooseAddress(url: URL, isAllowed: boolean, resolve: NonNullable<OutgoingOptions['resolve']>): Promise<string> {
  const literal = addressLiteral(url);
  const found = literal === null ? await resolve(url.hostname).catch(notFound) : [{ address: literal }];
  const [first] = found;
  if (first === undefined || found.some(({ address }) => isIP(address) === 0)) throw new OutgoingFailure('NAME_NOT_FOUND');
  if (!isAllowed && !found.every(({ address }) => isPublicAddress(address))) throw new OutgoingFailure('ADDRESS_NOT_ALLOWED');
  return first.address;
}

function notFound(error: unknown): never {
  throw new OutgoingFailure('NAME_NOT_FOUND', error);
}

function systemResolver(name: string): Promise<readonly ResolvedAddress[]> {
  return lookup(name, { all: true });
}

/** The name is not looked up a second time: the connection goes to the address that was checked. */
function lookupOf(address: string): LookupFunction {
  const family = isIP(address);
  return (_name, asked, callback) => {
    if (asked.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

type Deadline = { readonly failed: Promise<never>; stop(): void };

function deadline(milliseconds: number): Deadline {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  const timer = setTimeout(() => reject(new OutgoingFailure('TOTAL_TIMEOUT')), milliseconds);
  return { failed: promise, stop: () => clearTimeout(timer) };
}

async function exchange(
  { method, headers, body, answerBytes }: OutgoingRequest,
  url: URL,
  address: string,
  options: OutgoingOptions,
  clock: Deadline,
): Promise<OutgoingAnswer> {
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const client = send(url, {
    method,
    headers: { ...headers, host: url.host, 'content-length': String(Buffer.byteLength(body ?? '')) },
    agent: false,
    lookup: lookupOf(address),
  });
  let isConnected = false;
  client.once('socket', (socket) => socket.once('connect', () => (isConnected = true)));
  const answered = answerOf(client, answerBytes ?? options.answerBytes ?? ANSWER_BYTES);
  const connecting = connectWithin(client, options.connectMilliseconds ?? CONNECT_MILLISECONDS);
  client.end(body);
  try {
    return await Promise.race([answered, connecting.failed, clock.failed]);
  } catch (error) {
    throw error instanceof OutgoingFailure ? new OutgoingFailure(error.reason, error.cause, isConnected) : error;
  } finally {
    connecting.stop();
    // what is still being sent or read is of no use to anybody
    answered.catch(() => undefined);
    client.destroy();
  }
}

function connectWithin(client: ClientRequest, milliseconds: number): Deadline {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  const timer = setTimeout(() => reject(new OutgoingFailure('CONNECT_TIMEOUT')), milliseconds);
  client.once('socket', (socket) => {
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => clearTimeout(timer));
  });
  return { failed: promise, stop: () => clearTimeout(timer) };
}

async function answerOf(client: ClientRequest, most: number): Promise<OutgoingAnswer> {
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    client.once('response', resolve);
    // it may come again when the call is given up: the first tells
    client.on('error', (error) => reject(failureOf(error)));
  });
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > most) break;
    }
  } catch (error) {
    throw failureOf(error as Error);
  }
  const body = Buffer.concat(chunks).subarray(0, most);
  return { status: message.statusCode ?? 0, headers: message.headers, body, isCut: length > most };
}

function failureOf(error: Error & { readonly code?: string }): OutgoingFailure {
  const code = error.code ?? '';
  if (code.startsWith('HPE_')) return new OutgoingFailure('NO_HTTP', error);
  const isTls = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH)/.test(code);
  return new OutgoingFailure(isTls ? 'TLS_FAILED' : 'CONNECTION_FAILED', error);
}

// ---- addresses ----

const closed = new BlockList();
// this host, private (RFC 1918), CGNAT, loopback, link-local with the clouds' metadata, protocol assignments, documentation,
// 6to4 relays, benchmarking, multicast, reserved with broadcast
for (const range of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
])
  addRange(closed, range, 'ipv4');
const open = new BlockList();
// what is given out to the world; below it lie loopback, mapped addresses and translators, above it private and multicast
addRange(open, '2000::/3', 'ipv6');
const closedWithin = new BlockList();
// tunnels carry an IPv4 address of anybody's choice (Teredo, 6to4); documentation
for (const range of ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']) addRange(closedWithin, range, 'ipv6');

/** Whether an address belongs to a machine of the public Internet: nothing private, local, shared, mapped, reserved or multicast. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !closed.check(address, 'ipv4');
  if (isIP(address) !== 6 || address.includes('%')) return false;
  return open.check(address, 'ipv6') && !closedWithin.check(address, 'ipv6');
}

function addRange(list: BlockList, range: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', length = ''] = range.split('/');
  list.addSubnet(address, Number(length), family);
}
