import { Redis } from 'ioredis';
import type { Log } from '#server/platform/log.ts';
import { type Bus, type Carrier, type CarrierEvents, createBus } from './bus.ts';

const CHANNEL = 'fenzhan:events';
const CONNECT_MILLISECONDS = 3_000;
const ANSWER_MILLISECONDS = 1_000;
const RECONNECT_MOST_MILLISECONDS = 2_000;

/**
 * The bus on Redis, for several processes: PostgreSQL is spared the notifications. Only publish and subscribe are used; nothing
 * is kept there, so nothing is lost when it is emptied.
 */
export function createRedisBus(url: string, log: Log): Bus {
  return createBus(log, 'REDIS', (events) => openCarrier(url, events));
}

function openCarrier(url: string, { arrived, up, down }: CarrierEvents): Carrier {
  // no command waits for a connection and none is sent again: what a hint told is old by then
  const options = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: CONNECT_MILLISECONDS,
    commandTimeout: ANSWER_MILLISECONDS,
    keepAlive: 10_000,
    retryStrategy: (attempt: number) => Math.min(attempt * 100, RECONNECT_MOST_MILLISECONDS),
    reconnectOnError: () => true,
  };
  const sender = new Redis(url, options);
  const listener = new Redis(url, { ...options, autoResubscribe: false });
  let isListening = false;
  const judge = () => {
    if (isListening && sender.status === 'ready') up();
  };

  const listen = async (): Promise<void> => {
    try {
      await listener.subscribe(CHANNEL);
      isListening = true;
      judge();
    } catch (error) {
      down(error as Error);
      listener.disconnect(true);
    }
  };
  listener.on('ready', () => void listen());
  listener.on('message', (_channel, text) => arrived(text));
  sender.on('ready', judge);
  for (const client of [sender, listener]) {
    client.on('error', down);
    client.on('close', () => {
      if (client === listener) isListening = false;
      down(new Error('the connection to Redis was closed'));
    });
  }

  const reconnect = () => {
    sender.disconnect(true);
    listener.disconnect(true);
  };
  return {
    send: async (text) => {
      try {
        await sender.publish(CHANNEL, text);
      } catch (error) {
        // one that hangs is let go, so that unanswered commands do not gather in it
        if (sender.status === 'ready') sender.disconnect(true);
        throw error;
      }
      judge();
    },
    reconnect,
    stop: async () => {
      sender.disconnect();
      listener.disconnect();
    },
  };
}
