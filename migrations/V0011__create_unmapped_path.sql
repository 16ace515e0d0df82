-- Which paths of the stored resources no column depends on: paths and counts, never a value.
-- Counted anew at the end of a run for the types in which something changed.
CREATE TABLE unmapped_path (
  connection_id  INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type  TEXT NOT NULL,
  path           TEXT NOT NULL,      -- positions in arrays left out
  is_foreign     INTEGER NOT NULL,   -- in an extension that neither FHIR nor its US profiles define
  resource_count INTEGER NOT NULL,   -- live resources that have it
  leaf_count     INTEGER NOT NULL,   -- values there
  first_seen     TEXT NOT NULL,      -- when the first resource with it was received
  PRIMARY KEY (connection_id, resource_type, path, is_foreign)
) WITHOUT ROWID;

-- What is to be counted anew: noted with the change itself, so that a killed run forgets none.
CREATE TABLE unmapped_path_due (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  PRIMARY KEY (connection_id, resource_type)
) WITHOUT ROWID;
INSERT INTO unmapped_path_due SELECT DISTINCT connection_id, resource_type FROM resource;
