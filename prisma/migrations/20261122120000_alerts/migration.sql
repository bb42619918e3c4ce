-- Alerts: what needs somebody's decision, told once for each time that its cause begins, and the thresholds that people set.

-- CreateEnum
CREATE TYPE "alert_kind" AS ENUM ('PRICE_INVERTED', 'BELOW_COST', 'WALLET_LOW', 'STOCK_LOW');

-- CreateTable
CREATE TABLE "alert" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "kind" "alert_kind" NOT NULL,
    "subject_id" UUID NOT NULL,
    "data" JSONB NOT NULL DEFAULT '{}',
    "raised_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "resolved_at" TIMESTAMPTZ(3),
    "resolved_by" UUID,

    CONSTRAINT "alert_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "alert_threshold" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "sku_id" UUID,
    "amount" DECIMAL(18,2),
    "count" INTEGER,
    "version" INTEGER NOT NULL DEFAULT 1,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "alert_threshold_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "alert_position" (
    "network_id" UUID NOT NULL,
    "last_seq" BIGINT NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "alert_position_pkey" PRIMARY KEY ("network_id")
);

-- CreateIndex
CREATE INDEX "alert_network_id_station_id_id_idx" ON "alert"("network_id", "station_id", "id");

-- AddForeignKey
ALTER TABLE "alert" ADD CONSTRAINT "alert_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "alert_threshold" ADD CONSTRAINT "alert_threshold_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "alert_threshold" ADD CONSTRAINT "alert_threshold_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- one alert for a cause that lasts, whoever looks and how often: this is what "told once" rests on
CREATE UNIQUE INDEX alert_live_key ON alert (network_id, station_id, kind, subject_id) WHERE ended_at IS NULL;
-- the inbox
CREATE INDEX alert_open_idx ON alert (network_id, station_id, id) WHERE resolved_at IS NULL;
ALTER TABLE alert
  -- a cause that ended needs nobody's decision any more
  ADD CONSTRAINT alert_ended_is_resolved_check CHECK (ended_at IS NULL OR resolved_at IS NOT NULL),
  ADD CONSTRAINT alert_resolved_check CHECK (resolved_by IS NULL OR resolved_at IS NOT NULL);

-- a station's wallet has one threshold, and each of its SKUs one; neither amount nor count: it was taken away
CREATE UNIQUE INDEX alert_threshold_subject_key ON alert_threshold (network_id, station_id, sku_id) NULLS NOT DISTINCT;
-- who wants to know of a SKU
CREATE INDEX alert_threshold_sku_idx ON alert_threshold (network_id, sku_id) WHERE sku_id IS NOT NULL;
ALTER TABLE alert_threshold
  ADD CONSTRAINT alert_threshold_amount_check CHECK (amount IS NULL OR (amount > 0 AND sku_id IS NULL)),
  ADD CONSTRAINT alert_threshold_count_check CHECK (count IS NULL OR (count BETWEEN 1 AND 1000 AND sku_id IS NOT NULL)),
  ADD CONSTRAINT alert_threshold_version_check CHECK (version >= 1);

ALTER TABLE alert_position ADD CONSTRAINT alert_position_last_seq_check CHECK (last_seq >= 0);

-- causes that began before are looked at from now on
INSERT INTO alert_position (network_id, last_seq, updated_at) SELECT network_id, last_seq, updated_at FROM relay_position;

GRANT SELECT, INSERT ON alert, alert_threshold, alert_position TO fenzhan_app;
GRANT UPDATE (data, ended_at, resolved_at, resolved_by) ON alert TO fenzhan_app;
GRANT UPDATE (amount, count, version, updated_at) ON alert_threshold TO fenzhan_app;
GRANT UPDATE (last_seq, updated_at) ON alert_position TO fenzhan_app;
