-- A page of a station's rules has an index that only a page can use: it says that versions are above 0, and so does the page. As a plain
-- index of (station, id) it looked as cheap to PostgreSQL as markup_rule_live_key when a few rules were looked up, and read all that
-- headquarters has.
DROP INDEX markup_rule_network_id_station_id_id_idx;
CREATE INDEX markup_rule_newest_idx ON markup_rule (network_id, station_id, id) WHERE valid_to IS NULL AND version > 0;
