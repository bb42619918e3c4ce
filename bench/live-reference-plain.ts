import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ExecutionArgs } from 'graphql';
import { useServer as serveSockets } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import pg from 'pg';
import { WebSocketServer } from 'ws';
import type { ReferenceOrder } from './live-reference.ts';

// Yoga and graphql-ws as their recipes join them, with our schema: every subscriber has a generator and an execution of its own,
// and its resolvers read what they answer from the database, one prepared statement each.

/** What one subscriber is told of; two fields of a document that show the stock read it once. */
type Change = { readonly cursor: string; stock?: Promise<object> };
type SkuRow = { id: string; code: string; name: string; unit_size: number; product: string; category: string };

const globalId = (type: string, id: string): string => Buffer.from(`${type}:${id}`).toString('base64url');

process.once('message', (order: ReferenceOrder) => {
  if (order.kind === 'START') serve(order);
});
process.on('disconnect', () => process.exit(0));

function serve({ databaseUrl, networkId, skuId }: Extract<ReferenceOrder, { kind: 'START' }>): void {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  const waiting = new Set<(change: Change) => void>();
  process.on('message', (order: ReferenceOrder) => {
    if (order.kind !== 'CHANGED') return;
    for (const tell of waiting) tell({ cursor: order.cursor });
  });
  const yoga = createYoga({
    schema: createSchema({
      typeDefs: readFileSync(new URL('../schema/schema.graphql', import.meta.url), 'utf8'),
      resolvers: {
        Subscription: {
          stockUpdated: { subscribe: () => changes(waiting), resolve: (change: Change) => change },
        },
        StockEvent: {
          occurredAt: () => new Date().toISOString(),
          sku: () => skuOf(pool, networkId, skuId),
          stock: (change: Change) => {
            change.stock ??= stockOf(pool, networkId, skuId);
            return change.stock;
          },
        },
      },
    }),
    logging: false,
  });
  const http = createServer((request, response) => void yoga(request, response));
  const sockets = new WebSocketServer({ server: http, path: yoga.graphqlEndpoint });
  type Root = { execute: (args: ExecutionArgs) => unknown; subscribe: (args: ExecutionArgs) => unknown };
  serveSockets(
    {
      execute: (args) => (args.rootValue as Root).execute(args) as never,
      subscribe: (args) => (args.rootValue as Root).subscribe(args) as never,
      onSubscribe: async (connection, _id, params) => {
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({ ...connection, params });
        const document = parse(params.query);
        const errors = validate(schema, document);
        if (errors.length > 0) return errors;
        const args = { schema, operationName: params.operationName, document, variableValues: params.variables };
        return { ...args, contextValue: await contextFactory(), rootValue: { execute, subscribe } };
      },
    },
    sockets,
  );
  http.listen(0, '127.0.0.1', () => process.send?.((http.address() as AddressInfo).port));
}

/** What changes from now on, for one subscriber; nothing is left out. */
async function* changes(waiting: Set<(change: Change) => void>): AsyncGenerator<Change> {
  const queue: Change[] = [];
  let wake = Promise.withResolvers<void>();
  const tell = (change: Change) => {
    queue.push(change);
    wake.resolve();
  };
  waiting.add(tell);
  try {
    for (;;) {
      for (let change = queue.shift(); change !== undefined; change = queue.shift()) yield change;
      await wake.promise;
      wake = Promise.withResolvers<void>();
    }
  } finally {
    waiting.delete(tell);
  }
}

async function skuOf(pool: pg.Pool, networkId: string, skuId: string): Promise<object> {
  const { rows } = await pool.query<SkuRow>({
    name: 'sku',
    text: `SELECT s.id, s.code, s.name, s.unit_size, p.name AS product, c.name AS category FROM sku s
           JOIN product p ON p.network_id = s.network_id AND p.id = s.product_id
           JOIN category c ON c.network_id = p.network_id AND c.id = p.category_id WHERE s.network_id = $1 AND s.id = $2`,
    values: [networkId, skuId],
  });
  const row = rows[0];
  if (row === undefined) throw new Error('the SKU is gone');
  const { id, code, name, product, category } = row;
  return { id: globalId('Sku', id), code, name, unitSize: row.unit_size, product: { name: product, category: { name: category } } };
}

/** Counts to 101 as the product does: from there on there are many. */
async function stockOf(pool: pg.Pool, networkId: string, skuId: string): Promise<object> {
  const { rows } = await pool.query<{ count: number }>({
    name: 'stock',
    text: `SELECT count(*)::int AS count FROM (SELECT FROM card_key WHERE network_id = $1 AND sku_id = $2 AND state = 'AVAILABLE' LIMIT 101) k`,
    values: [networkId, skuId],
  });
  const count = rows[0]?.count ?? 0;
  return { availableCount: count > 100 ? null : count, many: count > 100 };
}
