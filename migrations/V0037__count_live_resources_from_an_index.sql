-- Every run counts the live resources of each type and looks at their dates. In a row of `resource`
-- `deleted_at` stands behind the JSON: to learn that nothing changed, all of it had to be read.
CREATE INDEX resource_live ON resource (connection_id, resource_type, last_updated) WHERE deleted_at IS NULL;
