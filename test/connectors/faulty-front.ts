import { createServer, request as requestHttp } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to an answer after the server has acted: it never comes, breaks off in its middle, or is another one. */
export type AnswerFault = 'NONE' | 'NEVER' | 'BROKEN' | 'BAD_GATEWAY' | 'PAGE';

/** Stands in front of a real server: every request arrives there, and what comes back meets the fault of the moment. */
export interface FaultyFront {
  readonly url: string;
  fault: AnswerFault;
  close(): Promise<void>;
}

/** Opens a front of the server at `target`. */
export async function openFaultyFront(target: string): Promise<FaultyFront> {
  const server = createServer((request, response) => {
    const passed = requestHttp(`${target}${request.url}`, { method: request.method, headers: request.headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const body = Buffer.concat(chunks);
        const type = String(answer.headers['content-type']);
        if (front.fault === 'NEVER') return;
        if (front.fault === 'BAD_GATEWAY') return void response.writeHead(502, { 'content-type': 'text/html' }).end('Bad Gateway');
        if (front.fault === 'PAGE') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
        response.writeHead(answer.statusCode ?? 200, { 'content-type': type, 'content-length': body.length });
        if (front.fault === 'BROKEN') response.write(body.subarray(0, body.length / 2), () => response.destroy());
        else response.end(body);
      });
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const front: FaultyFront = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: 'NONE',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return front;
}
