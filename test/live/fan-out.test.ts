import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CursorExpired, type EventSource, type LiveEvent } from '#server/live/event-source.ts';
import { createFanOut, type FanOut, type Watching } from '#server/live/fan-out.ts';
import { type Asked, NotShareable, type Payload, type Subscriber } from '#server/live/fan-out-group.ts';
import type { Feed } from '#server/live/feed.ts';
import { openStream } from '#server/live/live-stream.ts';
import { createLog } from '#server/platform/log.ts';

// A network whose events are numbers, read by a source and rendered by an execution that take as long as a test says: what matters
// here is the order in which things happen, and a database would choose it for us.

type Ticks = () => Promise<void>;
const NETWORK = 'network';
const log = createLog('silent');
/** Every third event is not for the subscribers: their numbers have holes, the positions have none. */
const isTold = (seq: bigint) => seq % 3n !== 0n;

/** The events so far, and whoever waits for more. */
function network(ticks: Ticks, oldest = 1n) {
  const events: LiveEvent[] = [];
  let news = Promise.withResolvers<void>();
  const last = () => BigInt(events.length);
  const source: EventSource = {
    async *read(_networkId, after, signal) {
      await ticks();
      if (after !== null && (after > last() || after + 1n < oldest)) throw new CursorExpired();
      let position = after ?? last();
      const woken = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      while (!signal.aborted) {
        if (position === last()) {
          await Promise.race([news.promise, woken]);
          continue;
        }
        const batch = events.slice(Number(position), Number(position) + 4);
        position += BigInt(batch.length);
        await ticks();
        if (!signal.aborted) yield batch;
      }
    },
    stop: async () => undefined,
  };
  const happen = (count: number) => {
    for (let i = 0; i < count; i += 1) {
      const seq = last() + 1n;
      events.push({ seq, topic: 'order.delivered', subjectId: `about ${seq % 2n}`, audience: [], data: {}, occurredAt: new Date(0) });
    }
    news.resolve();
    news = Promise.withResolvers();
  };
  return { source, happen, last };
}

type Numbers = Feed<bigint>;
const everyNumber: Numbers = {
  scope: { networkId: NETWORK, partyId: 'party', subscription: 'numbers' },
  topics: new Set(['order.delivered'] as const),
  concerns: ({ seq }) => isTold(seq),
  rootOf: ({ seq }) => seq,
};

function asking(source: EventSource, ticks: Ticks, feed: Numbers = everyNumber, key = 'numbers') {
  const executions: bigint[] = [];
  const asked: Asked = {
    key,
    stream: openStream(source, feed, null),
    render: async (roots) => {
      await ticks();
      return roots.map((root) => {
        if ('failure' in root) return Buffer.from(root.failure.name);
        executions.push(root.event as bigint);
        return Buffer.from(String(root.event));
      });
    },
  };
  return { asked, executions };
}

type Listener = Subscriber & { readonly told: string[]; watching: Watching<Asked> | null; ended: string | null; isSlow: boolean };

function listener(onMove: (self: Listener, after: bigint | null) => void = () => undefined): Listener {
  const self: Listener = {
    told: [],
    watching: null,
    ended: null,
    isSlow: false,
    tell: (payloads: readonly Payload[]) => void self.told.push(...payloads.map(({ json }) => json.toString('utf8'))),
    isReady: () => !self.isSlow,
    end: (last) => {
      self.ended = last?.toString('utf8') ?? '';
    },
    move: (after) => onMove(self, after),
  };
  return self;
}

const numbersAfter = (after: bigint, last: bigint) =>
  Array.from({ length: Number(last - after) }, (_, index) => after + BigInt(index) + 1n)
    .filter(isTold)
    .map(String);

async function until(holds: () => boolean): Promise<void> {
  const start = performance.now();
  while (!holds() && performance.now() - start < 3_000) await new Promise((resolve) => setImmediate(resolve));
  expect(holds()).toBe(true);
}

/** Waits as many turns of the event loop as the next number says. */
function ticksOf(delays: readonly number[]): Ticks {
  let at = 0;
  return async () => {
    const turns = delays[at++ % delays.length] ?? 0;
    for (let i = 0; i < turns; i += 1) await new Promise((resolve) => setImmediate(resolve));
  };
}

