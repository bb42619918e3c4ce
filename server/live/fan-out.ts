import type { Log } from '#server/platform/log.ts';
import { pause } from '#server/platform/pause.ts';
import { CursorExpired } from './event-source.ts';
import {
  type Asked,
  type Group,
  isEmpty,
  NotShareable,
  newGroup,
  place,
  renderBatch,
  type Subscriber,
  take,
  tellEverybody,
} from './fan-out-group.ts';
import { replay } from './fan-out-replay.ts';
import { isCursorFailure } from './live-stream.ts';
import { createPace } from './pace.ts';
import { createTurns } from './turns.ts';

/** One reader, one execution and one serialised payload for all who are told the same. */
export interface FanOut<Ask extends Asked> {
  /**
   * Lets a subscriber be told what it asked for, in order, without gap or duplicate: after `after` where it is given, else after the
   * stream's own cursor, else from now on. A cursor that cannot be used is its first and last answer.
   */
  join(asked: Ask, subscriber: Subscriber, after?: bigint | null): Watching<Ask>;
  /** Groups and subscribers that there are. */
  count(): { readonly groups: number; readonly subscribers: number };
}

/** What a subscriber takes part in; one object for all of them. */
export interface Watching<Ask extends Asked> {
  /** What the first of them asked. */
  readonly asked: Ask;
  /** The subscriber wants no more, or is gone. */
  leave(subscriber: Subscriber): void;
  /** Takes the subscriber out, and calls its `move` with its place: now, or when all have been told what some have. */
  release(subscriber: Subscriber): void;
}

/** Of a core, what bringing on those who come back may take. One alone is brought on by some 700 events a second: more than orders come in. */
const REPLAY_SHARE = 0.3;
const REPLAY_BURST_MILLISECONDS = 100;
const RETRY_MILLISECONDS = 500;
const TURN = 200;

/**
 * Makes the fan-out of a process. `readPosition`: the last number that was given in a network; a group begins there. `turn`:
 * subscribers told in one go, before orders and others have theirs.
 */
export function createFanOut<Ask extends Asked>(
  readPosition: (networkId: string) => Promise<bigint>,
  log: Log,
  turn: number = TURN,
): FanOut<Ask> {
  const groups = new Map<string, { readonly group: Group; readonly watching: Watching<Ask> }>();
  const turns = createTurns(turn);
  const pace = createPace({ share: REPLAY_SHARE, burstMilliseconds: REPLAY_BURST_MILLISECONDS });
  const positionOf = ({ stream }: Asked) => readPosition(stream.feed.scope.networkId);

  function enter(group: Group, subscriber: Subscriber, after: bigint | null): void {
    place(group, subscriber, after);
    if (after === null && group.newest !== null && group.asked.stream.feed.newestFirst === true) subscriber.tell([group.newest]);
    if (group.behind.size > 0) bringOn(group);
    // the group may only be slower than the one who comes; but a place that is not there yet is nobody's
    if (after !== null && group.late.has(subscriber)) refuseFuture(group, subscriber, after).catch((error: unknown) => lose(group, error));
  }

  async function refuseFuture(group: Group, subscriber: Subscriber, after: bigint): Promise<void> {
    if (after > (await positionOf(group.asked)) && group.late.get(subscriber) === after) {
      await end(group, [subscriber], new CursorExpired());
    }
  }

  function bringOn(group: Group): void {
    replay(group, pace, (_, error, after) => {
      const failed = [...group.behind].filter(([, each]) => each <= after).map(([subscriber]) => subscriber);
      void end(group, failed, error);
    }).catch((error: unknown) => {
      if (error instanceof NotShareable) return dissolve(group);
      log.warn({ err: error }, 'a replay failed; it is tried again');
      setTimeout(() => bringOn(group), RETRY_MILLISECONDS).unref();
    });
  }

  /** Tells these why their stream ends, and ends it. */
  async function end(group: Group, subscribers: readonly Subscriber[], error: unknown): Promise<void> {
    for (const subscriber of subscribers) take(group, subscriber);
    closeIfEmpty(group);
    const failure = error instanceof Error ? error : new Error(String(error));
    const [last] = await group.asked.render([{ failure }]).catch((unexpected: unknown) => {
      log.error({ err: unexpected }, 'the end of a stream could not be explained');
      return [];
    });
    for (const subscriber of subscribers) subscriber.end(last ?? null);
  }

  function lose(group: Group, error: unknown): void {
    log.warn({ err: error, feed: group.asked.stream.feed.scope.subscription }, 'a group of subscribers could not be told; it tries again');
  }

  /** Everybody goes on elsewhere, from where each stands. */
  function dissolve(group: Group): void {
    forget(group);
    for (const subscriber of [...group.members, ...group.late.keys(), ...group.behind.keys()]) release(group, subscriber);
  }

  function release(group: Group, subscriber: Subscriber): void {
    if (group.telling && group.members.has(subscriber)) return void group.moving.add(subscriber);
    const after = take(group, subscriber);
    closeIfEmpty(group);
    subscriber.move(after);
  }

  function closeIfEmpty(group: Group): void {
    if (isEmpty(group)) forget(group);
  }

  function forget(group: Group): void {
    if (groups.get(group.asked.key)?.group === group) groups.delete(group.asked.key);
    group.stopped.abort();
  }

  async function live(group: Group): Promise<void> {
    const { source, feed } = group.asked.stream;
    const { signal } = group.stopped;
    while (!signal.aborted) {
      try {
        group.done ??= await positionOf(group.asked);
        // those who came before the group knew its place
        for (const [subscriber, after] of group.behind) if (after >= group.done) enter(group, subscriberOut(group, subscriber), after);
        if (group.behind.size > 0) bringOn(group);
        for await (const batch of source.read(feed.scope.networkId, group.done, signal)) {
          await renderBatch(group.asked, batch, (payloads, end) => tellEverybody(group, payloads, end));
          closeIfEmpty(group);
          if (feed.pauseMilliseconds !== undefined) await pause(feed.pauseMilliseconds, signal);
        }
        return;
      } catch (error) {
        if (error instanceof NotShareable) return dissolve(group);
        if (isCursorFailure(error)) return end(group, [...group.members, ...group.late.keys(), ...group.behind.keys()], error);
        lose(group, error);
        await pause(RETRY_MILLISECONDS, signal);
      }
    }
  }

  function open(asked: Ask): { readonly group: Group; readonly watching: Watching<Ask> } {
    const group = newGroup(asked, turns);
    const leave = (subscriber: Subscriber) => {
      take(group, subscriber);
      closeIfEmpty(group);
    };
    const opened = { group, watching: { asked, leave, release: (subscriber: Subscriber) => release(group, subscriber) } };
    groups.set(asked.key, opened);
    live(group).catch((error: unknown) => log.error({ err: error }, 'a group of subscribers ended unexpectedly'));
    return opened;
  }

  return {
    join: (asked, subscriber, after) => {
      const { group, watching } = groups.get(asked.key) ?? open(asked);
      try {
        enter(group, subscriber, after === undefined ? asked.stream.position() : after);
      } catch (error) {
        void end(group, [subscriber], error);
      }
      return watching;
    },
    count: () => {
      let subscribers = 0;
      for (const { group } of groups.values()) subscribers += group.members.size + group.late.size + group.behind.size;
      return { groups: groups.size, subscribers };
    },
  };
}

function subscriberOut(group: Group, subscriber: Subscriber): Subscriber {
  take(group, subscriber);
  return subscriber;
}
