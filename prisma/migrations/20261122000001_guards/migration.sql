-- What Prisma's language cannot say: CHECKs, partial and NULLS NOT DISTINCT keys, and the application's role.
-- Each guard names the invariant of the domain (§) that it is the last line of.

-- Prisma leaves list columns nullable, and a CHECK passes on NULL
ALTER TABLE station ALTER COLUMN path SET NOT NULL;
ALTER TABLE category ALTER COLUMN path SET NOT NULL;
ALTER TABLE sku ALTER COLUMN category_path SET NOT NULL;
ALTER TABLE commission_plan ALTER COLUMN share_bps SET NOT NULL;
ALTER TABLE api_key ALTER COLUMN scopes SET NOT NULL, ALTER COLUMN allowed_ips SET NOT NULL;
ALTER TABLE orders ALTER COLUMN buyer_path SET NOT NULL;
ALTER TABLE refund ALTER COLUMN card_key_ids SET NOT NULL;
ALTER TABLE outbox_event ALTER COLUMN audience SET NOT NULL;

-- ---- §2 the graph ----
ALTER TABLE network
  ADD CONSTRAINT network_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT network_time_zone_check CHECK (time_zone <> ''),
  ADD CONSTRAINT network_settlement_days_check CHECK (settlement_days BETWEEN 0 AND 365),
  ADD CONSTRAINT network_commission_levels_check CHECK (commission_levels_max BETWEEN 0 AND 3),
  ADD CONSTRAINT network_refund_limit_check CHECK (refund_limit >= 0);

ALTER TABLE station
  ADD CONSTRAINT station_depth_check CHECK (depth BETWEEN 0 AND 12),
  ADD CONSTRAINT station_path_ends_with_self_check CHECK (cardinality(path) = depth + 1 AND path[depth + 1] = id),
  ADD CONSTRAINT station_path_names_parent_check CHECK (parent_id IS NOT DISTINCT FROM path[depth]),
  ADD CONSTRAINT station_only_hq_is_root_check CHECK ((parent_id IS NULL) = (kind = 'HEADQUARTERS')),
  ADD CONSTRAINT station_parent_needs_level_check CHECK (level_id IS NULL OR parent_id IS NOT NULL),
  ADD CONSTRAINT station_frozen_by_check CHECK (frozen_by IS NULL OR (status = 'FROZEN' AND frozen_by <> id)),
  ADD CONSTRAINT station_name_check CHECK (name <> '' AND code <> '');
CREATE UNIQUE INDEX station_one_hq_key ON station (network_id) WHERE kind = 'HEADQUARTERS';

ALTER TABLE membership ADD CONSTRAINT membership_one_party_check CHECK (num_nonnulls(station_id, supplier_id) = 1);
CREATE UNIQUE INDEX membership_live_key ON membership (network_id, user_id, station_id, supplier_id) NULLS NOT DISTINCT WHERE revoked_at IS NULL;

ALTER TABLE api_key
  ADD CONSTRAINT api_key_one_party_check CHECK (num_nonnulls(station_id, supplier_id) = 1),
  ADD CONSTRAINT api_key_hash_check CHECK (octet_length(secret_hash) = 32);

-- ---- §3 catalogue and prices ----
ALTER TABLE category
  ADD CONSTRAINT category_path_check CHECK (cardinality(path) BETWEEN 1 AND 3 AND path[cardinality(path)] = id),
  ADD CONSTRAINT category_path_names_parent_check CHECK (parent_id IS NOT DISTINCT FROM path[cardinality(path) - 1]);

ALTER TABLE sku
  ADD CONSTRAINT sku_base_price_check CHECK (base_price > 0),
  ADD CONSTRAINT sku_unit_size_check CHECK (unit_size IN (1, 100, 1000)),
  ADD CONSTRAINT sku_quantity_check CHECK (min_quantity >= 1 AND max_quantity >= min_quantity AND quantity_step >= 1),
  ADD CONSTRAINT sku_category_path_check CHECK (cardinality(category_path) BETWEEN 1 AND 3);

ALTER TABLE markup_rule
  ADD CONSTRAINT markup_rule_value_check CHECK (value >= 0),
  ADD CONSTRAINT markup_rule_one_target_check CHECK (num_nonnulls(child_id, level_id) <= 1),
  ADD CONSTRAINT markup_rule_one_scope_check CHECK (num_nonnulls(sku_id, product_id, category_id) <= 1),
  ADD CONSTRAINT markup_rule_validity_check CHECK (valid_to IS NULL OR valid_to >= valid_from),
  ADD CONSTRAINT markup_rule_breaks_check CHECK (jsonb_typeof(breaks) = 'array');
