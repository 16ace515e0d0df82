-- DuckDB attaches the file, and reads a table by its row ids wherever a question names no column of
-- it, such as count(*): every table has row ids now. It lists the tables of a file only if it can
-- read every view of it, and takes neither count(*) nor min() of two values from a view, nor an index
-- over a part of the rows.
DROP VIEW completeness;
DROP VIEW mistyped_path;

CREATE TEMP TABLE kept AS SELECT * FROM absent_resource;
DROP TABLE absent_resource;
CREATE TABLE absent_resource (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('pending', 'deleted', 'present')),
  missed_since  TEXT NOT NULL,         -- start of the first full walk in a row that did not meet it
  missed_at     TEXT NOT NULL,         -- start of the latest one
  walk_id       INTEGER REFERENCES sync_walk (id) ON DELETE SET NULL, -- the latest one
  asked_at      TEXT,                  -- when it was last read by id
  http_status   INTEGER,               -- what the read answered, where it says no
  proof         TEXT CHECK (proof IN ('read', 'two_walks')), -- of a deletion
  PRIMARY KEY (connection_id, resource_type, resource_id)
);
INSERT INTO absent_resource SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM mart_table;
DROP TABLE mart_table;
CREATE TABLE mart_table (
  name            TEXT PRIMARY KEY,
  definition_hash BLOB NOT NULL,
  built_at        TEXT NOT NULL
);
INSERT INTO mart_table SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM mistyped_cell;
DROP TABLE mistyped_cell;
CREATE TABLE mistyped_cell (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  table_name    TEXT NOT NULL,
  column_name   TEXT NOT NULL,
  path          TEXT NOT NULL,      -- where the value stands, positions in arrays left out
  cell_count    INTEGER NOT NULL,
  PRIMARY KEY (connection_id, resource_type, resource_id, table_name, column_name, path)
);
INSERT INTO mistyped_cell SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM rebuild_reject;
DROP TABLE rebuild_reject;
CREATE TABLE rebuild_reject (
  resource_type TEXT NOT NULL,
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_id   TEXT NOT NULL,
  detail        TEXT NOT NULL,
  PRIMARY KEY (resource_type, connection_id, resource_id)
);
INSERT INTO rebuild_reject SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM reference_queue;
DROP TABLE reference_queue;
CREATE TABLE reference_queue (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  depth         INTEGER NOT NULL,  -- 1: named by a listed resource; 2: by one of depth 1; ...
  state         TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'stored', 'absent', 'refused', 'unreadable')),
  http_status   INTEGER,           -- of the latest answer that was not the resource
  reason        TEXT,              -- a word, for the same
  found_at      TEXT NOT NULL,
  answered_at   TEXT,              -- before the type's round_at: to be read again
  PRIMARY KEY (connection_id, resource_type, resource_id)
);
INSERT INTO reference_queue SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM reference_type;
DROP TABLE reference_type;
CREATE TABLE reference_type (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  scanned_to    TEXT,              -- resources received up to here have been searched for references
  round_at      TEXT NOT NULL,     -- when the latest round over all references began
  batches       TEXT NOT NULL DEFAULT 'unknown'
                CHECK (batches IN ('unknown', 'honoured', 'ignored')),  -- _id=a,b,c
  PRIMARY KEY (connection_id, resource_type)
);
INSERT INTO reference_type SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM table_rebuild;
DROP TABLE table_rebuild;
CREATE TABLE table_rebuild (
  resource_type      TEXT PRIMARY KEY,
  goal               BLOB NOT NULL,
  tables             TEXT NOT NULL,      -- JSON array: the tables in the making
  last_connection_id INTEGER NOT NULL,   -- done up to and with this resource
  last_resource_id   TEXT NOT NULL,
  resources_done     INTEGER NOT NULL,
  started_at         TEXT NOT NULL
);
INSERT INTO table_rebuild SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM type_state;
DROP TABLE type_state;
CREATE TABLE type_state (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  watermark     TEXT,    -- complete up to here; moved by complete walks only
  last_full_at  TEXT,    -- start of the last complete full walk: deletions are known up to here
  last_updated  TEXT NOT NULL DEFAULT 'unknown'
                CHECK (last_updated IN ('unknown', 'honoured', 'ignored')),
  last_updated_reason TEXT,
  totals        TEXT NOT NULL DEFAULT 'unknown'
                CHECK (totals IN ('unknown', 'trusted', 'untrusted')),
  probed_at     TEXT,
  search        TEXT CHECK (search IN ('patient')),
  PRIMARY KEY (connection_id, resource_type)
);
INSERT INTO type_state SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM unmapped_path;
DROP TABLE unmapped_path;
CREATE TABLE unmapped_path (
  connection_id  INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type  TEXT NOT NULL,
  path           TEXT NOT NULL,      -- positions in arrays left out
  is_foreign     INTEGER NOT NULL,   -- in an extension that neither FHIR nor its US profiles define
  resource_count INTEGER NOT NULL,   -- live resources that have it
  leaf_count     INTEGER NOT NULL,   -- values there
  first_seen     TEXT NOT NULL,      -- when the first resource with it was received
  PRIMARY KEY (connection_id, resource_type, path, is_foreign)
);
INSERT INTO unmapped_path SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM unmapped_path_due;
DROP TABLE unmapped_path_due;
CREATE TABLE unmapped_path_due (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  PRIMARY KEY (connection_id, resource_type)
);
INSERT INTO unmapped_path_due SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM view_table;
DROP TABLE view_table;
CREATE TABLE view_table (
  name            TEXT PRIMARY KEY,
  resource_type   TEXT NOT NULL,
  definition_hash BLOB NOT NULL,
  built_at        TEXT NOT NULL
);
INSERT INTO view_table SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM walk_cursor;
DROP TABLE walk_cursor;
CREATE TABLE walk_cursor (
  connection_id      INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type      TEXT NOT NULL,
  mode               TEXT NOT NULL,
  window_parameter   TEXT NOT NULL DEFAULT '',  -- '' for a walk over the whole type
  window_from        TEXT NOT NULL DEFAULT '',
  window_to          TEXT NOT NULL DEFAULT '',
  walk_id            INTEGER NOT NULL REFERENCES sync_walk (id) ON DELETE CASCADE,
  next_url           TEXT NOT NULL,
  pages              INTEGER NOT NULL,
  resources_seen     INTEGER NOT NULL,
  entries            INTEGER NOT NULL DEFAULT 0, -- with repeats and rejects
  matches            INTEGER NOT NULL DEFAULT 0, -- taken in, each once per page
  rejected           INTEGER NOT NULL DEFAULT 0,
  first_page_entries INTEGER,
  declared_total     INTEGER,
  total_changed      INTEGER NOT NULL DEFAULT 0,
  failures           INTEGER NOT NULL DEFAULT 0, -- runs that got nothing at this page
  walk_started_at    TEXT NOT NULL,
  updated_at         TEXT NOT NULL,
  began_at           TEXT,
  brought_early      INTEGER NOT NULL DEFAULT 0,
  brought_late       INTEGER NOT NULL DEFAULT 0,
  stale_pages        INTEGER NOT NULL DEFAULT 0,
  repeated_page      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (connection_id, resource_type, mode, window_parameter, window_from, window_to)
);
INSERT INTO walk_cursor SELECT * FROM kept;
DROP TABLE temp.kept;

