-- Importing an upstream's catalogue: what it would do, kept as it was seen, and what of it was done (decision 0027).

-- CreateTable
CREATE TABLE "upstream_import" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "failure" TEXT,
    "markup_percent" DECIMAL(18,4) NOT NULL,
    "currency" TEXT NOT NULL,
    "rate" DECIMAL(18,8) NOT NULL DEFAULT 1,
    "rate_source" TEXT NOT NULL DEFAULT '',
    "rate_at" TIMESTAMPTZ(3),
    "item_count" INTEGER NOT NULL DEFAULT 0,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMPTZ(3),
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "listed_at" TIMESTAMPTZ(3),

    CONSTRAINT "upstream_import_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "upstream_import_item" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "import_id" UUID NOT NULL,
    "change" TEXT NOT NULL,
    "reason" TEXT,
    "code" TEXT NOT NULL DEFAULT '',
    "category_names" TEXT[],
    "product_name" TEXT NOT NULL,
    "sku_name" TEXT NOT NULL,
    "goods" JSONB NOT NULL,
    "goods_kind" TEXT NOT NULL,
    "input_fields" JSONB NOT NULL DEFAULT '[]',
    "min_quantity" INTEGER NOT NULL,
    "max_quantity" INTEGER NOT NULL,
    "stock_count" INTEGER,
    "upstream_unit_cost" DECIMAL(18,4),
    "unit_cost" DECIMAL(18,4),
    "old_unit_cost" DECIMAL(18,4),
    "base_price" DECIMAL(18,4),
    "sku_id" UUID,
    "offer_id" UUID,
    "applied_at" TIMESTAMPTZ(3),
    "problem" TEXT,

    CONSTRAINT "upstream_import_item_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "upstream_import_number_key" ON "upstream_import"("network_id", "account_id", "number");

-- CreateIndex
CREATE INDEX "upstream_import_network_id_owner_id_id_idx" ON "upstream_import"("network_id", "owner_id", "id");

-- CreateIndex
CREATE INDEX "upstream_import_item_network_id_import_id_id_idx" ON "upstream_import_item"("network_id", "import_id", "id");

-- AddForeignKey
ALTER TABLE "upstream_import" ADD CONSTRAINT "upstream_import_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "upstream_import" ADD CONSTRAINT "upstream_import_network_id_account_id_fkey" FOREIGN KEY ("network_id", "account_id") REFERENCES "supply_account"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "upstream_import_item" ADD CONSTRAINT "upstream_import_item_network_id_import_id_fkey" FOREIGN KEY ("network_id", "import_id") REFERENCES "upstream_import"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "upstream_import_item" ADD CONSTRAINT "upstream_import_item_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "upstream_import_item" ADD CONSTRAINT "upstream_import_item_network_id_offer_id_fkey" FOREIGN KEY ("network_id", "offer_id") REFERENCES "supply_offer"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- ---- what Prisma's language cannot say ----

ALTER TABLE upstream_import
  ADD CONSTRAINT upstream_import_state_check CHECK (
    CASE state WHEN 'PENDING' THEN failure IS NULL WHEN 'READY' THEN failure IS NULL AND listed_at IS NOT NULL WHEN 'FAILED' THEN failure IS NOT NULL ELSE false END),
  ADD CONSTRAINT upstream_import_counts_check CHECK (number >= 1 AND item_count >= 0 AND tries >= 0),
  ADD CONSTRAINT upstream_import_markup_check CHECK (markup_percent >= 0 AND markup_percent <= 10000),
  ADD CONSTRAINT upstream_import_rate_check CHECK (rate > 0 AND ((rate = 1 AND rate_source = '') OR (rate_source <> '' AND rate_at IS NOT NULL)));
-- what workers claim, eldest first
CREATE INDEX upstream_import_pending_idx ON upstream_import (network_id, id) WHERE state = 'PENDING';

ALTER TABLE upstream_import_item
  ADD CONSTRAINT upstream_import_item_change_check CHECK (
    CASE change WHEN 'NEW' THEN reason IS NULL AND code <> '' AND unit_cost IS NOT NULL AND base_price > 0
                WHEN 'OFFER_ADDED' THEN reason IS NULL AND sku_id IS NOT NULL AND unit_cost IS NOT NULL
                WHEN 'COST_CHANGED' THEN reason IS NULL AND offer_id IS NOT NULL AND unit_cost IS NOT NULL AND old_unit_cost IS NOT NULL
                WHEN 'UNCHANGED' THEN reason IS NULL AND offer_id IS NOT NULL
                WHEN 'SKIPPED' THEN reason IS NOT NULL ELSE false END),
  ADD CONSTRAINT upstream_import_item_goods_check CHECK (jsonb_typeof(goods) = 'object' AND jsonb_typeof(input_fields) = 'array' AND goods_kind IN ('CARD_KEY', 'TOP_UP')),
  -- only what changes something is applied, and it is applied once
  ADD CONSTRAINT upstream_import_item_applied_check CHECK (applied_at IS NULL OR change IN ('NEW', 'OFFER_ADDED', 'COST_CHANGED'));

-- ---- the application's role ----
GRANT SELECT, INSERT ON upstream_import, upstream_import_item TO fenzhan_app;
GRANT UPDATE (state, failure, item_count, tries, lease_until, listed_at) ON upstream_import TO fenzhan_app;
GRANT UPDATE (applied_at, problem, sku_id, offer_id) ON upstream_import_item TO fenzhan_app;
-- what an older preview showed and nobody applied
GRANT DELETE ON upstream_import_item TO fenzhan_app;
