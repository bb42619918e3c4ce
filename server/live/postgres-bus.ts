import pg from 'pg';
import type { Log } from '#server/platform/log.ts';
import { type Bus, type Carrier, type CarrierEvents, createBus } from './bus.ts';

const CHANNEL = 'fenzhan_events';
const RECONNECT_MILLISECONDS = 1_000;
const CONNECT_MILLISECONDS = 3_000;
const ANSWER_MILLISECONDS = 1_000;

/**
 * The bus on NOTIFY of the database that is there anyway. One connection of its own, directly to PostgreSQL, listens and tells;
 * an order's transaction never does (scale.md, rule 8).
 */
export function createPostgresBus(url: string, log: Log): Bus {
  return createBus(log, 'POSTGRES', (events) => openCarrier(url, events));
}

function openCarrier(url: string, { arrived, up, down }: CarrierEvents): Carrier {
  let isStopped = false;
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | undefined;

  const connect = async (): Promise<void> => {
    const fresh = new pg.Client({
      connectionString: url,
      application_name: 'fenzhan bus',
      connectionTimeoutMillis: CONNECT_MILLISECONDS,
      query_timeout: ANSWER_MILLISECONDS,
      keepAlive: true,
    });
    fresh.on('notification', ({ payload }) => arrived(payload ?? ''));
    fresh.on('error', (error) => lose(fresh, error));
    fresh.on('end', () => lose(fresh, new Error('the connection of the bus has ended')));
    client = fresh;
    try {
      await fresh.connect();
      await fresh.query(`LISTEN ${CHANNEL}`);
      if (client === fresh) up();
    } catch (error) {
      lose(fresh, error as Error);
    }
  };

  const lose = (lost: pg.Client, error: Error): void => {
    if (client !== lost) return;
    client = null;
    abandon(lost);
    if (isStopped) return;
    down(error);
    retry = setTimeout(() => void connect(), RECONNECT_MILLISECONDS);
    retry.unref();
  };

  void connect();
  return {
    send: async (text) => {
      const sender = client;
      if (sender === null) throw new Error('the bus is not connected');
      try {
        await sender.query('SELECT pg_notify($1, $2)', [CHANNEL, text]);
      } catch (error) {
        lose(sender, error as Error);
        throw error;
      }
    },
    reconnect: () => {
      if (client !== null) lose(client, new Error('the bus connects anew'));
    },
    stop: async () => {
      isStopped = true;
      clearTimeout(retry);
      const last = client;
      client = null;
      await last?.end().catch(() => undefined);
    },
  };
}

/** Without a farewell: the other side may be frozen or gone, and would never answer it. */
function abandon(client: pg.Client): void {
  client.removeAllListeners('notification');
  // it was given up: what it still has to say is no news
  client.on('error', () => undefined);
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
