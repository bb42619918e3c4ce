import { createHash } from 'node:crypto';
import type pg from 'pg';

// R, the reference: the best hand-written SQL of one order per commit. One prepared statement in one round trip claims a card key
// and writes every row that `placeOrders` writes for one order, with prices, margins and commission given as parameters. Of the
// balances it moves the buyer's wallet alone: those of headquarters, the stations between and the supplier are shared by all
// orders, and 16 connections would queue for them (which is what the lane is for). It decides nothing: no price, no limit, no
// request key of before.

/** A row as the driver reads it: ids, amounts, dates and names of kinds as text. */
type TemplateRow = Readonly<Record<string, string | number | null>>;

/** An order of this shop as the server wrote it: R repeats its rows. */
export interface OrderTemplate {
  readonly networkId: string;
  /** The shop has one supplier. */
  readonly supplierId: string;
  readonly order: Readonly<Record<string, unknown>>;
  readonly hops: readonly TemplateRow[];
  readonly postings: readonly TemplateRow[];
}

/** What differs from order to order. */
export interface ReferenceOrder {
  readonly buyerId: string;
  readonly skuId: string;
  readonly requestKey: string;
}

/** Reads the first order of a shop. */
export async function readTemplate(client: pg.Client, networkId: string): Promise<OrderTemplate> {
  const [order] = (
    await client.query('SELECT *, due_on::text AS due_on FROM orders WHERE network_id = $1 ORDER BY id LIMIT 1', [networkId])
  ).rows;
  if (order === undefined) throw new Error('R repeats an order, and there is none');
  const hops = await client.query('SELECT * FROM order_hop WHERE network_id = $1 AND order_id = $2 ORDER BY distance', [
    networkId,
    order.id,
  ]);
  const postings = await client.query(
    `SELECT p.*, p.due_on::text AS due_on, a.kind AS account_kind FROM transfer t JOIN posting p ON p.network_id = $1 AND p.transfer_id = t.id
     JOIN account a ON a.network_id = $1 AND a.id = p.account_id WHERE t.network_id = $1 AND t.order_id = $2 ORDER BY p.id`,
    [networkId, order.id],
  );
  const [supplier] = (await client.query('SELECT id FROM supplier WHERE network_id = $1', [networkId])).rows;
  return { networkId, supplierId: supplier.id, order, hops: hops.rows, postings: postings.rows };
}

/** The statement. The wallet's floor is guarded by account_floor_check, the key by the same locks and index as the server's. */
export const referenceStatement = {
  name: 'bench.reference',
  text: `WITH wallet AS (
    UPDATE account SET balance = balance - $8::numeric, updated_at = $7
    WHERE network_id = $1 AND station_id = $3 AND supplier_id IS NULL AND kind = 'WALLET' AND currency = 'CNY' RETURNING id
  ), claimed AS (
    SELECT id FROM card_key WHERE network_id = $1 AND sku_id = $4 AND state = 'AVAILABLE' AND (expires_on IS NULL OR expires_on >= $12::date)
    ORDER BY expires_on, id LIMIT 1 FOR UPDATE SKIP LOCKED
  ), taken AS (
    UPDATE card_key k SET state = 'SOLD', updated_at = $7 FROM claimed c WHERE k.network_id = $1 AND k.id = c.id AND k.state = 'AVAILABLE' RETURNING k.id
  ), new_order AS (
    INSERT INTO orders (network_id, id, buyer_id, owner_id, buyer_path, sku_id, product_name, sku_name, listing_version, quantity, unit_size,
      unit_price, total, currency, state, delivery_kind, cost, commission_plan_id, commission_pool, settlement_days, due_on, request_key, channel,
      placed_by_key_id, client_address, placed_at, delivered_at, updated_at)
    VALUES ($1, $2, $3, $13, $14, $4, $15, $16, 1, 1, 1, $17, $8, 'CNY', 'DELIVERED', 'FROM_STOCK', $9, $18, $19, 7, $11, $6, 'API', $20, '127.0.0.1', $7, $7, $7)
  ), new_hops AS (
    INSERT INTO order_hop (network_id, id, order_id, station_id, distance, role, paid_unit_price, paid_total, sold_unit_price, sold_total,
      markup_rule_id, margin, commission)
    SELECT $1, h.id, $2, h.station_id, h.distance, h.role, h.paid_unit_price, h.paid_total, h.sold_unit_price, h.sold_total, h.rule_id, h.margin, h.commission
    FROM unnest($21::uuid[], $22::uuid[], $23::int[], $24::hop_role[], $25::numeric[], $26::numeric[], $27::numeric[], $28::numeric[], $29::uuid[],
      $30::numeric[], $31::numeric[]) AS h (id, station_id, distance, role, paid_unit_price, paid_total, sold_unit_price, sold_total, rule_id, margin, commission)
  ), new_line AS (
    INSERT INTO order_line (network_id, id, order_id, sku_id, quantity, delivered_quantity, source, cost) VALUES ($1, $5, $2, $4, 1, 1, 'STOCK', $9)
  ), new_sale AS (
    INSERT INTO card_key_sale (network_id, id, card_key_id, order_id, line_id, supplier_id, terms, cost, position)
    SELECT $1, $32, t.id, $2, $5, $33, 'CONSIGNMENT', $9, 1 FROM taken t
  ), new_key AS (
    INSERT INTO request_key (network_id, id, station_id, effect, key, input_hash, outcome, created_at)
    VALUES ($1, $34, $3, 'order', $6, $10, jsonb_build_object('orderId', $2::uuid), $7)
  ), new_events AS (
    INSERT INTO outbox_event (network_id, id, topic, subject_id, audience, data, occurred_at)
    VALUES ($1, $35, 'order.delivered', $2, $14, jsonb_build_object('orderId', $2::uuid, 'skuId', $4::uuid, 'ownerId', $13::uuid), $7),
           ($1, $36, 'stock.changed', $4, ARRAY[$13::uuid], jsonb_build_object('skuId', $4::uuid), $7)
  ), new_transfer AS (
    INSERT INTO transfer (network_id, id, kind, order_id, actor_id, created_at) VALUES ($1, $37, 'ORDER', $2, $20, $7)
  ), new_postings AS (
    INSERT INTO posting (network_id, id, transfer_id, account_id, amount, currency, reason, due_on, created_at)
    SELECT $1, p.id, $37, coalesce(p.account_id, (SELECT id FROM wallet)), p.amount, 'CNY', p.reason, p.due_on, $7
    FROM unnest($38::uuid[], $39::uuid[], $40::numeric[], $41::posting_reason[], $42::date[]) AS p (id, account_id, amount, reason, due_on)
  )
  SELECT count(*)::int AS sold FROM taken`,
} as const;

