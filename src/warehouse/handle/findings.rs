//! Writes findings about resources that a walk missed or named: absences, references, attachments. Also
//! prunes old versions.

use super::Warehouse;
use crate::warehouse::{
    error::WarehouseError,
    read::history,
    walks::{
        absence::{self, Finding},
        attachments::{self, AttachmentFound, NamedAttachment, Source},
        left_out,
        reference_queue::{self, Found, ReferenceType},
        walk_counters::WalkCounters,
        walk_key::WalkKey,
    },
};
use chrono::{DateTime, Utc};

impl Warehouse {
    /// Enters the answer about one absent resource; a proved deletion also removes its rows.
    ///
    /// Returns the counters of the walk that missed the resource, as now entered in the ledger.
    pub(crate) async fn enter_finding(
        &self,
        walk: WalkKey,
        resource_id: String,
        finding: Finding,
        counters: WalkCounters,
    ) -> Result<WalkCounters, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, catalog| {
                absence::enter_finding(
                    connection,
                    catalog,
                    &walk,
                    &resource_id,
                    finding,
                    counters,
                    now,
                )
            })
            .await
    }

    /// Notes, until the run ends, stored resources that a walk over changes should have met and did not.
    ///
    /// They changed after the instant that the walk asked for. Returns how many there are.
    pub(crate) async fn note_left_out(
        &self,
        walk: WalkKey,
        since: DateTime<Utc>,
    ) -> Result<u64, WarehouseError> {
        self.writer
            .run(move |connection, _| left_out::note_left_out(connection, &walk, since))
            .await
    }

    /// Deletes the notes about resources that a walk over changes left out; returns how many are still live.
    ///
    /// Called after a full walk: the full walk would have missed a resource that was deleted.
    pub(crate) async fn settle_left_out(
        &self,
        connection_id: i64,
        resource_type: &str,
    ) -> Result<u64, WarehouseError> {
        let resource_type = resource_type.to_owned();
        self.writer
            .run(move |connection, _| {
                left_out::settle_left_out(connection, connection_id, &resource_type)
            })
            .await
    }

    /// Begins or continues reading a type by reference; returns the state of the type.
    pub(crate) async fn begin_references(
        &self,
        connection_id: i64,
        resource_type: String,
        due_before: DateTime<Utc>,
    ) -> Result<ReferenceType, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| {
                reference_queue::begin(connection, connection_id, &resource_type, due_before, now)
            })
            .await
    }

    /// Queues references that stored resources name.
    pub(crate) async fn enqueue_references(
        &self,
        connection_id: i64,
        found: Vec<Found>,
        scanned: Vec<String>,
        to: String,
    ) -> Result<(), WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| {
                reference_queue::enqueue(connection, connection_id, &found, &scanned, &to, now)
            })
            .await
    }

    /// Notes whether the server honours a list of ids.
    pub(crate) async fn set_reference_batches(
        &self,
        connection_id: i64,
        resource_type: String,
        honoured: bool,
    ) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| {
                reference_queue::set_batches(connection, connection_id, &resource_type, honoured)
            })
            .await
    }

    /// Enters the attachments that a resource names; returns how many rows now have bytes and had none
    /// before.
    pub(crate) async fn enter_named_attachments(
        &self,
        connection_id: i64,
        source: Source,
        named: Vec<NamedAttachment>,
    ) -> Result<u64, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| {
                attachments::enter_named(connection, connection_id, &source, &named, now)
            })
            .await
    }

    /// Enters the outcome for an attachment that was requested, with its walk's counters.
    pub(crate) async fn enter_attachment(
        &self,
        walk: WalkKey,
        row: i64,
        found: AttachmentFound,
        counters: WalkCounters,
    ) -> Result<WalkCounters, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| {
                attachments::enter_one(connection, &walk, row, &found, counters, now)
            })
            .await
    }

    /// Queues missing attachments again.
    ///
    /// These are attachments that the plan refused before `refused_before`, and attachments that exceeded a
    /// limit lower than `limit_bytes`.
    pub(crate) async fn retry_attachments(
        &self,
        connection_id: i64,
        refused_before: DateTime<Utc>,
        limit_bytes: u64,
    ) -> Result<(), WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| {
                attachments::retry(connection, connection_id, refused_before, limit_bytes, now)
            })
            .await
    }

    /// Deletes versions and attachments that were superseded before an instant; returns how many.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn prune_versions(&self, before: DateTime<Utc>) -> Result<u64, WarehouseError> {
        self.writer.run(move |connection, _| history::prune(connection, before)).await
    }
}
