import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isSignedBy, type Receiver, startReceiver } from './receiver.ts';
import { ORDERS, type Stage, setStage } from './stage.ts';

let stage: Stage;
let receiver: Receiver;
let orders = 0;
beforeAll(async () => {
  stage = await setStage();
  receiver = await startReceiver();
});
afterAll(async () => {
  receiver.close();
  await stage.fresh.drop();
});
afterEach(async () => {
  receiver.answer = 204;
  receiver.received.length = 0;
  // each test begins without the webhooks of the one before
  await stage.fresh.sql(
    `UPDATE webhook_endpoint SET deleted_at = now(), secret = NULL, previous_secret = NULL, previous_until = NULL, is_enabled = false, disabled_reason = 'BY_HAND'`,
  );
});

/** An order is placed, told and queued. */
async function orderAndRead(): Promise<void> {
  orders += 1;
  await stage.order(`order ${orders}`);
  await stage.read();
}

/** A webhook of R at a path of the receiver. */
const webhookAt = (path: string, document = ORDERS) => stage.webhook(stage.w.viewer('R'), `${receiver.url}${path}`, document);

describe('a delivery', () => {
  test('is signed by Standard Webhooks and tells what the subscription tells its party, no more', async () => {
    const own = await webhookAt('/own');
    const owner = await stage.webhook(stage.w.viewer('HQ'), `${receiver.url}/owner`);
    await orderAndRead();
    expect(await stage.send()).toBe(2);
    const [toOwn, toOwner] = ['/own', '/owner'].map((path) => receiver.received.find((each) => each.path === path));
    if (!toOwn || !toOwner) throw new Error('somebody was not told');
    expect([isSignedBy(own.secret, toOwn), isSignedBy(owner.secret, toOwn)]).toEqual([true, false]);
    expect(isSignedBy(owner.secret, toOwner)).toBe(true);
    expect(toOwn.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': expect.stringMatching(/^msg_[0-9a-f]{32}$/) as string,
      'webhook-timestamp': String(stage.clock.now().getTime() / 1_000),
    });
    const order = { quantity: 1, buyer: { name: 'R' }, total: { amount: '10.00' } };
    const told = (cost: object | null) => ({
      type: 'orderUpdated',
      timestamp: '2026-03-01T08:00:00.000Z',
      data: { orderUpdated: { kind: 'DELIVERED', order: { ...order, cost } } },
    });
    // what the goods cost their owner is the owner's to know
    expect(JSON.parse(toOwn.body)).toEqual(told(null));
    expect(JSON.parse(toOwner.body)).toEqual(told({ amount: '8.00' }));
    expect(await stage.deliveries(own.endpointId)).toMatchObject([{ state: 'SUCCEEDED', attempt_count: 1 }]);
  });

  test('is made once for each event, though two processes read and one dies before it has committed', async () => {
    const { endpointId } = await webhookAt('/once');
    await orderAndRead();
    await orderAndRead();
    expect(await stage.deliveries(endpointId)).toHaveLength(2);
    // a reader that is so slow that another has moved on meanwhile writes nothing
    await stage.fresh.sql('UPDATE webhook_state SET reader_id = $1, reading_until = $2 WHERE endpoint_id = $3', [
      stage.db.newId(),
      new Date(stage.clock.now().getTime() - 1),
      endpointId,
    ]);
    orders += 1;
    await stage.order(`order ${orders}`);
    await stage.read();
    await Promise.all([stage.reader.readOnce(), stage.reader.readOnce()]);
    expect(await stage.deliveries(endpointId)).toHaveLength(3);
  });

  test('tells of stock once for several changes that were read together', async () => {
    const { endpointId } = await webhookAt('/stock', 'subscription { stockUpdated { sku { name } stock { availableCount } } }');
    for (const name of ['s1', 's2', 's3']) await stage.order(name);
    await stage.read();
    const told = (await stage.deliveries(endpointId)).map(({ payload }) => JSON.parse(payload) as { type: string });
    expect(told.map(({ type }) => type)).toEqual(['stockUpdated']);
  });

  test('of two subscriptions in one document are two deliveries', async () => {
    const { endpointId } = await webhookAt(
      '/both',
      'subscription Orders { orderUpdated(scope: MINE) { kind } } subscription Stock { stockUpdated { sku { name } } }',
    );
    await orderAndRead();
    const topics = (await stage.deliveries(endpointId)).map(({ payload }) => (JSON.parse(payload) as { type: string }).type);
    expect(topics.sort()).toEqual(['orderUpdated', 'stockUpdated']);
  });
});

