//! The keys of a walk.

/// A walk, by its keys in the ledger.
#[derive(Debug, Clone)]
pub struct WalkKey {
    /// `sync_run.id`.
    pub run_id: i64,
    /// `sync_walk.id`.
    pub walk_id: i64,
    /// `connection.id`.
    pub connection_id: i64,
    /// FHIR resource type.
    pub resource_type: String,
}
