import type { Context } from '#schema/context.ts';
import { globalId } from '#schema/ids.ts';
import { schema } from '#schema/schema.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import { createOrderLane } from '#server/flows/order-lane.ts';
import { createWebhookSender, type WebhookSender } from '#server/flows/send-webhooks.ts';
import { createWebhook } from '#server/flows/webhook-endpoints.ts';
import type { RequestFacts } from '#server/http/caller.ts';
import { createWebhookDocuments, type WebhookDocuments } from '#server/http/webhook-documents.ts';
import { createLocalBus } from '#server/live/bus.ts';
import { createEventSource } from '#server/live/event-source.ts';
import { relayOnce } from '#server/live/relay.ts';
import { createWebhookReader, type WebhookReader } from '#server/live/webhook-reader.ts';
import { type ControllableClock, controllableClock } from '#server/platform/clock.ts';
import type { Database } from '#server/platform/database.ts';
import { createLog } from '#server/platform/log.ts';
import { createOutgoing } from '#server/platform/outgoing.ts';
import type { Slots } from '#server/webhooks/rules.ts';
import { ask, upstreamsOf } from '#test/schema/ask.ts';
import { type FreshDatabase, freshDatabase } from '#test/support/database.ts';
import { testVault, type World, world } from '#test/support/world.ts';

/** A network with everything that webhooks are made of, its clock in hand. */
export interface Stage {
  readonly fresh: FreshDatabase;
  readonly db: Database;
  readonly clock: ControllableClock;
  readonly w: World<'HQ' | 'A' | 'R', 'steam', 'S'>;
  readonly documents: WebhookDocuments;
  readonly reader: WebhookReader;
  readonly sender: WebhookSender;
  /** A sender of another process; `patient`: its calls last as long as they like. */
  newSender(slots?: Slots, patient?: 'patient'): WebhookSender;
  /** Places an order of R for so many keys. */
  order(requestKey: string): Promise<void>;
  /** Numbers what happened and queues what webhooks are told of it. */
  read(): Promise<void>;
  /** Sends what is due and waits until it is written down. */
  send(sender?: WebhookSender): Promise<number>;
  /** A webhook that tells of orders, unless said otherwise; its id and secret. */
  webhook(viewer: Viewer, url: string, document?: string): Promise<{ readonly endpointId: string; readonly secret: string }>;
  /** A row of a webhook's deliveries, oldest first. */
  deliveries(endpointId: string): Promise<{ id: string; state: string; attempt_count: number; payload: string; next_attempt_at: Date }[]>;
}

/** Told of the own orders. */
export const ORDERS =
  'subscription { orderUpdated(scope: DOWNLINE) { kind order { quantity buyer { name } total { amount } cost { amount } } } }';

/** Sets the stage. */
export async function setStage(): Promise<Stage> {
  const clock = controllableClock(new Date('2026-03-01T08:00:00Z'));
  const fresh = await freshDatabase({ clock: clock.now, poolSize: 20 });
  const { db } = fresh;
  const log = createLog('silent');
  const w = await world(db, {
    stations: { HQ: {}, A: { parent: 'HQ', kind: 'SUBSTATION' }, R: { parent: 'A', wallet: '9000.00' } },
    suppliers: ['S'],
    skus: { steam: { basePrice: '10' } },
    lots: [{ sku: 'steam', supplier: 'S', totalCost: '800.00', keys: 100 }],
  });
  const outgoing = createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 10_000 });
  const events = createEventSource(db, log, createLocalBus());
  const lane = createOrderLane(db);
  const context = (facts: RequestFacts): Context => ({
    ...facts,
    db,
    vault: testVault,
    events,
    lane,
    webhooks: documents,
    upstreams: upstreamsOf(db),
  });
  const documents = createWebhookDocuments({ schema, context, newRequestId: db.newId, outgoing, log });
  const reader = createWebhookReader({ db, log, render: documents.render });
  const patiently = createOutgoing({ allowedHosts: ['127.0.0.1'], totalMilliseconds: 600_000 });
  const newSender = (slots?: Slots, patient?: 'patient') =>
    createWebhookSender({
      db,
      vault: testVault,
      outgoing: patient ? patiently : outgoing,
      log,
      logDays: 14,
      chance: () => 0.5,
      ...(slots && { slots }),
    });
  const sender = newSender();
  return {
    fresh,
    db,
    clock,
    w,
    documents,
    reader,
    sender,
    newSender,
    order: async (requestKey) => {
      const document = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename } }';
      const input = { requestKey, skuId: globalId('Sku', w.skus.steam), quantity: 1, maxTotal: '100' };
      const { data } = await ask(db, w.viewer('R'), document, { input });
      if (JSON.stringify(data) !== '{"placeOrder":{"__typename":"OrderPlaced"}}') throw new Error(JSON.stringify(data));
    },
    read: async () => {
      await relayOnce(db);
      while ((await reader.readOnce()) > 0);
    },
    send: async (by = sender) => {
      const count = await by.sendDue();
      await by.settle();
      return count;
    },
    webhook: async (viewer, url, document = ORDERS) => {
      const input = { url, description: 'a shop', document, permissions: null };
      const created = await createWebhook({ db, vault: testVault, checks: documents }, viewer, input);
      if (created.kind !== 'CREATED') throw new Error(JSON.stringify(created));
      return created;
    },
    deliveries: (endpointId) =>
      fresh.sql('SELECT id, state, attempt_count, payload, next_attempt_at FROM webhook_delivery WHERE endpoint_id = $1 ORDER BY id', [
        endpointId,
      ]),
  };
}
