-- What Prisma's language cannot say of supply. Each guard names the rule of the domain (§) that it is the last line of.

-- ---- SKUs ----
ALTER TABLE sku
  ADD CONSTRAINT sku_goods_kind_check CHECK (goods_kind IN ('CARD_KEY', 'TOP_UP')),
  -- a direct top-up lies on no shelf
  ADD CONSTRAINT sku_top_up_is_sourced_check CHECK (goods_kind = 'CARD_KEY' OR delivery_kind = 'SOURCED'),
  ADD CONSTRAINT sku_input_fields_check CHECK (jsonb_typeof(input_fields) = 'array'),
  ADD CONSTRAINT sku_routing_policy_check CHECK (routing_policy IN ('CHEAPEST', 'FASTEST', 'MOST_RELIABLE', 'WEIGHTED'));

ALTER TABLE bundle_component
  ADD CONSTRAINT bundle_component_quantity_check CHECK (quantity BETWEEN 1 AND 1000 AND weight BETWEEN 0 AND 1000000 AND position >= 1),
  ADD CONSTRAINT bundle_component_other_check CHECK (component_sku_id <> bundle_sku_id),
  ADD CONSTRAINT bundle_component_validity_check CHECK (valid_to IS NULL OR valid_to >= valid_from);
-- a component stands in a bundle once; the bundle's components of today are read through it
CREATE UNIQUE INDEX bundle_component_live_key ON bundle_component (network_id, bundle_sku_id, component_sku_id) WHERE valid_to IS NULL;
-- the bundles that a component's stock limits
CREATE INDEX bundle_component_of_idx ON bundle_component (network_id, component_sku_id) WHERE valid_to IS NULL;

-- ---- accounts and offers ----
ALTER TABLE supply_account
  ADD CONSTRAINT supply_account_kind_check CHECK (kind IN ('ACG_FAKA', 'KASUSHOU_V2', 'DUJIAO_NEXT', 'FENZHAN', 'MANUAL')),
  ADD CONSTRAINT supply_account_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT supply_account_name_check CHECK (name <> ''),
  ADD CONSTRAINT supply_account_calls_check CHECK (calls_at_once BETWEEN 1 AND 64),
  ADD CONSTRAINT supply_account_callback_check CHECK (octet_length(callback_hash) = 32),
  ADD CONSTRAINT supply_account_settings_check CHECK (jsonb_typeof(settings) = 'object');
CREATE UNIQUE INDEX supply_account_name_key ON supply_account (network_id, owner_id, name);

ALTER TABLE supply_account_state
  ADD CONSTRAINT supply_account_state_breaker_check CHECK (breaker IN ('CLOSED', 'OPEN', 'HALF_OPEN')),
  ADD CONSTRAINT supply_account_state_open_check CHECK ((breaker = 'CLOSED') OR open_until IS NOT NULL),
  ADD CONSTRAINT supply_account_state_counts_check CHECK (
    call_count >= 0 AND failure_count BETWEEN 0 AND call_count AND slow_count BETWEEN 0 AND call_count AND opened_count >= 0);

