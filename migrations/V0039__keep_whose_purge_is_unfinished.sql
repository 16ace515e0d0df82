-- Whose purge is unfinished: the same command then finishes that purge, and never takes another connection
-- for the purged one. The name itself must be gone, so that its digest stands here until the purge is done.
ALTER TABLE purge_unfinished ADD COLUMN name_salt BLOB;
ALTER TABLE purge_unfinished ADD COLUMN name_digest BLOB;  -- SHA-256 of the salt and the name
