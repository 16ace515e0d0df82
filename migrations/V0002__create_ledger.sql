-- The ledger: what was asked, what came, what did not come and why.
CREATE TABLE sync_run (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  command     TEXT NOT NULL,
  version     TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('running', 'complete', 'incomplete', 'interrupted')),
  started_at  TEXT NOT NULL,
  finished_at TEXT,
  exit_code   INTEGER,
  summary     TEXT
);

CREATE TABLE sync_walk (
  id                  INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id              INTEGER NOT NULL REFERENCES sync_run (id),
  connection_id       INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type       TEXT NOT NULL,
  mode                TEXT NOT NULL CHECK (mode IN ('full', 'incremental', 'window', 'reference')),
  state               TEXT NOT NULL
                      CHECK (state IN ('running', 'complete', 'incomplete', 'not_served', 'skipped')),
  reason              TEXT,              -- a word: why incomplete, not served or skipped
  detail              TEXT,              -- the same for people, without values
  hint                TEXT,              -- what to do about it
  http_status         INTEGER,
  server_message      TEXT,              -- the server's own words (OperationOutcome); may name a patient
  failed_page         INTEGER,           -- 1-based, counted from the start of the walk
  started_at          TEXT NOT NULL,     -- of this run's part
  finished_at         TEXT,
  walk_started_at     TEXT NOT NULL,     -- of the walk's first page, also when an earlier run asked for it
  resumed_from        INTEGER REFERENCES sync_walk (id) ON DELETE SET NULL,
  pages_before        INTEGER NOT NULL DEFAULT 0,  -- stored by earlier runs of this walk
  pages               INTEGER NOT NULL DEFAULT 0,
  requests            INTEGER NOT NULL DEFAULT 0,
  retries             INTEGER NOT NULL DEFAULT 0,
  bytes               INTEGER NOT NULL DEFAULT 0,
  resources_seen      INTEGER NOT NULL DEFAULT 0,
  resources_new       INTEGER NOT NULL DEFAULT 0,
  resources_changed   INTEGER NOT NULL DEFAULT 0,
  resources_unchanged INTEGER NOT NULL DEFAULT 0,
  resources_deleted   INTEGER NOT NULL DEFAULT 0,
  resources_rejected  INTEGER NOT NULL DEFAULT 0,
  duplicates          INTEGER NOT NULL DEFAULT 0,
  rows_written        INTEGER NOT NULL DEFAULT 0,
  declared_total      INTEGER,           -- Bundle.total of the last page that had one
  first_url           TEXT,              -- parameter names only
  last_url            TEXT,
  warning             TEXT               -- e.g. the declared total is not what the pages add up to
);
CREATE INDEX sync_walk_connection ON sync_walk (connection_id, resource_type, id);
CREATE INDEX sync_walk_run ON sync_walk (run_id);

-- Where an unfinished walk goes on. Committed with the page that it follows.
CREATE TABLE walk_cursor (
  connection_id   INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type   TEXT NOT NULL,
  mode            TEXT NOT NULL,
  walk_id         INTEGER NOT NULL REFERENCES sync_walk (id) ON DELETE CASCADE,
  next_url        TEXT NOT NULL,
  pages           INTEGER NOT NULL,
  resources_seen  INTEGER NOT NULL,
  walk_started_at TEXT NOT NULL,
  updated_at      TEXT NOT NULL,
  PRIMARY KEY (connection_id, resource_type)
) WITHOUT ROWID;