ALTER TABLE supply_offer
  ADD CONSTRAINT supply_offer_cost_check CHECK (upstream_unit_cost >= 0 AND unit_cost >= 0 AND (agreed_unit_cost IS NULL OR agreed_unit_cost >= 0)),
  ADD CONSTRAINT supply_offer_rate_check CHECK (rate > 0),
  -- a rate has a source and a time, or it is none (§3: every price carries its currency)
  ADD CONSTRAINT supply_offer_rate_source_check CHECK ((rate = 1 AND rate_source = '') OR (rate_source <> '' AND rate_at IS NOT NULL)),
  ADD CONSTRAINT supply_offer_currency_check CHECK (upstream_currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT supply_offer_quantity_check CHECK (min_quantity >= 1 AND max_quantity >= min_quantity AND (daily_cap IS NULL OR daily_cap >= 1)),
  ADD CONSTRAINT supply_offer_lead_time_check CHECK (lead_time_seconds BETWEEN 0 AND 2592000),
  ADD CONSTRAINT supply_offer_share_check CHECK (priority BETWEEN 0 AND 1000000 AND weight BETWEEN 0 AND 1000000),
  ADD CONSTRAINT supply_offer_stock_check CHECK (stock_count IS NULL OR stock_count >= 0),
  ADD CONSTRAINT supply_offer_goods_check CHECK (jsonb_typeof(goods) = 'object');
-- routing: the offers of a SKU that may be used at all
CREATE INDEX supply_offer_route_idx ON supply_offer (network_id, sku_id) WHERE archived_at IS NULL AND is_enabled AND frozen_reason IS NULL;
CREATE INDEX supply_offer_sku_idx ON supply_offer (network_id, sku_id) WHERE archived_at IS NULL;

ALTER TABLE supply_offer_cost
  ADD CONSTRAINT supply_offer_cost_amount_check CHECK (upstream_unit_cost >= 0 AND unit_cost >= 0 AND rate > 0);

-- ---- §6 purchase attempts ----
ALTER TABLE purchase_attempt
  ADD CONSTRAINT purchase_attempt_purpose_check CHECK (
    CASE purpose WHEN 'ORDER' THEN order_id IS NOT NULL AND line_id IS NOT NULL
                 WHEN 'REPLENISHMENT' THEN order_id IS NULL AND line_id IS NULL AND subject_id IS NOT NULL
                 WHEN 'TEST' THEN order_id IS NULL AND line_id IS NULL AND subject_id IS NOT NULL
                 ELSE false END),
  ADD CONSTRAINT purchase_attempt_state_check CHECK (state IN ('PLANNED', 'SENT', 'SUCCEEDED', 'REJECTED', 'UNKNOWN')),
  ADD CONSTRAINT purchase_attempt_goods_kind_check CHECK (goods_kind IN ('CARD_KEY', 'TOP_UP')),
  ADD CONSTRAINT purchase_attempt_number_check CHECK (attempt_number >= 1 AND quantity >= 1 AND delivered_quantity >= 0),
  ADD CONSTRAINT purchase_attempt_cost_check CHECK (
    quoted_cost >= 0 AND upstream_max_cost >= 0 AND rate > 0 AND (cost_limit IS NULL OR cost_limit >= 0) AND (cost IS NULL OR cost >= 0)),
  ADD CONSTRAINT purchase_attempt_request_key_check CHECK (request_key ~ '^[a-z0-9]{8,64}$'),
  ADD CONSTRAINT purchase_attempt_sent_check CHECK (state IN ('PLANNED', 'REJECTED') OR sent_at IS NOT NULL),
  ADD CONSTRAINT purchase_attempt_settled_check CHECK ((state IN ('SUCCEEDED', 'REJECTED')) = (settled_at IS NOT NULL)),
  ADD CONSTRAINT purchase_attempt_lease_check CHECK ((worker_id IS NULL) = (lease_until IS NULL)),
  ADD CONSTRAINT purchase_attempt_counts_check CHECK (query_count >= 0 AND not_found_count >= 0);
-- at most one live attempt for a line: nobody is asked while it is not known what another did
CREATE UNIQUE INDEX purchase_attempt_live_key ON purchase_attempt (network_id, line_id) WHERE state IN ('PLANNED', 'SENT', 'UNKNOWN');
-- a line is filled once: a late success is SURPLUS, never a second delivery
CREATE UNIQUE INDEX purchase_attempt_filled_key ON purchase_attempt (network_id, line_id) WHERE state = 'SUCCEEDED' AND discrepancy IS DISTINCT FROM 'SURPLUS';
CREATE UNIQUE INDEX purchase_attempt_number_key ON purchase_attempt (network_id, line_id, attempt_number) WHERE line_id IS NOT NULL;
-- one key is one purchase at an upstream
CREATE UNIQUE INDEX purchase_attempt_request_key ON purchase_attempt (network_id, account_id, request_key);
-- what workers claim, eldest first
CREATE INDEX purchase_attempt_due_idx ON purchase_attempt (network_id, account_id, due_at) WHERE due_at IS NOT NULL;
-- the attention queue
CREATE INDEX purchase_attempt_attention_idx ON purchase_attempt (network_id, owner_id, attention_since) WHERE attention_since IS NOT NULL;
-- what a callback names
CREATE INDEX purchase_attempt_upstream_ref_idx ON purchase_attempt (network_id, account_id, upstream_ref) WHERE upstream_ref IS NOT NULL;
-- what is under way at an account
CREATE INDEX purchase_attempt_under_way_idx ON purchase_attempt (network_id, account_id) WHERE worker_id IS NOT NULL;

ALTER TABLE purchase_step
  ADD CONSTRAINT purchase_step_kind_check CHECK (kind IN ('SENT', 'RESENT', 'QUERIED', 'CALLED_BACK', 'LEASE_LOST', 'DECIDED', 'PERSON')),
  ADD CONSTRAINT purchase_step_wire_check CHECK (num_nonnulls(wire, data_key, vault_key_id) IN (0, 3));

-- what an attempt brought comes into stock once, whoever writes it down and how often
CREATE UNIQUE INDEX lot_attempt_key ON lot (network_id, attempt_id) WHERE attempt_id IS NOT NULL;

-- ---- §6 orders that are not delivered when placed ----
ALTER TABLE orders
  ADD CONSTRAINT orders_input_fields_check CHECK (num_nonnulls(input_fields, input_data_key, input_vault_key_id) IN (0, 3)),
  ADD CONSTRAINT orders_commission_levels_check CHECK (commission_levels_max BETWEEN 0 AND 3);
-- orders that still wait for something: few beside all
CREATE INDEX orders_open_idx ON orders (network_id, id) WHERE state IN ('HELD', 'REVIEW', 'SOURCING', 'NEEDS_ATTENTION');
-- the money of an order is held once and released once; its sale is guarded by transfer_one_per_order_key
CREATE UNIQUE INDEX transfer_one_hold_key ON transfer (network_id, order_id) WHERE kind = 'HOLD';
CREATE UNIQUE INDEX transfer_one_release_key ON transfer (network_id, order_id) WHERE kind = 'RELEASE';

ALTER TABLE order_line
  ADD CONSTRAINT order_line_goods_kind_check CHECK (goods_kind IN ('CARD_KEY', 'TOP_UP')),
  ADD CONSTRAINT order_line_state_check CHECK (
    CASE state WHEN 'DELIVERED' THEN delivered_quantity > 0 WHEN 'WAITING' THEN source = 'SUPPLIER' WHEN 'FAILED' THEN delivered_quantity = 0 ELSE false END),
  ADD CONSTRAINT order_line_allotted_check CHECK ((allotted IS NULL OR allotted >= 0) AND (cost_limit IS NULL OR cost_limit >= 0) AND position >= 1);

-- ---- the application's role ----
GRANT SELECT, INSERT ON bundle_component, supply_account, supply_account_state, supply_offer, supply_offer_cost, purchase_attempt, purchase_step,
  supply_callback TO fenzhan_app;
GRANT UPDATE (valid_to) ON bundle_component TO fenzhan_app;
GRANT UPDATE (name, base_url, settings, secrets, data_key, vault_key_id, callback_hash, calls_at_once, is_enabled, checked_at, version, updated_at)
  ON supply_account TO fenzhan_app;
GRANT UPDATE (breaker, window_start, call_count, failure_count, slow_count, opened_count, open_until, probe_until, last_success_at, last_failure,
  updated_at) ON supply_account_state TO fenzhan_app;
GRANT UPDATE (goods, upstream_unit_cost, rate, rate_source, rate_at, unit_cost, agreed_unit_cost, min_quantity, max_quantity, lead_time_seconds,
  priority, weight, daily_cap, is_enabled, frozen_reason, stock_count, stock_at, version, updated_at, archived_at) ON supply_offer TO fenzhan_app;
GRANT UPDATE (state, upstream_ref, accepted_at, sent_at, due_at, worker_id, lease_until, query_count, not_found_count, not_found_since,
  outcome_reason, outcome_message, delivered_quantity, cost, discrepancy, attention_reason, attention_since, settled_at, updated_at)
  ON purchase_attempt TO fenzhan_app;
GRANT UPDATE (goods_kind, input_fields, routing_policy, delivery_kind) ON sku TO fenzhan_app;
GRANT UPDATE (failure_reason, input_data_key, input_vault_key_id) ON orders TO fenzhan_app;
GRANT UPDATE (state) ON order_line TO fenzhan_app;
-- the owner's margin and the commission of an order that is delivered later are known only then
GRANT UPDATE (margin, commission) ON order_hop TO fenzhan_app;
