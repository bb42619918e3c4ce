-- Listings: what a SKU says and costs, version by version; the checks of a version; what a network asks of every listing (domain §6).

-- AlterTable
ALTER TABLE "product" ADD COLUMN     "attributes" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "picture_hash" BYTEA,
ADD COLUMN     "picture_url" TEXT;

-- AlterTable
ALTER TABLE "sku" ADD COLUMN     "scene" TEXT NOT NULL DEFAULT '';

-- CreateTable
CREATE TABLE "listing" (
    "network_id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "margin_reason" TEXT NOT NULL DEFAULT '',
    "submitted_by" UUID,
    "submitted_at" TIMESTAMPTZ(3),
    "go_live_at" TIMESTAMPTZ(3),
    "decided_by" UUID,
    "decided_at" TIMESTAMPTZ(3),
    "decision_note" TEXT NOT NULL DEFAULT '',
    "reviewed_number" INTEGER NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "listing_pkey" PRIMARY KEY ("network_id","sku_id")
);

-- CreateTable
CREATE TABLE "listing_version" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "snapshot" JSONB NOT NULL,
    "actor_id" UUID,
    "reason" TEXT NOT NULL DEFAULT '',
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "listing_version_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "listing_check" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "problems" JSONB NOT NULL DEFAULT '[]',
    "facts" JSONB NOT NULL DEFAULT '{}',
    "attempt_id" UUID,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3),
    "actor_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "listing_check_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "listing_policy" (
    "network_id" UUID NOT NULL,
    "banned_words" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "required_attributes" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    "margin_min_bps" INTEGER NOT NULL DEFAULT 1000,
    "self_review" BOOLEAN NOT NULL DEFAULT false,
    "version" INTEGER NOT NULL DEFAULT 1,
    "updated_by" UUID NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "listing_policy_pkey" PRIMARY KEY ("network_id")
);

-- CreateIndex
CREATE INDEX "listing_network_id_owner_id_sku_id_idx" ON "listing"("network_id", "owner_id", "sku_id");

-- AddForeignKey
ALTER TABLE "listing" ADD CONSTRAINT "listing_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "listing" ADD CONSTRAINT "listing_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "listing_version" ADD CONSTRAINT "listing_version_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "listing_check" ADD CONSTRAINT "listing_check_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "listing_check" ADD CONSTRAINT "listing_check_network_id_attempt_id_fkey" FOREIGN KEY ("network_id", "attempt_id") REFERENCES "purchase_attempt"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- ---- what Prisma's language cannot say ----

ALTER TABLE product
  ADD CONSTRAINT product_attributes_check CHECK (jsonb_typeof(attributes) = 'object'),
  ADD CONSTRAINT product_picture_hash_check CHECK (picture_hash IS NULL OR octet_length(picture_hash) = 32);
-- pictures of one content
CREATE INDEX product_picture_hash_idx ON product (network_id, picture_hash) WHERE picture_hash IS NOT NULL;

-- what waits for its hour
CREATE INDEX listing_go_live_idx ON listing (go_live_at, network_id, sku_id) WHERE go_live_at IS NOT NULL;
ALTER TABLE listing ADD CONSTRAINT listing_reviewed_number_check CHECK (reviewed_number >= 0);

-- a version is what it was: orders pin its number
CREATE UNIQUE INDEX listing_version_number_key ON listing_version (network_id, sku_id, number);
ALTER TABLE listing_version
  ADD CONSTRAINT listing_version_number_check CHECK (number >= 1),
  ADD CONSTRAINT listing_version_snapshot_check CHECK (jsonb_typeof(snapshot) = 'object');

CREATE UNIQUE INDEX listing_check_kind_key ON listing_check (network_id, sku_id, number, kind);
-- what workers claim, eldest first
CREATE INDEX listing_check_due_idx ON listing_check (due_at, network_id, id) WHERE due_at IS NOT NULL;
ALTER TABLE listing_check
  ADD CONSTRAINT listing_check_kind_check CHECK (kind IN ('CONTENT', 'TECHNICAL', 'PRICE')),
  ADD CONSTRAINT listing_check_state_check CHECK (state IN ('PENDING', 'PASSED', 'FAILED') AND (state = 'PENDING' OR due_at IS NULL)),
  ADD CONSTRAINT listing_check_counts_check CHECK (number >= 1 AND tries >= 0),
  ADD CONSTRAINT listing_check_problems_check CHECK (jsonb_typeof(problems) = 'array' AND jsonb_typeof(facts) = 'object');

ALTER TABLE listing_policy ADD CONSTRAINT listing_policy_margin_check CHECK (margin_min_bps BETWEEN 0 AND 10000 AND version >= 1);

-- the listings of an owner that are not for sale: few beside all
CREATE INDEX sku_listing_state_idx ON sku (network_id, listing_state, id) WHERE listing_state IN ('DRAFT', 'SUBMITTED', 'APPROVED', 'REJECTED');

-- ---- the application's role ----
GRANT SELECT, INSERT ON listing, listing_version, listing_check, listing_policy TO fenzhan_app;
GRANT UPDATE (margin_reason, submitted_by, submitted_at, go_live_at, decided_by, decided_at, decision_note, reviewed_number, updated_at)
  ON listing TO fenzhan_app;
GRANT UPDATE (state, problems, facts, attempt_id, tries, due_at, actor_id, updated_at) ON listing_check TO fenzhan_app;
GRANT UPDATE (banned_words, required_attributes, margin_min_bps, self_review, version, updated_by, updated_at) ON listing_policy TO fenzhan_app;
GRANT UPDATE (attributes, picture_url, picture_hash) ON product TO fenzhan_app;
GRANT UPDATE (scene, unit_size) ON sku TO fenzhan_app;
