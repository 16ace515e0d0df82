-- Windows of date: a type walked in parts, each with a cursor of its own. They never say that the
-- type is complete.
ALTER TABLE sync_walk ADD COLUMN window_parameter TEXT;  -- the search parameter, e.g. service-date
ALTER TABLE sync_walk ADD COLUMN window_from TEXT;       -- the first day; NULL: any day before
ALTER TABLE sync_walk ADD COLUMN window_to TEXT;         -- the first day after it; NULL: any day since

CREATE TEMP TABLE kept_cursor AS SELECT * FROM walk_cursor;
DROP VIEW completeness;
DROP TABLE walk_cursor;

-- Where an unfinished walk goes on. Committed with the page that it follows.
CREATE TABLE walk_cursor (
  connection_id    INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type    TEXT NOT NULL,
  window_parameter TEXT NOT NULL DEFAULT '',  -- '' for a walk over the whole type
  window_from      TEXT NOT NULL DEFAULT '',
  window_to        TEXT NOT NULL DEFAULT '',
  mode             TEXT NOT NULL,
  walk_id          INTEGER NOT NULL REFERENCES sync_walk (id) ON DELETE CASCADE,
  next_url         TEXT NOT NULL,
  pages            INTEGER NOT NULL,
  resources_seen   INTEGER NOT NULL,
  walk_started_at  TEXT NOT NULL,
  updated_at       TEXT NOT NULL,
  PRIMARY KEY (connection_id, resource_type, window_parameter, window_from, window_to)
) WITHOUT ROWID;
INSERT INTO walk_cursor (connection_id, resource_type, mode, walk_id, next_url, pages,
  resources_seen, walk_started_at, updated_at)
SELECT connection_id, resource_type, mode, walk_id, next_url, pages,
  resources_seen, walk_started_at, updated_at FROM kept_cursor;
DROP TABLE kept_cursor;

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
)
SELECT
  c.id AS connection_id, c.name AS connection, c.plan, c.member,
  w.resource_type, w.mode, w.state, w.reason, w.detail, w.hint, w.failed_page, w.warning,
  d.walk_started_at AS complete_as_of,
  s.last_full_at AS deletions_known_as_of,
  coalesce(w.finished_at, w.started_at) AS checked_at,
  w.pages_before + w.pages AS pages, w.requests, w.declared_total,
  (SELECT count(*) FROM resource r WHERE r.connection_id = w.connection_id
     AND r.resource_type = w.resource_type AND r.deleted_at IS NULL) AS resources,
  (SELECT count(*) FROM rejected_resource j WHERE j.connection_id = w.connection_id
     AND j.resource_type = w.resource_type AND j.resolved_at IS NULL) AS rejects,
  EXISTS (SELECT 1 FROM walk_cursor k WHERE k.connection_id = w.connection_id
     AND k.resource_type = w.resource_type AND k.window_parameter = '') AS resumable,
  s.watermark, s.last_updated AS last_updated_support, s.last_updated_reason
FROM latest l
JOIN sync_walk w ON w.id = l.walk_id
JOIN connection c ON c.id = w.connection_id
LEFT JOIN complete k ON k.connection_id = l.connection_id AND k.resource_type = l.resource_type
LEFT JOIN sync_walk d ON d.id = k.walk_id
LEFT JOIN type_state s ON s.connection_id = l.connection_id AND s.resource_type = l.resource_type;

DROP VIEW sync_history;

-- What each run did, newest first.
CREATE VIEW sync_history AS
SELECT r.id AS run_id, r.command, r.state AS run_state, r.started_at, r.finished_at, r.exit_code,
       c.name AS connection, w.resource_type, w.mode, w.window_parameter, w.window_from, w.window_to,
       w.state, w.reason, w.pages, w.requests, w.retries,
       w.resources_seen, w.resources_new, w.resources_changed, w.resources_unchanged,
       w.resources_deleted, w.resources_rejected, w.rows_written, w.bytes
FROM sync_run r
LEFT JOIN sync_walk w ON w.run_id = r.id
LEFT JOIN connection c ON c.id = w.connection_id
ORDER BY r.id DESC, w.id;
