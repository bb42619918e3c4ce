import type { FanOut, Watching } from '#server/live/fan-out.ts';
import type { Payload, Subscriber } from '#server/live/fan-out-group.ts';
import type { Shareable } from './engine.ts';
import { type Held, hold } from './held.ts';
import { type Connection, cutOff, isOpen, type Operation, sendMessage, stopOperation } from './websocket-connection.ts';
import { writeNext } from './websocket-frame.ts';

/** A subscription of a WebSocket that is told by the fan-out. There are tens of thousands, so its functions are shared (`this`). */
interface SocketSubscription extends Subscriber, Operation {
  readonly connection: Connection;
  readonly id: string;
  readonly fanOut: FanOut<Shareable>;
  watching: Watching<Shareable> | null;
  /** What waits until the client has read; null while it keeps up. */
  held: Held | null;
}

/** Has a subscription told by the fan-out, from its own cursor or from now on. */
export function subscribeSocket(connection: Connection, id: string, asked: Shareable, fanOut: FanOut<Shareable>): void {
  const subscription: SocketSubscription = { connection, id, fanOut, watching: null, held: null, tell, isReady, end, move, stop };
  connection.operations.set(id, subscription);
  subscription.watching = fanOut.join(asked, subscription);
}

/** Lets all subscriptions of a connection go on under the rights that its client has by now. */
export function moveSubscriptions(connection: Connection): void {
  for (const operation of connection.operations.values()) {
    if (isSubscription(operation)) operation.watching?.release(operation);
  }
}

function isSubscription(operation: Operation): operation is SocketSubscription {
  return 'watching' in operation;
}

function tell(this: SocketSubscription, payloads: readonly Payload[]): void {
  const { connection } = this;
  if (!isOpen(connection)) return;
  const waiting = connection.stream.writableLength;
  if (this.held !== null || waiting > connection.limits.unreadBytes) {
    if (this.held === null) connection.stream.once('drain', () => sendHeld(this));
    this.held ??= new Map();
    if (!hold(this.held, payloads)) cutOff(connection);
    return;
  }
  // `ws` writes whole frames, and so does this: they don't mix, since nothing is compressed
  writeNext(connection.stream, JSON.stringify(this.id), payloads);
}

/** Sends what was held back, once the client has read what it was sent before. */
function sendHeld(subscription: SocketSubscription): void {
  const { held } = subscription;
  subscription.held = null;
  if (held !== null && subscription.watching !== null) subscription.tell([...held.values()]);
}

function isReady(this: SocketSubscription): boolean {
  return this.held === null && this.connection.stream.writableLength * 2 <= this.connection.limits.unreadBytes;
}

function end(this: SocketSubscription, last: Buffer | null): void {
  const { connection, id } = this;
  this.watching = null;
  if (!stopOperation(connection, id) || !isOpen(connection)) return;
  if (last !== null) writeNext(connection.stream, JSON.stringify(id), [{ seq: 0n, key: null, json: last }]);
  sendMessage(connection, { id, type: 'complete' } as Parameters<typeof sendMessage>[1]);
}

function move(this: SocketSubscription, after: bigint | null): void {
  const asked = this.watching?.asked;
  const { viewer, person } = this.connection.admitted?.identity ?? { viewer: null, person: null };
  if (asked === undefined || viewer === null) return void stopOperation(this.connection, this.id);
  this.watching = this.fanOut.join(asked.as({ viewer, person }), this, after);
}

function stop(this: SocketSubscription): void {
  const { watching } = this;
  this.watching = null;
  this.held = null;
  watching?.leave(this);
}
