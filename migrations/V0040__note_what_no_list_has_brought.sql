-- Resources of a plan that no search over their own type has brought: only the search over another type
-- that includes them, or reads by id. Their own type's list may not have them, so a list that lacks them
-- shows nothing. A file's resources are not here.
CREATE TABLE resource_unlisted (
  resource      INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE
);

-- A full walk over the type, later and without a reject, met each of the others or entered it as absent.
INSERT INTO resource_unlisted (resource, connection_id)
SELECT r.id, r.connection_id FROM resource r JOIN sync_walk w ON w.id = r.walk_id
WHERE r.deleted_at IS NULL AND w.mode <> 'file'
  AND (w.resource_type <> r.resource_type OR w.mode NOT IN ('full', 'incremental', 'window'))
  AND (EXISTS (SELECT 1 FROM absent_resource a WHERE a.connection_id = r.connection_id
      AND a.resource_type = r.resource_type AND a.resource_id = r.resource_id)
    OR NOT EXISTS (SELECT 1 FROM type_state t JOIN sync_walk f ON f.connection_id = t.connection_id
        AND f.resource_type = t.resource_type
      WHERE t.connection_id = r.connection_id AND t.resource_type = r.resource_type
        AND t.last_full_at > r.received_at AND f.walk_started_at > r.received_at
        AND f.mode = 'full' AND f.state = 'complete' AND f.resources_rejected = 0));

-- What lists without them have shown about them is void. `$everything`, which brought them, may miss them.
DELETE FROM absent_resource WHERE state = 'pending'
  AND NOT EXISTS (SELECT 1 FROM sync_walk w WHERE w.id = absent_resource.walk_id AND w.mode = 'everything')
  AND EXISTS (SELECT 1 FROM resource_unlisted u JOIN resource r ON r.id = u.resource
    WHERE r.connection_id = absent_resource.connection_id
      AND r.resource_type = absent_resource.resource_type AND r.resource_id = absent_resource.resource_id);

-- When a read last brought a resource that walks miss. Such a resource is no sign that a list is cut short.
ALTER TABLE absent_resource ADD COLUMN brought_at TEXT;