-- one live rule for a target and scope; the chain's rules are read through it by (network_id, station_id)
CREATE UNIQUE INDEX markup_rule_live_key ON markup_rule (network_id, station_id, child_id, level_id, sku_id, product_id, category_id) NULLS NOT DISTINCT WHERE valid_to IS NULL;

ALTER TABLE control_band
  ADD CONSTRAINT control_band_order_check CHECK (floor IS NULL OR ceiling IS NULL OR ceiling >= floor),
  ADD CONSTRAINT control_band_positive_check CHECK (coalesce(floor, 0) >= 0 AND coalesce(ceiling, 1) > 0),
  ADD CONSTRAINT control_band_validity_check CHECK (valid_to IS NULL OR valid_to >= valid_from);
CREATE UNIQUE INDEX control_band_live_key ON control_band (network_id, sku_id) WHERE valid_to IS NULL;

-- ---- §4 commission ----
ALTER TABLE commission_plan
  ADD CONSTRAINT commission_plan_one_scope_check CHECK (num_nonnulls(sku_id, product_id, category_id) = 1),
  ADD CONSTRAINT commission_plan_pool_check CHECK (pool_value >= 0),
  ADD CONSTRAINT commission_plan_levels_check CHECK (cardinality(share_bps) BETWEEN 1 AND 3),
  ADD CONSTRAINT commission_plan_shares_check CHECK (
    share_bps[1] >= 0 AND coalesce(share_bps[2], 0) >= 0 AND coalesce(share_bps[3], 0) >= 0
    AND share_bps[1] + coalesce(share_bps[2], 0) + coalesce(share_bps[3], 0) <= 10000),
  ADD CONSTRAINT commission_plan_validity_check CHECK (valid_to IS NULL OR valid_to >= valid_from);
CREATE UNIQUE INDEX commission_plan_live_key ON commission_plan (network_id, owner_id, sku_id, product_id, category_id) NULLS NOT DISTINCT WHERE valid_to IS NULL;

-- ---- stock ----
ALTER TABLE lot ADD CONSTRAINT lot_cost_check CHECK (total_cost >= 0 AND key_count >= 0);
-- consigned goods have a supplier who is owed
ALTER TABLE lot ADD CONSTRAINT lot_consignor_check CHECK (terms = 'OWN' OR supplier_id IS NOT NULL);

ALTER TABLE card_key
  ADD CONSTRAINT card_key_cost_check CHECK (cost >= 0),
  ADD CONSTRAINT card_key_fingerprint_check CHECK (octet_length(fingerprint) = 32),
  ADD CONSTRAINT card_key_duplicate_is_quarantined_check CHECK (duplicate_of IS NULL OR state IN ('QUARANTINED', 'VOID'));
-- first expiring first out; keys without expiry last; UUIDv7 ids keep arrival order
CREATE INDEX card_key_available_idx ON card_key (network_id, sku_id, expires_on, id) WHERE state = 'AVAILABLE';
CREATE UNIQUE INDEX card_key_owner_fingerprint_key ON card_key (network_id, owner_id, fingerprint);
CREATE UNIQUE INDEX card_key_original_fingerprint_key ON card_key (network_id, fingerprint) WHERE duplicate_of IS NULL;

-- §5.4 a card key is sold at most once
CREATE UNIQUE INDEX card_key_sale_live_key ON card_key_sale (network_id, card_key_id) WHERE returned_at IS NULL;
CREATE INDEX card_key_sale_line_idx ON card_key_sale (network_id, line_id);
ALTER TABLE card_key_sale
  ADD CONSTRAINT card_key_sale_cost_check CHECK (cost >= 0),
  -- a revealed key never returns to stock
  ADD CONSTRAINT card_key_sale_revealed_stays_check CHECK (revealed_at IS NULL OR returned_at IS NULL);

ALTER TABLE import_job ADD CONSTRAINT import_job_counts_check CHECK (line_count >= 0 AND imported_count >= 0 AND duplicate_count >= 0);
CREATE INDEX import_job_waiting_idx ON import_job (network_id, id) WHERE state IN ('PENDING', 'RUNNING');

