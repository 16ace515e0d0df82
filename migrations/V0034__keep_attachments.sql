-- What attachments hold: files that DocumentReference and DiagnosticReport name or carry, and Binary
-- resources (see docs/warehouse.md). position counts from 0, as content_index in
-- document_reference_content does. A row whose resource was changed or deleted since stays with its bytes
-- as history, with the instant as replaced_at.
CREATE TABLE attachment (
  id            INTEGER PRIMARY KEY,
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  position      INTEGER NOT NULL,
  content_type  TEXT,               -- as the resource says
  url           TEXT,               -- as sent; NULL for what the resource itself carries
  declared_hash TEXT,               -- as sent: SHA-1 in base64
  declared_size INTEGER,            -- as sent, in bytes
  source_hash   BLOB NOT NULL,      -- content_hash of the resource that was last looked at
  state         TEXT NOT NULL CHECK (state IN ('stored', 'pending', 'missing')),
  reason        TEXT,
  http_status   INTEGER,
  limit_bytes   INTEGER,            -- the limit that it is beyond
  received_type TEXT,               -- Content-Type of the answer
  size          INTEGER,            -- of bytes
  sha256        TEXT,               -- of bytes, in hexadecimal digits
  bytes         BLOB,
  tried_at      TEXT,
  received_at   TEXT,
  replaced_at   TEXT,
  CHECK ((state = 'stored') = (bytes IS NOT NULL)),
  CHECK ((bytes IS NULL) = (sha256 IS NULL))
);
CREATE UNIQUE INDEX attachment_key ON attachment (connection_id, resource_type, resource_id, position)
  WHERE replaced_at IS NULL;

-- Walks of two more modes: 'attachment' fetches what attachments hold, 'everything' is the part of a
-- Patient's $everything that no walk of its own asks for. SQLite keeps a CHECK in the text of the schema
-- alone (https://sqlite.org/lang_altertable.html, section 7).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '''reference'', ''file'')', '''reference'', ''file'', ''everything'', ''attachment'')')
WHERE type = 'table' AND name = 'sync_walk';
PRAGMA writable_schema = RESET;

DROP VIEW completeness;
CREATE VIEW completeness AS
WITH latest AS (
  SELECT connection_id, resource_type,
    coalesce(max(CASE WHEN mode <> 'file' THEN id END), max(id)) AS walk_id
  FROM sync_walk WHERE mode <> 'window' GROUP BY connection_id, resource_type
), complete AS (
  SELECT connection_id, resource_type, max(id) AS walk_id
  FROM sync_walk WHERE state = 'complete' AND mode IN ('full', 'incremental', 'reference', 'everything', 'attachment')
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
  CASE w.mode WHEN 'attachment' THEN (SELECT count(t.id) FROM attachment t
       WHERE t.connection_id = w.connection_id AND t.state = 'stored' AND t.replaced_at IS NULL)
     ELSE (SELECT count(r.id) FROM resource r WHERE r.connection_id = w.connection_id
       AND r.resource_type = w.resource_type AND r.deleted_at IS NULL) END AS resources,
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
