import pg from 'pg';
import type { FreshDatabase } from '#test/support/database.ts';

/** The network that is to grow: HQ owns the goods, all new stations stand below `parent`. */
export interface Seed {
  readonly networkId: string;
  readonly hq: string;
  readonly parent: string;
  readonly supplier: string;
  readonly userId: string;
}

const STATIONS = 4_000;
const SKUS = 4_000;
const CATEGORIES = 30;
const KEYS_PER_SKU = 2;
const ORDERS = 3_000;
const DAYS = 60;

// Each statement makes one table's rows from those before it; $1 network, $2 HQ, $3 parent, $4 supplier, $5 user.
const STEPS: readonly string[] = [
  `INSERT INTO station (network_id, id, parent_id, kind, name, code, path, depth, created_at, updated_at)
   SELECT $1, m.id, $3, 'RESELLER', 'Station ' || g, 'N' || g, ARRAY[$2, $3, m.id], 2, now(), now()
   FROM (SELECT uuidv7() AS id, g FROM generate_series(1, ${STATIONS}) g OFFSET 0) m`,
  `INSERT INTO category (network_id, id, owner_id, name, path, created_at)
   SELECT $1, m.id, $2, 'Shelf ' || g, ARRAY[m.id], now() FROM (SELECT uuidv7() AS id, g FROM generate_series(1, ${CATEGORIES}) g OFFSET 0) m`,
  `INSERT INTO product (network_id, id, owner_id, category_id, name, brand, created_at)
   SELECT $1, uuidv7(), $2, c.id, 'Product ' || g, 'Brand', now() FROM generate_series(1, ${SKUS}) g
   JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM category WHERE network_id = $1 AND name LIKE 'Shelf %') c ON c.n = 1 + g % ${CATEGORIES}`,
  `INSERT INTO sku (network_id, id, product_id, owner_id, category_path, code, name, face_value, currency, base_price, created_at, updated_at)
   SELECT $1, uuidv7(), p.id, $2, ARRAY[p.category_id], 'K' || row_number() OVER (ORDER BY p.id), 'SKU', '50', 'CNY', 47.5, now(), now()
   FROM product p WHERE p.network_id = $1 AND p.brand = 'Brand'`,
  `INSERT INTO bundle_component (network_id, id, bundle_sku_id, component_sku_id, quantity, weight, position, valid_from)
   SELECT $1, uuidv7(), s.id, s.next_id, 1, 1, 1, now()
   FROM (SELECT id, lead(id) OVER (ORDER BY id) AS next_id FROM sku WHERE network_id = $1 AND face_value = '50') s WHERE s.next_id IS NOT NULL`,
  `INSERT INTO markup_rule (network_id, id, station_id, sku_id, kind, value, currency, valid_from, created_by)
   SELECT $1, uuidv7(), t.id, s.id, 'FIXED', 0.3, 'CNY', now(), $5 FROM unnest(ARRAY[$2, $3]) AS t (id) JOIN sku s ON s.network_id = $1 AND s.face_value = '50'`,
  `INSERT INTO markup_rule (network_id, id, station_id, child_id, kind, value, currency, valid_from, created_by)
   SELECT $1, uuidv7(), $3, s.id, 'FIXED', 0.1, 'CNY', now(), $5 FROM station s WHERE s.network_id = $1 AND s.code LIKE 'N%0'`,
  `INSERT INTO control_band (network_id, id, sku_id, floor, ceiling, currency, valid_from, created_by)
   SELECT $1, uuidv7(), s.id, 30, 120, 'CNY', now(), $5 FROM sku s WHERE s.network_id = $1 AND s.face_value = '50'`,
  `INSERT INTO commission_plan (network_id, id, owner_id, sku_id, pool_kind, pool_value, share_bps, currency, valid_from, created_by)
   SELECT $1, uuidv7(), $2, s.id, 'PERCENT', 1, '{5000,3000,2000}', 'CNY', now(), $5 FROM sku s WHERE s.network_id = $1 AND s.face_value = '50'`,
  `INSERT INTO lot (network_id, id, sku_id, owner_id, supplier_id, terms, currency, total_cost, key_count, data_key, vault_key_id, created_by, created_at)
   SELECT $1, uuidv7(), s.id, $2, $4, 'CONSIGNMENT', 'CNY', 80, ${KEYS_PER_SKU}, '\\x00', 'v', $2, now() FROM sku s WHERE s.network_id = $1 AND s.face_value = '50'`,
  `INSERT INTO card_key (network_id, id, lot_id, sku_id, owner_id, state, sealed, fingerprint, cost, updated_at)
   SELECT $1, k.id, l.id, l.sku_id, $2, 'AVAILABLE', sha256(uuid_send(k.id)) || sha256('sealed'), sha256(uuid_send(k.id)), 40, now()
   FROM lot l CROSS JOIN LATERAL (SELECT uuidv7() AS id FROM generate_series(1, ${KEYS_PER_SKU}) g WHERE l.id IS NOT NULL OFFSET 0) k
   WHERE l.network_id = $1 AND l.vault_key_id = 'v'`,
  `INSERT INTO account (network_id, id, station_id, kind, currency, balance, floorless, updated_at)
   SELECT $1, uuidv7(), s.id, t.kind::account_kind, 'CNY', 1000, t.kind = 'EARNINGS_PENDING', now()
   FROM station s CROSS JOIN unnest(ARRAY['WALLET', 'EARNINGS_PENDING']) AS t (kind) WHERE s.network_id = $1 AND s.code LIKE 'N%'`,
  `INSERT INTO account (network_id, id, station_id, kind, currency, balance, floorless, updated_at)
   SELECT $1, uuidv7(), t.id, 'EARNINGS_PENDING', 'CNY', 0, true, now() FROM unnest(ARRAY[$2, $3]) AS t (id) ON CONFLICT DO NOTHING`,
  // a third of all orders are the parent's own, so that its lists are long
  `INSERT INTO orders (network_id, id, buyer_id, owner_id, buyer_path, sku_id, product_name, sku_name, listing_version, quantity, unit_size, unit_price, total,
     currency, state, delivery_kind, cost, settlement_days, due_on, request_key, external_ref, channel, placed_by_user_id, placed_at, delivered_at, updated_at)
   SELECT $1, uuidv7(m.at - now()), b.id, $2, b.path, s.id, 'Product', 'SKU', 1, 1, 1, 48, 48, 'CNY', 'DELIVERED', 'FROM_STOCK', 40, 7, m.at::date,
     'r' || m.g, 'e' || m.g, 'API', $5, m.at, m.at, m.at
   FROM (SELECT g, now() - g * interval '${DAYS} days' / ${ORDERS + 1} AS at FROM generate_series(1, ${ORDERS}) g) m
   JOIN (SELECT id, path, row_number() OVER (ORDER BY id) AS n FROM station WHERE network_id = $1 AND code LIKE 'N%') o ON o.n = 1 + m.g % ${STATIONS}
   JOIN station b ON b.network_id = $1 AND b.id = CASE WHEN m.g % 3 = 0 THEN $3 ELSE o.id END
   JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM sku WHERE network_id = $1 AND face_value = '50') s ON s.n = 1 + m.g % ${SKUS}`,
  `INSERT INTO order_hop (network_id, id, order_id, station_id, distance, role, paid_total, sold_total, margin)
   SELECT $1, uuidv7(), o.id, o.buyer_path[i], cardinality(o.buyer_path) - i,
     (CASE WHEN i = 1 THEN 'OWNER' WHEN i = cardinality(o.buyer_path) THEN 'BUYER' ELSE 'SELLER' END)::hop_role,
     CASE WHEN i > 1 THEN 48 END, CASE WHEN i < cardinality(o.buyer_path) THEN 48 END, 0
   FROM orders o CROSS JOIN LATERAL generate_subscripts(o.buyer_path, 1) i WHERE o.network_id = $1`,
  `INSERT INTO order_line (network_id, id, order_id, sku_id, quantity, delivered_quantity, source, cost)
   SELECT $1, uuidv7(), o.id, o.sku_id, 1, 1, 'STOCK', 40 FROM orders o WHERE o.network_id = $1`,
  `INSERT INTO request_key (network_id, id, station_id, effect, key, input_hash, outcome, created_at)
   SELECT $1, uuidv7(), o.buyer_id, 'order', o.request_key, sha256('x'), jsonb_build_object('orderId', o.id), now() FROM orders o WHERE o.network_id = $1`,
  `INSERT INTO transfer (network_id, id, kind, order_id, actor_id, created_at)
   SELECT $1, uuidv7(), 'ORDER', o.id, $5, o.placed_at FROM orders o WHERE o.network_id = $1`,
  `INSERT INTO posting (network_id, id, transfer_id, account_id, amount, currency, reason, due_on, created_at)
   SELECT $1, uuidv7(), t.id, a.id, CASE WHEN a.kind = 'WALLET' THEN -48 ELSE 48 END, 'CNY', CASE WHEN a.kind = 'WALLET' THEN 'SALE' ELSE 'MARGIN' END::posting_reason, NULL, now()
   FROM orders o JOIN transfer t ON t.network_id = $1 AND t.order_id = o.id
   JOIN account a ON a.network_id = $1 AND ((a.station_id = o.buyer_id AND a.kind = 'WALLET') OR (a.station_id = $2 AND a.kind = 'EARNINGS_PENDING'))
   WHERE o.network_id = $1`,
  `INSERT INTO outbox_event (network_id, id, seq, topic, subject_id, audience, occurred_at)
   SELECT $1, uuidv7(), row_number() OVER (ORDER BY o.id), 'order.delivered', o.id, o.buyer_path, o.placed_at FROM orders o WHERE o.network_id = $1`,
  `INSERT INTO relay_position (network_id, id, last_seq, updated_at) SELECT $1, uuidv7(), max(e.seq), now() FROM outbox_event e WHERE e.network_id = $1`,
  `INSERT INTO audit_entry (network_id, id, station_id, actor_kind, actor_id, action, created_at)
   SELECT $1, uuidv7(), CASE WHEN g % 2 = 0 THEN $3 ELSE $2 END, 'USER', $5, 'something', now() FROM generate_series(1, 5000) g`,
  `INSERT INTO api_key (network_id, id, station_id, name, prefix, secret_hash, scopes, allowed_ips, created_by, created_at)
   SELECT $1, uuidv7(), s.id, 'key', 'fz', sha256('x'), '{}', '{}', $5, now() FROM station s WHERE s.network_id = $1 AND s.code LIKE 'N%'`,
];

/**
 * Makes tens of thousands of rows of every table that a hot statement reads, by one statement a table. They look like what the
 * program writes, but nobody has decided them: good for planners, not for audits.
 */
export async function fill(fresh: FreshDatabase, { networkId, hq, parent, supplier, userId }: Seed): Promise<void> {
  const client = new pg.Client({ connectionString: fresh.url });
  await client.connect();
  try {
    // what refers to what is right by construction, and checking it a row at a time takes longer than writing it; and a table that
    // was empty a moment ago must not be joined as if it still were
    await client.query('SET session_replication_role = replica; SET enable_nestloop = off');
    for (const step of STEPS) {
      const used = [networkId, hq, parent, supplier, userId].map((id, index) => (step.includes(`$${index + 1}`) ? `'${id}'` : 'NULL'));
      await client.query(`PREPARE step (uuid, uuid, uuid, uuid, uuid) AS ${step}`);
      await client.query(`EXECUTE step (${used.join(', ')})`);
      await client.query('DEALLOCATE step');
    }
    await client.query('ANALYZE');
  } finally {
    await client.end();
  }
}