-- ---- §5 money ----
ALTER TABLE account
  ADD CONSTRAINT account_floor_check CHECK (floorless OR balance >= -credit_limit),
  ADD CONSTRAINT account_credit_check CHECK (credit_limit >= 0 AND (credit_limit = 0 OR kind = 'WALLET')),
  ADD CONSTRAINT account_floorless_check CHECK (
    CASE WHEN kind IN ('HELD', 'EARNINGS', 'DEPOSIT') THEN NOT floorless
         WHEN kind = 'WALLET' THEN true
         ELSE floorless END),
  ADD CONSTRAINT account_holder_check CHECK (
    CASE WHEN kind IN ('CASH', 'SUSPENSE') THEN num_nonnulls(station_id, supplier_id) = 0
         WHEN kind IN ('WALLET', 'HELD', 'EARNINGS', 'EARNINGS_PENDING', 'CLAWBACK') THEN station_id IS NOT NULL AND supplier_id IS NULL
         WHEN kind IN ('PAYABLE', 'PAYABLE_PENDING') THEN supplier_id IS NOT NULL AND station_id IS NULL
         ELSE num_nonnulls(station_id, supplier_id) = 1 END);
CREATE UNIQUE INDEX account_holder_key ON account (network_id, station_id, supplier_id, kind, currency) NULLS NOT DISTINCT;

ALTER TABLE posting ADD CONSTRAINT posting_amount_check CHECK (amount <> 0);
CREATE UNIQUE INDEX transfer_one_per_order_key ON transfer (network_id, order_id) WHERE kind = 'ORDER';

-- ---- §6 orders ----
ALTER TABLE orders
  ADD CONSTRAINT orders_quantity_check CHECK (quantity > 0),
  ADD CONSTRAINT orders_total_check CHECK (total > 0 AND tax_amount >= 0 AND platform_fee >= 0 AND cost >= 0 AND commission_pool >= 0),
  ADD CONSTRAINT orders_refund_check CHECK (refunded_total BETWEEN 0 AND total),
  ADD CONSTRAINT orders_refund_state_check CHECK (
    (state <> 'PARTLY_REFUNDED' OR (refunded_total > 0 AND refunded_total < total)) AND (state <> 'REFUNDED' OR refunded_total = total)),
  ADD CONSTRAINT orders_delivered_check CHECK ((state IN ('DELIVERED', 'PARTLY_REFUNDED', 'REFUNDED')) <= (delivered_at IS NOT NULL)),
  ADD CONSTRAINT orders_not_own_goods_check CHECK (buyer_id <> owner_id),
  ADD CONSTRAINT orders_buyer_path_check CHECK (buyer_path[cardinality(buyer_path)] = buyer_id AND owner_id = ANY (buyer_path)),
  ADD CONSTRAINT orders_request_key_check CHECK (length(request_key) BETWEEN 1 AND 255),
  ADD CONSTRAINT orders_placed_by_check CHECK (num_nonnulls(placed_by_user_id, placed_by_key_id) = 1);
CREATE UNIQUE INDEX orders_request_key_key ON orders (network_id, buyer_id, request_key);
CREATE UNIQUE INDEX orders_external_ref_key ON orders (network_id, buyer_id, external_ref) WHERE external_ref IS NOT NULL;

ALTER TABLE order_hop
  ADD CONSTRAINT order_hop_buyer_check CHECK ((role = 'BUYER') = (distance = 0)),
  ADD CONSTRAINT order_hop_paid_check CHECK ((role IN ('BUYER', 'SELLER')) = (paid_total IS NOT NULL)),
  ADD CONSTRAINT order_hop_sold_check CHECK ((role IN ('OWNER', 'SELLER')) = (sold_total IS NOT NULL)),
  ADD CONSTRAINT order_hop_margin_check CHECK (margin >= 0 OR role = 'OWNER'),
  ADD CONSTRAINT order_hop_commission_check CHECK (commission >= 0 AND (commission = 0 OR role = 'SELLER'));

-- "my own orders" and "orders of my goods", newest first, without reading through the whole downline's
CREATE INDEX order_hop_bought_idx ON order_hop (network_id, station_id, order_id) WHERE role = 'BUYER';
CREATE INDEX order_hop_owned_idx ON order_hop (network_id, station_id, order_id) WHERE role = 'OWNER';
CREATE INDEX refund_waiting_idx ON refund (network_id, id) WHERE state = 'REQUESTED';

ALTER TABLE order_line ADD CONSTRAINT order_line_quantity_check CHECK (quantity > 0 AND delivered_quantity BETWEEN 0 AND quantity AND cost >= 0);
ALTER TABLE refund ADD CONSTRAINT refund_amount_check CHECK (amount > 0);
ALTER TABLE refund ADD CONSTRAINT refund_done_check CHECK ((state = 'DONE') = (transfer_id IS NOT NULL));