describe('what fails', () => {
  test('is sent again after growing waits under the same webhook-id, and given up after three days', async () => {
    receiver.answer = 500;
    const { endpointId, secret } = await webhookAt('/fails');
    await orderAndRead();
    const start = stage.clock.now();
    for (let guard = 0; guard < 200; guard += 1) {
      await stage.send();
      const [delivery] = await stage.deliveries(endpointId);
      if (delivery?.state !== 'PENDING') break;
      const [state] = await stage.fresh.sql<{ open_until: Date | null }>('SELECT open_until FROM webhook_state WHERE endpoint_id = $1', [
        endpointId,
      ]);
      stage.clock.set(new Date(Math.max(delivery.next_attempt_at.getTime(), state?.open_until?.getTime() ?? 0)));
    }
    const [delivery] = await stage.deliveries(endpointId);
    expect(delivery).toMatchObject({ state: 'FAILED', attempt_count: 11 });
    const ids = new Set(receiver.received.map(({ headers }) => headers['webhook-id']));
    expect([receiver.received.length, ids.size]).toEqual([11, 1]);
    expect(receiver.received.every((each) => isSignedBy(secret, each))).toBe(true);
    const days = (stage.clock.now().getTime() - start.getTime()) / 86_400_000;
    expect([days > 2.9, days < 3.4]).toEqual([true, true]);
    const attempts = await stage.fresh.sql<{ status: number; answer: string }>(
      'SELECT status, answer FROM webhook_attempt WHERE delivery_id = $1 ORDER BY id',
      [delivery?.id],
    );
    expect(attempts).toHaveLength(11);
    expect(attempts[0]).toEqual({ status: 500, answer: 'what the receiver says' });
  });

  test('five times opens the circuit; a probe a minute later closes it, and what waited is sent', async () => {
    receiver.answer = 503;
    const { endpointId } = await webhookAt('/circuit');
    for (let count = 0; count < 12; count += 1) await orderAndRead();
    const oneByOne = stage.newSender({ total: 8, perEndpoint: 1 });
    for (let round = 0; round < 12; round += 1) await stage.send(oneByOne);
    expect(receiver.received.length).toBe(5);
    receiver.answer = 204;
    expect(await stage.send()).toBe(0);
    stage.clock.advance(60_000);
    // one finds out, though more are due
    expect(await stage.send()).toBe(1);
    while ((await stage.send()) > 0);
    stage.clock.advance(300_000);
    while ((await stage.send()) > 0);
    expect((await stage.deliveries(endpointId)).map(({ state }) => state)).toEqual(Array.from({ length: 12 }, () => 'SUCCEEDED'));
    expect(
      await stage.fresh.sql('SELECT failure_count, failing_since, open_until FROM webhook_state WHERE endpoint_id = $1', [endpointId]),
    ).toEqual([{ failure_count: 0, failing_since: null, open_until: null }]);
  });

  test('with 410 disables the webhook, which is told nothing more', async () => {
    receiver.answer = 410;
    const { endpointId } = await webhookAt('/gone');
    await orderAndRead();
    await stage.send();
    await orderAndRead();
    expect(await stage.send()).toBe(0);
    expect(await stage.fresh.sql('SELECT is_enabled, disabled_reason FROM webhook_endpoint WHERE id = $1', [endpointId])).toEqual([
      { is_enabled: false, disabled_reason: 'GONE' },
    ]);
    expect(await stage.deliveries(endpointId)).toMatchObject([{ state: 'FAILED', attempt_count: 1 }]);
    expect(
      await stage.fresh.sql(`SELECT data FROM audit_entry WHERE action = 'webhook.disabled' AND subject_id = $1`, [endpointId]),
    ).toEqual([{ data: { reason: 'GONE' } }]);
  });

  test('by silence holds up nobody else', async () => {
    const silent = await startReceiver();
    silent.answer = 'NOTHING';
    const waits = await stage.webhook(stage.w.viewer('R'), `${silent.url}/silent`);
    const { endpointId } = await webhookAt('/quick');
    for (let count = 0; count < 6; count += 1) await orderAndRead();
    const sender = stage.newSender({ total: 4, perEndpoint: 2 }, 'patient');
    while ((await stage.deliveries(endpointId)).some(({ state }) => state === 'PENDING')) {
      await sender.sendDue();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    // all of the quick one's are done while the silent one is still being called, by no more than its slots
    expect(receiver.received).toHaveLength(6);
    expect([1, 2]).toContain(silent.received.length);
    const attempts = () =>
      stage.fresh.sql<{ failure: string }>(
        'SELECT a.failure FROM webhook_attempt a JOIN webhook_delivery d ON d.id = a.delivery_id WHERE d.endpoint_id = $1',
        [waits.endpointId],
      );
    expect(await attempts()).toEqual([]);
    silent.close();
    await sender.settle();
    expect(new Set((await attempts()).map(({ failure }) => failure))).toEqual(new Set(['CONNECTION_FAILED']));
  });

  test('while disabled is given up when its time is over, and old entries leave the log', async () => {
    const { endpointId } = await webhookAt('/old');
    await orderAndRead();
    await stage.send();
    await orderAndRead();
    await stage.fresh.sql(`UPDATE webhook_endpoint SET is_enabled = false, disabled_reason = 'BY_HAND' WHERE id = $1`, [endpointId]);
    stage.clock.advance(81 * 3_600_000);
    await stage.sender.sweep();
    expect((await stage.deliveries(endpointId)).map(({ state }) => state)).toEqual(['SUCCEEDED', 'FAILED']);
    stage.clock.advance(11 * 86_400_000);
    await stage.sender.sweep();
    expect((await stage.deliveries(endpointId)).map(({ state }) => state)).toEqual(['FAILED']);
  });
});

describe('several senders', () => {
  test('send each delivery once', async () => {
    const { endpointId } = await webhookAt('/shared');
    for (let count = 0; count < 10; count += 1) await orderAndRead();
    const others = [stage.newSender(), stage.newSender(), stage.newSender()];
    for (let round = 0; round < 4; round += 1) await Promise.all(others.map((sender) => stage.send(sender)));
    expect((await stage.deliveries(endpointId)).map((each) => [each.state, each.attempt_count])).toEqual(
      Array.from({ length: 10 }, () => ['SUCCEEDED', 1]),
    );
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(10);
    expect(receiver.received).toHaveLength(10);
  });

  test('probe a half-open circuit by one call between them', async () => {
    receiver.answer = 500;
    await webhookAt('/probe');
    for (let count = 0; count < 8; count += 1) await orderAndRead();
    for (let round = 0; round < 8; round += 1) await stage.send();
    const before = receiver.received.length;
    stage.clock.advance(60_000);
    await Promise.all([stage.newSender(), stage.newSender(), stage.newSender()].map((sender) => stage.send(sender)));
    expect(receiver.received.length - before).toBe(1);
  });
});
