-- Callbacks, and what went over the wire for purchases, are kept for PURCHASE_LOG_DAYS after their attempts were settled. The lines of the
-- log stay: nobody but the wire's columns may be emptied. Ids tell times, so ranges of ids find what is old.
GRANT DELETE ON supply_callback TO fenzhan_app;
GRANT UPDATE (wire, data_key, vault_key_id) ON purchase_step TO fenzhan_app;
CREATE INDEX purchase_step_wire_idx ON purchase_step (network_id, id) WHERE wire IS NOT NULL;
