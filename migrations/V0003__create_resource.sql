-- A resource as received. json holds the very bytes; content_hash leaves out meta.versionId and
-- meta.lastUpdated, which some servers raise at every read.
CREATE TABLE resource (
  id            INTEGER PRIMARY KEY,
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  version_id    TEXT,
  last_updated  TEXT,
  content_hash  BLOB NOT NULL,
  json          TEXT NOT NULL,
  walk_id       INTEGER REFERENCES sync_walk (id) ON DELETE SET NULL, -- that brought this content
  received_at   TEXT NOT NULL,
  deleted_at    TEXT,
  UNIQUE (connection_id, resource_type, resource_id)
);

-- What a resource said before: written when its content changes or it is deleted.
CREATE TABLE resource_version (
  id            INTEGER PRIMARY KEY,
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  version_id    TEXT,
  last_updated  TEXT,
  content_hash  BLOB NOT NULL,
  json          TEXT NOT NULL,
  valid_from    TEXT NOT NULL,
  valid_to      TEXT NOT NULL
);
CREATE INDEX resource_version_key ON resource_version (connection_id, resource_type, resource_id);

-- What could not be taken in, with its bytes and the reason. Never lost, never fatal.
-- The same reject on the next night is the same row.
CREATE TABLE rejected_resource (
  id            INTEGER PRIMARY KEY,
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,       -- of the walk
  resource_id   TEXT,
  reason        TEXT NOT NULL,       -- a word: no_id, wrong_type, no_resource, view_error, ...
  detail        TEXT NOT NULL,
  body          TEXT NOT NULL,
  body_hash     BLOB NOT NULL,
  run_id        INTEGER REFERENCES sync_run (id) ON DELETE SET NULL,
  walk_id       INTEGER REFERENCES sync_walk (id) ON DELETE SET NULL,
  page          INTEGER NOT NULL,    -- 1-based
  received_at   TEXT NOT NULL,
  resolved_at   TEXT,                -- taken in since, or no longer sent
  UNIQUE (connection_id, resource_type, body_hash, reason)
);

-- Which definition a normalised table was filled with.
CREATE TABLE view_table (
  name            TEXT PRIMARY KEY,
  resource_type   TEXT NOT NULL,
  definition_hash BLOB NOT NULL,
  built_at        TEXT NOT NULL
) WITHOUT ROWID;
