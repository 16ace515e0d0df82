-- When an unfinished walk began, by the earlier of the server's clock and ours, and whether its
-- pages brought resources that had changed before then and, after its first page, since then.
ALTER TABLE walk_cursor ADD COLUMN began_at TEXT;
ALTER TABLE walk_cursor ADD COLUMN brought_early INTEGER NOT NULL DEFAULT 0;
ALTER TABLE walk_cursor ADD COLUMN brought_late INTEGER NOT NULL DEFAULT 0;
