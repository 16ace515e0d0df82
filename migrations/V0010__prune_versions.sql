-- Up to where superseded versions have been pruned: before that the past is no longer known.
CREATE TABLE version_horizon (
  id        INTEGER PRIMARY KEY CHECK (id = 1),
  pruned_to TEXT NOT NULL
);
CREATE INDEX resource_version_valid_to ON resource_version (valid_to);
