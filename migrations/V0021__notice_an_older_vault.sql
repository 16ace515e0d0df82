-- The newest generation of a connection's tokens that a run has met: an older vault that was put back
-- has an older one, whose refresh token may be spent.
ALTER TABLE connection ADD COLUMN token_generation INTEGER;