/** Makes the parameters of one order after another. What all have in common is written as text once, as the server's own lists are. */
export function referenceParameters(template: OrderTemplate, newId: () => string): (order: ReferenceOrder) => unknown[] {
  const { networkId, supplierId, order, hops, postings } = template;
  const column = (rows: typeof hops, name: string) => textOf(rows.map((row) => row[name]));
  const path = order['buyer_path'] as string[];
  const above = path.slice(0, -1).join(',');
  const sellers = textOf(hops.filter((hop) => hop['distance'] !== 0).map((hop) => hop['station_id'])).slice(1, -1);
  const accounts = textOf(postings.map((posting) => (posting['account_kind'] === 'WALLET' ? null : posting['account_id'])));
  const hopColumns = ['paid_unit_price', 'paid_total', 'sold_unit_price', 'sold_total', 'markup_rule_id', 'margin', 'commission'];
  const hopValues = hopColumns.map((name) => column(hops, name));
  const [distances, roles] = [column(hops, 'distance'), column(hops, 'role')];
  const [amounts, reasons, dueOns] = [column(postings, 'amount'), column(postings, 'reason'), column(postings, 'due_on')];
  const newIds = (rows: readonly unknown[]) => `{${rows.map(newId).join(',')}}`;
  if (hops[0]?.['distance'] !== 0) throw new Error('the first hop of a template is its buyer');
  return ({ buyerId, skuId, requestKey }) => {
    const now = new Date().toISOString();
    const inputHash = createHash('sha256').update(requestKey).digest();
    return [
      networkId,
      newId(),
      buyerId,
      skuId,
      newId(),
      requestKey,
      now,
      order['total'],
      order['cost'],
      inputHash,
      order['due_on'],
      now,
      order['owner_id'],
      `{${above},${buyerId}}`,
      order['product_name'],
      order['sku_name'],
      order['unit_price'],
      order['commission_plan_id'],
      order['commission_pool'],
      order['placed_by_key_id'],
      newIds(hops),
      `{${buyerId},${sellers}}`,
      distances,
      roles,
      ...hopValues,
      newId(),
      supplierId,
      newId(),
      newId(),
      newId(),
      newId(),
      newIds(postings),
      accounts,
      amounts,
      reasons,
      dueOns,
    ];
  };
}

/** A column as the text of an array: ids, amounts, dates and names of kinds need no quotes. */
function textOf(values: readonly (string | number | null | undefined)[]): string {
  return `{${values.map((value) => String(value ?? 'NULL')).join(',')}}`;
}
