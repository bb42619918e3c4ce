import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { systemClock } from '#server/platform/clock.ts';
import { APPLICATION_ROLE } from '#server/platform/database.ts';
import { createIds } from '#server/platform/ids.ts';
import type { ReferenceLoad } from './load.ts';
import { readTemplate, referenceParameters, referenceStatement } from './reference-order.ts';
import { onLoad } from './worker.ts';

// A process that runs R: one order per commit, each connection with buyers of its own.

onLoad<ReferenceLoad>(async (load, meter) => {
  const newId = createIds(systemClock);
  const run = randomUUID();
  const clients = await Promise.all(Array.from({ length: load.connections }, () => openClient(load.url)));
  const [first] = clients;
  if (first === undefined) throw new Error('R needs a connection');
  const parametersOf = referenceParameters(await readTemplate(first, load.networkId), newId);
  let number = 0;
  await Promise.all(
    clients.map(async (client, index) => {
      const buyerIds = load.buyerIds.filter((_, position) => position % load.connections === index);
      for (let turn = 0; meter.running(); turn += 1) {
        const askedAt = performance.now();
        number += 1;
        const skuId = load.skuIds[Math.floor(Math.random() * load.skuIds.length)] ?? '';
        const order = { buyerId: buyerIds[turn % buyerIds.length] ?? '', skuId, requestKey: `${run}-${number}` };
        const { rows } = await client.query<{ sold: number }>({ ...referenceStatement, values: parametersOf(order) });
        if (rows[0]?.sold !== 1) throw new Error('R sold no card key');
        meter.note(askedAt, 1);
      }
    }),
  );
  await Promise.all(clients.map((client) => client.end()));
});

async function openClient(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    // by indexes also while the tables are new, as the server's own orders
    options: `-c role=${APPLICATION_ROLE} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off`,
  });
  await client.connect();
  return client;
}
