-- What upstreams tell of costs and stock: who listens to an account, or asks it next, and up to where.

-- CreateTable
CREATE TABLE "supply_account_news" (
    "network_id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "worker_id" UUID,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "place" TEXT,
    "read_at" TIMESTAMPTZ(3),
    "told_at" TIMESTAMPTZ(3),
    "failure" TEXT,
    "failure_count" INTEGER NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "supply_account_news_pkey" PRIMARY KEY ("network_id","account_id")
);

-- AddForeignKey
ALTER TABLE "supply_account_news" ADD CONSTRAINT "supply_account_news_network_id_account_id_fkey" FOREIGN KEY ("network_id", "account_id") REFERENCES "supply_account"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- What Prisma's language cannot say.
ALTER TABLE supply_account_news
  ADD CONSTRAINT supply_account_news_failure_check CHECK (failure_count >= 0 AND length(failure) <= 500 AND length(place) <= 5000);
-- renewed every ten seconds, and moved with all that is told
ALTER TABLE supply_account_news SET (fillfactor = 50);

GRANT SELECT, INSERT ON supply_account_news TO fenzhan_app;
GRANT UPDATE (worker_id, due_at, place, read_at, told_at, failure, failure_count, updated_at) ON supply_account_news TO fenzhan_app;
