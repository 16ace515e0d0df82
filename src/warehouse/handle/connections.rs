//! Whose data there is: consents, connections, and connections that files fill.

use super::Warehouse;
use crate::{
    reference::ServerBases,
    warehouse::{
        error::WarehouseError,
        walks::{
            connections::{self, ConnectionRow, NewConsent, NewFiles},
            files,
        },
    },
};

impl Warehouse {
    /// Enters a consent: a new connection, or a renewed one under the name it has.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn consent(&self, consent: NewConsent) -> Result<ConnectionRow, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, catalog| {
                let bases = catalog.bases(&consent.plan);
                connections::consent(connection, &consent, bases, now)
            })
            .await
    }

    /// The connection of a name.
    ///
    /// # Errors
    /// SQLite's.
    pub fn connection(&self, name: &str) -> Result<Option<ConnectionRow>, WarehouseError> {
        self.reader.read(|connection| connections::by_name(connection, name))
    }

    /// All connections, by name.
    ///
    /// # Errors
    /// SQLite's.
    pub fn connections(&self) -> Result<Vec<ConnectionRow>, WarehouseError> {
        self.reader.read(connections::all)
    }

    /// Remembers whose data a connection holds, unless that is known.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn pin_patient(&self, id: i64, patient: String) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| connections::pin_patient(connection, id, &patient))
            .await
    }

    /// Notes the generation of a connection's tokens; a night that changed none writes nothing.
    pub(crate) async fn note_token_generation(
        &self,
        id: i64,
        generation: i64,
    ) -> Result<(), WarehouseError> {
        if self.reader().read(|connection| connections::token_generation(connection, id))?
            == Some(generation)
        {
            return Ok(());
        }
        self.writer
            .run(move |connection, _| connections::set_token_generation(connection, id, generation))
            .await
    }

    /// Notes the scope that a refresh has granted in place of the consent's.
    pub(crate) async fn note_scope(&self, id: i64, scope: String) -> Result<(), WarehouseError> {
        self.writer.run(move |connection, _| connections::set_scope(connection, id, &scope)).await
    }

    /// Enters a connection that only files fill.
    ///
    /// # Errors
    /// SQLite's; also where the name is taken.
    pub async fn connection_of_files(
        &self,
        files: NewFiles,
    ) -> Result<ConnectionRow, WarehouseError> {
        let now = self.clock.now();
        self.writer.run(move |connection, _| connections::of_files(connection, &files, now)).await
    }

    /// Where the references of a connection's resources lead.
    pub(crate) fn bases(&self, connection_id: i64) -> Result<ServerBases, WarehouseError> {
        self.reader.read(|connection| connections::bases(connection, connection_id))
    }

    /// Notes the FHIR bases of the server that a connection's files came from.
    pub(crate) async fn set_bases(&self, id: i64, bases: String) -> Result<(), WarehouseError> {
        self.writer.run(move |connection, _| connections::set_bases(connection, id, &bases)).await
    }

    /// Settles the open rejects of a file that was read to its end and holds them no more, and those
    /// whose bytes have been taken in since.
    pub(crate) async fn settle_file(
        &self,
        connection_id: i64,
        file: String,
    ) -> Result<(), WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| files::settle(connection, connection_id, &file, now))
            .await
    }
}
