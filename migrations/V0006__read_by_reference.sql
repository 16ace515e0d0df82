-- Types that a plan serves by id but refuses to list: what the stored resources name, what came of
-- reading it, and so what is left to read. The queue is the cursor of a walk by reference.
CREATE TABLE reference_queue (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  depth         INTEGER NOT NULL,  -- 1: named by a listed resource; 2: by one of depth 1; ...
  state         TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'stored', 'absent', 'refused', 'unreadable')),
  http_status   INTEGER,           -- of the latest answer that was not the resource
  reason        TEXT,              -- a word, for the same
  found_at      TEXT NOT NULL,
  answered_at   TEXT,              -- before the type's round_at: to be read again
  PRIMARY KEY (connection_id, resource_type, resource_id)
) WITHOUT ROWID;

CREATE TABLE reference_type (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  scanned_to    TEXT,              -- resources received up to here have been searched for references
  round_at      TEXT NOT NULL,     -- when the latest round over all references began
  batches       TEXT NOT NULL DEFAULT 'unknown'
                CHECK (batches IN ('unknown', 'honoured', 'ignored')),  -- _id=a,b,c
  PRIMARY KEY (connection_id, resource_type)
) WITHOUT ROWID;

-- What was received since an instant.
CREATE INDEX resource_received ON resource (connection_id, received_at);
