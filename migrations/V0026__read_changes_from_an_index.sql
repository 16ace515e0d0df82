-- What came and went, and when, is read by the mart `changes` for every resource. In a row of
-- `resource` it stands behind the JSON, whose pages would all have to be read; here it does not.
DROP INDEX resource_received;
CREATE INDEX resource_received ON resource (connection_id, received_at, deleted_at, resource_type, resource_id);
