import type { IncomingMessage } from 'node:http';
import type { GraphQLError } from 'graphql';
import { requestError } from './errors.ts';

/** How long a body may take to arrive. */
const BODY_MILLISECONDS = 60_000;

/** Reads a request's body, and refuses it as soon as it is known to be longer than `limitBytes` (413), or takes longer than a minute (408). */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const refuse = () => {
      clearTimeout(timer);
      request.off('data', take);
      // the rest is thrown away unread, so that the client gets to read the answer
      request.resume();
      reject(tooLarge(limitBytes));
    };
    const timer = setTimeout(() => {
      request.off('data', take);
      request.resume();
      reject(requestError('BODY_TIMEOUT', 'The request took too long to arrive.', { status: 408, headers: { Connection: 'close' } }));
    }, BODY_MILLISECONDS);
    const take = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limitBytes) refuse();
      else chunks.push(chunk);
    };
    request.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.once('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks, length));
    });
    if (Number(request.headers['content-length'] ?? 0) > limitBytes) refuse();
    else request.on('data', take);
  });
}

function tooLarge(limitBytes: number): GraphQLError {
  return requestError('BODY_LIMIT', `A request may have at most ${limitBytes} bytes.`, {
    status: 413,
    headers: { Connection: 'close' },
    facts: { limit: limitBytes },
  });
}
