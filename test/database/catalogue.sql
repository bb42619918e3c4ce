-- What the live database holds, as one JSON: what Prisma's schema says and what only the migrations say (CHECKs, partial and
-- NULLS NOT DISTINCT keys, grants). Compared with the committed catalogue.snapshot.json.
WITH tables AS (
  SELECT oid, relname AS name FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations'
)
SELECT jsonb_build_object(
  'enums', (
    SELECT jsonb_object_agg(typname, labels) FROM (
      SELECT typname, jsonb_agg(enumlabel ORDER BY enumsortorder) AS labels
      FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid WHERE typnamespace = 'public'::regnamespace GROUP BY typname) AS enums),
  'functions', (SELECT coalesce(jsonb_agg(proname ORDER BY proname), '[]') FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
  'role', (
    SELECT jsonb_build_object('canLogin', rolcanlogin, 'superuser', rolsuper, 'createsRoles', rolcreaterole, 'createsDatabases', rolcreatedb,
      'bypassesRowSecurity', rolbypassrls, 'inSchema', jsonb_build_object('usage', has_schema_privilege(oid, 'public', 'USAGE'), 'create', has_schema_privilege(oid, 'public', 'CREATE')))
    FROM pg_roles WHERE rolname = 'fenzhan_app'),
  'tables', (SELECT jsonb_object_agg(name, jsonb_build_object(
    'columns', (
      SELECT jsonb_object_agg(attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END
        || coalesce(' default ' || pg_get_expr(adbin, adrelid), ''))
      FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = tables.oid AND attnum > 0 AND NOT attisdropped),
    -- not-null constraints stand with their columns
    'constraints', (SELECT jsonb_object_agg(conname, pg_get_constraintdef(pg_constraint.oid)) FROM pg_constraint WHERE conrelid = tables.oid AND contype <> 'n'),
    'indexes', (SELECT jsonb_object_agg(indexrelid::regclass::text, regexp_replace(pg_get_indexdef(indexrelid), '^CREATE (UNIQUE )?INDEX .* ON public\.', '\1')) FROM pg_index WHERE indrelid = tables.oid),
    'triggers', (SELECT coalesce(jsonb_agg(tgname ORDER BY tgname), '[]') FROM pg_trigger WHERE tgrelid = tables.oid AND NOT tgisinternal),
    'partitions', (SELECT coalesce(jsonb_agg(inhrelid::regclass::text ORDER BY inhrelid::regclass::text), '[]') FROM pg_inherits WHERE inhparent = tables.oid),
    'grants', jsonb_build_object(
      'table', (
        SELECT coalesce(jsonb_agg(privilege ORDER BY privilege), '[]')
        FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) AS privilege
        WHERE has_table_privilege('fenzhan_app', tables.oid, privilege)),
      'updates', (
        SELECT coalesce(jsonb_agg(attname ORDER BY attname), '[]') FROM pg_attribute
        WHERE attrelid = tables.oid AND attnum > 0 AND NOT attisdropped AND NOT has_table_privilege('fenzhan_app', tables.oid, 'UPDATE')
          AND has_column_privilege('fenzhan_app', tables.oid, attnum, 'UPDATE')))
  )) FROM tables)
) AS catalogue
