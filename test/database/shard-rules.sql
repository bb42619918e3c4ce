-- What a database sharded by network would refuse or get wrong, one row for each violation. A table of a network is one that
-- has a column network_id. Kept empty by test/database/shard-rules.test.ts.
WITH network_table AS (
  SELECT class.oid AS id, class.relname AS name, key_column.attnum AS key_position, key_column.attnotnull AS key_required, key_column.atttypid AS key_type
  FROM pg_class AS class
  JOIN pg_attribute AS key_column ON key_column.attrelid = class.oid AND key_column.attname = 'network_id' AND NOT key_column.attisdropped
  WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p') AND NOT class.relispartition
),
foreign_key AS (
  SELECT constraint_row.*, source.id AS source_id, source.key_position AS source_position, target.id AS target_id, target.key_position AS target_position,
         source_class.relname AS source_name
  FROM pg_constraint AS constraint_row
  JOIN pg_class AS source_class ON source_class.oid = constraint_row.conrelid AND NOT source_class.relispartition
  LEFT JOIN network_table AS source ON source.id = constraint_row.conrelid
  LEFT JOIN network_table AS target ON target.id = constraint_row.confrelid
  WHERE constraint_row.contype = 'f' AND constraint_row.conparentid = 0
)
SELECT 'network_id must be a uuid that is never null' AS rule, name AS table_name, 'network_id' AS object
FROM network_table WHERE NOT key_required OR key_type <> 'uuid'::regtype
UNION ALL
SELECT 'the primary key begins with network_id', name, coalesce(index.indexrelid::regclass::text, 'none')
FROM network_table LEFT JOIN pg_index AS index ON index.indrelid = id AND index.indisprimary
WHERE index.indkey[0] IS DISTINCT FROM key_position
UNION ALL
SELECT 'a unique or exclusion key contains network_id', name, index.indexrelid::regclass::text
FROM network_table JOIN pg_index AS index ON index.indrelid = id AND (index.indisunique OR index.indisexclusion)
WHERE NOT key_position = ANY (index.indkey)
UNION ALL
SELECT 'a foreign key between tables of a network carries network_id at the same place', source_name, conname
FROM foreign_key
WHERE source_id IS NOT NULL AND target_id IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM unnest(conkey, confkey) AS pair (source_column, target_column)
    WHERE pair.source_column = source_position AND pair.target_column = target_position)
UNION ALL
SELECT 'no ON UPDATE action, no ON DELETE SET NULL or SET DEFAULT', source_name, conname
FROM foreign_key WHERE source_id IS NOT NULL AND (confupdtype NOT IN ('a', 'r') OR confdeltype IN ('n', 'd'))
UNION ALL
SELECT 'a table without a network does not point into a network', source_name, conname
FROM foreign_key WHERE source_id IS NULL AND target_id IS NOT NULL
UNION ALL
SELECT 'no triggers', name, pg_trigger.tgname
FROM network_table JOIN pg_trigger ON pg_trigger.tgrelid = id AND NOT pg_trigger.tgisinternal
UNION ALL
SELECT 'ids come from the application: no sequence, no identity', name, attribute.attname
FROM network_table JOIN pg_attribute AS attribute ON attribute.attrelid = id AND attribute.attnum > 0 AND NOT attribute.attisdropped
WHERE attribute.attidentity <> '' OR pg_get_serial_sequence(id::regclass::text, attribute.attname) IS NOT NULL
ORDER BY 1, 2, 3
