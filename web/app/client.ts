import { CloseCode, createClient as createSocket, type Client as Socket, type SubscribePayload } from 'graphql-ws';
import { Client, type CombinedError, type Exchange, fetchExchange, mapExchange, subscriptionExchange } from 'urql';
import { consoleCache } from './cache.ts';
import { setConnection } from './connection.ts';

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

function createLiveSocket(partyId: string | null, onSignedOut: () => void): Socket {
  let quiet: ReturnType<typeof setTimeout> | undefined;
  return createSocket({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    connectionParams: partyId ? { party: partyId } : {},
    // Connected for as long as a party is acted for, also on pages without live rows: the state in the top bar is always true.
    lazy: partyId === null,
    onNonLazyError: () => setConnection('offline'),
    keepAlive: 12_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (tries) => new Promise((done) => setTimeout(done, Math.min(500 * 2 ** tries, 15_000) * (0.75 + Math.random() / 2))),
    on: {
      connected: (_socket, _payload, wasRetry) => {
        clearTimeout(quiet);
        // After a loss the missed events arrive first; a second without a break is taken as caught up.
        if (wasRetry) quiet = setTimeout(() => setConnection('live'), 1_000);
        else setConnection('live');
      },
      closed: (event) => {
        clearTimeout(quiet);
        if ((event as CloseEvent).code === CloseCode.Unauthorized) onSignedOut();
        // 1000 is ours: the client of another party takes over.
        if ((event as CloseEvent).code !== 1000) setConnection('offline');
      },
    },
  });
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
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe(payload, {
            next: (result) => {
              const cursor = cursorOf(result.data);
              // graphql-ws sends this same payload again when it reconnects: from here on it asks for what came after.
              if (cursor) payload.variables = { ...payload.variables, after: cursor };
              sink.next(result as never);
            },
            error: (error) => sink.error(error),
            complete: () => sink.complete(),
          }),
        }),
      };
    },
  });
}

function cursorOf(data: Record<string, unknown> | null | undefined): string | null {
  const event = Object.values(data ?? {})[0];
  return typeof event === 'object' && event !== null && 'cursor' in event && typeof event.cursor === 'string' ? event.cursor : null;
}
