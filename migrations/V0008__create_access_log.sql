-- Who took data out, copied or removed it: one row per command that did.
-- It outlives a purged connection, so it holds no name of one: a purge blanks the targets that do.
CREATE TABLE access_log (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  at            TEXT NOT NULL,
  os_user       TEXT NOT NULL,      -- name and number, as the operating system knows them
  command       TEXT NOT NULL,      -- backup, export, get, purge, report, restore
  connection_id INTEGER,            -- of one connection only; no foreign key: it stays after a purge
  target        TEXT,               -- the file or folder written
  detail        TEXT                -- counts, never values
);

-- A purge whose rows are gone and whose file may still hold bytes of them: killed before the end.
CREATE TABLE purge_unfinished (
  purged_id INTEGER PRIMARY KEY,    -- the connection's number, which is never given again
  begun_at  TEXT NOT NULL
);
