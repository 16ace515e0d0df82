-- Types of which a connection's resources have changed since its marts were made. Only the marts that
-- read such a type are behind; a row of mart_due says that all of them are.
CREATE TABLE mart_due_type (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  PRIMARY KEY (connection_id, resource_type)
) WITHOUT ROWID;
