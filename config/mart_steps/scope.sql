-- What a refresh of the marts is about: connections.
CREATE TEMP TABLE mart_scope (connection_id INTEGER PRIMARY KEY);

-- The records that each of them reads, named by the first connection that reads them. Files may hold
-- records of two plans.
CREATE TEMP TABLE record_source (
  connection_id INTEGER, source_id INTEGER, PRIMARY KEY (connection_id, source_id)
) WITHOUT ROWID;

-- Filled with the persons that src/warehouse/tables/marts/persons.rs finds.
CREATE TEMP TABLE person (
  connection_id INTEGER, patient_id TEXT, member_id TEXT, evidence TEXT, same_as_connection_id INTEGER,
  is_repeated INTEGER, connection_count INTEGER, source_id INTEGER, PRIMARY KEY (connection_id, patient_id)
) WITHOUT ROWID;

-- Resources of which another connection of the same source has the copy that counts.
CREATE TEMP TABLE duplicate (
  connection_id INTEGER, resource_type TEXT, resource_id TEXT,
  PRIMARY KEY (connection_id, resource_type, resource_id)
) WITHOUT ROWID;

-- Filled by src/warehouse/tables/marts/lineage: pairs of claims, and claims whose money stands beside a difference.
CREATE TEMP TABLE lineage (
  connection_id INTEGER, older_id TEXT, newer_connection_id INTEGER, newer_id TEXT, relationship TEXT, is_direct INTEGER,
  PRIMARY KEY (connection_id, older_id, newer_connection_id, newer_id)
) WITHOUT ROWID;
CREATE TEMP TABLE carried (
  connection_id INTEGER, claim_id TEXT, by_connection_id INTEGER, by_id TEXT,
  PRIMARY KEY (connection_id, claim_id)
) WITHOUT ROWID;
