/** Reads the frames that a WebSocket server sends (RFC 6455, never masked) with as little work as can be: the clients of a benchmark must not be what is measured. */
export interface FrameReader {
  /** Takes what has arrived; `onText` is called for each text frame with the bytes [from, to) of a buffer that is only good during the call. */
  take(chunk: Buffer): void;
}

/** What a reader tells of. */
export interface FrameSink {
  text(buffer: Buffer, from: number, to: number): void;
  ping(payload: Buffer): void;
  closed(code: number): void;
}

const TEXT = 1;
const CLOSE = 8;
const PING = 9;

/** Makes a reader for one connection. */
export function createFrameReader(sink: FrameSink): FrameReader {
  let rest: Buffer | null = null;
  return {
    take: (chunk) => {
      const buffer = rest === null ? chunk : Buffer.concat([rest, chunk]);
      rest = null;
      let at = 0;
      while (buffer.length - at >= 2) {
        const kind = (buffer[at] ?? 0) & 0x0f;
        let length = (buffer[at + 1] ?? 0) & 0x7f;
        let from = at + 2;
        if (length === 126) {
          if (buffer.length - at < 4) break;
          length = buffer.readUInt16BE(from);
          from += 2;
        } else if (length === 127) {
          if (buffer.length - at < 10) break;
          length = Number(buffer.readBigUInt64BE(from));
          from += 8;
        }
        if (buffer.length < from + length) break;
        if (kind === TEXT) sink.text(buffer, from, from + length);
        else if (kind === PING) sink.ping(Buffer.from(buffer.subarray(from, from + length)));
        else if (kind === CLOSE) sink.closed(length >= 2 ? buffer.readUInt16BE(from) : 1005);
        at = from + length;
      }
      // what arrives lies in memory that the next read reuses
      if (at < buffer.length) rest = Buffer.from(buffer.subarray(at));
    },
  };
}

/** A frame as a client sends it. Its mask is zero, which the protocol allows and costs nothing. */
export function clientFrame(payload: string | Buffer, kind: number = TEXT): Buffer {
  const data = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const head = data.length < 126 ? Buffer.from([0x80 | kind, 0x80 | data.length, 0, 0, 0, 0]) : Buffer.alloc(8);
  if (data.length >= 126) {
    head.set([0x80 | kind, 0x80 | 126], 0);
    head.writeUInt16BE(data.length, 2);
  }
  return Buffer.concat([head, data]);
}

/** The answer to a ping. */
export function pongFrame(payload: Buffer): Buffer {
  return clientFrame(payload, 10);
}
