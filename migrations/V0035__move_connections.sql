-- A connection on its way from one home to another. Neither home asks for it until the move is finished:
-- a refresh token that two homes use costs the consent. The row goes with the connection, in the home
-- that it leaves, and alone in the home that it has arrived in.
CREATE TABLE connection_move (
  connection_id INTEGER PRIMARY KEY REFERENCES connection (id) ON DELETE CASCADE,
  direction     TEXT NOT NULL CHECK (direction IN ('arriving', 'leaving')),
  other_home    TEXT NOT NULL,     -- the folder that it comes from or goes to
  begun_at      TEXT NOT NULL
);
