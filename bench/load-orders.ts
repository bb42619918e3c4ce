import { randomUUID } from 'node:crypto';
import { globalId } from '#schema/ids.ts';
import type { HttpLoad } from './load.ts';
import { openWire, postOf } from './wire.ts';
import { type Meter, onLoad } from './worker.ts';

// A process that places orders through GraphQL and checks every answer.

const ORDER =
  'mutation Buy($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ... on OrderPlaced { replayed order { id state total { amount } } } ... on Refusal { code message } } }';
const LIST =
  'mutation Buy($input: PlaceOrdersInput!) { placeOrders(input: $input) { __typename ... on PlaceOrdersPayload { results { __typename ... on OrderPlaced { replayed order { id state total { amount } } } ... on Refusal { code message } } } ... on Refusal { code message } } }';
/** A lane that is full and a budget that is used up. */
const REFUSING = [200, 429] as const;
const PLACED = '"__typename":"OrderPlaced","replayed":false';

onLoad<HttpLoad>(async (load, meter) => {
  const requestOf = requestMaker(load);
  const connections = await Promise.all(
    Array.from({ length: load.connections }, async (_, index) => ({
      wire: await openWire(Number(new URL(load.urls[index % load.urls.length] ?? '').port)),
      secret: load.secrets[index % load.secrets.length] ?? '',
    })),
  );
  const send = async ({ wire, secret }: (typeof connections)[number], askedAt: number) => {
    const speaker = load.drawsPrograms === true ? (load.secrets[Math.floor(Math.random() * load.secrets.length)] ?? '') : secret;
    const answer = await wire.ask(postOf('/graphql', speaker, requestOf()), load.mayBeRefused === true ? REFUSING : undefined);
    const placed = answer.split(PLACED).length - 1;
    if (placed === load.listSize) return meter.note(askedAt, placed);
    if (load.mayBeRefused !== true) throw new Error(`not every order was placed: ${answer.slice(0, 1000)}`);
    if (placed > 0) meter.note(askedAt, placed);
    meter.refuse();
  };
  if (load.requestsPerSecond === null) {
    await Promise.all(
      connections.map(async (connection) => {
        while (meter.running()) await send(connection, performance.now());
      }),
    );
  } else await sendAtFixedTimes(connections, load.requestsPerSecond, meter, send);
  for (const { wire } of connections) wire.close();
});

/** An arrival that finds every connection busy waits for one, and its waiting counts: nothing is left out of the latencies. */
async function sendAtFixedTimes<Connection>(
  connections: readonly Connection[],
  perSecond: number,
  meter: Meter,
  send: (connection: Connection, askedAt: number) => Promise<void>,
): Promise<void> {
  const idle = [...connections];
  const due: number[] = [];
  const began = performance.now();
  let arrivals = 0;
  let failure: unknown = null;
  let open = 0;
  const serve = () => {
    while (idle.length > 0 && due.length > 0) {
      const connection = idle.pop() as Connection;
      open += 1;
      send(connection, due.shift() ?? 0).then(
        () => {
          open -= 1;
          idle.push(connection);
          serve();
        },
        (error: unknown) => {
          failure = error;
        },
      );
    }
  };
  while (meter.running() && failure === null) {
    const now = performance.now();
    for (; began + (arrivals * 1000) / perSecond <= now; arrivals += 1) due.push(began + (arrivals * 1000) / perSecond);
    serve();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  due.length = 0;
  while (open > 0 && failure === null) await new Promise((resolve) => setTimeout(resolve, 1));
  if (failure !== null) throw failure;
}

/** Bodies of requests: every order with a key of its own, SKUs in a random order. */
function requestMaker({ skuIds, listSize }: HttpLoad): () => string {
  const ids = skuIds.map((id) => globalId('Sku', id));
  const run = randomUUID();
  let number = 0;
  const order = () => {
    number += 1;
    const skuId = ids[Math.floor(Math.random() * ids.length)];
    return `{"requestKey":"${run}-${number}","skuId":"${skuId}","quantity":1,"maxTotal":"200.00"}`;
  };
  const query = JSON.stringify(listSize === 1 ? ORDER : LIST);
  if (listSize === 1) return () => `{"query":${query},"variables":{"input":${order()}}}`;
  return () => `{"query":${query},"variables":{"input":{"orders":[${Array.from({ length: listSize }, order).join(',')}]}}}`;
}
