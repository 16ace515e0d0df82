-- Marts that are tables, with the definition each is filled by.
CREATE TABLE mart_table (
  name            TEXT PRIMARY KEY,
  definition_hash BLOB NOT NULL,
  built_at        TEXT NOT NULL
) WITHOUT ROWID;

-- Connections whose marts are behind their tables: noted with the change itself, so that a killed
-- run forgets none.
CREATE TABLE mart_due (
  connection_id INTEGER PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE
);
