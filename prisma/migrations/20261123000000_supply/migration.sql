-- Supply: accounts at suppliers' systems, offers, purchase attempts, bundles. New words of enums are used from the next migration on:
-- PostgreSQL refuses a word in the transaction that adds it.

-- AlterEnum
ALTER TYPE "alert_kind" ADD VALUE 'ORDER_NEEDS_ATTENTION';
ALTER TYPE "alert_kind" ADD VALUE 'LICENCE_EXPIRING';
ALTER TYPE "alert_kind" ADD VALUE 'LICENCE_EXPIRED';
ALTER TYPE "alert_kind" ADD VALUE 'OFFER_ABOVE_AGREED';
ALTER TYPE "alert_kind" ADD VALUE 'SUPPLIER_SHARE';
ALTER TYPE "alert_kind" ADD VALUE 'SUPPLIER_DOWN';
ALTER TYPE "alert_kind" ADD VALUE 'REPLENISHMENT_WAITING';
ALTER TYPE "alert_kind" ADD VALUE 'STOCK_EXPIRING';

-- AlterEnum
ALTER TYPE "delivery_kind" ADD VALUE 'BUNDLE';

-- AlterEnum
ALTER TYPE "posting_reason" ADD VALUE 'HOLD';
ALTER TYPE "posting_reason" ADD VALUE 'DEPOSIT';

-- AlterEnum
ALTER TYPE "transfer_kind" ADD VALUE 'HOLD';
ALTER TYPE "transfer_kind" ADD VALUE 'RELEASE';
ALTER TYPE "transfer_kind" ADD VALUE 'DEPOSIT';

-- AlterTable
ALTER TABLE "lot" ADD COLUMN     "attempt_id" UUID;

-- AlterTable
ALTER TABLE "order_line" ADD COLUMN     "allotted" DECIMAL(18,2),
ADD COLUMN     "cost_limit" DECIMAL(18,2),
ADD COLUMN     "goods_kind" TEXT NOT NULL DEFAULT 'CARD_KEY',
ADD COLUMN     "position" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "state" TEXT NOT NULL DEFAULT 'DELIVERED';

-- AlterTable
ALTER TABLE "orders" ADD COLUMN     "commission_levels_max" INTEGER,
ADD COLUMN     "failure_reason" TEXT,
ADD COLUMN     "input_data_key" BYTEA,
ADD COLUMN     "input_vault_key_id" TEXT;

-- AlterTable
ALTER TABLE "sku" ADD COLUMN     "goods_kind" TEXT NOT NULL DEFAULT 'CARD_KEY',
ADD COLUMN     "input_fields" JSONB NOT NULL DEFAULT '[]',
ADD COLUMN     "routing_policy" TEXT NOT NULL DEFAULT 'CHEAPEST';

-- CreateTable
CREATE TABLE "bundle_component" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "bundle_sku_id" UUID NOT NULL,
    "component_sku_id" UUID NOT NULL,
    "quantity" INTEGER NOT NULL,
    "weight" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    "valid_from" TIMESTAMPTZ(3) NOT NULL,
    "valid_to" TIMESTAMPTZ(3),

    CONSTRAINT "bundle_component_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "supply_account" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "supplier_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "base_url" TEXT NOT NULL,
    "currency" TEXT NOT NULL,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "secrets" BYTEA,
    "data_key" BYTEA NOT NULL,
    "vault_key_id" TEXT NOT NULL,
    "callback_hash" BYTEA NOT NULL,
    "calls_at_once" INTEGER NOT NULL DEFAULT 4,
    "is_enabled" BOOLEAN NOT NULL DEFAULT true,
    "checked_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "supply_account_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "supply_account_state" (
    "network_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "breaker" TEXT NOT NULL DEFAULT 'CLOSED',
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "call_count" INTEGER NOT NULL DEFAULT 0,
    "failure_count" INTEGER NOT NULL DEFAULT 0,
    "slow_count" INTEGER NOT NULL DEFAULT 0,
    "opened_count" INTEGER NOT NULL DEFAULT 0,
    "open_until" TIMESTAMPTZ(3),
    "probe_until" TIMESTAMPTZ(3),
    "last_success_at" TIMESTAMPTZ(3),
    "last_failure" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "supply_account_state_pkey" PRIMARY KEY ("network_id","account_id")
);

