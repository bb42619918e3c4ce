-- Suppliers: their standing, company, contacts and qualification documents with files. Every state is a text with a CHECK.

-- AlterTable
ALTER TABLE "supplier" ADD COLUMN     "address" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "legal_name" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "legal_representative" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "registration_number" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "standing" TEXT NOT NULL DEFAULT 'ACTIVE',
ADD COLUMN     "standing_at" TIMESTAMPTZ(3),
ADD COLUMN     "standing_reason" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "tax_id" TEXT NOT NULL DEFAULT '';

-- CreateTable
CREATE TABLE "supplier_contact" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "supplier_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "role" TEXT NOT NULL DEFAULT '',
    "phone" TEXT NOT NULL DEFAULT '',
    "email" TEXT NOT NULL DEFAULT '',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "archived_at" TIMESTAMPTZ(3),

    CONSTRAINT "supplier_contact_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "supplier_document" (
    "network_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "supplier_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "number" TEXT NOT NULL DEFAULT '',
    "issued_on" DATE,
    "expires_on" DATE,
    "covers_all" BOOLEAN NOT NULL DEFAULT true,
    "category_ids" UUID[] DEFAULT ARRAY[]::UUID[],
    "brands" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "is_required" BOOLEAN NOT NULL DEFAULT true,
    "state" TEXT NOT NULL DEFAULT 'PENDING',
    "review_reason" TEXT NOT NULL DEFAULT '',
    "reviewed_by" UUID,
    "reviewed_at" TIMESTAMPTZ(3),
    "replaces_id" UUID,
    "file_name" TEXT,
    "file_type" TEXT,
    "file_bytes" INTEGER,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "supplier_document_pkey" PRIMARY KEY ("network_id","id")
);

-- CreateTable
CREATE TABLE "supplier_document_file" (
    "network_id" UUID NOT NULL,
    "document_id" UUID NOT NULL,
    "sealed" BYTEA NOT NULL,
    "data_key" BYTEA NOT NULL,
    "vault_key_id" TEXT NOT NULL,
    "created_by" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "supplier_document_file_pkey" PRIMARY KEY ("network_id","document_id")
);

-- CreateTable
CREATE TABLE "licence_check" (
    "network_id" UUID NOT NULL,
    "checked_on" DATE NOT NULL,
    "checked_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "licence_check_pkey" PRIMARY KEY ("network_id")
);

-- CreateIndex
CREATE INDEX "supplier_contact_network_id_supplier_id_id_idx" ON "supplier_contact"("network_id", "supplier_id", "id");

-- CreateIndex
CREATE INDEX "supplier_document_network_id_supplier_id_id_idx" ON "supplier_document"("network_id", "supplier_id", "id");

-- AddForeignKey
ALTER TABLE "supplier_contact" ADD CONSTRAINT "supplier_contact_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supplier_document" ADD CONSTRAINT "supplier_document_network_id_supplier_id_fkey" FOREIGN KEY ("network_id", "supplier_id") REFERENCES "supplier"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supplier_document" ADD CONSTRAINT "supplier_document_network_id_replaces_id_fkey" FOREIGN KEY ("network_id", "replaces_id") REFERENCES "supplier_document"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- AddForeignKey
ALTER TABLE "supplier_document_file" ADD CONSTRAINT "supplier_document_file_network_id_document_id_fkey" FOREIGN KEY ("network_id", "document_id") REFERENCES "supplier_document"("network_id", "id") ON DELETE RESTRICT ON UPDATE NO ACTION;

-- ---- what Prisma's language cannot say ----

-- Prisma leaves list columns nullable, and a CHECK passes on NULL
ALTER TABLE supplier_document ALTER COLUMN category_ids SET NOT NULL, ALTER COLUMN brands SET NOT NULL;

-- §2 a supplier that is closed signs in no more; every other standing may, to put its papers right
UPDATE supplier SET standing = 'CLOSED' WHERE status = 'CLOSED';
ALTER TABLE supplier
  ADD CONSTRAINT supplier_standing_check CHECK (standing IN ('APPLIED', 'ACTIVE', 'REJECTED', 'SUSPENDED', 'CLOSED')),
  ADD CONSTRAINT supplier_closed_check CHECK ((standing = 'CLOSED') = (status = 'CLOSED'));

ALTER TABLE supplier_contact ADD CONSTRAINT supplier_contact_name_check CHECK (name <> '');

ALTER TABLE supplier_document
  ADD CONSTRAINT supplier_document_type_check CHECK (type IN ('BUSINESS_LICENCE', 'ICP_LICENCE', 'EDI_LICENCE', 'TRADEMARK_AUTHORISATION',
    'GAME_PUBLISHING_LICENCE', 'AGENCY_CONTRACT', 'OTHER')),
  ADD CONSTRAINT supplier_document_state_check CHECK (state IN ('PENDING', 'APPROVED', 'REJECTED', 'SUPERSEDED', 'WITHDRAWN')),
  -- what holds was looked at by somebody, as a file
  ADD CONSTRAINT supplier_document_reviewed_check CHECK (
    CASE state WHEN 'PENDING' THEN reviewed_by IS NULL WHEN 'APPROVED' THEN reviewed_by IS NOT NULL AND file_name IS NOT NULL ELSE true END),
  ADD CONSTRAINT supplier_document_days_check CHECK (issued_on IS NULL OR expires_on IS NULL OR expires_on >= issued_on),
  -- it covers everything, or what it names
  ADD CONSTRAINT supplier_document_covers_check CHECK (covers_all = (cardinality(category_ids) + cardinality(brands) = 0)),
  ADD CONSTRAINT supplier_document_replaces_check CHECK (replaces_id <> id),
  ADD CONSTRAINT supplier_document_file_check CHECK (num_nonnulls(file_name, file_type, file_bytes) IN (0, 3));
-- what waits for headquarters
CREATE INDEX supplier_document_pending_idx ON supplier_document (network_id, id) WHERE state = 'PENDING';
-- a document has one change under way
CREATE UNIQUE INDEX supplier_document_change_key ON supplier_document (network_id, replaces_id) WHERE state IN ('PENDING', 'REJECTED');

-- sealed bytes do not compress
ALTER TABLE supplier_document_file ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE supplier_document_file
  -- 5 MiB and what the seal adds to them
  ADD CONSTRAINT supplier_document_file_size_check CHECK (octet_length(sealed) BETWEEN 1 AND 5242880 + 64);

-- ---- the application's role ----
GRANT UPDATE (standing, standing_at, standing_reason, legal_name, legal_representative, registration_number, tax_id, address)
  ON supplier TO fenzhan_app;
GRANT SELECT, INSERT ON supplier_contact, supplier_document, supplier_document_file, licence_check TO fenzhan_app;
GRANT UPDATE (name, role, phone, email, version, archived_at) ON supplier_contact TO fenzhan_app;
GRANT UPDATE (type, number, issued_on, expires_on, covers_all, category_ids, brands, is_required, state, review_reason, reviewed_by, reviewed_at,
  file_name, file_type, file_bytes, version, updated_at) ON supplier_document TO fenzhan_app;
-- a file that nobody has approved may be replaced, and goes when its document is withdrawn
GRANT UPDATE (sealed, data_key, vault_key_id, created_by, created_at) ON supplier_document_file TO fenzhan_app;
GRANT DELETE ON supplier_document_file TO fenzhan_app;
GRANT UPDATE (checked_on, checked_at) ON licence_check TO fenzhan_app;
