-- Pages of an unfinished walk that brought nothing but what its earlier pages had brought: how many in
-- a row up to the cursor, and whether one of them named a next page.
ALTER TABLE walk_cursor ADD COLUMN stale_pages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE walk_cursor ADD COLUMN repeated_page INTEGER NOT NULL DEFAULT 0;
