import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '#test/http/test-server.ts';
import { isSignedBy, type Receiver, startReceiver } from './receiver.ts';
import { type Stage, setStage } from './stage.ts';

const runner = fileURLToPath(new URL('../support/webhook-runner.ts', import.meta.url));

let stage: Stage;
let receiver: Receiver;
beforeAll(async () => {
  stage = await setStage();
  receiver = await startReceiver();
});
afterAll(async () => {
  receiver.close();
  await stage.fresh.drop();
});

test('a delivery whose sender was killed in the middle of the call is sent by another when its claim has run out, under the same webhook-id', async () => {
  receiver.answer = 'NOTHING';
  const { endpointId, secret } = await stage.webhook(stage.w.viewer('R'), `${receiver.url}/killed`);
  await stage.order('order');
  await stage.read();
  const child = spawn(process.execPath, [runner, stage.fresh.url], { stdio: 'ignore' });
  const gone = once(child, 'exit');
  await until(() => receiver.received.length === 1, 60_000);
  child.kill('SIGKILL');
  await gone;
  expect(await stage.deliveries(endpointId)).toMatchObject([{ state: 'PENDING', attempt_count: 1 }]);
  receiver.answer = 204;
  // the child lived by the machine's time
  stage.clock.set(new Date());
  expect(await stage.send()).toBe(0);
  stage.clock.advance(61_000);
  expect(await stage.send()).toBe(1);
  expect(await stage.deliveries(endpointId)).toMatchObject([{ state: 'SUCCEEDED', attempt_count: 2 }]);
  const [first, second] = receiver.received;
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(second?.body).toBe(first?.body);
  expect(receiver.received.map((each) => isSignedBy(secret, each))).toEqual([true, true]);
}, 120_000);
