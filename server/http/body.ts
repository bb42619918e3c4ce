import type { IncomingMessage } from 'node:http';
import type { GraphQLError } from 'graphql';
import { requestError } from './errors.ts';

/** Reads a request's body, and refuses (413) as soon as it is known to be longer than `limitBytes`. */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const refuse = () => {
      request.off('data', take);
      // the rest is thrown away unread, so that the client gets to read the answer
      request.resume();
      reject(tooLarge(limitBytes));
    };
    const take = (chunk: Buffer) => {
      length += chunk.length;
      if (length > limitBytes) refuse();
      else chunks.push(chunk);
    };
    request.once('error', reject);
    request.once('end', () => resolve(Buffer.concat(chunks, length)));
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
