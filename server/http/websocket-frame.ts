import type { Payload } from '#server/live/fan-out-group.ts';

const TEXT_FRAME = 0x81;
const LENGTH_IN_2_BYTES = 126;
const LENGTH_IN_8_BYTES = 127;
const BEFORE_ID = Buffer.from('{"id":');
const BEFORE_PAYLOAD = Buffer.from(',"type":"next","payload":');
const CLOSING_BRACE = 0x7d;

/**
 * `next` messages of graphql-transport-ws, one for each payload, as the bytes of unmasked text frames (RFC 6455 §5.2) in one piece: one
 * write for a subscriber, whatever it is told. `jsonId` is the operation's id as JSON. With `kept` the piece does not share its memory
 * with others: it will wait in a queue, and must not keep theirs alive.
 */
export function nextFrames(jsonId: string, payloads: readonly Payload[], kept: boolean): Buffer {
  const idLength = Buffer.byteLength(jsonId);
  let size = 0;
  for (const { json } of payloads) {
    const length = messageLength(idLength, json);
    size += headerLength(length) + length;
  }
  const frames = kept ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
  let at = 0;
  for (const { json } of payloads) {
    at = writeHeader(frames, at, messageLength(idLength, json));
    at += BEFORE_ID.copy(frames, at);
    at += frames.write(jsonId, at);
    at += BEFORE_PAYLOAD.copy(frames, at);
    at += json.copy(frames, at);
    frames[at] = CLOSING_BRACE;
    at += 1;
  }
  return frames;
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
