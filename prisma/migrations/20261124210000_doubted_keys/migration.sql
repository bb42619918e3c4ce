-- Card keys that an upstream delivered a second time: of whom they were first, and which purchase brought them again.

-- CreateTable
CREATE TABLE "doubted_key" (
    "network_id" UUID NOT NULL,
    "attempt_id" UUID NOT NULL,
    "card_key_id" UUID NOT NULL,
    "noted_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "doubted_key_pkey" PRIMARY KEY ("network_id","attempt_id","card_key_id")
);

-- CreateIndex
CREATE INDEX "doubted_key_network_id_card_key_id_idx" ON "doubted_key"("network_id", "card_key_id");

-- AddForeignKey
ALTER TABLE "doubted_key" ADD CONSTRAINT "doubted_key_network_id_attempt_id_fkey" FOREIGN KEY ("network_id", "attempt_id") REFERENCES "purchase_attempt"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "doubted_key" ADD CONSTRAINT "doubted_key_network_id_card_key_id_fkey" FOREIGN KEY ("network_id", "card_key_id") REFERENCES "card_key"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

GRANT SELECT, INSERT ON doubted_key TO fenzhan_app;
