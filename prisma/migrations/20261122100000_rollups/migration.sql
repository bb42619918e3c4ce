-- Roll-ups are fed by a consumer of their own (server/live/roll-ups.ts). Its places in the numbered events are rows that are
-- moved in the transaction that writes the roll-ups. Roll-ups have no id: what they count is their key, so a row costs one
-- index (decision 0016). Amounts are in the network's currency, which is fixed at its first order.

-- CreateTable
CREATE TABLE "roll_up_position" (
    "network_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "last_seq" BIGINT NOT NULL DEFAULT 0,
    "rebuild_wanted" BOOLEAN NOT NULL DEFAULT false,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "roll_up_position_pkey" PRIMARY KEY ("network_id","kind")
);

-- CreateTable
CREATE TABLE "station_day" (
    "network_id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "local_date" DATE NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "own_order_count" BIGINT NOT NULL DEFAULT 0,
    "own_quantity" BIGINT NOT NULL DEFAULT 0,
    "own_gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "own_refund_count" BIGINT NOT NULL DEFAULT 0,
    "own_refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "station_day_pkey" PRIMARY KEY ("network_id","station_id","local_date")
);

-- CreateTable
CREATE TABLE "downline_sku_day" (
    "network_id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "local_date" DATE NOT NULL,
    "sku_id" UUID NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "downline_sku_day_pkey" PRIMARY KEY ("network_id","station_id","local_date","sku_id")
);

-- CreateTable
CREATE TABLE "buyer_sku_day" (
    "network_id" UUID NOT NULL,
    "buyer_id" UUID NOT NULL,
    "local_date" DATE NOT NULL,
    "sku_id" UUID NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "buyer_sku_day_pkey" PRIMARY KEY ("network_id","buyer_id","local_date","sku_id")
);

-- CreateTable
CREATE TABLE "sku_hour" (
    "network_id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "hour_start" TIMESTAMPTZ(3) NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "sku_hour_pkey" PRIMARY KEY ("network_id","sku_id","hour_start")
);

-- CreateTable
CREATE TABLE "category_hour" (
    "network_id" UUID NOT NULL,
    "category_id" UUID NOT NULL,
    "hour_start" TIMESTAMPTZ(3) NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "category_hour_pkey" PRIMARY KEY ("network_id","category_id","hour_start")
);

-- CreateTable
CREATE TABLE "category_day" (
    "network_id" UUID NOT NULL,
    "category_id" UUID NOT NULL,
    "local_date" DATE NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "category_day_pkey" PRIMARY KEY ("network_id","category_id","local_date")
);

-- CreateTable
CREATE TABLE "supplier_hour" (
    "network_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
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

    CONSTRAINT "supplier_hour_pkey" PRIMARY KEY ("network_id","owner_id","supplier_id","hour_start")
);

-- CreateTable
CREATE TABLE "supplier_day" (
    "network_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "local_date" DATE NOT NULL,
    "supplier_id" UUID NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "cost" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "supplier_day_pkey" PRIMARY KEY ("network_id","owner_id","local_date","supplier_id")
);

-- AlterTable: the hours of a station in the same shape; days have a table of their own
ALTER TABLE station_hour DROP CONSTRAINT station_hour_pkey;
DROP INDEX station_hour_network_id_station_id_local_date_idx;
ALTER TABLE station_hour
  DROP COLUMN id, DROP COLUMN local_date, DROP COLUMN currency,
  ADD COLUMN "own_quantity" BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN "own_refund_count" BIGINT NOT NULL DEFAULT 0,
  ADD COLUMN "own_refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0;
ALTER TABLE station_hour ADD CONSTRAINT station_hour_pkey PRIMARY KEY USING INDEX station_hour_network_id_station_id_hour_start_key;

ALTER TABLE roll_up_position
  ADD CONSTRAINT roll_up_position_kind_check CHECK (kind IN ('STATIONS', 'GOODS')),
  ADD CONSTRAINT roll_up_position_last_seq_check CHECK (last_seq >= 0);

-- room for the next versions of rows that are counted up again and again, so that their index entry stays (HOT)
ALTER TABLE station_hour SET (fillfactor = 80);
ALTER TABLE station_day SET (fillfactor = 80);
ALTER TABLE downline_sku_day SET (fillfactor = 80);
ALTER TABLE buyer_sku_day SET (fillfactor = 80);
ALTER TABLE sku_hour SET (fillfactor = 80);
ALTER TABLE category_hour SET (fillfactor = 80);
ALTER TABLE category_day SET (fillfactor = 80);
ALTER TABLE supplier_hour SET (fillfactor = 80);
ALTER TABLE supplier_day SET (fillfactor = 80);

-- Until now the relay wrote the roll-ups itself: what it has numbered has been counted. The consumer goes on from there, once
-- it has made what is new (and what is older than the outbox) from the orders.
INSERT INTO roll_up_position (network_id, kind, last_seq, rebuild_wanted, updated_at)
SELECT p.network_id, k.kind, p.last_seq, true, p.updated_at
FROM relay_position p CROSS JOIN (VALUES ('STATIONS'), ('GOODS')) AS k (kind);

GRANT SELECT, INSERT ON roll_up_position TO fenzhan_app;
GRANT UPDATE (last_seq, rebuild_wanted, updated_at) ON roll_up_position TO fenzhan_app;
-- a rebuild takes them away and counts again; keys never change
GRANT SELECT, INSERT, DELETE ON station_day, downline_sku_day, buyer_sku_day, sku_hour, category_hour, category_day, supplier_hour, supplier_day TO fenzhan_app;
GRANT DELETE ON station_hour TO fenzhan_app;
GRANT UPDATE (own_quantity, own_refund_count, own_refund_total) ON station_hour TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, own_order_count, own_quantity, own_gmv, margin, commission, refund_count, refund_total, own_refund_count, own_refund_total) ON station_day TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, margin, commission, refund_count, refund_total) ON downline_sku_day TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, refund_count, refund_total) ON buyer_sku_day TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, margin, commission, refund_count, refund_total) ON sku_hour TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, margin, commission, refund_count, refund_total) ON category_hour TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, margin, commission, refund_count, refund_total) ON category_day TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, cost, margin, commission, refund_count, refund_total) ON supplier_hour TO fenzhan_app;
GRANT UPDATE (order_count, quantity, gmv, cost, margin, commission, refund_count, refund_total) ON supplier_day TO fenzhan_app;
