-- Sorted by connection, SQLite began with the connections in the order of their names and looked through
-- all walks for each walk: minutes for thousands of connections. A connection is looked up now, whatever
-- a reader sorts by and whatever SQLite believes of the sizes.
DROP VIEW completeness;
CREATE VIEW completeness AS
WITH latest AS (
  SELECT connection_id, resource_type,
    coalesce(max(CASE WHEN mode <> 'file' THEN id END), max(id)) AS walk_id
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
  l.connection_id,
  (SELECT c.name FROM connection c WHERE c.id = w.connection_id) AS connection,
  (SELECT c.plan FROM connection c WHERE c.id = w.connection_id) AS plan,
  (SELECT c.member FROM connection c WHERE c.id = w.connection_id) AS member,
  l.resource_type, w.mode, w.state, w.reason, w.detail, w.hint, w.failed_page, w.warning,
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
CROSS JOIN sync_walk w
LEFT JOIN complete k ON k.connection_id = l.connection_id AND k.resource_type = l.resource_type
LEFT JOIN sync_walk d ON d.id = k.walk_id
LEFT JOIN type_state s ON s.connection_id = l.connection_id AND s.resource_type = l.resource_type
LEFT JOIN absent a ON a.connection_id = l.connection_id AND a.resource_type = l.resource_type
WHERE w.id = l.walk_id;