-- CreateTable
CREATE TABLE "supply_offer" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "supplier_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "terms" "lot_terms" NOT NULL,
    "goods" JSONB NOT NULL DEFAULT '{}',
    "upstream_currency" TEXT NOT NULL,
    "upstream_unit_cost" DECIMAL(18,4) NOT NULL,
    "rate" DECIMAL(18,8) NOT NULL DEFAULT 1,
    "rate_source" TEXT NOT NULL DEFAULT '',
    "rate_at" TIMESTAMPTZ(3),
    "unit_cost" DECIMAL(18,4) NOT NULL,
    "agreed_unit_cost" DECIMAL(18,4),
    "min_quantity" INTEGER NOT NULL DEFAULT 1,
    "max_quantity" INTEGER NOT NULL DEFAULT 1000,
    "lead_time_seconds" INTEGER NOT NULL DEFAULT 60,
    "priority" INTEGER NOT NULL DEFAULT 100,
    "weight" INTEGER NOT NULL DEFAULT 100,
    "daily_cap" INTEGER,
    "is_enabled" BOOLEAN NOT NULL DEFAULT true,
    "frozen_reason" TEXT,
    "stock_count" INTEGER,
    "stock_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "archived_at" TIMESTAMPTZ(3),

    CONSTRAINT "supply_offer_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "supply_offer_cost" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "offer_id" UUID NOT NULL,
    "upstream_currency" TEXT NOT NULL,
    "upstream_unit_cost" DECIMAL(18,4) NOT NULL,
    "rate" DECIMAL(18,8) NOT NULL,
    "rate_source" TEXT NOT NULL,
    "rate_at" TIMESTAMPTZ(3),
    "unit_cost" DECIMAL(18,4) NOT NULL,
    "agreed_unit_cost" DECIMAL(18,4),
    "actor_id" UUID NOT NULL,
    "reason" TEXT NOT NULL DEFAULT '',
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "supply_offer_cost_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "purchase_attempt" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "purpose" TEXT NOT NULL,
    "order_id" UUID,
    "line_id" UUID,
    "subject_id" UUID,
    "sku_id" UUID NOT NULL,
    "offer_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "supplier_id" UUID NOT NULL,
    "attempt_number" INTEGER NOT NULL,
    "quantity" INTEGER NOT NULL,
    "terms" "lot_terms" NOT NULL,
    "goods" JSONB NOT NULL,
    "goods_kind" TEXT NOT NULL,
    "quoted_cost" DECIMAL(18,2) NOT NULL,
    "cost_limit" DECIMAL(18,2),
    "upstream_currency" TEXT NOT NULL,
    "upstream_max_cost" DECIMAL(18,4) NOT NULL,
    "rate" DECIMAL(18,8) NOT NULL,
    "request_key" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "upstream_ref" TEXT,
    "accepted_at" TIMESTAMPTZ(3),
    "sent_at" TIMESTAMPTZ(3),
    "due_at" TIMESTAMPTZ(3),
    "worker_id" UUID,
    "lease_until" TIMESTAMPTZ(3),
    "query_count" INTEGER NOT NULL DEFAULT 0,
    "not_found_count" INTEGER NOT NULL DEFAULT 0,
    "not_found_since" TIMESTAMPTZ(3),
    "outcome_reason" TEXT,
    "outcome_message" TEXT,
    "delivered_quantity" INTEGER NOT NULL DEFAULT 0,
    "cost" DECIMAL(18,2),
    "discrepancy" TEXT,
    "attention_reason" TEXT,
    "attention_since" TIMESTAMPTZ(3),
    "settled_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "purchase_attempt_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "purchase_step" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "attempt_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "message" TEXT NOT NULL DEFAULT '',
    "status" INTEGER,
    "duration_ms" INTEGER,
    "wire" BYTEA,
    "data_key" BYTEA,
    "vault_key_id" TEXT,
    "actor_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "purchase_step_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "supply_callback" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "attempt_id" UUID,
    "client_address" TEXT,
    "raw" BYTEA NOT NULL,
    "data_key" BYTEA NOT NULL,
    "vault_key_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "supply_callback_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateIndex
CREATE INDEX "supply_account_network_id_owner_id_id_idx" ON "supply_account"("network_id", "owner_id", "id");

