-- Each entry of the access log gets a digest over the digest before it and its own fields, so that
-- `payersync verify` tells what was changed, removed or put in. The target and the detail are covered
-- by seals with a salt each: a purge can blank them, text and salt, and leaves the chain whole. What
-- is in the log already is sealed with the next entry.
ALTER TABLE access_log ADD COLUMN blanks TEXT;        -- ids of the entries that a purge has blanked, with commas
ALTER TABLE access_log ADD COLUMN target_salt BLOB;
ALTER TABLE access_log ADD COLUMN target_seal BLOB;   -- SHA-256 of salt and target
ALTER TABLE access_log ADD COLUMN detail_salt BLOB;
ALTER TABLE access_log ADD COLUMN detail_seal BLOB;
ALTER TABLE access_log ADD COLUMN digest BLOB;        -- SHA-256 of the digest before and the fields

-- Where the chain ends, so that entries that were removed from its end are missed.
CREATE TABLE access_log_chain (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  entries  INTEGER NOT NULL,
  digest   BLOB NOT NULL
);
