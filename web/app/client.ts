import type { GraphQLFormattedError } from 'graphql';
import { CloseCode, createClient as createSocket, type Client as Socket, type SubscribePayload } from 'graphql-ws';
import { Client, type CombinedError, type Exchange, fetchExchange, mapExchange, subscriptionExchange } from 'urql';
import { consoleCache } from './cache.ts';
import { connectionNow, readAgain, setConnection } from './connection.ts';

/** A GraphQL client that acts for one party: told when the server no longer knows the session, and how to end it. */
export type ConsoleClient = {
  client: Client;
  partyId: string | null;
  whenSignedOut: (handler: () => void) => void;
  dispose: () => void;
};

/**
 * A client for one party. A change of party is a new client with an empty cache, so nothing of one party is ever shown
 * as another's.
 */
export function createConsoleClient(partyId: string | null): ConsoleClient {
  let handler = () => {};
  const onSignedOut = () => handler();
  const socket = createLiveSocket(partyId, onSignedOut);
  const watchSession = mapExchange({ onError: (error) => isSignedOut(error) && onSignedOut() });
  const client = new Client({
    url: '/graphql',
    preferGetMethod: false,
    fetchOptions: () => ({
      credentials: 'same-origin',
      headers: { 'x-fenzhan-csrf': '1', accept: 'application/graphql-response+json', ...(partyId ? { 'x-fenzhan-party': partyId } : {}) },
    }),
    exchanges: [consoleCache(), watchSession, liveExchange(socket), fetchExchange],
  });
  return {
    client,
    partyId,
    whenSignedOut: (next) => {
      handler = next;
    },
    dispose: () => void socket.dispose(),
  };
}

/** Whether an error says that nobody is signed in (any more). */
export function isSignedOut(error: CombinedError): boolean {
  return (
    error.graphQLErrors.some((one) => one.extensions['code'] === 'UNAUTHENTICATED') ||
    (error.response as Response | undefined)?.status === 401
  );
}

/** How long nothing may come after a reconnect until what was missed counts as fetched. */
const quietMs = 1_000;
const pingMs = 10_000;
const pongMs = 4_000;

function createLiveSocket(partyId: string | null, onSignedOut: () => void): Socket {
  let quiet: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const caughtUpWhenQuiet = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => setConnection('live'), quietMs);
  };
  const socket = createSocket({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    connectionParams: partyId ? { party: partyId } : {},
    // Connected for as long as a party is acted for, also on pages without live rows: the state in the top bar is always true.
    lazy: partyId === null,
    onNonLazyError: () => setConnection('offline'),
    keepAlive: pingMs,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (tries) => new Promise((done) => setTimeout(done, Math.min(500 * 2 ** tries, 15_000) * (0.75 + Math.random() / 2))),
    on: {
      connected: (_socket, _payload, wasRetry) => {
        // After a loss the missed events arrive first.
        if (wasRetry) {
          setConnection('catchingUp');
          caughtUpWhenQuiet();
        } else setConnection('live');
      },
      message: (message) => {
        if (message.type === 'next' && connectionNow() === 'catchingUp') caughtUpWhenQuiet();
      },
      // A line that is dead says nothing at all: who leaves a ping without an answer is gone.
      ping: (received) => {
        if (!received) silence = setTimeout(() => socket.terminate(), pongMs);
      },
      pong: (received) => {
        if (received) clearTimeout(silence);
      },
      closed: (event) => {
        clearTimeout(quiet);
        clearTimeout(silence);
        if ((event as CloseEvent).code === CloseCode.Unauthorized) onSignedOut();
        // 1000 is ours: the client of another party takes over.
        if ((event as CloseEvent).code !== 1000) setConnection('offline');
      },
    },
  });
  const hangUp = () => socket.terminate();
  window.addEventListener('offline', hangUp);
  return {
    ...socket,
    dispose: () => {
      window.removeEventListener('offline', hangUp);
      return socket.dispose();
    },
  };
}

/** Subscriptions over graphql-transport-ws that go on after a lost connection where they stopped. */
function liveExchange(socket: Socket): Exchange {
  return subscriptionExchange({
    forwardSubscription: (request) => {
      const payload: { -readonly [Key in keyof SubscribePayload]: SubscribePayload[Key] } = {
        query: request.query ?? '',
        variables: request.variables as Record<string, unknown>,
      };
      return {
        subscribe: (sink) => {
          let leave = () => {};
          const follow = () => {
            let isLeft = false;
            const unsubscribe = socket.subscribe(payload, {
              next: (result) => {
                if (isExpired(result.errors)) return startAgain();
                const cursor = cursorOf(result.data);
                // graphql-ws sends this same payload again when it reconnects: from here on it asks for what came after.
                if (cursor) payload.variables = { ...payload.variables, after: cursor };
                sink.next(result as never);
              },
              error: (error) => sink.error(error),
              complete: () => isLeft || sink.complete(),
            });
            leave = () => {
              isLeft = true;
              unsubscribe();
            };
          };
          // Away for longer than events are kept: what is shown is read again, and followed from now on.
          const startAgain = () => {
            payload.variables = { ...payload.variables, after: null };
            leave();
            follow();
            readAgain();
          };
          follow();
          return { unsubscribe: () => leave() };
        },
      };
    },
  });
}

function isExpired(errors: readonly GraphQLFormattedError[] | undefined): boolean {
  return errors?.[0]?.extensions?.['code'] === 'CURSOR_EXPIRED';
}

function cursorOf(data: Record<string, unknown> | null | undefined): string | null {
  const event = Object.values(data ?? {})[0];
  return typeof event === 'object' && event !== null && 'cursor' in event && typeof event.cursor === 'string' ? event.cursor : null;
}
