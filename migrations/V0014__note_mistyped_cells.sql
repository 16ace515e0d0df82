-- Cells that are NULL because what a resource has there is not of the column's type, such as an
-- amount in quotes or a list in place of a code. Noted in the transaction of the rows, per resource.
CREATE TABLE mistyped_cell (
  connection_id INTEGER NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
  resource_type TEXT NOT NULL,
  resource_id   TEXT NOT NULL,
  table_name    TEXT NOT NULL,
  column_name   TEXT NOT NULL,
  path          TEXT NOT NULL,      -- where the value stands, positions in arrays left out
  cell_count    INTEGER NOT NULL,
  PRIMARY KEY (connection_id, resource_type, resource_id, table_name, column_name, path)
) WITHOUT ROWID;

-- The same by path: paths and counts, never a value.
CREATE VIEW mistyped_path AS
SELECT m.connection_id, m.resource_type, m.path, m.table_name, m.column_name,
  count(*) AS resource_count, sum(m.cell_count) AS cell_count, min(r.received_at) AS first_seen
FROM mistyped_cell m
JOIN resource r ON r.connection_id = m.connection_id AND r.resource_type = m.resource_type
  AND r.resource_id = m.resource_id
GROUP BY m.connection_id, m.resource_type, m.path, m.table_name, m.column_name;
