import type { Writable } from 'node:stream';
import type { Payload } from '#server/live/fan-out-group.ts';

const TEXT_FRAME = 0x81;
const LENGTH_IN_2_BYTES = 126;
const LENGTH_IN_8_BYTES = 127;
const BEFORE_ID = Buffer.from('{"id":');
const BEFORE_PAYLOAD = Buffer.from(',"type":"next","payload":');
const CLOSING_BRACE = 0x7d;
const CLOSING = Buffer.from([CLOSING_BRACE]);

/** From this size on, a payload that waits is not copied for each who waits for it. */
const SHARED_FROM_BYTES = 4 * 1024;

/**
 * Writes `next` messages of graphql-transport-ws, one for each payload, as unmasked text frames (RFC 6455 §5.2). `jsonId` is the
 * operation's id as JSON. What goes out at once is one piece and one write, whatever is told. What will wait behind other bytes shares
 * long payloads with all who wait for them: a thousand who do not read hold a payload once.
 */
export function writeNext(stream: Writable, jsonId: string, payloads: readonly Payload[]): void {
  const waits = stream.writableLength > 0;
  if (!waits || payloads.every(({ json }) => json.length < SHARED_FROM_BYTES)) {
    stream.write(nextFrames(jsonId, payloads, waits));
    return;
  }
  stream.cork();
  for (const { json } of payloads) {
    stream.write(headOf(jsonId, json));
    stream.write(json);
    stream.write(CLOSING);
  }
  stream.uncork();
}

/** All frames in one piece. `kept`: it will wait, and must not keep memory alive that it shares with others. */
function nextFrames(jsonId: string, payloads: readonly Payload[], kept: boolean): Buffer {
  const idLength = Buffer.byteLength(jsonId);
  let size = 0;
  for (const { json } of payloads) {
    const length = messageLength(idLength, json);
    size += headerLength(length) + length;
  }
  const frames = kept ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
  let at = 0;
  for (const { json } of payloads) {
    at = writeHead(frames, at, jsonId, messageLength(idLength, json));
    at += json.copy(frames, at);
    frames[at] = CLOSING_BRACE;
    at += 1;
  }
  return frames;
}

/** What stands before a payload, by itself. */
function headOf(jsonId: string, json: Buffer): Buffer {
  const idLength = Buffer.byteLength(jsonId);
  const length = messageLength(idLength, json);
  const head = Buffer.allocUnsafeSlow(headerLength(length) + length - json.length - 1);
  writeHead(head, 0, jsonId, length);
  return head;
}

function writeHead(frames: Buffer, from: number, jsonId: string, length: number): number {
  let at = writeHeader(frames, from, length);
  at += BEFORE_ID.copy(frames, at);
  at += frames.write(jsonId, at);
  return at + BEFORE_PAYLOAD.copy(frames, at);
}

function messageLength(idLength: number, json: Buffer): number {
  return BEFORE_ID.length + idLength + BEFORE_PAYLOAD.length + json.length + 1;
}

function headerLength(length: number): number {
  if (length < LENGTH_IN_2_BYTES) return 2;
  return length < 0x10000 ? 4 : 10;
}

function writeHeader(frames: Buffer, at: number, length: number): number {
  frames[at] = TEXT_FRAME;
  if (length < LENGTH_IN_2_BYTES) {
    frames[at + 1] = length;
    return at + 2;
  }
  if (length < 0x10000) {
    frames[at + 1] = LENGTH_IN_2_BYTES;
    return frames.writeUInt16BE(length, at + 2);
  }
  frames[at + 1] = LENGTH_IN_8_BYTES;
  return frames.writeBigUInt64BE(BigInt(length), at + 2);
}
