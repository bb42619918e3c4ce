import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { GraphQLSchema } from 'graphql';
import type { ActingParty } from '#server/accounts/rules.ts';
import { readPosition } from '#server/live/event-source.ts';
import { createFanOut } from '#server/live/fan-out.ts';
import { CALLBACK_PATH } from '#server/offers/rules.ts';
import type { Database } from '#server/platform/database.ts';
import type { Log } from '#server/platform/log.ts';
import { answerAuth } from './auth-route.ts';
import { createBudgets } from './budget.ts';
import { createCallbackRoute, type ReceiveCallback } from './callback-route.ts';
import { clientAddressOf } from './client-address.ts';
import { serveConsole } from './console.ts';
import { refuseCookieOfStream } from './cross-site.ts';
import { createDocumentRoute, DOCUMENT_PATH, type DocumentFiles } from './document-route.ts';
import { createDocuments } from './documents.ts';
import { createEngine, type EngineOptions, type Shareable } from './engine.ts';
import { presentError, requestError } from './errors.ts';
import { createGraphql } from './graphql.ts';
import { answerGraphql, type Exchange } from './graphql-route.ts';
import { createIdentify } from './identify.ts';
import { createImportRoute, IMPORT_PATH, type ReceiveCardKeys } from './import-route.ts';
import { LIMITS, type Limits } from './limits.ts';
import { sendError, sendJson } from './respond.ts';
import { setSecurityHeaders } from './security-headers.ts';
import { sessionCookie } from './session-cookie.ts';
import { createShortWay } from './short-way.ts';
import { createSignIn } from './sign-in.ts';
import { watchStreams } from './streams.ts';
import { createWebSocketTransport } from './websocket.ts';

/** What the server serves, and for whom. */
export interface HttpOptions extends Pick<EngineOptions, 'context'> {
  readonly schema: GraphQLSchema;
  readonly db: Database;
  readonly log: Log;
  /** Reads the global id of a station or supplier; null for any other text. */
  readonly partyOf: (globalId: string) => ActingParty | null;
  /** Root fields that may be asked without signing in. */
  readonly publicFields: readonly string[];
  readonly publicUrl: string;
  /** Origins beside publicUrl from which a session cookie is believed. */
  readonly allowedOrigins: readonly string[];
  readonly sessionSecret: string;
  /** Whether a proxy in front writes X-Forwarded-For. */
  readonly behindProxy: boolean;
  /** Whether the contract may be asked for: it is public, so mostly yes. */
  readonly introspection: boolean;
  /** The built console; null: none is served. */
  readonly consoleDirectory: string | null;
  readonly limits?: Partial<Limits>;
  /** Takes in files of card keys; none are taken when it is left out. */
  readonly receiveCardKeys?: ReceiveCardKeys;
  /** Puts and gets files of suppliers' documents; there are none when it is left out. */
  readonly documentFiles?: DocumentFiles;
  /** Takes in what upstreams tell by themselves; nothing is when it is left out. */
  readonly receiveCallback?: ReceiveCallback;
  /** What `GET /healthz` tells anybody beside that the process lives: states and times, nothing of a network. */
  readonly health?: () => Readonly<Record<string, unknown>>;
}

/** The server of one process. */
export interface Http {
  /** Begins to listen; answers the port, which is a free one when 0 was asked. Rejects when it is taken. */
  listen(port: number, host: string): Promise<number>;
  /** Takes no more requests, ends streams, lets what runs finish, then resolves. */
  close(): Promise<void>;
}

/** How long a request may take to arrive: a file of card keys by a slow line. All other bodies have a minute (`readBody`). */
const REQUEST_MILLISECONDS = 30 * 60_000;
/** How long running requests may take to finish once the server closes. */
const CLOSE_WITHIN_MILLISECONDS = 10_000;
const CLOSE_IDLE_EVERY_MILLISECONDS = 50;
const READY_WITHIN_MILLISECONDS = 2_000;

