-- One member's consent at one plan. Every other row of the warehouse belongs to exactly one connection.
-- AUTOINCREMENT: the number of a purged connection is never given to another member.
-- uid ties the row to its tokens in the vault; it is random, so that a vault and a warehouse that
-- do not belong together can never be confused.
CREATE TABLE connection (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  uid          TEXT NOT NULL UNIQUE,
  name         TEXT NOT NULL UNIQUE,
  plan         TEXT NOT NULL,
  member       TEXT,
  patient_id   TEXT,
  scope        TEXT,
  created_at   TEXT NOT NULL,
  consented_at TEXT NOT NULL
);
