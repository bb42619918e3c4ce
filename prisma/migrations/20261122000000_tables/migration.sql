-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "station_kind" AS ENUM ('HEADQUARTERS', 'SUBSTATION', 'RESELLER');

-- CreateEnum
CREATE TYPE "station_status" AS ENUM ('ACTIVE', 'FROZEN', 'CLOSED');

-- CreateEnum
CREATE TYPE "cost_guard" AS ENUM ('HIDE', 'ALLOW_LOSS');

-- CreateEnum
CREATE TYPE "party_status" AS ENUM ('ACTIVE', 'CLOSED');

-- CreateEnum
CREATE TYPE "role" AS ENUM ('OWNER', 'MANAGER', 'FINANCE', 'OPERATOR', 'VIEWER');

-- CreateEnum
CREATE TYPE "listing_state" AS ENUM ('DRAFT', 'SUBMITTED', 'APPROVED', 'LIVE', 'PAUSED', 'RETIRED', 'REJECTED');

-- CreateEnum
CREATE TYPE "delivery_kind" AS ENUM ('FROM_STOCK', 'SOURCED');

-- CreateEnum
CREATE TYPE "markup_kind" AS ENUM ('PERCENT', 'FIXED', 'PRICE');

-- CreateEnum
CREATE TYPE "inversion_policy" AS ENUM ('HIDE', 'RAISE_TO_START');

-- CreateEnum
CREATE TYPE "commission_pool_kind" AS ENUM ('PERCENT', 'PER_UNIT');

-- CreateEnum
CREATE TYPE "lot_terms" AS ENUM ('CONSIGNMENT', 'OWN');

-- CreateEnum
CREATE TYPE "card_key_state" AS ENUM ('AVAILABLE', 'SOLD', 'WITHDRAWN', 'QUARANTINED', 'VOID', 'EXPIRED');

