-- Resources of a plan that no search over their own type has brought: only the search over another type
-- that includes them, or reads by id. Their own type's list may not have them, so a list that lacks them
-- shows nothing. A file's resources are not here.
CREATE TABLE resource_unlisted (
  resource      INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE
);

-- A full walk over the type, later and without a reject, met each of the others or entered it as absent. A
-- walk by parts or by date (no first_url) has its rejects in the rows of its parts, so it shows nothing. The
-- walks are summed up first: one look at the ledger per resource takes a minute for 100,000 resources.
WITH whole AS MATERIALIZED (
  SELECT t.connection_id, t.resource_type, min(t.last_full_at, max(f.walk_started_at)) AS seen_at
  FROM type_state t JOIN sync_walk f ON f.connection_id = t.connection_id
    AND f.resource_type = t.resource_type
  WHERE f.mode = 'full' AND f.state = 'complete' AND f.resources_rejected = 0
    AND f.first_url IS NOT NULL
  GROUP BY t.connection_id, t.resource_type)
INSERT INTO resource_unlisted (resource, connection_id)
SELECT r.id, r.connection_id FROM resource r JOIN sync_walk w ON w.id = r.walk_id
LEFT JOIN whole s ON s.connection_id = r.connection_id AND s.resource_type = r.resource_type
WHERE r.deleted_at IS NULL AND w.mode <> 'file'
  AND (w.resource_type <> r.resource_type OR w.mode NOT IN ('full', 'incremental', 'window'))
  AND (coalesce(s.seen_at, '') <= r.received_at
    OR EXISTS (SELECT 1 FROM absent_resource a WHERE a.connection_id = r.connection_id
      AND a.resource_type = r.resource_type AND a.resource_id = r.resource_id));

-- What lists without them have shown about them is void, so only a read may still prove that they are gone
-- (the year 9999: no walk counts). Where the plan has refused that read, nothing would ever prove it.
-- `$everything`, which brought them, may miss them.
CREATE TEMP TABLE void_absence AS
SELECT a.connection_id, a.resource_type, a.resource_id, a.http_status
FROM resource_unlisted u JOIN resource r ON r.id = u.resource
JOIN absent_resource a ON a.connection_id = r.connection_id AND a.resource_type = r.resource_type
  AND a.resource_id = r.resource_id
WHERE a.state = 'pending'
  AND NOT EXISTS (SELECT 1 FROM sync_walk w WHERE w.id = a.walk_id AND w.mode = 'everything');
DELETE FROM absent_resource WHERE (connection_id, resource_type, resource_id) IN (
  SELECT connection_id, resource_type, resource_id FROM void_absence
  WHERE http_status NOT IN (401, 408, 425, 429) AND (http_status < 500 OR http_status = 501));
UPDATE absent_resource SET missed_since = '9999-12-31T00:00:00.000Z',
  missed_at = '9999-12-31T00:00:00.000Z'
WHERE (connection_id, resource_type, resource_id) IN (
  SELECT connection_id, resource_type, resource_id FROM void_absence);
DROP TABLE void_absence;

-- When a read last brought a resource that walks miss. Such a resource is no sign that a list is cut short.
ALTER TABLE absent_resource ADD COLUMN brought_at TEXT;
