-- Where the rebuild of a type's tables stands; a row only while one is under way. The new tables
-- grow beside the old ones, which readers go on seeing until all are swapped in one transaction.
-- goal is a hash of the definitions that they are filled with; another goal starts anew.
CREATE TABLE table_rebuild (
  resource_type      TEXT PRIMARY KEY,
  goal               BLOB NOT NULL,
  tables             TEXT NOT NULL,      -- JSON array: the tables in the making
  last_connection_id INTEGER NOT NULL,   -- done up to and with this resource
  last_resource_id   TEXT NOT NULL,
  resources_done     INTEGER NOT NULL,
  started_at         TEXT NOT NULL
) WITHOUT ROWID;

-- Resources that the new definitions reject; entered in rejected_resource with the swap.
CREATE TABLE rebuild_reject (
  resource_type TEXT NOT NULL,
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_id   TEXT NOT NULL,
  detail        TEXT NOT NULL,
  PRIMARY KEY (resource_type, connection_id, resource_id)
) WITHOUT ROWID;

-- The tables that `payersync rebuild` was asked for, until it is done.
CREATE TABLE rebuild_request (
  id           INTEGER PRIMARY KEY CHECK (id = 1),
  tables       TEXT NOT NULL,            -- JSON array
  requested_at TEXT NOT NULL
);

-- Open rejects are looked up by resource when a definition or a resource changes.
CREATE INDEX rejected_resource_open
  ON rejected_resource (connection_id, resource_type, resource_id) WHERE resolved_at IS NULL;
