import { connect } from 'node:net';

/** A kept-alive HTTP/1.1 connection that costs a tenth of node:http's client, so that the generator takes little of the machine. */
export interface Wire {
  /** Sends one whole request and answers its body; a status other than 200 (or those named) throws. One at a time. */
  ask(request: string, statuses?: readonly number[]): Promise<string>;
  close(): void;
}

const ONLY_FINE = [200] as const;
const HEAD_END = Buffer.from('\r\n\r\n');

/** Opens a connection to a port of this machine. */
export async function openWire(port: number): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let waiting: PromiseWithResolvers<string> | null = null;
  let allowed: readonly number[] = ONLY_FINE;
  let received: Buffer = Buffer.alloc(0);
  let needed = -1;
  let bodyAt = 0;
  const fail = (error: Error) => {
    waiting?.reject(error);
    waiting = null;
  };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server closed a connection')));
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (needed < 0) {
      const headEnd = received.indexOf(HEAD_END);
      if (headEnd < 0) return;
      const head = received.toString('latin1', 0, headEnd);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      if (length === undefined || !allowed.includes(Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length))))
        return fail(new Error(`${head}\n${received.toString('utf8', headEnd)}`));
      bodyAt = headEnd + HEAD_END.length;
      needed = bodyAt + Number(length);
    }
    if (received.length < needed) return;
    const body = received.toString('utf8', bodyAt, needed);
    received = received.length === needed ? Buffer.alloc(0) : received.subarray(needed);
    needed = -1;
    const asked = waiting;
    waiting = null;
    asked?.resolve(body);
  });
  return {
    ask: (request, statuses = ONLY_FINE) => {
      allowed = statuses;
      waiting = Promise.withResolvers<string>();
      socket.write(request);
      return waiting.promise;
    },
    close: () => socket.destroy(),
  };
}

/** A POST of JSON as it goes over the wire. */
export function postOf(path: string, secret: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${secret}\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
