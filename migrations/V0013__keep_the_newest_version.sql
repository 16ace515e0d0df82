-- Resources of which a plan sent an older version than the stored one, and since then not the stored
-- one. An older version that comes again in a later run is believed: the plan went back to it.
CREATE TABLE resource_outdated (
  resource INTEGER PRIMARY KEY REFERENCES resource (id) ON DELETE CASCADE,
  run_id   INTEGER NOT NULL
);

-- Resources that came in an older version than the stored one, which stays.
ALTER TABLE sync_walk ADD COLUMN resources_older INTEGER NOT NULL DEFAULT 0;

DROP VIEW sync_history;

-- What each run did, newest first.
CREATE VIEW sync_history AS
SELECT r.id AS run_id, r.command, r.state AS run_state, r.started_at, r.finished_at, r.exit_code,
       c.name AS connection, w.resource_type, w.mode, w.window_parameter, w.window_from, w.window_to,
       w.state, w.reason, w.pages, w.requests, w.retries,
       w.resources_seen, w.resources_new, w.resources_changed, w.resources_unchanged,
       w.resources_older, w.resources_deleted, w.resources_rejected, w.rows_written, w.bytes,
       w.declared_total, w.self_left_out, w.warning
FROM sync_run r
LEFT JOIN sync_walk w ON w.run_id = r.id
LEFT JOIN connection c ON c.id = w.connection_id
ORDER BY r.id DESC, w.id;
