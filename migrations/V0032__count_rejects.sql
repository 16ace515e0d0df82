-- How many rejects were ever entered for a connection: rejects are settled, never deleted, so one that is gone
-- shows among any number of others.
ALTER TABLE connection ADD COLUMN rejects_entered INTEGER NOT NULL DEFAULT 0;
UPDATE connection SET rejects_entered =
  (SELECT count(*) FROM rejected_resource j WHERE j.connection_id = connection.id);
