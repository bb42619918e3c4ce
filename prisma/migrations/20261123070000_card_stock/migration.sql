-- Card stock: lots that are put aside, imports in chunks, replenishment.

-- A file that is still coming in: no worker takes it up.
-- AlterEnum
ALTER TYPE "job_state" ADD VALUE 'RECEIVING';

-- AlterTable
ALTER TABLE "lot" ADD COLUMN     "state" TEXT NOT NULL DEFAULT 'OPEN',
ADD COLUMN     "state_reason" TEXT,
ADD COLUMN     "state_by" UUID,
ADD COLUMN     "state_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "import_job" ADD COLUMN     "problem_count" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "touched_at" TIMESTAMPTZ(3);
UPDATE "import_job" SET "problem_count" = jsonb_array_length("problems");

-- CreateTable
CREATE TABLE "import_chunk" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "job_id" UUID NOT NULL,
    "ids" UUID[],
    "line_numbers" INTEGER[],
    "sealed" BYTEA[],
    "fingerprints" BYTEA[],

    CONSTRAINT "import_chunk_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "replenishment_rule" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "is_enabled" BOOLEAN NOT NULL DEFAULT true,
    "threshold_count" INTEGER,
    "threshold_days" INTEGER,
    "target_count" INTEGER NOT NULL,
    "daily_budget" DECIMAL(18,2) NOT NULL,
    "approval_limit" DECIMAL(18,2) NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "failure_count" INTEGER NOT NULL DEFAULT 0,
    "last_outcome" TEXT,
    "last_looked_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "updated_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "replenishment_rule_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "replenishment_day" (
    "network_id" UUID NOT NULL,
    "rule_id" UUID NOT NULL,
    "local_date" DATE NOT NULL,
    "spent" DECIMAL(18,2) NOT NULL,

    CONSTRAINT "replenishment_day_pkey" PRIMARY KEY ("network_id","rule_id","local_date")
);

-- CreateTable
CREATE TABLE "replenishment" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "rule_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "sku_id" UUID NOT NULL,
    "state" TEXT NOT NULL,
    "available_count" INTEGER NOT NULL,
    "days_left" INTEGER,
    "quantity" INTEGER NOT NULL,
    "offer_id" UUID NOT NULL,
    "supplier_id" UUID NOT NULL,
    "quoted_cost" DECIMAL(18,2) NOT NULL,
    "attempt_id" UUID,
    "spent_on" DATE,
    "delivered_quantity" INTEGER NOT NULL DEFAULT 0,
    "cost" DECIMAL(18,2),
    "failure" TEXT,
    "decided_by" UUID,
    "decided_at" TIMESTAMPTZ(3),
    "decision_reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),

    CONSTRAINT "replenishment_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateIndex
