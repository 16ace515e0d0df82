//! What the walks of one connection share.

use super::{allowance::Allowance, stop::Stop, whose::Whose};
use crate::{
    clock::Clock,
    fhir::FhirClient,
    monitor::Monitor,
    warehouse::{ConnectionRow, Warehouse},
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What the walks of one connection share.
#[derive(Clone)]
pub(super) struct WalkContext {
    pub(super) run_id: i64,
    pub(super) connection: Arc<ConnectionRow>,
    pub(super) client: FhirClient,
    pub(super) warehouse: Arc<Warehouse>,
    pub(super) monitor: Arc<dyn Monitor>,
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    /// Pages that may be unpacked at once: one per core.
    pub(super) workers: Arc<Semaphore>,
    pub(super) shrink_limit_percent: u8,
    /// Whose data the connection may hold.
    pub(super) whose: Whose,
    /// Requests that the run may still send, where that is limited.
    pub(super) allowance: Allowance,
}
