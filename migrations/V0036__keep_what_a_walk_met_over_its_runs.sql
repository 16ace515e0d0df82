-- A walk that goes on in a later run knows how many pages in a row brought no new id, those included
-- that bring no id at all, and what could not be taken in: row ids as in seen, of rejected_resource.
ALTER TABLE walk_cursor ADD COLUMN hollow_pages INTEGER NOT NULL DEFAULT 0;
ALTER TABLE walk_page ADD COLUMN rejected BLOB NOT NULL DEFAULT x'';
