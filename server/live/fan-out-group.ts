import type { LiveEvent } from './event-source.ts';
import { type Told, tellBatch } from './feed.ts';
import type { LiveStream, Watched } from './live-stream.ts';
import type { Turns } from './turns.ts';

/** One event as all subscribers of a group are told it: executed once, serialised once. */
export interface Payload {
  readonly seq: bigint;
  /** What it is about, when a newer one may take its place; null: it must be told. */
  readonly key: string | null;
  /** The result of the execution, as JSON. */
  readonly json: Buffer;
}

/** Who is told. Ten thousand of them wait at a time, so they hold little and share their functions (`this`). */
export interface Subscriber {
  /** Sends payloads on, in order, or drops its client; never throws, never waits. */
  tell(payloads: readonly Payload[]): void;
  /** Whether its client keeps up with what was sent: a replay waits for it. */
  isReady(): boolean;
  /** The stream is over; `last` is told before. */
  end(last: Buffer | null): void;
  /** It is to be told by another group; it has been told everything up to `after` (null: nothing yet). */
  move(after: bigint | null): void;
}

/** What a group shares: everything that decides what its subscribers are told. */
export interface Asked {
  /** Equal for those that are told the same, to the byte. */
  readonly key: string;
  readonly stream: LiveStream<unknown>;
  /**
   * Executes once for each root, in order. `upTo`: the place that has been reached; who reads for several groups may use what was read
   * since. Rejects with NotShareable when an answer depends on more than the key says.
   */
  readonly render: (roots: readonly Watched<unknown>[], upTo?: bigint) => Promise<readonly Buffer[]>;
}

/** An execution looked at something that its group does not share, such as the very person who asks. */
export class NotShareable extends Error {
  constructor() {
    super('this answer depends on more than its subscribers have in common');
    this.name = 'NotShareable';
  }
}

/** Those who are told the same. Every subscriber is in exactly one of the three. */
export interface Group {
  readonly asked: Asked;
  /** Taken by each subscriber that is told. */
  readonly turns: Turns;
  /** Told everything up to `done`, and nothing beyond. */
  readonly members: Set<Subscriber>;
  /** Told everything up to their place, which is at `done` or beyond: the group skips what they have. */
  readonly late: Map<Subscriber, bigint>;
  /** Told everything up to their place, which is before `done`: a replay brings them on. */
  readonly behind: Map<Subscriber, bigint>;
  readonly stopped: AbortController;
  /** Where the group stands; null until it knows. */
  done: bigint | null;
  /** Whether some members have been told more than `done` says; they can't be moved until all have. */
  telling: boolean;
  readonly moving: Set<Subscriber>;
  replaying: boolean;
  /** What everybody was told last. */
  newest: Payload | null;
}

/** Events executed together: their loads are batched, and no slice takes long. */
const SLICE = 50;

/** A group of nobody. */
export function newGroup(asked: Asked, turns: Turns): Group {
  return {
    asked,
    turns,
    members: new Set(),
    late: new Map(),
    behind: new Map(),
    stopped: new AbortController(),
    done: null,
    telling: false,
    moving: new Set(),
    replaying: false,
    newest: null,
  };
}

/** Whether nobody is left in it. */
export function isEmpty({ members, late, behind }: Group): boolean {
  return members.size + late.size + behind.size === 0;
}

/** Puts a subscriber where its place says. `after` null: whatever comes. */
export function place(group: Group, subscriber: Subscriber, after: bigint | null): void {
  const { done } = group;
  if (after === null) group.members.add(subscriber);
  else if (done === null || after < done) group.behind.set(subscriber, after);
  else if (after === done && !group.telling) group.members.add(subscriber);
  else group.late.set(subscriber, after);
}

/** Takes a subscriber out; answers its place (null: the group does not know its own yet). Not for members while `telling`. */
export function take(group: Group, subscriber: Subscriber): bigint | null {
  const after = group.late.get(subscriber) ?? group.behind.get(subscriber) ?? group.done;
  group.members.delete(subscriber);
  group.late.delete(subscriber);
  group.behind.delete(subscriber);
  group.moving.delete(subscriber);
  return after;
}

/** Runs the work of a slice of so many events when it may. */
export type SlicePace = (work: () => Promise<void>, eventCount: number) => Promise<void>;

/**
 * Executes what a feed tells of a batch, slice by slice, at a pace. `tell` gets each slice and the place that it ends at; the batch's
 * own end comes last.
 */
export async function renderBatch(
  asked: Asked,
  batch: readonly LiveEvent[],
  tell: (payloads: readonly Payload[], end: bigint) => Promise<void> | void,
  pace: SlicePace = (work) => work(),
): Promise<void> {
  const told = await tellBatch(asked.stream.feed, batch);
  const upTo = batch.at(-1)?.seq;
  for (let from = 0; from < told.length; from += SLICE) {
    const slice = told.slice(from, from + SLICE);
    const end = slice.at(-1)?.seq;
    if (end !== undefined) await pace(async () => tell(await renderSlice(asked, slice, upTo), end), slice.length);
  }
  if (upTo !== undefined) await tell([], upTo);
}

async function renderSlice(asked: Asked, slice: readonly Told<unknown>[], upTo: bigint | undefined): Promise<readonly Payload[]> {
  const rendered = await asked.render(
    slice.map(({ root }) => ({ event: root })),
    upTo,
  );
  return slice.map(({ seq, key }, index) => ({ seq, key, json: rendered[index] ?? Buffer.alloc(0) }));
}

/** Tells a slice to everybody at the live edge, and moves the edge. */
export async function tellEverybody(group: Group, payloads: readonly Payload[], end: bigint): Promise<void> {
  if (payloads.length > 0) {
    group.telling = true;
    for (const member of group.members) {
      const turn = group.turns();
      if (turn !== null) await turn;
      // it may have gone while it waited for its turn
      if (group.members.has(member)) member.tell(payloads);
    }
    for (const [subscriber, after] of group.late) tellAfter(subscriber, payloads, after);
    group.telling = false;
    group.newest = payloads.at(-1) ?? null;
  }
  group.done = end;
  for (const [subscriber, after] of group.late) {
    if (after > end) continue;
    group.late.delete(subscriber);
    group.members.add(subscriber);
  }
  for (const subscriber of group.moving) subscriber.move(take(group, subscriber));
}

/** Tells what lies after a subscriber's place. */
export function tellAfter(subscriber: Subscriber, payloads: readonly Payload[], after: bigint): void {
  const rest = payloads.filter(({ seq }) => seq > after);
  if (rest.length > 0) subscriber.tell(rest);
}