const atOnce: Ticks = async () => undefined;

test('a thousand subscribers cost one execution an event, and each is told each event once', async () => {
  const { source, happen } = network(atOnce);
  const { asked, executions } = asking(source, atOnce);
  const fanOut = createFanOut(async () => 0n, log);
  const listeners = Array.from({ length: 1_000 }, () => listener());
  for (const each of listeners) each.watching = fanOut.join(asked, each);
  expect(fanOut.count()).toEqual({ groups: 1, subscribers: 1_000 });
  happen(10);
  await until(() => listeners.every(({ told }) => told.length === 7));
  for (const { told } of listeners) expect(told).toEqual(numbersAfter(0n, 10n));
  expect(executions.map(String)).toEqual(numbersAfter(0n, 10n));
  for (const each of listeners) each.watching?.leave(each);
  expect(fanOut.count()).toEqual({ groups: 0, subscribers: 0 });
});

test('of figures, whoever joins is told at once what the others were told last, and then what they are told', async () => {
  const { source, happen } = network(atOnce);
  const { asked, executions } = asking(source, atOnce, { ...everyNumber, keyOf: () => 'figure', newestFirst: true });
  const fanOut = createFanOut(async () => 0n, log);
  const [early, late, resumed] = [listener(), listener(), listener()];
  fanOut.join(asked, early);
  happen(4);
  await until(() => early.told.includes('4'));
  fanOut.join(asked, late);
  expect(late.told).toEqual(['4']);
  // who has been told up to a place is not told again
  fanOut.join(asked, resumed, 4n);
  happen(1);
  await until(() => resumed.told.length > 0);
  expect([late.told, resumed.told]).toEqual([['4', '5'], ['5']]);
  expect(executions).toEqual([4n, 5n]);
});

type Step = { readonly kind: 'HAPPEN' | 'JOIN' | 'RESUME' | 'MOVE' | 'LEAVE' | 'TURN' | 'SLOW'; readonly of: number };
const step = fc.record({
  kind: fc.constantFrom<Step['kind']>('HAPPEN', 'HAPPEN', 'JOIN', 'RESUME', 'RESUME', 'MOVE', 'LEAVE', 'TURN', 'TURN', 'SLOW'),
  of: fc.nat(40),
});

describe('whenever subscribers come, come back, move and go, whatever is under way', () => {
  test('each is told everything after its place, in order, once, and those who go are told no more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 60 }),
        fc.array(fc.nat(4), { minLength: 3, maxLength: 12 }),
        fc.integer({ min: 1, max: 3 }),
        runSteps,
      ),
      { numRuns: 150 },
    );
  });
});

