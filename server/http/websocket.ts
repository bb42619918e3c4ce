import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, type ExecutionResult, type FormattedExecutionResult, GraphQLError } from 'graphql';
import { CloseCode, type Context as ConnectionContext, handleProtocols, makeServer, type SubscribePayload } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Identity } from '#server/accounts/reads.ts';
import type { Log } from '#server/platform/log.ts';
import { type Caller, callerOf } from './caller.ts';
import type { Engine, EngineOptions, OperationContext } from './engine.ts';
import { formatError, httpOf, presentError, requestError } from './errors.ts';
import { type Graphql, presentResult } from './graphql.ts';
import { type Credentials, type Identify, unauthenticated } from './identify.ts';
import type { Limits } from './limits.ts';
import type { OpenStreams } from './streams.ts';

/** What GraphQL over WebSocket is made of. */
export interface WebSocketOptions {
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly graphql: Graphql;
  readonly identify: Identify;
  readonly streams: OpenStreams;
  readonly limits: Limits;
  readonly log: Log;
  readonly newRequestId: () => string;
  /** The client's address, and its session token where the upgrade came from an origin that may use one. */
  readonly readUpgrade: (request: IncomingMessage) => Pick<Credentials, 'clientAddress' | 'sessionToken'>;
}

/** GraphQL over WebSocket (graphql-transport-ws). */
export interface WebSocketTransport {
  /** Takes over a connection that asks to become a WebSocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells every client that the server goes away. */
  close(): Promise<void>;
}

interface Extra extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  admitted?: { readonly identity: Identity; readonly credentials: Credentials };
  leave?: () => void;
}

type Connection = ConnectionContext<Record<string, unknown>, Extra>;

const KEEP_ALIVE_MILLISECONDS = 12_000;
/** Close codes of the protocol that its library does not name. */
const UNAUTHORIZED = CloseCode.Unauthorized;
const GOING_AWAY = 1001;
const CLOSE_WITHIN_MILLISECONDS = 2_000;

/** Serves the engine on WebSockets, under the limits of HTTP. */
export function createWebSocketTransport(options: WebSocketOptions): WebSocketTransport {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: options.limits.frameBytes, handleProtocols });
  const protocol = makeServer<Record<string, unknown>, Extra>({
    onConnect: (connection) => admit(connection, options),
    onSubscribe: (connection, _id, payload) => prepare(connection, payload, options),
    execute: (args) => options.engine.execute(args),
    subscribe: (args) => options.engine.subscribe(args),
    onNext: (_connection, _id, _payload, args, result) => present(args as ExecutionArgs, result),
    onError: (_connection, _id, _payload, errors) => errors.map((error) => formatError(presented(error, options))),
    onClose: ({ extra }) => extra.leave?.(),
  });
  sockets.on('connection', (socket: WebSocket, request: IncomingMessage) => serve(socket, request, protocol, options.log));
  return {
    upgrade: (request, socket, head) => sockets.handleUpgrade(request, socket, head, (ready) => sockets.emit('connection', ready, request)),
    close: async () => {
      for (const socket of sockets.clients) socket.close(GOING_AWAY, 'Going away');
      // who does not answer the farewell is cut off
      const force = setTimeout(() => sockets.clients.forEach((socket) => socket.terminate()), CLOSE_WITHIN_MILLISECONDS);
      await new Promise<void>((resolve) => sockets.close(() => resolve()));
      clearTimeout(force);
    },
  };
}

