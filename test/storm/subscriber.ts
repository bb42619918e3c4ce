import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { decodeId } from '#schema/ids.ts';
import type { Shop } from './shop.ts';

/** What a subscriber was told, in order: order, kind and when. */
export interface ToldEvent {
  readonly orderId: string;
  readonly kind: string;
  readonly at: number;
}

/** A program that stays subscribed whatever happens to the server. */
export interface Subscriber {
  readonly told: readonly ToldEvent[];
  /** How often it came back with its cursor. */
  resumes(): number;
  /** Errors other than lost connections. */
  readonly errors: readonly string[];
  stop(): Promise<void>;
}

const WATCH = 'subscription ($after: Cursor) { orderUpdated(scope: DOWNLINE, after: $after) { cursor kind order { id } } }';
type Update = { readonly orderUpdated: { readonly cursor: string; readonly kind: string; readonly order: { readonly id: string } } };

/** Watches headquarters' orders through one server, from `after` on; when it is cut it comes back, after the last event it was told. */
export function startSubscriber(shop: Shop, server: 0 | 1, after: string): Subscriber {
  const told: ToldEvent[] = [];
  const errors: string[] = [];
  let cursor = after;
  let resumes = 0;
  let isOver = false;
  let current: { dispose(): void | Promise<void> } | null = null;

  const watchOnce = async () => {
    const client = createClient({
      url: shop.servers[server].url.replace(/^http/, 'ws').concat('/graphql'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${shop.ownerKey}` },
      retryAttempts: 0,
      onNonLazyError: () => undefined,
    });
    current = client;
    await new Promise<void>((resolve) => {
      client.subscribe<Update>(
        { query: WATCH, variables: { after: cursor } },
        {
          next: ({ data, errors: failed }) => {
            if (failed) errors.push(JSON.stringify(failed));
            if (!data) return;
            const { orderUpdated } = data;
            cursor = orderUpdated.cursor;
            told.push({ orderId: decodeId(orderUpdated.order.id)?.id ?? '', kind: orderUpdated.kind, at: performance.now() });
          },
          error: (error) => {
            if (Array.isArray(error)) errors.push(JSON.stringify(error));
            resolve();
          },
          complete: resolve,
        },
      );
    });
    await client.dispose();
  };

  const ended = (async () => {
    while (!isOver) {
      await watchOnce();
      if (isOver) break;
      resumes += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    told,
    errors,
    resumes: () => resumes,
    stop: async () => {
      isOver = true;
      await current?.dispose();
      await ended;
    },
  };
}