async function runSteps(steps: readonly Step[], delays: readonly number[], turn: number): Promise<void> {
  const ticks = ticksOf(delays);
  const { source, happen, last } = network(ticks);
  const groups = [asking(source, ticks, everyNumber, 'a').asked, asking(source, ticks, everyNumber, 'b').asked] as const;
  const readPosition = async () => {
    await ticks();
    return last();
  };
  const fanOut: FanOut<Asked> = createFanOut(readPosition, log, turn);
  const present: { readonly from: bigint; readonly exact: boolean; readonly who: Listener }[] = [];
  const gone: { readonly who: Listener; readonly count: number }[] = [];
  // who moves goes on in the other group, from where it stands
  const onMove = (self: Listener, after: bigint | null) => {
    self.watching = fanOut.join(self.watching?.asked.key === 'a' ? groups[1] : groups[0], self, after);
  };
  const join = (after: bigint | null) => {
    const who = listener(onMove);
    who.watching = fanOut.join(groups[0], who, after);
    present.push({ from: after ?? last(), exact: after !== null, who });
  };
  for (const { kind, of } of steps) {
    const chosen = present[of % Math.max(1, present.length)];
    if (kind === 'HAPPEN') happen(1 + (of % 7));
    if (kind === 'JOIN') join(null);
    if (kind === 'RESUME') join(BigInt(of) % (last() + 1n));
    if (kind === 'MOVE' && chosen) chosen.who.watching?.release(chosen.who);
    if (kind === 'SLOW' && chosen) chosen.who.isSlow = !chosen.who.isSlow;
    if (kind === 'TURN') for (let i = 0; i < of % 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
    if (kind === 'LEAVE' && chosen) {
      present.splice(present.indexOf(chosen), 1);
      chosen.who.watching?.leave(chosen.who);
      gone.push({ who: chosen.who, count: chosen.who.told.length });
    }
  }
  for (const { who } of present) who.isSlow = false;
  // by now every group knows its place
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
  happen(4);
  const final = numbersAfter(0n, last()).at(-1);
  await until(() => present.every(({ who }) => who.told.at(-1) === final));
  for (const { from, exact, who } of present) {
    // "from now on" begins when its group knows its place: the first may lie a little before or after, and nothing is left out then
    const first = exact ? from : BigInt(who.told[0] ?? 0n) - 1n;
    expect(who.told).toEqual(numbersAfter(first, last()));
  }
  for (const { who, count } of gone) expect(who.told.length).toBe(count);
  for (const { who } of present) who.watching?.leave(who);
  expect(fanOut.count()).toEqual({ groups: 0, subscribers: 0 });
}

test('two hundred who come back at the same place are brought on together', async () => {
  const { source, happen, last } = network(atOnce);
  const { asked, executions } = asking(source, atOnce);
  happen(300);
  const fanOut = createFanOut(async () => last(), log);
  const listeners = Array.from({ length: 200 }, () => listener());
  for (const each of listeners) each.watching = fanOut.join(asked, each, 30n);
  await until(() => listeners.every(({ told }) => told.at(-1) === '299'));
  for (const { told } of listeners) expect(told).toEqual(numbersAfter(30n, 300n));
  expect(executions.length).toBe(numbersAfter(30n, 300n).length);
  for (const each of listeners) each.watching?.leave(each);
});

test('a cursor that is no longer kept, or lies in the future, is answered with why, and harms nobody else', async () => {
  const { source, happen, last } = network(atOnce, 5n);
  const { asked } = asking(source, atOnce);
  happen(9);
  const fanOut = createFanOut(async () => last(), log);
  const [tooOld, future, fine] = [listener(), listener(), listener()];
  const join = (who: Listener, after: bigint) => {
    who.watching = fanOut.join(asked, who, after);
  };
  join(tooOld, 2n);
  join(future, 1_000n);
  join(fine, 6n);
  await until(() => tooOld.ended !== null && future.ended !== null && fine.told.length === 2);
  expect([tooOld.ended, future.ended, fine.ended]).toEqual(['CursorExpired', 'CursorExpired', null]);
  expect([tooOld.told, future.told, fine.told]).toEqual([[], [], ['7', '8']]);
  fine.watching?.leave(fine);
});

test('when an answer depends on more than is shared, everybody goes on elsewhere from where he stood', async () => {
  const { source, happen, last } = network(atOnce);
  happen(3);
  const { asked } = asking(source, atOnce);
  let isShareable = true;
  const render: Asked['render'] = async (roots) => {
    if (!isShareable) throw new NotShareable();
    return asked.render(roots);
  };
  const fanOut = createFanOut(async () => last(), log);
  const moves: (bigint | null)[] = [];
  const [live, back] = [0, 1].map(() => listener((_, after) => void moves.push(after))) as [Listener, Listener];
  live.watching = fanOut.join({ ...asked, render }, live);
  await until(() => fanOut.count().subscribers === 1);
  happen(2);
  await until(() => live.told.length === 2);
  isShareable = false;
  back.watching = fanOut.join({ ...asked, render }, back, 1n);
  await until(() => moves.length === 2);
  expect(moves).toEqual([5n, 1n]);
  expect(fanOut.count()).toEqual({ groups: 0, subscribers: 0 });
});

test('of several events about the same, the newest is told', async () => {
  const { source, happen } = network(atOnce);
  const { asked } = asking(source, atOnce, { ...everyNumber, keyOf: ({ subjectId }) => subjectId });
  const fanOut = createFanOut(async () => 0n, log);
  const who = listener();
  who.watching = fanOut.join(asked, who);
  happen(4);
  // of 1, 2 and 4 (3 is not told), 2 and 4 are about the same
  await until(() => who.told.length === 2);
  expect(who.told).toEqual(['1', '4']);
  who.watching.leave(who);
});