/** connection_init: `authorization` as the header of that name, `party` as x-fenzhan-party; without the first, the cookie of the upgrade. */
async function admit(connection: Connection, { identify, readUpgrade, streams, log }: WebSocketOptions): Promise<boolean> {
  const { extra } = connection;
  const { sessionToken, clientAddress } = readUpgrade(extra.request);
  const authorization = textOf(connection.connectionParams?.['authorization']);
  const party = textOf(connection.connectionParams?.['party']);
  const credentials: Credentials = { authorization, sessionToken: authorization === null ? sessionToken : null, party, clientAddress };
  try {
    const identity = await identify(credentials);
    if (identity.viewer === null && identity.person === null) throw unauthenticated();
    extra.admitted = { identity, credentials };
    const leave = streams.enter(identity.grounds, () => extra.socket.close(UNAUTHORIZED, 'Unauthorized'));
    extra.leave = leave;
    if (extra.socket.readyState !== extra.socket.OPEN) leave();
    return true;
  } catch (error) {
    if (!(error instanceof GraphQLError)) log.error({ err: error }, 'a WebSocket could not be admitted');
    const code =
      error instanceof GraphQLError ? (httpOf(error).status === 401 ? UNAUTHORIZED : CloseCode.Forbidden) : CloseCode.InternalServerError;
    extra.socket.close(code, error instanceof GraphQLError ? error.message.slice(0, 120) : 'Internal server error');
    // closed already with the reason that fits; what the library answers now goes nowhere
    return false;
  }
}

/** One operation of a connection: the same parsing and validation as on HTTP, then its arguments for the engine. */
async function prepare(
  connection: Connection,
  payload: SubscribePayload,
  options: WebSocketOptions,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  const caller = callerOn(connection, options);
  try {
    if (Object.keys(connection.subscriptions).length > options.limits.operationsPerSocket) throw tooManyOperations(options.limits);
    const { parse, validate, schema } = options.graphql.getEnveloped({ caller });
    const document = parse(payload.query);
    const errors = validate(schema, document);
    if (errors.length > 0) return errors.map((error: unknown) => presentError(error, caller.facts.requestId, caller.facts.log));
    const contextValue: OperationContext = { ...options.engineOptions.context(caller.facts), caller };
    return { schema, document, operationName: payload.operationName, variableValues: payload.variables, contextValue };
  } catch (error) {
    return [presentError(error, caller.facts.requestId, caller.facts.log)];
  }
}

function callerOn({ extra }: Connection, { identify, log, newRequestId }: WebSocketOptions): Caller {
  if (extra.admitted === undefined) throw new Error('an operation came before its connection was admitted');
  return callerOf({ ...extra.admitted, identify, log, requestId: newRequestId() });
}

function present(args: ExecutionArgs, result: ExecutionResult): FormattedExecutionResult {
  const { caller } = args.contextValue as OperationContext;
  const { errors, ...rest } = presentResult(result, caller);
  return errors === undefined ? rest : { ...rest, errors: errors.map(formatError) };
}

/** Errors of `prepare` were presented there; one that ends a stream was not. */
function presented(error: GraphQLError, { log, newRequestId }: WebSocketOptions): GraphQLError {
  return error.extensions['requestId'] === undefined ? presentError(error, newRequestId(), log) : error;
}

function tooManyOperations({ operationsPerSocket }: Limits): GraphQLError {
  const message = `At most ${operationsPerSocket} operations run at once on one connection.`;
  return requestError('OPERATION_LIMIT', message, { status: 400, facts: { limit: operationsPerSocket } });
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Joins a WebSocket to the protocol, and ends it when its other side has silently gone. */
function serve(
  socket: WebSocket,
  request: IncomingMessage,
  protocol: ReturnType<typeof makeServer<Record<string, unknown>, Extra>>,
  log: Log,
): void {
  let alive = true;
  const heartbeat = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, KEEP_ALIVE_MILLISECONDS);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) =>
        new Promise((resolve, reject) =>
          socket.readyState === socket.OPEN ? socket.send(text, (error) => (error ? reject(error) : resolve())) : resolve(),
        ),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) =>
        socket.on('message', (data: Buffer) => {
          take(data.toString('utf8')).catch((error: unknown) => {
            log.error({ err: error }, 'a WebSocket message failed unexpectedly');
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        }),
    },
    { socket, request },
  );
  socket.on('pong', () => {
    alive = true;
  });
  // a frame that is too long or no frame at all: ws has closed with the code that says so
  socket.on('error', (error) => log.debug({ err: error }, 'a WebSocket broke the protocol'));
  socket.once('close', (code, reason) => {
    clearInterval(heartbeat);
    closed(code, String(reason)).catch((error: unknown) => log.error({ err: error }, 'a WebSocket did not end cleanly'));
  });
}
