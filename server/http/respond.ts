import type { ServerResponse } from 'node:http';
import type { GraphQLError } from 'graphql';
import type { Ground } from '#server/accounts/reads.ts';
import { formatError, httpOf } from './errors.ts';
import type { OpenStreams } from './streams.ts';

/** A small JSON answer; null is 204. */
export function sendJson(response: ServerResponse, status: number, body: unknown, type = 'application/json; charset=utf-8'): void {
  if (body === null) {
    response.writeHead(204).end();
    return;
  }
  const text = Buffer.from(JSON.stringify(body), 'utf8');
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': text.length }).end(text);
}

/** An error in the form that all errors of this server have, GraphQL or not. It must have been presented. */
export function sendError(response: ServerResponse, error: GraphQLError, accept: string | undefined): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers } = httpOf(error);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const type = accept?.includes('application/graphql-response+json') ? 'application/graphql-response+json; charset=utf-8' : undefined;
  sendJson(response, status, { errors: [formatError(error)] }, type);
}

/** What a stream of events needs beside its answer: it ends with what it stands on. */
export interface StreamGround {
  readonly streams: OpenStreams;
  readonly grounds: readonly Ground[];
}

/** Sends an answer of the GraphQL handler: whole, or event by event for as long as the client listens and its rights hold. */
export async function sendResponse(response: ServerResponse, answer: Response, ground: StreamGround): Promise<void> {
  writeHead(response, answer);
  if (isEventStream(answer) && answer.body !== null) return sendEvents(response, answer.body.getReader(), ground);
  const body = Buffer.from(await answer.arrayBuffer());
  response.setHeader('Content-Length', body.length);
  response.end(body);
}

/** The head of an answer of the GraphQL handler. */
export function writeHead(response: ServerResponse, answer: Response): void {
  response.statusCode = answer.status;
  answer.headers.forEach((value, name) => void response.setHeader(name, value));
}

/** Whether the answer is a stream of server-sent events. */
export function isEventStream(answer: Response): boolean {
  return answer.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
}

async function sendEvents(
  response: ServerResponse,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { streams, grounds }: StreamGround,
): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<{ done: true }>();
  const leave = streams.enter(grounds, {
    ended: () => end({ done: true }),
    // each event asks for the rights again; what can't be asked for again here is when they end, so the client connects anew
    changed: () => end({ done: true }),
  });
  response.once('close', () => end({ done: true }));
  response.flushHeaders();
  try {
    for (;;) {
      const next = await Promise.race([reader.read(), ended]);
      if (next.done) break;
      if (!response.write(next.value)) await Promise.race([drained(response), ended]);
    }
  } finally {
    leave();
    response.end();
    await reader.cancel();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => response.once('drain', () => resolve()));
}
