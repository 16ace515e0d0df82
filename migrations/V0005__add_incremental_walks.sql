-- What is known of a type beyond its resources: from where an incremental walk may go on, and
-- whether the server has shown that it honours _lastUpdated.
CREATE TABLE type_state (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  watermark     TEXT,    -- complete up to here; moved by complete walks only
  last_full_at  TEXT,    -- start of the last complete full walk: deletions are known up to here
  last_updated  TEXT NOT NULL DEFAULT 'unknown'
                CHECK (last_updated IN ('unknown', 'honoured', 'ignored')),
  last_updated_reason TEXT,
  PRIMARY KEY (connection_id, resource_type)
) WITHOUT ROWID;

ALTER TABLE sync_walk ADD COLUMN since TEXT;           -- of an incremental walk

DROP VIEW completeness;

-- The truth per connection and type: complete as of when, and if not, why.
-- An unfinished later walk does not take back that an earlier one was complete as of its start.
CREATE VIEW completeness AS
WITH latest AS (
  SELECT connection_id, resource_type, max(id) AS walk_id
  FROM sync_walk GROUP BY connection_id, resource_type
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
     AND k.resource_type = w.resource_type) AS resumable,
  s.watermark, s.last_updated AS last_updated_support, s.last_updated_reason
FROM latest l
JOIN sync_walk w ON w.id = l.walk_id
JOIN connection c ON c.id = w.connection_id
LEFT JOIN complete k ON k.connection_id = l.connection_id AND k.resource_type = l.resource_type
LEFT JOIN sync_walk d ON d.id = k.walk_id
LEFT JOIN type_state s ON s.connection_id = l.connection_id AND s.resource_type = l.resource_type;
