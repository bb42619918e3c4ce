-- Where a person says that an upstream's goods belong: kept with each preview, and taken over by the next of the account (decision 0027).

-- AlterTable
ALTER TABLE "upstream_import" ADD COLUMN     "mapping" JSONB NOT NULL DEFAULT '{}';

ALTER TABLE upstream_import ADD CONSTRAINT upstream_import_mapping_check CHECK (jsonb_typeof(mapping) = 'object');