CREATE INDEX "import_chunk_network_id_job_id_id_idx" ON "import_chunk"("network_id", "job_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "import_job_lot_key" ON "import_job"("network_id", "lot_id");

-- CreateIndex
CREATE UNIQUE INDEX "replenishment_rule_sku_key" ON "replenishment_rule"("network_id", "sku_id");

-- CreateIndex
CREATE INDEX "replenishment_rule_network_id_owner_id_id_idx" ON "replenishment_rule"("network_id", "owner_id", "id");

-- CreateIndex
CREATE INDEX "replenishment_network_id_owner_id_id_idx" ON "replenishment"("network_id", "owner_id", "id");

-- CreateIndex
CREATE INDEX "replenishment_network_id_rule_id_id_idx" ON "replenishment"("network_id", "rule_id", "id");

-- AddForeignKey
ALTER TABLE "import_chunk" ADD CONSTRAINT "import_chunk_network_id_job_id_fkey" FOREIGN KEY ("network_id", "job_id") REFERENCES "import_job"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "replenishment_rule" ADD CONSTRAINT "replenishment_rule_network_id_owner_id_fkey" FOREIGN KEY ("network_id", "owner_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "replenishment_rule" ADD CONSTRAINT "replenishment_rule_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "replenishment_day" ADD CONSTRAINT "replenishment_day_network_id_rule_id_fkey" FOREIGN KEY ("network_id", "rule_id") REFERENCES "replenishment_rule"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "replenishment" ADD CONSTRAINT "replenishment_network_id_rule_id_fkey" FOREIGN KEY ("network_id", "rule_id") REFERENCES "replenishment_rule"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "replenishment" ADD CONSTRAINT "replenishment_network_id_sku_id_fkey" FOREIGN KEY ("network_id", "sku_id") REFERENCES "sku"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "replenishment" ADD CONSTRAINT "replenishment_network_id_offer_id_fkey" FOREIGN KEY ("network_id", "offer_id") REFERENCES "supply_offer"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "replenishment" ADD CONSTRAINT "replenishment_network_id_attempt_id_fkey" FOREIGN KEY ("network_id", "attempt_id") REFERENCES "purchase_attempt"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- Lines of imports wait by the thousand in one row: no index entry and no foreign key for each of them. What waits now goes along.
INSERT INTO "import_chunk" ("network_id", "id", "job_id", "ids", "line_numbers", "sealed", "fingerprints")
SELECT l."network_id", l."job_id", l."job_id", array_agg(l."id" ORDER BY l."line_number"), array_agg(l."line_number" ORDER BY l."line_number"),
       array_agg(l."sealed" ORDER BY l."line_number"), array_agg(l."fingerprint" ORDER BY l."line_number")
FROM "import_line" l GROUP BY l."network_id", l."job_id";
-- DropTable
DROP TABLE "import_line";

-- A key is of its lot's SKU and owner: one foreign key says so, where two said less. Its lot says that the SKU is there.
-- DropForeignKey
ALTER TABLE "card_key" DROP CONSTRAINT "card_key_network_id_lot_id_fkey";
-- DropForeignKey
ALTER TABLE "card_key" DROP CONSTRAINT "card_key_network_id_sku_id_fkey";
-- CreateIndex
CREATE UNIQUE INDEX "lot_goods_key" ON "lot"("network_id", "sku_id", "owner_id", "id");
-- DropIndex: the one above begins alike
DROP INDEX "lot_network_id_sku_id_id_idx";
-- AddForeignKey
ALTER TABLE "card_key" ADD CONSTRAINT "card_key_network_id_sku_id_owner_id_lot_id_fkey" FOREIGN KEY ("network_id", "sku_id", "owner_id", "lot_id") REFERENCES "lot"("network_id", "sku_id", "owner_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;
-- card_key_original_fingerprint_key keeps originals apart, of whatever owner; an owner's copies of others' keys are few. One entry less
-- for each key that comes, and for each that is sold.
-- DropIndex
DROP INDEX "card_key_owner_fingerprint_key";

-- What Prisma's language cannot say.
CREATE UNIQUE INDEX card_key_owner_duplicate_key ON card_key (network_id, owner_id, fingerprint) WHERE duplicate_of IS NOT NULL;

ALTER TABLE import_chunk
  ALTER COLUMN ids SET NOT NULL, ALTER COLUMN line_numbers SET NOT NULL, ALTER COLUMN sealed SET NOT NULL, ALTER COLUMN fingerprints SET NOT NULL,
  -- sealed texts and hashes do not get smaller
  ALTER COLUMN sealed SET STORAGE EXTERNAL, ALTER COLUMN fingerprints SET STORAGE EXTERNAL,
  ADD CONSTRAINT import_chunk_lines_check CHECK (
    cardinality(ids) > 0 AND cardinality(line_numbers) = cardinality(ids) AND cardinality(sealed) = cardinality(ids)
    AND cardinality(fingerprints) = cardinality(ids));

ALTER TABLE import_job ADD CONSTRAINT import_job_problem_count_check CHECK (problem_count >= 0);
-- uploads that broke off: few beside all jobs
CREATE INDEX import_job_open_idx ON import_job (network_id, id) WHERE finished_at IS NULL;

ALTER TABLE lot
  ADD CONSTRAINT lot_state_check CHECK (state IN ('OPEN', 'QUARANTINED', 'VOID')),
  ADD CONSTRAINT lot_state_reason_check CHECK (state = 'OPEN' OR (state_reason IS NOT NULL AND state_by IS NOT NULL AND state_at IS NOT NULL));

-- keys for sale that will expire, by their day: sales leave it, and enter nothing into it
CREATE INDEX card_key_expiry_idx ON card_key (network_id, expires_on, sku_id) WHERE state = 'AVAILABLE' AND expires_on IS NOT NULL;

ALTER TABLE replenishment_rule
  ADD CONSTRAINT replenishment_rule_threshold_check CHECK (
    num_nonnulls(threshold_count, threshold_days) >= 1 AND (threshold_count IS NULL OR threshold_count BETWEEN 1 AND 100000)
    AND (threshold_days IS NULL OR threshold_days BETWEEN 1 AND 365)),
  ADD CONSTRAINT replenishment_rule_target_check CHECK (target_count BETWEEN 1 AND 100000 AND target_count >= coalesce(threshold_count, 1)),
  ADD CONSTRAINT replenishment_rule_money_check CHECK (daily_budget > 0 AND approval_limit >= 0 AND failure_count >= 0);
-- rules that are to be looked at, the longest waiting first
CREATE INDEX replenishment_rule_due_idx ON replenishment_rule (network_id, due_at) WHERE is_enabled;
ALTER TABLE replenishment_rule SET (fillfactor = 80);

ALTER TABLE replenishment_day ADD CONSTRAINT replenishment_day_spent_check CHECK (spent >= 0);

ALTER TABLE replenishment
  ADD CONSTRAINT replenishment_state_check CHECK (
    CASE state WHEN 'WAITING' THEN attempt_id IS NULL AND ended_at IS NULL
               WHEN 'PURCHASING' THEN attempt_id IS NOT NULL AND spent_on IS NOT NULL AND ended_at IS NULL
               WHEN 'DONE' THEN attempt_id IS NOT NULL AND ended_at IS NOT NULL
               WHEN 'FAILED' THEN attempt_id IS NOT NULL AND ended_at IS NOT NULL
               WHEN 'DECLINED' THEN attempt_id IS NULL AND decided_by IS NOT NULL AND ended_at IS NOT NULL
               ELSE false END),
  ADD CONSTRAINT replenishment_counts_check CHECK (
    quantity >= 1 AND delivered_quantity >= 0 AND available_count >= 0 AND quoted_cost >= 0 AND (cost IS NULL OR cost >= 0));
-- never two at once for a SKU, by any number of processes
CREATE UNIQUE INDEX replenishment_live_key ON replenishment (network_id, sku_id) WHERE state IN ('WAITING', 'PURCHASING');
CREATE UNIQUE INDEX replenishment_attempt_key ON replenishment (network_id, attempt_id) WHERE attempt_id IS NOT NULL;

GRANT SELECT, INSERT, DELETE ON import_chunk TO fenzhan_app;
GRANT UPDATE (line_count, problem_count, touched_at) ON import_job TO fenzhan_app;
GRANT UPDATE (state, state_reason, state_by, state_at) ON lot TO fenzhan_app;
GRANT SELECT, INSERT ON replenishment_rule, replenishment_day, replenishment TO fenzhan_app;
GRANT UPDATE (is_enabled, threshold_count, threshold_days, target_count, daily_budget, approval_limit, due_at, failure_count, last_outcome,
  last_looked_at, version, updated_by, updated_at) ON replenishment_rule TO fenzhan_app;
GRANT UPDATE (spent) ON replenishment_day TO fenzhan_app;
GRANT UPDATE (state, quantity, offer_id, supplier_id, quoted_cost, attempt_id, spent_on, delivered_quantity, cost, failure, decided_by, decided_at,
  decision_reason, ended_at) ON replenishment TO fenzhan_app;
