//! The states of a connection's types.

use super::Warehouse;
use crate::warehouse::{
    error::WarehouseError,
    read::status::{self, TypeStatus},
    walks::{
        ledger,
        type_state::{self, KnownTypes, LastUpdated, TypeState},
    },
};
use chrono::{DateTime, Utc};

impl Warehouse {
    /// The states and cursors of a connection's types, at one instant.
    ///
    /// # Errors
    /// An error of SQLite.
    pub(crate) fn known_types(&self, connection_id: i64) -> Result<KnownTypes, WarehouseError> {
        self.reader.read(|connection| KnownTypes::read(connection, connection_id))
    }

    /// The states of a connection's types.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn type_states(&self, connection_id: i64) -> Result<Vec<TypeState>, WarehouseError> {
        self.reader.read(|connection| type_state::states(connection, connection_id))
    }

    pub(crate) async fn set_last_updated(
        &self,
        connection_id: i64,
        resource_type: &str,
        support: LastUpdated,
        reason: Option<String>,
    ) -> Result<(), WarehouseError> {
        let (resource_type, now) = (resource_type.to_owned(), self.clock.now());
        self.writer
            .run(move |connection, _| {
                let reason = reason.as_deref();
                type_state::set_last_updated(
                    connection,
                    connection_id,
                    &resource_type,
                    support,
                    reason,
                    now,
                )
            })
            .await
    }

    /// Notes that a type's search must name the patient.
    pub(crate) async fn set_by_patient(
        &self,
        connection_id: i64,
        resource_type: &str,
    ) -> Result<(), WarehouseError> {
        let resource_type = resource_type.to_owned();
        self.writer
            .run(move |connection, _| {
                type_state::set_by_patient(connection, connection_id, &resource_type)
            })
            .await
    }

    /// The requests of a plan's walks that ended since an instant, or that are still open and began since.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn requests_since(&self, plan: &str, since: DateTime<Utc>) -> Result<u32, WarehouseError> {
        self.reader.read(|connection| ledger::requests_since(connection, plan, since))
    }

    /// How many rejects of a connection are open.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn open_rejects(&self, connection_id: i64) -> Result<u64, WarehouseError> {
        self.reader.read(|connection| ledger::open_rejects(connection, connection_id))
    }

    /// The completeness of each type of each connection: the lines of the view `completeness`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn status(&self) -> Result<Vec<TypeStatus>, WarehouseError> {
        self.reader.read(status::completeness)
    }
}
