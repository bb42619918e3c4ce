import { createServer } from 'node:http';
import pg from 'pg';

// The catalogue's reference in a process of its own: one hand-written statement that resolves the same rules, bands and stock for
// one page of one station, and bare node:http that sends its rows. No rights, no limits, no choice of fields.

/** What this process is told; it answers with its port. */
export interface ReferencePages {
  readonly url: string;
  readonly networkId: string;
  readonly stationId: string;
  readonly count: number;
}

/** What one row of the page is made from: the same as the server's answer to the benchmark's document. */
export type PageRow = {
  id: string;
  code: string;
  name: string;
  face_value: string;
  unit_size: number;
  unit_price: string | null;
  stock: number;
};

// The chain is walked hop by hop for the whole page at once; each hop takes the most specific rule of its seller: child over level
// over everyone, SKU over product over the nearest category over everything, of values at the minimum quantity.
const PAGE = `WITH RECURSIVE line AS (
  SELECT step.position::int AS position, step.id, s.level_id, s.status
  FROM station v CROSS JOIN LATERAL unnest(v.path) WITH ORDINALITY AS step (id, position) JOIN station s ON s.network_id = $1 AND s.id = step.id
  WHERE v.network_id = $1 AND v.id = $2
), page AS MATERIALIZED (
  SELECT s.id, s.product_id, s.owner_id, s.category_path, s.code, s.name, s.face_value, s.unit_size, s.min_quantity, s.base_price,
    b.id AS band_id, b.floor, b.ceiling,
    (SELECT count(*)::int FROM (SELECT FROM card_key k WHERE k.network_id = $1 AND k.sku_id = s.id AND k.state = 'AVAILABLE'
       AND (k.expires_on IS NULL OR k.expires_on >= current_date) LIMIT 101) counted) AS stock
  FROM (SELECT * FROM sku s WHERE s.network_id = $1 AND s.listing_state IN ('LIVE', 'PAUSED') AND (s.category_path, s.product_id, s.id) >
          (SELECT f.category_path, f.product_id, f.id FROM sku f WHERE f.network_id = $1 AND f.id = $3)
        ORDER BY s.category_path, s.product_id, s.id LIMIT $4) s
  JOIN product p ON p.network_id = $1 AND p.id = s.product_id AND p.archived_at IS NULL
  LEFT JOIN control_band b ON b.network_id = $1 AND b.sku_id = s.id AND b.valid_to IS NULL
), rules AS MATERIALIZED (
  SELECT r.*, seller.position FROM line seller JOIN line buyer ON buyer.position = seller.position + 1
  JOIN markup_rule r ON r.network_id = $1 AND r.station_id = seller.id AND r.valid_to IS NULL
    AND (r.child_id IS NULL OR r.child_id = buyer.id) AND (r.level_id IS NULL OR r.level_id = buyer.level_id)
    AND (r.sku_id = ANY (ARRAY(SELECT id FROM page)) OR (r.sku_id IS NULL AND (r.product_id = ANY (ARRAY(SELECT product_id FROM page))
      OR (r.product_id IS NULL AND (r.category_id IS NULL OR r.category_id = ANY (ARRAY(SELECT unnest(category_path) FROM page)))))))
), best AS MATERIALIZED (
  SELECT DISTINCT ON (p.id, r.position) p.id AS sku_id, r.position, r.kind, r.inversion,
    coalesce((SELECT (step ->> 'value')::numeric FROM jsonb_array_elements(r.breaks) step WHERE (step ->> 'minQuantity')::int <= p.min_quantity
              ORDER BY (step ->> 'minQuantity')::int DESC LIMIT 1), r.value) AS value
  FROM page p JOIN rules r ON r.sku_id = p.id OR (r.sku_id IS NULL AND r.product_id = p.product_id)
    OR (r.sku_id IS NULL AND r.product_id IS NULL AND (r.category_id IS NULL OR r.category_id = ANY (p.category_path)))
  ORDER BY p.id, r.position, (r.child_id IS NOT NULL) DESC, (r.level_id IS NOT NULL) DESC, (r.sku_id IS NOT NULL) DESC, (r.product_id IS NOT NULL) DESC,
    array_position(p.category_path, r.category_id) DESC NULLS LAST
), chain AS (
  SELECT p.id, l.position, p.base_price::numeric AS price, NULL::numeric AS first FROM page p JOIN line l ON l.id = p.owner_id
  UNION ALL
  SELECT c.id, c.position + 1, n.price, coalesce(c.first, n.price)
  FROM chain c JOIN page p ON p.id = c.id LEFT JOIN best b ON b.sku_id = c.id AND b.position = c.position
  CROSS JOIN LATERAL (SELECT CASE WHEN c.first IS NULL THEN a.asked
      ELSE least(greatest(a.asked, coalesce(p.floor, a.asked)), coalesce(p.ceiling, 3 * c.first)) END AS price
    FROM (SELECT CASE WHEN b.kind IS NULL THEN c.price WHEN c.first IS NOT NULL AND c.price > coalesce(p.ceiling, 3 * c.first) THEN NULL
      WHEN b.kind = 'PERCENT' THEN c.price + round(c.price * b.value / 100, 4) WHEN b.kind = 'FIXED' THEN c.price + b.value
      WHEN c.price <= b.value THEN b.value WHEN b.inversion = 'RAISE_TO_START' THEN c.price END AS asked) a) n
  WHERE c.position < (SELECT max(position) FROM line)
)
SELECT p.id, p.code, p.name, p.face_value, p.unit_size, c.price AS unit_price, p.stock
FROM page p JOIN chain c ON c.id = p.id AND c.position = (SELECT max(position) FROM line)
WHERE NOT EXISTS (SELECT FROM line WHERE status <> 'ACTIVE')
ORDER BY p.category_path, p.product_id, p.id`;

process.once('message', (told: ReferencePages) => {
  const pool = new pg.Pool({
    connectionString: told.url,
    max: 10,
    options: '-c role=fenzhan_app -c plan_cache_mode=force_generic_plan -c jit=off',
  });
  const server = createServer((request, response) => {
    const after = (request.url ?? '').slice('/?after='.length);
    pool.query<PageRow>({ name: 'bench.page', text: PAGE, values: [told.networkId, told.stationId, after, told.count] }).then(
      ({ rows }) => {
        const text = Buffer.from(JSON.stringify({ data: rows }), 'utf8');
        response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length }).end(text);
      },
      (error: Error) => response.writeHead(500, { 'Content-Length': Buffer.byteLength(error.message) }).end(error.message),
    );
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as { port: number }).port));
});
