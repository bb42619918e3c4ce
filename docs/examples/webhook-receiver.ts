// Receives webhooks: believes only what is signed, takes each message once, answers before it works.
//   WEBHOOK_SECRET=whsec_… node docs/examples/webhook-receiver.ts 8080
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

const secret = process.env['WEBHOOK_SECRET'] ?? '';
const TOLERANCE_SECONDS = 300;
// in your shop: a table with a unique key, so that it outlives a restart
const seen = new Set<string>();

/** Whether a message is from Fenzhan and fresh. While a secret is rotated there are two signatures: one that fits is enough. */
function isGenuine(headers: IncomingHttpHeaders, body: string): boolean {
  const [id, timestamp] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .filter((each) => each.startsWith('v1,'))
    .map((each) => Buffer.from(each.slice('v1,'.length), 'base64'))
    .some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  if (!isGenuine(request.headers, body)) return void response.writeHead(401).end();
  response.writeHead(204).end();
  const id = String(request.headers['webhook-id']);
  if (seen.has(id)) return;
  seen.add(id);
  const { type, data } = JSON.parse(body) as { type: string; data: unknown };
  console.log(`${type} ${JSON.stringify(data)}`);
}

const server = createServer((request, response) => void take(request, response));
server.listen(Number(process.argv[2] ?? 8080), () => console.log('listening'));