-- CreateIndex
CREATE INDEX "supply_offer_network_id_owner_id_id_idx" ON "supply_offer"("network_id", "owner_id", "id");

-- CreateIndex
CREATE INDEX "supply_offer_network_id_supplier_id_id_idx" ON "supply_offer"("network_id", "supplier_id", "id");

-- CreateIndex
CREATE INDEX "supply_offer_network_id_account_id_idx" ON "supply_offer"("network_id", "account_id");

-- CreateIndex
CREATE INDEX "supply_offer_cost_network_id_offer_id_id_idx" ON "supply_offer_cost"("network_id", "offer_id", "id");

-- CreateIndex
CREATE INDEX "purchase_attempt_network_id_owner_id_id_idx" ON "purchase_attempt"("network_id", "owner_id", "id");

-- CreateIndex
CREATE INDEX "purchase_attempt_network_id_supplier_id_id_idx" ON "purchase_attempt"("network_id", "supplier_id", "id");

-- CreateIndex
CREATE INDEX "purchase_attempt_network_id_order_id_idx" ON "purchase_attempt"("network_id", "order_id");

-- CreateIndex
CREATE INDEX "purchase_attempt_network_id_offer_id_id_idx" ON "purchase_attempt"("network_id", "offer_id", "id");

-- CreateIndex
CREATE INDEX "purchase_step_network_id_attempt_id_id_idx" ON "purchase_step"("network_id", "attempt_id", "id");

-- CreateIndex
CREATE INDEX "supply_callback_network_id_account_id_id_idx" ON "supply_callback"("network_id", "account_id", "id");

-- AddForeignKey
ALTER TABLE "lot" ADD CONSTRAINT "lot_network_id_attempt_id_fkey" FOREIGN KEY ("network_id", "attempt_id") REFERENCES "purchase_attempt"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "bundle_component" ADD CONSTRAINT "bundle_component_network_id_bundle_sku_id_fkey" FOREIGN KEY ("network_id", "bundle_sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "bundle_component" ADD CONSTRAINT "bundle_component_network_id_component_sku_id_fkey" FOREIGN KEY ("network_id", "component_sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_account" ADD CONSTRAINT "supply_account_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_account" ADD CONSTRAINT "supply_account_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_account_state" ADD CONSTRAINT "supply_account_state_network_id_account_id_fkey" FOREIGN KEY ("network_id", "account_id") REFERENCES "supply_account"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_offer" ADD CONSTRAINT "supply_offer_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_offer" ADD CONSTRAINT "supply_offer_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_offer" ADD CONSTRAINT "supply_offer_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_offer" ADD CONSTRAINT "supply_offer_network_id_account_id_fkey" FOREIGN KEY ("network_id", "account_id") REFERENCES "supply_account"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_offer_cost" ADD CONSTRAINT "supply_offer_cost_network_id_offer_id_fkey" FOREIGN KEY ("network_id", "offer_id") REFERENCES "supply_offer"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "purchase_attempt" ADD CONSTRAINT "purchase_attempt_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "purchase_attempt" ADD CONSTRAINT "purchase_attempt_network_id_order_id_fkey" FOREIGN KEY ("network_id", "order_id") REFERENCES "orders"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "purchase_attempt" ADD CONSTRAINT "purchase_attempt_network_id_line_id_fkey" FOREIGN KEY ("network_id", "line_id") REFERENCES "order_line"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "purchase_attempt" ADD CONSTRAINT "purchase_attempt_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "purchase_attempt" ADD CONSTRAINT "purchase_attempt_network_id_offer_id_fkey" FOREIGN KEY ("network_id", "offer_id") REFERENCES "supply_offer"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "purchase_attempt" ADD CONSTRAINT "purchase_attempt_network_id_account_id_fkey" FOREIGN KEY ("network_id", "account_id") REFERENCES "supply_account"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "purchase_attempt" ADD CONSTRAINT "purchase_attempt_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "purchase_step" ADD CONSTRAINT "purchase_step_network_id_attempt_id_fkey" FOREIGN KEY ("network_id", "attempt_id") REFERENCES "purchase_attempt"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supply_callback" ADD CONSTRAINT "supply_callback_network_id_account_id_fkey" FOREIGN KEY ("network_id", "account_id") REFERENCES "supply_account"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;
