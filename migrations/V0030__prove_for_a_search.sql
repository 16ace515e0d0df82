-- For which base, search and consent a watermark, or a walk, stands; NULL: nobody knows.
ALTER TABLE type_state ADD COLUMN proved_for TEXT;
ALTER TABLE sync_walk ADD COLUMN proved_for TEXT;
-- Whether a full walk missed it on a night on which a part of the plan's store may have been away:
-- then a read proves its deletion only after a full walk on another day has missed it, too.
ALTER TABLE absent_resource ADD COLUMN is_doubted INTEGER NOT NULL DEFAULT 0;
