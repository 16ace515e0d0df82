-- What a walk knows of itself over all the runs that it takes, and how a deletion is proved.
ALTER TABLE sync_walk ADD COLUMN distinct_resources INTEGER; -- different resources of the type, with those of earlier runs of the walk
ALTER TABLE sync_walk ADD COLUMN total_gap INTEGER;          -- resources that the server declares beyond those that came; negative: more came
ALTER TABLE sync_walk ADD COLUMN resources_absent INTEGER NOT NULL DEFAULT 0; -- stored, not met, not proved deleted

ALTER TABLE type_state ADD COLUMN totals TEXT NOT NULL DEFAULT 'unknown'
  CHECK (totals IN ('unknown', 'trusted', 'untrusted'));     -- whether Bundle.total was what the pages came to
ALTER TABLE type_state ADD COLUMN probed_at TEXT;            -- when the server last showed that it honours _lastUpdated

CREATE TEMP TABLE kept_cursor AS SELECT * FROM walk_cursor;
DROP VIEW completeness;
DROP TABLE walk_cursor;

-- Where an unfinished walk goes on. Committed with the page that it follows. A full walk and an
-- incremental one of the same type go on independently.
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
  PRIMARY KEY (connection_id, resource_type, mode, window_parameter, window_from, window_to)
) WITHOUT ROWID;
INSERT INTO walk_cursor (connection_id, resource_type, mode, window_parameter, window_from,
  window_to, walk_id, next_url, pages, resources_seen, entries, matches, walk_started_at, updated_at)
SELECT connection_id, resource_type, mode, window_parameter, window_from, window_to, walk_id,
  next_url, pages, resources_seen, resources_seen, resources_seen, walk_started_at, updated_at FROM kept_cursor;
DROP TABLE kept_cursor;

-- Which resources the pages of an unfinished walk brought: row ids, eight bytes each, little endian.
CREATE TABLE walk_page (
  walk_id       INTEGER NOT NULL REFERENCES sync_walk (id) ON DELETE CASCADE,
  page          INTEGER NOT NULL,      -- 1-based, counted from the start of the walk
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  seen          BLOB NOT NULL,
  PRIMARY KEY (walk_id, page)
) WITHOUT ROWID;

-- Stored resources that a complete full walk did not meet. A deletion is proved, never inferred:
-- by a read that answers 404 or 410, or, where the plan refuses reads, by two full walks days apart.
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
) WITHOUT ROWID;

-- The truth per connection and type: complete as of when, and if not, why.
-- An unfinished later walk does not take back that an earlier one was complete as of its start.
CREATE VIEW completeness AS
WITH latest AS (
  SELECT connection_id, resource_type, max(id) AS walk_id
  FROM sync_walk WHERE mode <> 'window' GROUP BY connection_id, resource_type
), complete AS (
  SELECT connection_id, resource_type, max(id) AS walk_id
  FROM sync_walk WHERE state = 'complete' AND mode IN ('full', 'incremental', 'reference')
  GROUP BY connection_id, resource_type
), absent AS (
  SELECT connection_id, resource_type, count(*) AS resources, min(missed_since) AS missed_since
  FROM absent_resource WHERE state = 'pending' GROUP BY connection_id, resource_type
)
SELECT
  c.id AS connection_id, c.name AS connection, c.plan, c.member,
  w.resource_type, w.mode, w.state, w.reason, w.detail, w.hint, w.failed_page, w.warning,
  d.walk_started_at AS complete_as_of,
  min(s.last_full_at, coalesce(a.missed_since, s.last_full_at)) AS deletions_known_as_of,
  coalesce(w.finished_at, w.started_at) AS checked_at,
  w.pages_before + w.pages AS pages, w.requests, w.declared_total, w.distinct_resources, w.total_gap,
  (SELECT count(*) FROM resource r WHERE r.connection_id = w.connection_id
     AND r.resource_type = w.resource_type AND r.deleted_at IS NULL) AS resources,
  coalesce(a.resources, 0) AS absent,
  (SELECT count(*) FROM rejected_resource j WHERE j.connection_id = w.connection_id
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