CREATE TEMP TABLE kept AS SELECT * FROM walk_page;
DROP TABLE walk_page;
CREATE TABLE walk_page (
  walk_id       INTEGER NOT NULL REFERENCES sync_walk (id) ON DELETE CASCADE,
  page          INTEGER NOT NULL,      -- 1-based, counted from the start of the walk
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  seen          BLOB NOT NULL,
  PRIMARY KEY (walk_id, page)
);
INSERT INTO walk_page SELECT * FROM kept;
DROP TABLE temp.kept;

DROP INDEX rejected_resource_open;
CREATE INDEX rejected_resource_open
  ON rejected_resource (connection_id, resource_type, resource_id, resolved_at);

CREATE VIEW mistyped_path AS
SELECT m.connection_id, m.resource_type, m.path, m.table_name, m.column_name,
  count(m.cell_count) AS resource_count, sum(m.cell_count) AS cell_count, min(r.received_at) AS first_seen
FROM mistyped_cell m
JOIN resource r ON r.connection_id = m.connection_id AND r.resource_type = m.resource_type
  AND r.resource_id = m.resource_id
GROUP BY m.connection_id, m.resource_type, m.path, m.table_name, m.column_name;

CREATE VIEW completeness AS
WITH latest AS (
  SELECT connection_id, resource_type, max(id) AS walk_id
  FROM sync_walk WHERE mode <> 'window' GROUP BY connection_id, resource_type
), complete AS (
  SELECT connection_id, resource_type, max(id) AS walk_id
  FROM sync_walk WHERE state = 'complete' AND mode IN ('full', 'incremental', 'reference')
  GROUP BY connection_id, resource_type
), absent AS (
  SELECT connection_id, resource_type, count(missed_since) AS resources, min(missed_since) AS missed_since
  FROM absent_resource WHERE state = 'pending' GROUP BY connection_id, resource_type
)
SELECT
  c.id AS connection_id, c.name AS connection, c.plan, c.member,
  w.resource_type, w.mode, w.state, w.reason, w.detail, w.hint, w.failed_page, w.warning,
  d.walk_started_at AS complete_as_of,
  CASE WHEN a.missed_since < s.last_full_at THEN a.missed_since ELSE s.last_full_at END AS deletions_known_as_of,
  coalesce(w.finished_at, w.started_at) AS checked_at,
  w.pages_before + w.pages AS pages, w.requests, w.declared_total, w.distinct_resources, w.total_gap,
  (SELECT count(r.id) FROM resource r WHERE r.connection_id = w.connection_id
     AND r.resource_type = w.resource_type AND r.deleted_at IS NULL) AS resources,
  coalesce(a.resources, 0) AS absent,
  (SELECT count(j.id) FROM rejected_resource j WHERE j.connection_id = w.connection_id
     AND j.resource_type = w.resource_type AND j.resolved_at IS NULL) AS rejects,
  EXISTS (SELECT 1 FROM walk_cursor k WHERE k.connection_id = w.connection_id
     AND k.resource_type = w.resource_type AND k.window_parameter = '') AS resumable,
  s.watermark, s.last_updated AS last_updated_support, s.last_updated_reason, s.totals,
  w.run_id, w.http_status
FROM latest l
JOIN sync_walk w ON w.id = l.walk_id
JOIN connection c ON c.id = w.connection_id
LEFT JOIN complete k ON k.connection_id = l.connection_id AND k.resource_type = l.resource_type
LEFT JOIN sync_walk d ON d.id = k.walk_id
LEFT JOIN type_state s ON s.connection_id = l.connection_id AND s.resource_type = l.resource_type
LEFT JOIN absent a ON a.connection_id = l.connection_id AND a.resource_type = l.resource_type;