-- §5.5 a request key has at most one effect: the primary guard is its unique key; this bounds what it may hold
ALTER TABLE request_key ADD CONSTRAINT request_key_length_check CHECK (length(key) BETWEEN 1 AND 255);

-- ---- events ----
CREATE INDEX outbox_event_unnumbered_idx ON outbox_event (network_id, id) WHERE seq IS NULL;
CREATE UNIQUE INDEX outbox_event_seq_key ON outbox_event (network_id, seq) WHERE seq IS NOT NULL;

-- ---- the application's role: what it may not do is as important as what it may ----
DO $$
BEGIN
  -- a cluster may host several databases of ours, and whoever owns this one may have been given the role by somebody else
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fenzhan_app') THEN CREATE ROLE fenzhan_app NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL; -- another database of the cluster was quicker
END $$;
DO $$
BEGIN
  EXECUTE format('GRANT fenzhan_app TO %I', current_user);
EXCEPTION WHEN OTHERS THEN
  -- PostgreSQL refuses to grant a role to its own creator twice at once; membership is what counts
  IF NOT pg_has_role(current_user, 'fenzhan_app', 'MEMBER') THEN RAISE; END IF;
END $$;
GRANT USAGE ON SCHEMA public TO fenzhan_app;

-- append-only: nobody at the application's end can rewrite history
GRANT SELECT, INSERT ON posting, transfer, audit_entry, request_key, order_hop TO fenzhan_app;

-- rows that are written once and of which only the named columns may ever change
GRANT SELECT, INSERT ON network, station, price_level, supplier, membership, api_key, category, product, sku, markup_rule, control_band,
  commission_plan, lot, card_key, card_key_sale, import_job, import_line, account, orders, order_line, refund, outbox_event, relay_position,
  station_hour, users TO fenzhan_app;
GRANT UPDATE (name, settlement_days, commission_levels_max, refund_limit, first_order_at) ON network TO fenzhan_app;
GRANT UPDATE (parent_id, status, name, path, depth, level_id, cost_guard, frozen_by, version, updated_at) ON station TO fenzhan_app;
GRANT UPDATE (name, version) ON price_level TO fenzhan_app;
GRANT UPDATE (name, status, version) ON supplier TO fenzhan_app;
GRANT UPDATE (revoked_at) ON membership TO fenzhan_app;
GRANT UPDATE (revoked_at, last_used_at) ON api_key TO fenzhan_app;
GRANT UPDATE (name, position, version) ON category TO fenzhan_app;
GRANT UPDATE (name, brand, description, archived_at, version) ON product TO fenzhan_app;
GRANT UPDATE (name, face_value, base_price, min_quantity, max_quantity, quantity_step, listing_state, listing_version, version, updated_at) ON sku TO fenzhan_app;
GRANT UPDATE (valid_to, ended_by) ON markup_rule, control_band, commission_plan TO fenzhan_app;
GRANT UPDATE (state, updated_at) ON card_key TO fenzhan_app;
GRANT UPDATE (revealed_at, revealed_by, returned_at) ON card_key_sale TO fenzhan_app;
GRANT UPDATE (state, imported_count, duplicate_count, problems, failure, finished_at) ON import_job TO fenzhan_app;
GRANT DELETE ON import_line TO fenzhan_app;
GRANT UPDATE (balance, credit_limit, updated_at) ON account TO fenzhan_app;
GRANT UPDATE (state, cost, commission_pool, refunded_total, delivered_at, due_on, input_fields, updated_at) ON orders TO fenzhan_app;
GRANT UPDATE (delivered_quantity, cost) ON order_line TO fenzhan_app;
GRANT UPDATE (state, amount, bearer, transfer_id, decided_by, decided_at) ON refund TO fenzhan_app;
GRANT UPDATE (seq) ON outbox_event TO fenzhan_app;
GRANT DELETE ON outbox_event TO fenzhan_app;
GRANT UPDATE (last_seq, updated_at) ON relay_position TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, own_order_count, own_gmv, margin, commission, refund_count, refund_total) ON station_hour TO fenzhan_app;
GRANT UPDATE (name, email, email_verified, image, updated_at) ON users TO fenzhan_app;

-- sign-in state lives and dies
GRANT SELECT, INSERT, UPDATE, DELETE ON session, credential, verification, sign_in_rate TO fenzhan_app;