-- CreateEnum
CREATE TYPE "job_state" AS ENUM ('PENDING', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED');

-- CreateEnum
CREATE TYPE "account_kind" AS ENUM ('WALLET', 'HELD', 'EARNINGS_PENDING', 'EARNINGS', 'CLAWBACK', 'DEPOSIT', 'PAYABLE_PENDING', 'PAYABLE', 'CASH', 'SUSPENSE');

-- CreateEnum
CREATE TYPE "transfer_kind" AS ENUM ('ORDER', 'REFUND', 'TOP_UP', 'LOT_PURCHASE', 'WITHDRAWAL', 'SETTLEMENT', 'ADJUSTMENT');

-- CreateEnum
CREATE TYPE "posting_reason" AS ENUM ('SALE', 'MARGIN', 'COMMISSION', 'COST', 'TOP_UP', 'LOT_PURCHASE', 'REFUND', 'RELEASE', 'SETTLEMENT', 'ADJUSTMENT');

-- CreateEnum
CREATE TYPE "order_state" AS ENUM ('HELD', 'REVIEW', 'SOURCING', 'DELIVERED', 'FAILED', 'NEEDS_ATTENTION', 'PARTLY_REFUNDED', 'REFUNDED');

-- CreateEnum
CREATE TYPE "order_channel" AS ENUM ('CONSOLE', 'API', 'DEMO');

-- CreateEnum
CREATE TYPE "hop_role" AS ENUM ('ABOVE', 'OWNER', 'SELLER', 'BUYER');

-- CreateEnum
CREATE TYPE "line_source" AS ENUM ('STOCK', 'SUPPLIER');

-- CreateEnum
CREATE TYPE "refund_bearer" AS ENUM ('OWNER', 'SUPPLIER');

-- CreateEnum
CREATE TYPE "refund_state" AS ENUM ('REQUESTED', 'DONE', 'DECLINED');

-- CreateTable
CREATE TABLE "users" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "email_verified" BOOLEAN NOT NULL DEFAULT false,
    "image" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "token" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ip_address" TEXT,
    "user_agent" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "credential" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "account_id" TEXT NOT NULL,
    "provider_id" TEXT NOT NULL,
    "access_token" TEXT,
    "refresh_token" TEXT,
    "id_token" TEXT,
    "access_token_expires_at" TIMESTAMPTZ(3),
    "refresh_token_expires_at" TIMESTAMPTZ(3),
    "scope" TEXT,
    "password" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "credential_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "verification" (
    "id" UUID NOT NULL,
    "identifier" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "verification_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sign_in_rate" (
    "id" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "count" INTEGER NOT NULL,
    "last_request" BIGINT NOT NULL,

    CONSTRAINT "sign_in_rate_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "network" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "currency" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL,
    "settlement_days" INTEGER NOT NULL DEFAULT 7,
    "commission_levels_max" INTEGER NOT NULL DEFAULT 3,
    "refund_limit" DECIMAL(18,2) NOT NULL DEFAULT 1000,
    "first_order_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "network_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "station" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "parent_id" UUID,
    "kind" "station_kind" NOT NULL,
    "status" "station_status" NOT NULL DEFAULT 'ACTIVE',
    "name" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "path" UUID[],
    "depth" INTEGER NOT NULL,
    "level_id" UUID,
    "cost_guard" "cost_guard" NOT NULL DEFAULT 'HIDE',
    "frozen_by" UUID,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "station_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "price_level" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "price_level_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "supplier" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "status" "party_status" NOT NULL DEFAULT 'ACTIVE',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "supplier_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "membership" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "station_id" UUID,
    "supplier_id" UUID,
    "role" "role" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "membership_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID,
    "supplier_id" UUID,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "allowed_ips" TEXT[],
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "category" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "parent_id" UUID,
    "name" TEXT NOT NULL,
    "path" UUID[],
    "position" INTEGER NOT NULL DEFAULT 0,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "category_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "product" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "category_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "brand" TEXT,
    "description" TEXT NOT NULL DEFAULT '',
    "archived_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "product_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "sku" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "product_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "category_path" UUID[],
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "face_value" TEXT,
    "currency" TEXT NOT NULL,
    "base_price" DECIMAL(18,4) NOT NULL,
    "unit_size" INTEGER NOT NULL DEFAULT 1,
    "min_quantity" INTEGER NOT NULL DEFAULT 1,
    "max_quantity" INTEGER NOT NULL DEFAULT 1000,
    "quantity_step" INTEGER NOT NULL DEFAULT 1,
    "delivery_kind" "delivery_kind" NOT NULL DEFAULT 'FROM_STOCK',
    "listing_state" "listing_state" NOT NULL DEFAULT 'LIVE',
    "listing_version" INTEGER NOT NULL DEFAULT 1,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "sku_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "markup_rule" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "child_id" UUID,
    "level_id" UUID,
    "sku_id" UUID,
    "product_id" UUID,
    "category_id" UUID,
    "kind" "markup_kind" NOT NULL,
    "value" DECIMAL(18,4) NOT NULL,
    "breaks" JSONB NOT NULL DEFAULT '[]',
    "inversion" "inversion_policy" NOT NULL DEFAULT 'HIDE',
    "currency" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "valid_from" TIMESTAMPTZ(3) NOT NULL,
    "valid_to" TIMESTAMPTZ(3),
    "created_by" UUID NOT NULL,
    "ended_by" UUID,
    "reason" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "markup_rule_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "control_band" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "floor" DECIMAL(18,4),
    "ceiling" DECIMAL(18,4),
    "currency" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "valid_from" TIMESTAMPTZ(3) NOT NULL,
    "valid_to" TIMESTAMPTZ(3),
    "created_by" UUID NOT NULL,
    "ended_by" UUID,
    "reason" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "control_band_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "commission_plan" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "sku_id" UUID,
    "product_id" UUID,
    "category_id" UUID,
    "pool_kind" "commission_pool_kind" NOT NULL,
    "pool_value" DECIMAL(18,4) NOT NULL,
    "share_bps" INTEGER[],
    "currency" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "valid_from" TIMESTAMPTZ(3) NOT NULL,
    "valid_to" TIMESTAMPTZ(3),
    "created_by" UUID NOT NULL,
    "ended_by" UUID,
    "reason" TEXT NOT NULL DEFAULT '',

    CONSTRAINT "commission_plan_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "lot" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "supplier_id" UUID,
    "terms" "lot_terms" NOT NULL,
    "currency" TEXT NOT NULL,
    "total_cost" DECIMAL(18,2) NOT NULL,
    "key_count" INTEGER NOT NULL,
    "expires_on" DATE,
    "data_key" BYTEA NOT NULL,
    "vault_key_id" TEXT NOT NULL,
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "lot_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "card_key" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "lot_id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "state" "card_key_state" NOT NULL,
    "sealed" BYTEA NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "cost" DECIMAL(18,2) NOT NULL,
    "expires_on" DATE,
    "duplicate_of" UUID,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "card_key_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "card_key_sale" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "card_key_id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "line_id" UUID NOT NULL,
    "supplier_id" UUID,
    "terms" "lot_terms" NOT NULL,
    "cost" DECIMAL(18,2) NOT NULL,
    "position" INTEGER NOT NULL,
    "revealed_at" TIMESTAMPTZ(3),
    "revealed_by" UUID,
    "returned_at" TIMESTAMPTZ(3),

    CONSTRAINT "card_key_sale_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "import_job" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "supplier_id" UUID,
    "lot_id" UUID NOT NULL,
    "terms" "lot_terms" NOT NULL,
    "total_cost" DECIMAL(18,2) NOT NULL,
    "expires_on" DATE,
    "currency" TEXT NOT NULL,
    "state" "job_state" NOT NULL DEFAULT 'PENDING',
    "line_count" INTEGER NOT NULL,
    "imported_count" INTEGER NOT NULL DEFAULT 0,
    "duplicate_count" INTEGER NOT NULL DEFAULT 0,
    "problems" JSONB NOT NULL DEFAULT '[]',
    "failure" TEXT,
    "data_key" BYTEA NOT NULL,
    "vault_key_id" TEXT NOT NULL,
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "import_job_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "import_line" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "job_id" UUID NOT NULL,
    "line_number" INTEGER NOT NULL,
    "sealed" BYTEA NOT NULL,
    "fingerprint" BYTEA NOT NULL,

    CONSTRAINT "import_line_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "account" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID,
    "supplier_id" UUID,
    "kind" "account_kind" NOT NULL,
    "currency" TEXT NOT NULL,
    "balance" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "credit_limit" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "floorless" BOOLEAN NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "account_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "transfer" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "kind" "transfer_kind" NOT NULL,
    "order_id" UUID,
    "reverses_id" UUID,
    "actor_id" UUID NOT NULL,
    "note" TEXT NOT NULL DEFAULT '',
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "transfer_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "posting" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "transfer_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "amount" DECIMAL(18,2) NOT NULL,
    "currency" TEXT NOT NULL,
    "reason" "posting_reason" NOT NULL,
    "due_on" DATE,
    "reverses_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "posting_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "orders" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "group_id" UUID,
    "buyer_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "buyer_path" UUID[],
    "sku_id" UUID NOT NULL,
    "product_name" TEXT NOT NULL,
    "sku_name" TEXT NOT NULL,
    "listing_version" INTEGER NOT NULL,
    "quantity" INTEGER NOT NULL,
    "unit_size" INTEGER NOT NULL,
    "unit_price" DECIMAL(18,4) NOT NULL,
    "total" DECIMAL(18,2) NOT NULL,
    "tax_amount" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "platform_fee" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "currency" TEXT NOT NULL,
    "state" "order_state" NOT NULL,
    "delivery_kind" "delivery_kind" NOT NULL,
    "cost" DECIMAL(18,2) NOT NULL,
    "commission_plan_id" UUID,
    "commission_pool" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refunded_total" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "settlement_days" INTEGER NOT NULL,
    "due_on" DATE NOT NULL,
    "request_key" TEXT NOT NULL,
    "external_ref" TEXT,
    "channel" "order_channel" NOT NULL,
    "placed_by_user_id" UUID,
    "placed_by_key_id" UUID,
    "client_address" TEXT,
    "input_fields" BYTEA,
    "placed_at" TIMESTAMPTZ(3) NOT NULL,
    "delivered_at" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "orders_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "order_hop" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "distance" INTEGER NOT NULL,
    "role" "hop_role" NOT NULL,
    "paid_unit_price" DECIMAL(18,4),
    "paid_total" DECIMAL(18,2),
    "sold_unit_price" DECIMAL(18,4),
    "sold_total" DECIMAL(18,2),
    "markup_rule_id" UUID,
    "control_band_id" UUID,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "order_hop_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "order_line" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "quantity" INTEGER NOT NULL,
    "delivered_quantity" INTEGER NOT NULL,
    "source" "line_source" NOT NULL,
    "cost" DECIMAL(18,2) NOT NULL,

    CONSTRAINT "order_line_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "refund" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "state" "refund_state" NOT NULL,
    "amount" DECIMAL(18,2) NOT NULL,
    "currency" TEXT NOT NULL,
    "bearer" "refund_bearer" NOT NULL,
    "card_key_ids" UUID[],
    "reason" TEXT NOT NULL,
    "transfer_id" UUID,
    "requested_by" UUID NOT NULL,
    "decided_by" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "decided_at" TIMESTAMPTZ(3),

    CONSTRAINT "refund_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "request_key" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "effect" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "input_hash" BYTEA NOT NULL,
    "outcome" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "request_key_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "outbox_event" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "seq" BIGINT,
    "topic" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "audience" UUID[],
    "data" JSONB NOT NULL DEFAULT '{}',
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "outbox_event_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "relay_position" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "last_seq" BIGINT NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "relay_position_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "station_hour" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID NOT NULL,
    "hour_start" TIMESTAMPTZ(3) NOT NULL,
    "local_date" DATE NOT NULL,
    "currency" TEXT NOT NULL,
    "order_count" BIGINT NOT NULL DEFAULT 0,
    "quantity" BIGINT NOT NULL DEFAULT 0,
    "gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "own_order_count" BIGINT NOT NULL DEFAULT 0,
    "own_gmv" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "margin" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "commission" DECIMAL(18,2) NOT NULL DEFAULT 0,
    "refund_count" BIGINT NOT NULL DEFAULT 0,
    "refund_total" DECIMAL(18,2) NOT NULL DEFAULT 0,

    CONSTRAINT "station_hour_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "audit_entry" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID,
    "supplier_id" UUID,
    "actor_kind" TEXT NOT NULL,
    "actor_id" UUID NOT NULL,
    "action" TEXT NOT NULL,
    "subject_id" UUID,
    "data" JSONB NOT NULL DEFAULT '{}',
    "client_address" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

-- CreateIndex
CREATE UNIQUE INDEX "session_token_key" ON "session"("token");

-- CreateIndex
CREATE INDEX "session_user_id_idx" ON "session"("user_id");

-- CreateIndex
CREATE INDEX "credential_user_id_idx" ON "credential"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "credential_provider_id_account_id_key" ON "credential"("provider_id", "account_id");

-- CreateIndex
CREATE INDEX "verification_identifier_idx" ON "verification"("identifier");

-- CreateIndex
CREATE UNIQUE INDEX "sign_in_rate_key_key" ON "sign_in_rate"("key");

-- CreateIndex
CREATE INDEX "station_network_id_parent_id_id_idx" ON "station"("network_id", "parent_id", "id");

-- CreateIndex
CREATE INDEX "station_network_id_path_idx" ON "station"("network_id", "path");

-- CreateIndex
CREATE UNIQUE INDEX "station_network_id_code_key" ON "station"("network_id", "code");

-- CreateIndex
CREATE UNIQUE INDEX "price_level_network_id_station_id_name_key" ON "price_level"("network_id", "station_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "supplier_network_id_code_key" ON "supplier"("network_id", "code");

-- CreateIndex
CREATE INDEX "membership_user_id_idx" ON "membership"("user_id");

-- CreateIndex
CREATE INDEX "api_key_network_id_station_id_idx" ON "api_key"("network_id", "station_id");

-- CreateIndex
CREATE INDEX "category_network_id_path_idx" ON "category"("network_id", "path");

-- CreateIndex
CREATE INDEX "category_network_id_parent_id_idx" ON "category"("network_id", "parent_id");

-- CreateIndex
CREATE INDEX "product_network_id_category_id_idx" ON "product"("network_id", "category_id");

-- CreateIndex
CREATE INDEX "sku_network_id_product_id_idx" ON "sku"("network_id", "product_id");

-- CreateIndex
CREATE INDEX "sku_network_id_category_path_product_id_id_idx" ON "sku"("network_id", "category_path", "product_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "sku_network_id_owner_id_code_key" ON "sku"("network_id", "owner_id", "code");

-- CreateIndex
CREATE INDEX "markup_rule_network_id_station_id_id_idx" ON "markup_rule"("network_id", "station_id", "id");

-- CreateIndex
CREATE INDEX "control_band_network_id_sku_id_id_idx" ON "control_band"("network_id", "sku_id", "id");

-- CreateIndex
CREATE INDEX "commission_plan_network_id_owner_id_id_idx" ON "commission_plan"("network_id", "owner_id", "id");

-- CreateIndex
CREATE INDEX "lot_network_id_sku_id_id_idx" ON "lot"("network_id", "sku_id", "id");

-- CreateIndex
CREATE INDEX "card_key_network_id_lot_id_idx" ON "card_key"("network_id", "lot_id");

-- CreateIndex
CREATE INDEX "card_key_sale_network_id_order_id_position_idx" ON "card_key_sale"("network_id", "order_id", "position");

-- CreateIndex
CREATE INDEX "import_job_network_id_owner_id_id_idx" ON "import_job"("network_id", "owner_id", "id");

-- CreateIndex
CREATE INDEX "import_line_network_id_job_id_line_number_idx" ON "import_line"("network_id", "job_id", "line_number");

-- CreateIndex
CREATE INDEX "transfer_network_id_order_id_idx" ON "transfer"("network_id", "order_id");

-- CreateIndex
CREATE INDEX "posting_network_id_account_id_id_idx" ON "posting"("network_id", "account_id", "id");

-- CreateIndex
CREATE INDEX "posting_network_id_transfer_id_idx" ON "posting"("network_id", "transfer_id");

-- CreateIndex
CREATE UNIQUE INDEX "order_hop_network_id_order_id_distance_key" ON "order_hop"("network_id", "order_id", "distance");

-- CreateIndex
CREATE UNIQUE INDEX "order_hop_network_id_station_id_order_id_key" ON "order_hop"("network_id", "station_id", "order_id");

-- CreateIndex
CREATE INDEX "order_line_network_id_order_id_idx" ON "order_line"("network_id", "order_id");

-- CreateIndex
CREATE INDEX "refund_network_id_order_id_idx" ON "refund"("network_id", "order_id");

-- CreateIndex
CREATE UNIQUE INDEX "request_key_network_id_station_id_effect_key_key" ON "request_key"("network_id", "station_id", "effect", "key");

-- CreateIndex
CREATE UNIQUE INDEX "relay_position_network_id_key" ON "relay_position"("network_id");

-- CreateIndex
CREATE INDEX "station_hour_network_id_station_id_local_date_idx" ON "station_hour"("network_id", "station_id", "local_date");

-- CreateIndex
CREATE UNIQUE INDEX "station_hour_network_id_station_id_hour_start_key" ON "station_hour"("network_id", "station_id", "hour_start");

-- CreateIndex
CREATE INDEX "audit_entry_network_id_station_id_id_idx" ON "audit_entry"("network_id", "station_id", "id");

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "credential" ADD CONSTRAINT "credential_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "station" ADD CONSTRAINT "station_network_id_fkey" FOREIGN KEY ("network_id") REFERENCES "network"("id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "station" ADD CONSTRAINT "station_network_id_parent_id_fkey" FOREIGN KEY ("network_id", "parent_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "station" ADD CONSTRAINT "station_network_id_level_id_fkey" FOREIGN KEY ("network_id", "level_id") REFERENCES "price_level"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "station" ADD CONSTRAINT "station_network_id_frozen_by_fkey" FOREIGN KEY ("network_id", "frozen_by") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "price_level" ADD CONSTRAINT "price_level_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supplier" ADD CONSTRAINT "supplier_network_id_fkey" FOREIGN KEY ("network_id") REFERENCES "network"("id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "category" ADD CONSTRAINT "category_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "category" ADD CONSTRAINT "category_network_id_parent_id_fkey" FOREIGN KEY ("network_id", "parent_id") REFERENCES "category"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "product" ADD CONSTRAINT "product_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "product" ADD CONSTRAINT "product_network_id_category_id_fkey" FOREIGN KEY ("network_id", "category_id") REFERENCES "category"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "sku" ADD CONSTRAINT "sku_network_id_product_id_fkey" FOREIGN KEY ("network_id", "product_id") REFERENCES "product"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "sku" ADD CONSTRAINT "sku_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "markup_rule" ADD CONSTRAINT "markup_rule_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "markup_rule" ADD CONSTRAINT "markup_rule_network_id_child_id_fkey" FOREIGN KEY ("network_id", "child_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "markup_rule" ADD CONSTRAINT "markup_rule_network_id_level_id_fkey" FOREIGN KEY ("network_id", "level_id") REFERENCES "price_level"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "markup_rule" ADD CONSTRAINT "markup_rule_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "markup_rule" ADD CONSTRAINT "markup_rule_network_id_product_id_fkey" FOREIGN KEY ("network_id", "product_id") REFERENCES "product"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "markup_rule" ADD CONSTRAINT "markup_rule_network_id_category_id_fkey" FOREIGN KEY ("network_id", "category_id") REFERENCES "category"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "control_band" ADD CONSTRAINT "control_band_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "commission_plan" ADD CONSTRAINT "commission_plan_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "commission_plan" ADD CONSTRAINT "commission_plan_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "commission_plan" ADD CONSTRAINT "commission_plan_network_id_product_id_fkey" FOREIGN KEY ("network_id", "product_id") REFERENCES "product"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "commission_plan" ADD CONSTRAINT "commission_plan_network_id_category_id_fkey" FOREIGN KEY ("network_id", "category_id") REFERENCES "category"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "lot" ADD CONSTRAINT "lot_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "lot" ADD CONSTRAINT "lot_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "lot" ADD CONSTRAINT "lot_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "card_key" ADD CONSTRAINT "card_key_network_id_lot_id_fkey" FOREIGN KEY ("network_id", "lot_id") REFERENCES "lot"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "card_key" ADD CONSTRAINT "card_key_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "card_key_sale" ADD CONSTRAINT "card_key_sale_network_id_card_key_id_fkey" FOREIGN KEY ("network_id", "card_key_id") REFERENCES "card_key"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "card_key_sale" ADD CONSTRAINT "card_key_sale_network_id_order_id_fkey" FOREIGN KEY ("network_id", "order_id") REFERENCES "orders"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "card_key_sale" ADD CONSTRAINT "card_key_sale_network_id_line_id_fkey" FOREIGN KEY ("network_id", "line_id") REFERENCES "order_line"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "import_job" ADD CONSTRAINT "import_job_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "import_line" ADD CONSTRAINT "import_line_network_id_job_id_fkey" FOREIGN KEY ("network_id", "job_id") REFERENCES "import_job"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "account" ADD CONSTRAINT "account_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "account" ADD CONSTRAINT "account_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "posting" ADD CONSTRAINT "posting_network_id_transfer_id_fkey" FOREIGN KEY ("network_id", "transfer_id") REFERENCES "transfer"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "posting" ADD CONSTRAINT "posting_network_id_account_id_fkey" FOREIGN KEY ("network_id", "account_id") REFERENCES "account"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_network_id_buyer_id_fkey" FOREIGN KEY ("network_id", "buyer_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "order_hop" ADD CONSTRAINT "order_hop_network_id_order_id_fkey" FOREIGN KEY ("network_id", "order_id") REFERENCES "orders"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "order_hop" ADD CONSTRAINT "order_hop_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "order_line" ADD CONSTRAINT "order_line_network_id_order_id_fkey" FOREIGN KEY ("network_id", "order_id") REFERENCES "orders"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "order_line" ADD CONSTRAINT "order_line_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "refund" ADD CONSTRAINT "refund_network_id_order_id_fkey" FOREIGN KEY ("network_id", "order_id") REFERENCES "orders"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "request_key" ADD CONSTRAINT "request_key_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;
