import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { createOutgoing } from '#server/platform/outgoing.ts';
import { messageText, secretText, signatureHeader } from '#server/webhooks/rules.ts';
import { until } from '#test/http/test-server.ts';

const program = fileURLToPath(new URL('../../docs/examples/webhook-receiver.ts', import.meta.url));
const secret = secretText(Buffer.alloc(32, 5));

test('docs/examples/webhook-receiver.ts takes a signed message once, also during a rotation, and refuses forged and old ones', async () => {
  const port = await freePort();
  const child = spawn(process.execPath, [program, String(port)], { env: { WEBHOOK_SECRET: secret } });
  onTestFinished(() => void child.kill());
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await until(() => output.includes('listening'), 30_000);
  const { send } = createOutgoing({ allowedHosts: ['127.0.0.1'] });
  const body = messageText('orderUpdated', new Date(), { data: { orderUpdated: { kind: 'DELIVERED' } } });
  const call = async (secrets: readonly string[], { id = 'msg_1', ageSeconds = 0, sent = body } = {}) => {
    const timestampSeconds = Math.floor(Date.now() / 1000) - ageSeconds;
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': signatureHeader(secrets, { id, timestampSeconds, body }),
    };
    return (await send({ url: `http://127.0.0.1:${port}/`, method: 'POST', headers, body: sent })).status;
  };
  const other = secretText(Buffer.alloc(32, 6));
  expect(await call([secret])).toBe(204);
  // sent again, since the first answer was lost
  expect(await call([secret])).toBe(204);
  expect(await call([other, secret], { id: 'msg_2' })).toBe(204);
  expect(await call([other], { id: 'msg_3' })).toBe(401);
  expect(await call([secret], { id: 'msg_4', sent: body.replace('DELIVERED', 'REFUNDED') })).toBe(401);
  expect(await call([secret], { id: 'msg_5', ageSeconds: 600 })).toBe(401);
  const line = 'orderUpdated {"orderUpdated":{"kind":"DELIVERED"}}\n';
  await until(() => output.endsWith(`${line}${line}`), 5_000);
  expect(output).toBe(`listening\n${line}${line}`);
}, 60_000);

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
