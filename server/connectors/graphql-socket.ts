import { GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import WebSocket, { type RawData } from 'ws';
import { OutgoingFailure } from '#server/platform/outgoing.ts';
import type { ConnectorGround } from './connector.ts';
import { fieldOf, type JsonValue, parseJson, textOf } from './json.ts';

// The client's side of graphql-transport-ws, for upstreams that nobody has to believe: what they send is bounded in size and number,
// waits unread while it is being worked on, and a line that has gone dead is noticed.

/** A subscription that is opened on a socket; `id` tells its messages from the others'. */
export type SocketSubscription = { readonly id: string; readonly query: string; readonly variables: object };

/** One result of a subscription, `{ data, errors }` as it came. */
export type SocketResult = { readonly id: string; readonly payload: JsonValue };

/** What is to be listened to. */
export interface SocketCall<Done> {
  /** http or https: the same host and path by WebSocket. */
  readonly url: string;
  readonly connectionParams: object;
  readonly subscriptions: readonly SocketSubscription[];
  /** Takes what came since it was last called; anything but null ends the listening. What it throws is thrown. */
  readonly hear: (results: readonly SocketResult[]) => Promise<Done | null>;
  /** The other side has acknowledged. */
  readonly onLive: () => void;
  readonly stopping: AbortSignal;
}

/** Why it ended. CLOSED: by the other side, with its code. ERRORS: of a subscription, which never begins again by itself. */
export type SocketEnd<Done> =
  | { readonly kind: 'STOPPED' }
  | { readonly kind: 'DONE'; readonly done: Done }
  | { readonly kind: 'CLOSED'; readonly code: number; readonly reason: string }
  | { readonly kind: 'ERRORS'; readonly errors: JsonValue }
  | { readonly kind: 'CUT'; readonly message: string };

const CONNECT_MILLISECONDS = 5_000;
/** Whoever has said nothing between two of these is gone; an acknowledgement has as long. */
const PING_MILLISECONDS = 10_000;
/** 200 changed prices take a seventh of it. */
const MESSAGE_BYTES = 1024 * 1024;
const VALUES_OF_A_MESSAGE = 20_000;
/** More than this is not read before it has been worked on. */
const WAITING_MOST = 64;

/** Opens subscriptions on a socket of their own and listens until it ends. Nothing is sent again and nobody connects again from here. */
export async function listenBySocket<Done>({ outgoing }: ConnectorGround, call: SocketCall<Done>): Promise<SocketEnd<Done>> {
  const lookup = await outgoing.pin(call.url).catch((error: unknown) => {
    if (error instanceof OutgoingFailure) return error.reason;
    throw error;
  });
  if (typeof lookup === 'string') return { kind: 'CUT', message: lookup };
  const { promise: ended, resolve: end, reject: fail } = Promise.withResolvers<SocketEnd<Done>>();
  const socket = new WebSocket(call.url.replace(/^http/, 'ws'), GRAPHQL_TRANSPORT_WS_PROTOCOL, {
    lookup,
    handshakeTimeout: CONNECT_MILLISECONDS,
    maxPayload: MESSAGE_BYTES,
    followRedirects: false,
    perMessageDeflate: false,
  });
  const hearing = createHearing(socket, call.hear, { done: (done) => end({ kind: 'DONE', done }), fail });
  const pulse = createPulse(socket, () => end({ kind: 'CUT', message: 'It has fallen silent.' }));
  const stop = () => end({ kind: 'STOPPED' });
  call.stopping.addEventListener('abort', stop);
  if (call.stopping.aborted) stop();
  socket.on('open', () => send(socket, { type: 'connection_init', payload: call.connectionParams }));
  socket.on('message', (data, isBinary) => {
    pulse.heard();
    const message = isBinary ? undefined : parseJson(textIn(data), VALUES_OF_A_MESSAGE);
    const problem = takeMessage(socket, call, hearing, message);
    // what came before it is heard first: it may say why
    if (problem !== null) void hearing.finished().then(() => end(problem));
  });
  socket.on('close', (code, reason) => end({ kind: 'CLOSED', code, reason: reason.toString() }));
  socket.on('error', (error) => end({ kind: 'CUT', message: error.message }));
  try {
    return await ended;
  } finally {
    call.stopping.removeEventListener('abort', stop);
    pulse.stop();
    // what is being worked on is finished: the place behind it is kept, or it comes again
    hearing.close();
    socket.terminate();
    await hearing.finished();
  }
}

function takeMessage<Done>(
  socket: WebSocket,
  { subscriptions, onLive }: SocketCall<Done>,
  hearing: Hearing,
  message: JsonValue | undefined,
): SocketEnd<Done> | null {
  const id = textOf(fieldOf(message, 'id')) ?? '';
  const payload = fieldOf(message, 'payload') ?? null;
  switch (textOf(fieldOf(message, 'type'))) {
    case 'connection_ack':
      onLive();
      for (const { id: own, query, variables } of subscriptions)
        send(socket, { id: own, type: 'subscribe', payload: { query, variables } });
      return null;
    case 'next':
      hearing.take({ id, payload });
      return null;
    case 'error':
      return { kind: 'ERRORS', errors: payload };
    case 'complete':
      return { kind: 'CUT', message: 'It has ended a subscription.' };
    case 'ping':
      send(socket, { type: 'pong' });
      return null;
    case 'pong':
      return null;
    default:
      return { kind: 'CUT', message: 'It does not speak graphql-transport-ws.' };
  }
}

type Hearing = { take(result: SocketResult): void; close(): void; finished(): Promise<void> };

/** Works off what comes, in the order in which it came; while too much waits, no more is read from the socket. */
function createHearing<Done>(
  socket: WebSocket,
  hear: SocketCall<Done>['hear'],
  { done, fail }: { readonly done: (done: Done) => void; readonly fail: (error: unknown) => void },
): Hearing {
  const waiting: SocketResult[] = [];
  let isClosed = false;
  let working: Promise<void> | null = null;
  const work = async () => {
    while (waiting.length > 0 && !isClosed) {
      const results = waiting.splice(0);
      if (socket.isPaused) socket.resume();
      const outcome = await hear(results);
      if (outcome !== null) done(outcome);
    }
    working = null;
  };
  return {
    take: (result) => {
      waiting.push(result);
      if (waiting.length >= WAITING_MOST) socket.pause();
      working ??= work().catch(fail);
    },
    close: () => {
      isClosed = true;
    },
    finished: async () => {
      await working;
    },
  };
}

/** Pings, and tells when nothing at all has come between two pings. A socket that is not read from answers nothing. */
function createPulse(socket: WebSocket, onSilence: () => void): { heard(): void; stop(): void } {
  let hasSpoken = false;
  const timer = setInterval(() => {
    if (!hasSpoken && !socket.isPaused) return onSilence();
    hasSpoken = false;
    send(socket, { type: 'ping' });
  }, PING_MILLISECONDS);
  return {
    heard: () => {
      hasSpoken = true;
    },
    stop: () => clearInterval(timer),
  };
}

function send(socket: WebSocket, message: object): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}

function textIn(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)).toString('utf8');
}