/** Puts the transports together. Nothing listens before `listen`. */
export function createHttp(options: HttpOptions): Http {
  const { db, log, publicUrl } = options;
  const limits: Limits = { ...LIMITS, ...options.limits };
  const allowedOrigins = new Set([publicUrl, ...options.allowedOrigins]);
  const cookie = sessionCookie(publicUrl, options.sessionSecret);
  const engineOptions: EngineOptions = {
    limits,
    budgets: createBudgets(limits, () => performance.now()),
    context: options.context,
    publicFields: new Set(options.publicFields),
    introspection: options.introspection,
  };
  const engine = createEngine(engineOptions);
  const documents = createDocuments();
  const graphql = createGraphql(options.schema, engine, documents, engineOptions);
  const shortWay = createShortWay(options.schema, engine, documents, engineOptions);
  const identify = createIdentify(db, options.partyOf);
  const streams = watchStreams(db, log);
  const fanOut = createFanOut<Shareable>((networkId) => readPosition(db.pool, networkId), log);
  const signIn = createSignIn({ db, log, publicUrl, sessionSecret: options.sessionSecret });
  const consoleFiles = serveConsole(options.consoleDirectory);
  const sockets = createWebSocketTransport({
    engine,
    engineOptions,
    graphql,
    fanOut,
    identify,
    streams,
    limits,
    log,
    newRequestId: db.newId,
    readUpgrade: (request) => ({
      clientAddress: clientAddressOf(request, options.behindProxy),
      sessionToken: refuseCookieOfStream(request.headers, allowedOrigins) === null ? cookie.readToken(request.headers.cookie) : null,
    }),
  });
  const importRoute = options.receiveCardKeys && createImportRoute(options.receiveCardKeys, { identify, cookie, allowedOrigins, log });
  const documentRoute = options.documentFiles && createDocumentRoute(options.documentFiles, { identify, cookie, allowedOrigins, log });
  const callbackRoute = options.receiveCallback && createCallbackRoute(options.receiveCallback, engineOptions.budgets);
  const graphqlRoute = { graphql, shortWay, identify, streams, fanOut, cookie, allowedOrigins, limits, log };
  let closing = false;

  async function answer(exchange: Exchange): Promise<void> {
    const { request, response, url } = exchange;
    if (url.pathname === '/graphql') return answerGraphql(exchange, graphqlRoute);
    if (url.pathname === IMPORT_PATH && importRoute !== undefined) return importRoute(exchange);
    if (url.pathname.startsWith(DOCUMENT_PATH) && documentRoute !== undefined) return documentRoute(exchange);
    if (url.pathname.startsWith(CALLBACK_PATH) && callbackRoute !== undefined) return callbackRoute(exchange);
    if (url.pathname.startsWith('/auth/')) return answerAuth(exchange, signIn, allowedOrigins);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw requestError('METHOD_NOT_ALLOWED', 'Pages are asked for by GET.', { status: 405, headers: { Allow: 'GET, HEAD' } });
    }
    if (url.pathname === '/healthz') return sendJson(response, 200, { status: 'ok', ...options.health?.() });
    if (url.pathname === '/readyz') return answerReady(response, db, closing);
    if (await consoleFiles(request, response, url.pathname)) return;
    throw requestError('NOT_FOUND', 'There is no such page.', { status: 404 });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = db.newId();
    setSecurityHeaders(response, publicUrl);
    response.setHeader('X-Request-Id', requestId);
    try {
      const url = URL.parse(request.url ?? '/', publicUrl);
      if (url === null) throw requestError('BAD_REQUEST', 'The address of this request makes no sense.', { status: 400 });
      await answer({ request, response, url, requestId, clientAddress: clientAddressOf(request, options.behindProxy) });
    } catch (error) {
      sendError(response, presentError(error, requestId, log), request.headers.accept);
    }
  }

  const server = createServer(
    { requestTimeout: REQUEST_MILLISECONDS, headersTimeout: 15_000, keepAliveTimeout: 65_000 },
    (request, response) => void handle(request, response),
  );
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // a connection that breaks before it is a WebSocket is nobody's loss
    socket.on('error', (error) => log.debug({ err: error }, 'an upgrade broke off'));
    if (closing || URL.parse(request.url ?? '/', publicUrl)?.pathname !== '/graphql')
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    else sockets.upgrade(request, socket, head);
  });

  return {
    listen: (port, host) => listening(server, port, host),
    close: async () => {
      closing = true;
      await Promise.all([sockets.close(), streams.stop(), closed(server)]);
    },
  };
}

async function answerReady(response: ServerResponse, db: Database, closing: boolean): Promise<void> {
  const { promise: tooLate, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), READY_WITHIN_MILLISECONDS);
  const answers = db.pool.query('SELECT 1').then(
    () => true,
    () => false,
  );
  const ready = !closing && (await Promise.race([answers, tooLate]));
  clearTimeout(timer);
  sendJson(response, ready ? 200 : 503, { status: ready ? 'ready' : closing ? 'closing' : 'no database' });
}

function listening(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MILLISECONDS);
    // a connection whose last request has just ended would stay open for the next one
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MILLISECONDS);
    server.close(() => {
      clearTimeout(force);
      clearInterval(idle);
      resolve();
    });
  });
}
