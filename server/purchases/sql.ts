import { statement } from '#server/platform/database.ts';

/** New attempts, PLANNED. Its unique keys (a live attempt of the line, its number, the request key) are the last guards. */
export const insertAttempts = statement(
  'purchases.insertAttempts',
  `INSERT INTO purchase_attempt (network_id, id, owner_id, purpose, order_id, line_id, subject_id, sku_id, offer_id, account_id, supplier_id,
     attempt_number, quantity, terms, goods, goods_kind, quoted_cost, cost_limit, upstream_currency, upstream_max_cost, rate, request_key,
     state, due_at, created_at, updated_at)
   SELECT $1, a.id, a.owner_id, a.purpose, a.order_id, a.line_id, a.subject_id, a.sku_id, a.offer_id, a.account_id, a.supplier_id,
     a.attempt_number, a.quantity, a.terms, a.goods, a.goods_kind, a.quoted_cost, a.cost_limit, a.upstream_currency, a.upstream_max_cost,
     a.rate, a.request_key, 'PLANNED', a.due_at, $2::timestamptz, $2::timestamptz
   FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[],
     $13::int[], $14::int[], $15::lot_terms[], $16::jsonb[], $17::text[], $18::numeric[], $19::numeric[], $20::text[], $21::numeric[],
     $22::numeric[], $23::text[], $24::timestamptz[]) AS a (id, owner_id, purpose, order_id, line_id, subject_id, sku_id, offer_id, account_id,
     supplier_id, attempt_number, quantity, terms, goods, goods_kind, quoted_cost, cost_limit, upstream_currency, upstream_max_cost, rate,
     request_key, due_at)`,
);
