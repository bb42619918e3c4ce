-- CreateTable
CREATE TABLE "webhook_endpoint" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "station_id" UUID,
    "supplier_id" UUID,
    "url" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "document" TEXT NOT NULL,
    "topics" TEXT[],
    "permissions" TEXT[],
    "actor_kind" TEXT NOT NULL,
    "actor_id" UUID NOT NULL,
    "is_enabled" BOOLEAN NOT NULL,
    "disabled_reason" TEXT,
    "data_key" BYTEA NOT NULL,
    "vault_key_id" TEXT NOT NULL,
    "secret" BYTEA,
    "previous_secret" BYTEA,
    "previous_until" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_endpoint_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "webhook_state" (
    "network_id" UUID NOT NULL,
    "endpoint_id" UUID NOT NULL,
    "last_seq" BIGINT NOT NULL,
    "reader_id" UUID,
    "reading_until" TIMESTAMPTZ(3),
    "failure_count" INTEGER NOT NULL DEFAULT 0,
    "failing_since" TIMESTAMPTZ(3),
    "last_success_at" TIMESTAMPTZ(3),
    "opened_count" INTEGER NOT NULL DEFAULT 0,
    "open_until" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_state_pkey" PRIMARY KEY ("network_id","endpoint_id")
);

-- CreateTable
CREATE TABLE "webhook_delivery" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "endpoint_id" UUID NOT NULL,
    "topic" TEXT NOT NULL,
    "event_seq" BIGINT,
    "payload" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "attempt_count" INTEGER NOT NULL DEFAULT 0,
    "round_count" INTEGER NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(3) NOT NULL,
    "give_up_at" TIMESTAMPTZ(3) NOT NULL,
    "sender_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "webhook_attempt" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "delivery_id" UUID NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "status" INTEGER,
    "failure" TEXT,
    "answer" TEXT NOT NULL,

    CONSTRAINT "webhook_attempt_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateIndex
CREATE INDEX "webhook_endpoint_network_id_station_id_id_idx" ON "webhook_endpoint"("network_id", "station_id", "id");

-- CreateIndex
CREATE INDEX "webhook_delivery_network_id_endpoint_id_id_idx" ON "webhook_delivery"("network_id", "endpoint_id", "id");

-- CreateIndex
CREATE INDEX "webhook_attempt_network_id_delivery_id_id_idx" ON "webhook_attempt"("network_id", "delivery_id", "id");

-- AddForeignKey
ALTER TABLE "webhook_endpoint" ADD CONSTRAINT "webhook_endpoint_network_id_station_id_fkey" FOREIGN KEY ("network_id", "station_id") REFERENCES "station"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "webhook_endpoint" ADD CONSTRAINT "webhook_endpoint_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "webhook_state" ADD CONSTRAINT "webhook_state_network_id_endpoint_id_fkey" FOREIGN KEY ("network_id", "endpoint_id") REFERENCES "webhook_endpoint"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "webhook_delivery" ADD CONSTRAINT "webhook_delivery_network_id_endpoint_id_fkey" FOREIGN KEY ("network_id", "endpoint_id") REFERENCES "webhook_endpoint"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "webhook_attempt" ADD CONSTRAINT "webhook_attempt_network_id_delivery_id_fkey" FOREIGN KEY ("network_id", "delivery_id") REFERENCES "webhook_delivery"("network_id", "id") ON DELETE CASCADE ON UPDATE NO ACTION;

-- What Prisma's language cannot say.
ALTER TABLE webhook_endpoint ALTER COLUMN topics SET NOT NULL, ALTER COLUMN permissions SET NOT NULL;
ALTER TABLE webhook_endpoint
  ADD CONSTRAINT webhook_endpoint_one_party_check CHECK (num_nonnulls(station_id, supplier_id) = 1),
  ADD CONSTRAINT webhook_endpoint_actor_check CHECK (actor_kind IN ('USER', 'API_KEY')),
  ADD CONSTRAINT webhook_endpoint_topics_check CHECK (cardinality(topics) >= 1),
  ADD CONSTRAINT webhook_endpoint_disabled_check CHECK (is_enabled = (disabled_reason IS NULL)),
  -- a deleted endpoint signs nothing more: its secrets are gone with it
  ADD CONSTRAINT webhook_endpoint_deleted_check CHECK ((deleted_at IS NULL) = (secret IS NOT NULL) AND (deleted_at IS NULL OR NOT is_enabled)),
  ADD CONSTRAINT webhook_endpoint_rotation_check CHECK ((previous_secret IS NULL) = (previous_until IS NULL));
ALTER TABLE webhook_state ADD CONSTRAINT webhook_state_counts_check CHECK (failure_count >= 0 AND opened_count >= 0 AND last_seq >= 0);
ALTER TABLE webhook_delivery
  ADD CONSTRAINT webhook_delivery_state_check CHECK (state IN ('PENDING', 'SUCCEEDED', 'FAILED')),
  ADD CONSTRAINT webhook_delivery_finished_check CHECK ((state = 'PENDING') = (finished_at IS NULL));
ALTER TABLE webhook_attempt ADD CONSTRAINT webhook_attempt_outcome_check CHECK (num_nonnulls(status, failure) = 1 AND duration_ms >= 0);

-- an event is told to an endpoint at most once for each topic
CREATE UNIQUE INDEX webhook_delivery_event_key ON webhook_delivery (network_id, endpoint_id, event_seq, topic) WHERE event_seq IS NOT NULL;
-- what waits to be sent, endpoint by endpoint
CREATE INDEX webhook_delivery_waiting_idx ON webhook_delivery (network_id, endpoint_id, next_attempt_at, id) WHERE state = 'PENDING';
-- what the log no longer keeps
CREATE INDEX webhook_delivery_finished_idx ON webhook_delivery (network_id, finished_at) WHERE finished_at IS NOT NULL;
-- endpoints that read events
CREATE INDEX webhook_endpoint_enabled_idx ON webhook_endpoint (network_id, id) WHERE is_enabled;

GRANT SELECT, INSERT ON webhook_endpoint, webhook_state, webhook_delivery, webhook_attempt TO fenzhan_app;
GRANT UPDATE (url, description, document, topics, permissions, actor_kind, actor_id, is_enabled, disabled_reason, data_key, vault_key_id, secret,
  previous_secret, previous_until, version, updated_at, deleted_at) ON webhook_endpoint TO fenzhan_app;
GRANT UPDATE (last_seq, reader_id, reading_until, failure_count, failing_since, last_success_at, opened_count, open_until) ON webhook_state TO fenzhan_app;
GRANT UPDATE (state, attempt_count, round_count, next_attempt_at, give_up_at, sender_id, finished_at) ON webhook_delivery TO fenzhan_app;
-- the log is kept for a time that the operator sets
GRANT DELETE ON webhook_delivery, webhook_attempt TO fenzhan_app;
