-- Scorecards: what was bought by each offer and what suppliers' goods brought, counted up from events; a supplier's own switch.

-- AlterTable
ALTER TABLE "supply_offer" ADD COLUMN     "is_paused" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "offer_hour" (
    "network_id" UUID NOT NULL,
    "offer_id" UUID NOT NULL,
    "hour_start" TIMESTAMPTZ(3) NOT NULL,
    "attempt_count" BIGINT NOT NULL DEFAULT 0,
    "success_count" BIGINT NOT NULL DEFAULT 0,
    "unknown_count" BIGINT NOT NULL DEFAULT 0,
    "bought_quantity" BIGINT NOT NULL DEFAULT 0,
    "bought_cost" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "offer_hour_pkey" PRIMARY KEY ("network_id","offer_id","hour_start")
);

-- CreateTable
CREATE TABLE "offer_latency_hour" (
    "network_id" UUID NOT NULL,
    "offer_id" UUID NOT NULL,
    "hour_start" TIMESTAMPTZ(3) NOT NULL,
    "bucket" INTEGER NOT NULL,
    "delivery_count" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "offer_latency_hour_pkey" PRIMARY KEY ("network_id","offer_id","hour_start","bucket")
);

-- CreateTable
CREATE TABLE "supplier_sku_hour" (
    "network_id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "supplier_id" UUID NOT NULL,
    "hour_start" TIMESTAMPTZ(3) NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "cost" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "complaint_count" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "supplier_sku_hour_pkey" PRIMARY KEY ("network_id","sku_id","supplier_id","hour_start")
);

-- CreateIndex
CREATE INDEX "supply_offer_network_id_sku_id_idx" ON "supply_offer"("network_id", "sku_id");

-- routing: the offers of a SKU that may be used at all
DROP INDEX supply_offer_route_idx;
CREATE INDEX supply_offer_route_idx ON supply_offer (network_id, sku_id)
  WHERE archived_at IS NULL AND is_enabled AND NOT is_paused AND frozen_reason IS NULL;

ALTER TABLE offer_hour
  ADD CONSTRAINT offer_hour_counts_check CHECK (success_count BETWEEN 0 AND attempt_count AND unknown_count BETWEEN 0 AND attempt_count);
-- 0.1 s and less, then a bucket for each doubling of time in half steps: the last begins after 19 days
ALTER TABLE offer_latency_hour ADD CONSTRAINT offer_latency_hour_bucket_check CHECK (bucket BETWEEN 0 AND 48);

-- room for the next versions of rows that are counted up again and again, so that their index entry stays (HOT)
ALTER TABLE offer_hour SET (fillfactor = 80);
ALTER TABLE offer_latency_hour SET (fillfactor = 80);
ALTER TABLE supplier_sku_hour SET (fillfactor = 80);

ALTER TABLE roll_up_position DROP CONSTRAINT roll_up_position_kind_check;
ALTER TABLE roll_up_position ADD CONSTRAINT roll_up_position_kind_check CHECK (kind IN ('STATIONS', 'GOODS', 'SUPPLY'));
-- what suppliers' goods brought for each SKU is counted with the roll-ups of goods: they are made again once
UPDATE roll_up_position SET rebuild_wanted = true WHERE kind = 'GOODS';
-- nothing was bought by offers before there were any
INSERT INTO roll_up_position (network_id, kind, last_seq, rebuild_wanted, updated_at)
SELECT p.network_id, 'SUPPLY', p.last_seq, true, p.updated_at FROM roll_up_position p WHERE p.kind = 'GOODS';

-- a rebuild takes them away and counts again; keys never change
GRANT SELECT, INSERT, DELETE ON offer_hour, offer_latency_hour, supplier_sku_hour TO fenzhan_app;
GRANT UPDATE (attempt_count, success_count, unknown_count, bought_quantity, bought_cost) ON offer_hour TO fenzhan_app;
GRANT UPDATE (delivery_count) ON offer_latency_hour TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, cost, margin, commission, refund_count, refund_total, complaint_count) ON supplier_sku_hour TO fenzhan_app;
GRANT UPDATE (is_paused) ON supply_offer TO fenzhan_app;
