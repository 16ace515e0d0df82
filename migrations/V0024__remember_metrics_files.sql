-- Where `payersync status --prometheus FILE` has written: a purge takes the connection's series out
-- of these files, too.
CREATE TABLE metrics_file (
  path             TEXT PRIMARY KEY,
  first_written_at TEXT NOT NULL
);
