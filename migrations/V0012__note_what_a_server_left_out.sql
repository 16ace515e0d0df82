-- What a server did not search by, as its self link tells: names of parameters, never a value.
-- NULL where it sends no self link, empty where that names all that was asked for.
ALTER TABLE sync_walk ADD COLUMN self_left_out TEXT;

DROP VIEW sync_history;

-- What each run did, newest first.
CREATE VIEW sync_history AS
SELECT r.id AS run_id, r.command, r.state AS run_state, r.started_at, r.finished_at, r.exit_code,
       c.name AS connection, w.resource_type, w.mode, w.window_parameter, w.window_from, w.window_to,
       w.state, w.reason, w.pages, w.requests, w.retries,
       w.resources_seen, w.resources_new, w.resources_changed, w.resources_unchanged,
       w.resources_deleted, w.resources_rejected, w.rows_written, w.bytes, w.declared_total,
       w.self_left_out, w.warning
FROM sync_run r
LEFT JOIN sync_walk w ON w.run_id = r.id
LEFT JOIN connection c ON c.id = w.connection_id
ORDER BY r.id DESC, w.id;
