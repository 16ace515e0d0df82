-- The truth per connection and type: complete as of when, and if not, why.
-- An unfinished later walk does not take back that an earlier one was complete as of its start.
CREATE VIEW completeness AS
WITH latest AS (
  SELECT connection_id, resource_type, max(id) AS walk_id
  FROM sync_walk GROUP BY connection_id, resource_type
), complete AS (
  SELECT connection_id, resource_type, max(id) AS walk_id
  FROM sync_walk WHERE state = 'complete' GROUP BY connection_id, resource_type
)
SELECT
  c.id AS connection_id, c.name AS connection, c.plan, c.member,
  w.resource_type, w.mode, w.state, w.reason, w.detail, w.hint, w.failed_page, w.warning,
  d.walk_started_at AS complete_as_of,
  coalesce(w.finished_at, w.started_at) AS checked_at,
  w.pages_before + w.pages AS pages, w.requests, w.declared_total,
  (SELECT count(*) FROM resource r WHERE r.connection_id = w.connection_id
     AND r.resource_type = w.resource_type AND r.deleted_at IS NULL) AS resources,
  (SELECT count(*) FROM rejected_resource j WHERE j.connection_id = w.connection_id
     AND j.resource_type = w.resource_type AND j.resolved_at IS NULL) AS rejects,
  (SELECT next_url IS NOT NULL FROM walk_cursor k WHERE k.connection_id = w.connection_id
     AND k.resource_type = w.resource_type) AS resumable
FROM latest l
JOIN sync_walk w ON w.id = l.walk_id
JOIN connection c ON c.id = w.connection_id
LEFT JOIN complete k ON k.connection_id = l.connection_id AND k.resource_type = l.resource_type
LEFT JOIN sync_walk d ON d.id = k.walk_id;

-- What each run did, newest first.
CREATE VIEW sync_history AS
SELECT r.id AS run_id, r.command, r.state AS run_state, r.started_at, r.finished_at, r.exit_code,
       c.name AS connection, w.resource_type, w.mode, w.state, w.reason, w.pages, w.requests, w.retries,
       w.resources_seen, w.resources_new, w.resources_changed, w.resources_unchanged,
       w.resources_deleted, w.resources_rejected, w.rows_written, w.bytes
FROM sync_run r
LEFT JOIN sync_walk w ON w.run_id = r.id
LEFT JOIN connection c ON c.id = w.connection_id
ORDER BY r.id DESC, w.id;
