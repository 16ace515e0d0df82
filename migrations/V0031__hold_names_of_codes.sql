-- What codes are called, from the files that their publishers offer: see docs/codes.md. Rows belong to no
-- connection, and a code that a newer file lacks stays, since older claims have it.
CREATE TABLE code (
  system TEXT NOT NULL,
  code TEXT NOT NULL,
  display TEXT NOT NULL,
  version TEXT,
  loaded_at TEXT NOT NULL,
  PRIMARY KEY (system, code)
);
