-- Roll-ups are fed by a consumer of their own (server/live/roll-ups.ts). Its place in the numbered events is a row that is
-- moved in the transaction that writes the roll-ups.

-- CreateTable
CREATE TABLE "roll_up_position" (
    "network_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "last_seq" BIGINT NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "roll_up_position_pkey" PRIMARY KEY ("network_id","kind")
);

ALTER TABLE roll_up_position
  ADD CONSTRAINT roll_up_position_kind_check CHECK (kind IN ('STATIONS')),
  ADD CONSTRAINT roll_up_position_last_seq_check CHECK (last_seq >= 0);

-- until now the relay wrote the roll-ups itself: what it has numbered has been counted
INSERT INTO roll_up_position (network_id, kind, last_seq, updated_at)
SELECT network_id, 'STATIONS', last_seq, updated_at FROM relay_position;

GRANT SELECT, INSERT ON roll_up_position TO fenzhan_app;
GRANT UPDATE (last_seq, updated_at) ON roll_up_position TO fenzhan_app;
