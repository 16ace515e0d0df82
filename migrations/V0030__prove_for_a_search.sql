-- For which base, search and consent a watermark, or a walk, stands; NULL: nobody knows.
ALTER TABLE type_state ADD COLUMN proved_for TEXT;
ALTER TABLE sync_walk ADD COLUMN proved_for TEXT;
