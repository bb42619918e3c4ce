import type { Log } from '#server/platform/log.ts';
import { pause } from '#server/platform/pause.ts';

/** What is known of the way to the other processes. */
export type BusHealth = {
  /** What carries the hints; NONE: there is one process only. */
  readonly carrier: 'POSTGRES' | 'REDIS' | 'NONE';
  readonly state: 'UP' | 'DOWN';
  /** Since when it is in this state. */
  readonly since: Date;
  /** Hints that could not be handed on: the other processes found out by their poll. */
  readonly lostCount: number;
  /** News that the poll of this process found though nobody had told of it. */
  readonly missedCount: number;
};

/**
 * Hints between the server processes that a network has new numbered events. Hints may be lost, late or doubled, since the
 * truth is the numbered outbox: whoever reads it polls as well (scale.md, rule 8).
 */
export type Bus = {
  /** Tells this process at once and all others soon that a network's events are numbered up to `seq`. Never throws, never waits. */
  publish(networkId: string, seq: bigint): void;
  /** Hears of every hint, its own process's included. Answers how to leave. */
  hear(listener: (networkId: string, seq: bigint) => void): () => void;
  /** A reader's poll found news that no hint had told: when that goes on, the bus connects anew. */
  missed(): void;
  health(): BusHealth;
  stop(): Promise<void>;
};

/** What takes a text to all processes. */
export type Carrier = {
  /** Rejects when it did not arrive at the broker within a second or so. */
  send(text: string): Promise<void>;
  /** Lets the present connections go and makes new ones. */
  reconnect(): void;
  stop(): Promise<void>;
};

/** Where a carrier says what arrives and how it is. */
export type CarrierEvents = { readonly arrived: (text: string) => void; readonly up: () => void; readonly down: (error: Error) => void };

/** News found by the poll alone, one after the other, before the connection is thought dead: two seconds of a busy network. */
const MISSED_IN_A_ROW = 8;
/** Hints in one message: PostgreSQL takes less than 8,000 bytes. */
const HINTS_IN_A_MESSAGE = 100;
const AFTER_FAILURE_MILLISECONDS = 250;

/** The bus of a process that has no others beside it: hints stay within. */
export function createLocalBus(): Bus {
  const listeners = new Set<(networkId: string, seq: bigint) => void>();
  const since = new Date();
  return {
    publish: (networkId, seq) => listeners.forEach((listener) => listener(networkId, seq)),
    hear: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    missed: () => undefined,
    health: () => ({ carrier: 'NONE', state: 'UP', since, lostCount: 0, missedCount: 0 }),
    stop: async () => listeners.clear(),
  };
}

/**
 * A bus on a carrier. However long the carrier hangs, one message is under way and the newest number of each network waits:
 * nothing grows. The log hears when it is lost and when it is back, and of nothing in between.
 */
export function createBus(log: Log, carrier: 'POSTGRES' | 'REDIS', open: (events: CarrierEvents) => Carrier): Bus {
  const local = createLocalBus();
  const waiting = new Map<string, bigint>();
  let state: BusHealth['state'] = 'DOWN';
  let since = new Date();
  let lostCount = 0;
  let missedCount = 0;
  let missedInARow = 0;
  let hasWarned = false;
  let sending: Promise<void> | null = null;
  const stopping = new AbortController();

  const events: CarrierEvents = {
    arrived: (text) => {
      missedInARow = 0;
      for (const hint of text.split(' ')) {
        const [networkId = '', seq = ''] = hint.split(':');
        if (/^\d{1,18}$/.test(seq)) local.publish(networkId, BigInt(seq));
      }
    },
    up: () => {
      if (state === 'UP') return;
      [state, since] = ['UP', new Date()];
      if (hasWarned) log.info({ carrier }, 'the bus between processes is back');
      hasWarned = false;
    },
    down: (error) => {
      if (state === 'UP') [state, since] = ['DOWN', new Date()];
      if (hasWarned || stopping.signal.aborted) return;
      hasWarned = true;
      log.warn(
        { carrier, err: error },
        'the bus between processes is lost; orders go on, subscribers are told by polling until it is back',
      );
    },
  };
  const via = open(events);

  async function sendAll(): Promise<void> {
    while (waiting.size > 0 && !stopping.signal.aborted) {
      const hints = [...waiting].slice(0, HINTS_IN_A_MESSAGE);
      for (const [networkId] of hints) waiting.delete(networkId);
      try {
        await via.send(hints.map(([networkId, seq]) => `${networkId}:${seq}`).join(' '));
      } catch (error) {
        lostCount += hints.length;
        events.down(error as Error);
        await pause(AFTER_FAILURE_MILLISECONDS, stopping.signal);
      }
    }
    sending = null;
  }

  return {
    publish: (networkId, seq) => {
      local.publish(networkId, seq);
      waiting.set(networkId, seq);
      sending ??= sendAll();
    },
    hear: local.hear,
    missed: () => {
      missedCount += 1;
      missedInARow += 1;
      if (missedInARow < MISSED_IN_A_ROW) return;
      missedInARow = 0;
      events.down(new Error('nothing was heard on the bus for two seconds in which there was news'));
      via.reconnect();
    },
    health: () => ({ carrier, state, since, lostCount, missedCount }),
    stop: async () => {
      stopping.abort();
      await sending;
      await via.stop();
      await local.stop();
    },
  };
}
