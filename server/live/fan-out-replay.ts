import { setImmediate } from 'node:timers/promises';
import { type Group, type Payload, place, renderBatch, take, tellAfter } from './fan-out-group.ts';
import { isCursorFailure } from './live-stream.ts';
import type { Pace } from './pace.ts';

const A_WHILE_MILLISECONDS = 25;
const FRAMES_AT_ONCE = 500;
/** About what an event that is read and executed costs of a core, and a frame that is told. */
const EVENT_MILLISECONDS = 0.4;
const FRAME_MILLISECONDS = 0.008;

/**
 * Brings those behind to the live edge, from the one farthest behind: one execution serves all who pass the same place. Whoever
 * comes in behind the current round, or reads too slowly for it, waits for the next. A subscriber leaves the replay when its place
 * is not before the group's: nothing lies between, and the group skips what it has been told already.
 */
export async function replay(group: Group, pace: Pace, fail: (group: Group, failed: unknown, after: bigint) => void): Promise<void> {
  if (group.replaying || group.done === null) return;
  group.replaying = true;
  try {
    while (group.behind.size > 0 && !group.stopped.signal.aborted) {
      const from = lowestReady(group);
      if (from === null) await aWhile();
      else await round(group, from, pace, fail);
    }
  } finally {
    group.replaying = false;
  }
}

async function round(group: Group, from: bigint, pace: Pace, fail: (group: Group, failed: unknown, after: bigint) => void): Promise<void> {
  const { source, feed } = group.asked.stream;
  let position = from;
  try {
    for await (const batch of source.read(feed.scope.networkId, from, group.stopped.signal)) {
      const tell = async (payloads: readonly Payload[], end: bigint) => {
        await bringOn(group, payloads, { position, end });
        position = end;
      };
      await renderBatch(group.asked, batch, tell, (work, eventCount) =>
        pace(work, eventCount * (EVENT_MILLISECONDS + group.behind.size * FRAME_MILLISECONDS)),
      );
      if (!hasFollowers(group, position)) return;
    }
    // the source has been stopped
    await aWhile();
  } catch (error) {
    if (!isCursorFailure(error)) throw error;
    fail(group, error, position);
  }
}

/** Tells those who stand at `position` or beyond, a few hundred frames in one go, and lets go those who have reached the group. */
async function bringOn(group: Group, payloads: readonly Payload[], { position, end }: { position: bigint; end: bigint }): Promise<void> {
  let frameCount = 0;
  for (const [subscriber, after] of group.behind) {
    if (after < position || !subscriber.isReady()) continue;
    tellAfter(subscriber, payloads, after);
    // its client may have been dropped by what it was told
    if (group.behind.has(subscriber) && end > after) group.behind.set(subscriber, end);
    frameCount += payloads.length;
    if (frameCount < FRAMES_AT_ONCE) continue;
    frameCount = 0;
    // orders and others have theirs; whoever comes or goes meanwhile is met, or not, where the walk is
    await setImmediate();
  }
  for (const [subscriber, after] of group.behind) {
    if (group.done === null || after < group.done) continue;
    take(group, subscriber);
    place(group, subscriber, after);
  }
}

function lowestReady({ behind }: Group): bigint | null {
  let lowest: bigint | null = null;
  for (const [subscriber, after] of behind) if (subscriber.isReady() && (lowest === null || after < lowest)) lowest = after;
  return lowest;
}

function hasFollowers({ behind }: Group, position: bigint): boolean {
  for (const after of behind.values()) if (after >= position) return true;
  return false;
}

function aWhile(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, A_WHILE_MILLISECONDS));
}
