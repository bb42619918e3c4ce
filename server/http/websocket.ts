import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST, OperationTypeNode } from 'graphql';
import { CloseCode, handleProtocols, type Message, MessageType, parseMessage, type SubscribeMessage } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { FanOut } from '#server/live/fan-out.ts';
import type { Log } from '#server/platform/log.ts';
import { type Caller, callerOf } from './caller.ts';
import type { Engine, EngineOptions, OperationContext, Shareable } from './engine.ts';
import { formatError, formatResult, httpOf, presentError, presentResult, requestError } from './errors.ts';
import type { Graphql } from './graphql.ts';
import { type Credentials, type Identify, unauthenticated } from './identify.ts';
import type { Limits } from './limits.ts';
import type { OpenStreams } from './streams.ts';
import { type Connection, closeConnection, isOpen, type Operation, sendMessage, stopAll, stopOperation } from './websocket-connection.ts';
import { moveSubscriptions, subscribeSocket } from './websocket-subscription.ts';

/** What GraphQL over WebSocket is made of. */
export interface WebSocketOptions {
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly graphql: Graphql;
  readonly fanOut: FanOut<Shareable>;
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

const TICK_MILLISECONDS = 1_000;
/** Each connection is pinged once in so many ticks, a part of them at a time; who has not answered by the next time is gone. */
const KEEP_ALIVE_TICKS = 12;
const INIT_WITHIN_MILLISECONDS = 3_000;
const GOING_AWAY = 1001;
const CLOSE_WITHIN_MILLISECONDS = 2_000;
/** How long a client may take to read what lies before the close frame. */
const FAREWELL_MILLISECONDS = 5_000;

/**
 * Serves the engine on WebSockets, under the limits of HTTP. The protocol's words and their checks are the library's (graphql-ws); what
 * is ours is one listener for all sockets, one clock for all pings, and subscriptions that the fan-out tells: an idle one costs a few
 * hundred bytes.
 */
export function createWebSocketTransport(options: WebSocketOptions): WebSocketTransport {
  const settings = {
    noServer: true,
    maxPayload: options.limits.frameBytes,
    handleProtocols,
    clientTracking: false,
    // older types of ws do not name it; a variable may have it nevertheless
    closeTimeout: FAREWELL_MILLISECONDS,
  };
  const server = new WebSocketServer(settings);
  const connections = new Map<WebSocket, Connection>();

  // shared by all sockets: ws calls them with the socket as `this`
  function onMessage(this: WebSocket, data: Buffer): void {
    const connection = connections.get(this);
    if (connection === undefined) return;
    receive(connection, data.toString('utf8'), options).catch((error: unknown) => {
      options.log.error({ err: error }, 'a WebSocket message failed unexpectedly');
      closeConnection(connection, CloseCode.InternalServerError, 'Internal server error');
    });
  }
  function onPong(this: WebSocket): void {
    const connection = connections.get(this);
    if (connection !== undefined) connection.isAlive = true;
  }
  function onError(this: WebSocket, error: Error): void {
    // a frame that is too long or no frame at all: ws has closed with the code that says so
    options.log.debug({ err: error }, 'a WebSocket broke the protocol');
  }
  function onClose(this: WebSocket): void {
    const connection = connections.get(this);
    connections.delete(this);
    if (connection !== undefined) stopAll(connection);
  }

  let tick = 0;
  const clock = setInterval(() => {
    tick += 1;
    let index = 0;
    for (const connection of connections.values()) {
      index += 1;
      lookAfter(connection, (index + tick) % KEEP_ALIVE_TICKS === 0);
    }
  }, TICK_MILLISECONDS);
  clock.unref();

  return {
    upgrade: (request, stream, head) =>
      server.handleUpgrade(request, stream, head, (socket) => {
        if (socket.protocol === '') return socket.close(CloseCode.SubprotocolNotAcceptable, 'Subprotocol not acceptable');
        connections.set(socket, newConnection(socket, stream, options.readUpgrade(request), options.limits));
        socket.on('message', onMessage).on('pong', onPong).on('error', onError).on('close', onClose);
      }),
    close: async () => {
      clearInterval(clock);
      const ended = [...connections.values()].map((connection) => ending(connection));
      await Promise.all(ended);
    },
  };
}

function newConnection(socket: WebSocket, stream: Duplex, upgrade: Connection['upgrade'], limits: Limits): Connection {
  // each subscription of a client that does not read waits for it
  stream.setMaxListeners(limits.operationsPerSocket + 10);
  return {
    socket,
    stream,
    limits,
    upgrade,
    openedAt: performance.now(),
    operations: new Map(),
    state: 'NEW',
    admitted: null,
    leaveStreams: null,
    isAlive: true,
  };
}

/** Ends a connection whose other side has silently gone, or never said who it is. */
function lookAfter(connection: Connection, isPingTime: boolean): void {
  const { socket, state, openedAt } = connection;
  if (state === 'NEW' && performance.now() - openedAt > INIT_WITHIN_MILLISECONDS) {
    return closeConnection(connection, CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout');
  }
  if (!isPingTime || !isOpen(connection)) return;
  if (!connection.isAlive) return socket.terminate();
  connection.isAlive = false;
  socket.ping();
}

/** Says farewell; who does not answer is cut off. */
function ending(connection: Connection): Promise<void> {
  const { socket } = connection;
  return new Promise((resolve) => {
    const force = setTimeout(() => socket.terminate(), CLOSE_WITHIN_MILLISECONDS);
    socket.once('close', () => {
      clearTimeout(force);
      resolve();
    });
    closeConnection(connection, GOING_AWAY, 'Going away');
  });
}

async function receive(connection: Connection, text: string, options: WebSocketOptions): Promise<void> {
  const message = readMessage(text);
  if (message === null) return closeConnection(connection, CloseCode.BadRequest, 'Invalid message received');
  switch (message.type) {
    case MessageType.ConnectionInit:
      return initialise(connection, message.payload ?? {}, options);
    case MessageType.Ping:
      return sendMessage(connection, { type: MessageType.Pong, ...(message.payload && { payload: message.payload }) });
    case MessageType.Pong:
      return;
    case MessageType.Subscribe:
      if (connection.state !== 'ACKNOWLEDGED') return closeConnection(connection, CloseCode.Unauthorized, 'Unauthorized');
      if (connection.operations.has(message.id)) {
        return closeConnection(connection, CloseCode.SubscriberAlreadyExists, `Subscriber for ${message.id} already exists`.slice(0, 120));
      }
      return operate(connection, message, options);
    case MessageType.Complete:
      return void stopOperation(connection, message.id);
    default:
      return closeConnection(connection, CloseCode.BadRequest, 'Invalid message received');
  }
}

function readMessage(text: string): Message | null {
  try {
    return parseMessage(text);
  } catch {
    return null;
  }
}

async function initialise(connection: Connection, params: Readonly<Record<string, unknown>>, options: WebSocketOptions): Promise<void> {
  if (connection.state !== 'NEW') {
    return closeConnection(connection, CloseCode.TooManyInitialisationRequests, 'Too many initialisation requests');
  }
  connection.state = 'INITIALISING';
  if (!(await admit(connection, params, options)) || !isOpen(connection)) return;
  connection.state = 'ACKNOWLEDGED';
  sendMessage(connection, { type: MessageType.ConnectionAck });
}

/** connection_init: `authorization` as the header of that name, `party` as x-fenzhan-party; without the first, the cookie of the upgrade. */
async function admit(connection: Connection, params: Readonly<Record<string, unknown>>, options: WebSocketOptions): Promise<boolean> {
  const { sessionToken, clientAddress } = connection.upgrade;
  const authorization = textOf(params['authorization']);
  const party = textOf(params['party']);
  const credentials: Credentials = { authorization, sessionToken: authorization === null ? sessionToken : null, party, clientAddress };
  try {
    await identifyConnection(connection, credentials, options);
    return true;
  } catch (error) {
    if (!(error instanceof GraphQLError)) options.log.error({ err: error }, 'a WebSocket could not be admitted');
    closeConnection(connection, ...farewellFor(error));
    return false;
  }
}

function farewellFor(error: unknown): [code: number, reason: string] {
  if (!(error instanceof GraphQLError)) return [CloseCode.InternalServerError, 'Internal server error'];
  // a reason has 123 bytes at most
  return [httpOf(error).status === 401 ? CloseCode.Unauthorized : CloseCode.Forbidden, error.message.slice(0, 120)];
}

/** Who the client is by now, and what that stands on: it ends with it, and goes on under other rights when they have changed. */
async function identifyConnection(connection: Connection, credentials: Credentials, options: WebSocketOptions): Promise<void> {
  const identity = await options.identify(credentials);
  if (identity.viewer === null && identity.person === null) throw unauthenticated();
  connection.admitted = { identity, credentials };
  connection.leaveStreams?.();
  connection.leaveStreams = options.streams.enter(identity.grounds, {
    ended: () => closeConnection(connection, CloseCode.Unauthorized, 'Unauthorized'),
    changed: () => {
      identifyConnection(connection, credentials, options).then(
        () => moveSubscriptions(connection),
        (error: unknown) => closeConnection(connection, ...farewellFor(error)),
      );
    },
  });
  if (!isOpen(connection)) stopAll(connection);
}

/** Runs one operation: the same parsing, validation and engine as on HTTP. */
async function operate(connection: Connection, { id, payload }: SubscribeMessage, options: WebSocketOptions): Promise<void> {
  const { operations } = connection;
  const caller = callerOn(connection, options);
  // what runs under the id is known as soon as it has begun; until then, stopping it means that nobody waits for the answer
  const starting: Operation = { stop: () => undefined };
  operations.set(id, starting);
  const isWanted = () => operations.get(id) === starting;
  try {
    if (operations.size > options.limits.operationsPerSocket) throw tooManyOperations(options.limits);
    const args = prepare(payload, caller, options);
    const answer = isSubscription(args) ? await options.engine.subscribe(args) : await options.engine.execute(args);
    if (!isWanted()) {
      if (Symbol.asyncIterator in answer) await answer.return?.();
      return;
    }
    if ('key' in answer) return subscribeSocket(connection, id, answer, options.fanOut);
    if (Symbol.asyncIterator in answer) {
      await tellAlone(connection, id, answer, caller);
    } else sendNext(connection, id, answer, caller);
    if (operations.delete(id)) sendMessage(connection, { id, type: MessageType.Complete });
  } catch (error) {
    if (!operations.delete(id)) return;
    const errors = error instanceof Refused ? error.errors : [error];
    const presented = errors.map((each) => formatError(presentError(each, caller.facts.requestId, caller.facts.log)));
    sendMessage(connection, { id, type: MessageType.Error, payload: presented });
  }
}

/** A document that is not valid. */
class Refused extends Error {
  readonly errors: readonly GraphQLError[];
  constructor(errors: readonly GraphQLError[]) {
    super('the document is not valid');
    this.errors = errors;
  }
}

function prepare(payload: SubscribeMessage['payload'], caller: Caller, { graphql, engineOptions }: WebSocketOptions): ExecutionArgs {
  const { parse, validate, schema } = graphql.getEnveloped({ caller });
  const document = parse(payload.query);
  const errors = validate(schema, document);
  if (errors.length > 0) throw new Refused(errors);
  if (!getOperationAST(document, payload.operationName)) throw new Refused([new GraphQLError('Unable to identify operation')]);
  const contextValue: OperationContext = { ...engineOptions.context(caller.facts), caller };
  return { schema, document, operationName: payload.operationName, variableValues: payload.variables, contextValue };
}

function isSubscription({ document, operationName }: ExecutionArgs): boolean {
  return getOperationAST(document, operationName)?.operation === OperationTypeNode.SUBSCRIPTION;
}

/** A stream that nobody shares. */
async function tellAlone(
  connection: Connection,
  id: string,
  answers: AsyncIterableIterator<ExecutionResult>,
  caller: Caller,
): Promise<void> {
  const operation: Operation = { stop: () => void answers.return?.() };
  connection.operations.set(id, operation);
  for await (const answer of answers) {
    if (connection.operations.get(id) !== operation) break;
    sendNext(connection, id, answer, caller);
  }
}

function sendNext(connection: Connection, id: string, answer: ExecutionResult, caller: Caller): void {
  sendMessage(connection, { id, type: MessageType.Next, payload: formatResult(presentResult(answer, caller)) });
}

function callerOn({ admitted }: Connection, { identify, log, newRequestId }: WebSocketOptions): Caller {
  if (admitted === null) throw new Error('an operation came before its connection was admitted');
  return callerOf({ ...admitted, identify, log, requestId: newRequestId() });
}

function tooManyOperations({ operationsPerSocket }: Limits): GraphQLError {
  const message = `At most ${operationsPerSocket} operations run at once on one connection.`;
  return requestError('OPERATION_LIMIT', message, { status: 400, facts: { limit: operationsPerSocket } });
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
