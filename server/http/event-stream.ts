import type { ServerResponse } from 'node:http';
import type { FanOut, Watching } from '#server/live/fan-out.ts';
import type { Payload, Subscriber } from '#server/live/fan-out-group.ts';
import type { Caller } from './caller.ts';
import type { Shareable } from './engine.ts';
import { type Held, hold } from './held.ts';
import type { Limits } from './limits.ts';
import type { OpenStreams } from './streams.ts';

/** A subscription over server-sent events that is told by the fan-out. */
interface EventStream extends Subscriber {
  readonly response: ServerResponse;
  readonly fanOut: FanOut<Shareable>;
  readonly limits: Limits;
  /** Who asks, by now. */
  caller: Caller;
  watching: Watching<Shareable> | null;
  held: Held | null;
}

/** What a stream is told by, and what ends it. */
export interface EventStreamOptions {
  readonly fanOut: FanOut<Shareable>;
  readonly streams: OpenStreams;
  readonly limits: Limits;
}

const PING_MILLISECONDS = 12_000;

/** Sends events for as long as the client listens and its rights hold. The head has been written. Resolves when it is over. */
export async function sendEventStream(
  response: ServerResponse,
  asked: Shareable,
  caller: Caller,
  { fanOut, streams, limits }: EventStreamOptions,
): Promise<void> {
  const stream: EventStream = { response, fanOut, limits, caller, watching: null, held: null, tell, isReady, end, move };
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  response.once('close', resolve);
  // some browsers take no head before a byte of the body has come
  response.write(':\n\n');
  const ping = setInterval(() => response.write(':\n\n'), PING_MILLISECONDS);
  const leave = stand(stream, streams);
  stream.watching = fanOut.join(asked, stream);
  await closed;
  clearInterval(ping);
  leave();
  stream.watching?.leave(stream);
}

/** Ends the stream with what it stands on; goes on under other rights when those have changed. */
function stand(stream: EventStream, streams: OpenStreams): () => void {
  let leave = streams.enter(stream.caller.identity.grounds, {
    ended: () => finish(stream),
    changed: () => {
      stream.caller.again().then(
        (caller) => {
          stream.caller = caller;
          leave = stand(stream, streams);
          stream.watching?.release(stream);
        },
        () => finish(stream),
      );
    },
  });
  return () => leave();
}

function tell(this: EventStream, payloads: readonly Payload[]): void {
  const { response, limits } = this;
  if (response.writableEnded || response.destroyed) return;
  if (this.held !== null || response.writableLength > limits.unreadBytes) {
    if (this.held === null) response.once('drain', () => sendHeld(this));
    this.held ??= new Map();
    // there is no close code here: the connection breaks, and the client goes on after the last cursor that it has
    if (!hold(this.held, payloads)) response.destroy();
    return;
  }
  response.write(payloads.map(({ json }) => `event: next\ndata: ${json.toString('utf8')}\n\n`).join(''));
}

function sendHeld(stream: EventStream): void {
  const { held } = stream;
  stream.held = null;
  if (held !== null) stream.tell([...held.values()]);
}

function isReady(this: EventStream): boolean {
  return this.held === null && this.response.writableLength * 2 <= this.limits.unreadBytes;
}

function end(this: EventStream, last: Buffer | null): void {
  this.watching = null;
  if (this.response.writableEnded) return;
  if (last !== null) this.response.write(`event: next\ndata: ${last.toString('utf8')}\n\n`);
  this.response.end('event: complete\ndata:\n\n');
}

function move(this: EventStream, after: bigint | null): void {
  const { viewer, person } = this.caller.facts;
  if (this.watching === null || viewer === null) return finish(this);
  this.watching = this.fanOut.join(this.watching.asked.as({ viewer, person }), this, after);
}

function finish(stream: EventStream): void {
  stream.watching?.leave(stream);
  stream.watching = null;
  if (!stream.response.writableEnded) stream.response.end();
}
