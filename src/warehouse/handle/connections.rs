//! Consents and connections, also connections that only files fill.

use super::Warehouse;
use crate::{
    reference::ServerBases,
    warehouse::{
        error::WarehouseError,
        walks::{
            connections::{self, ConnectionRow, NewConsent, NewFiles},
            files,
            token_generation::{raise_token_generation, token_generation},
        },
    },
};

impl Warehouse {
    /// Stores a consent: as a new connection, or as the renewal of the connection with its name.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn consent(&self, consent: NewConsent) -> Result<ConnectionRow, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, catalog| {
                let bases = catalog.bases(&consent.plan);
                connections::consent(connection, &consent, bases, now)
            })
            .await
    }

    /// The connection with a name.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn connection(&self, name: &str) -> Result<Option<ConnectionRow>, WarehouseError> {
        self.reader.read(|connection| connections::by_name(connection, name))
    }

    /// All connections, sorted by name.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn connections(&self) -> Result<Vec<ConnectionRow>, WarehouseError> {
        self.reader.read(connections::all)
    }

    /// Notes the patient of a connection, unless one is noted already.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn pin_patient(&self, id: i64, patient: String) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| connections::pin_patient(connection, id, &patient))
            .await
    }

    /// Notes the generation of a connection's tokens; writes nothing unless it is newer than the noted one.
    pub(crate) async fn note_token_generation(
        &self,
        id: i64,
        generation: i64,
    ) -> Result<(), WarehouseError> {
        let noted = self.reader().read(|connection| token_generation(connection, id))?;
        if noted.is_some_and(|noted| noted >= generation) {
            return Ok(());
        }
        self.writer
            .run(move |connection, _| raise_token_generation(connection, id, generation))
            .await
    }

    /// Notes the scope that a token refresh granted instead of the consent's scope.
    pub(crate) async fn note_scope(&self, id: i64, scope: String) -> Result<(), WarehouseError> {
        self.writer.run(move |connection, _| connections::set_scope(connection, id, &scope)).await
    }

    /// Stores a connection that only files fill.
    ///
    /// # Errors
    /// An error of SQLite; the name is taken.
    pub async fn connection_of_files(
        &self,
        files: NewFiles,
    ) -> Result<ConnectionRow, WarehouseError> {
        let now = self.clock.now();
        self.writer.run(move |connection, _| connections::of_files(connection, &files, now)).await
    }

    /// The FHIR bases by which the references of a connection's resources are resolved.
    pub(crate) fn bases(&self, connection_id: i64) -> Result<ServerBases, WarehouseError> {
        self.reader.read(|connection| connections::bases(connection, connection_id))
    }

    /// Notes the FHIR bases of the server that a connection's files came from.
    pub(crate) async fn set_bases(&self, id: i64, bases: String) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| connections::set_bases(connection, &[(id, bases)]))
            .await
    }

    /// Whether a connection's latest walk over a type is one over files and is not complete.
    pub(crate) fn is_file_walk_open(
        &self,
        connection_id: i64,
        resource_type: &str,
    ) -> Result<bool, WarehouseError> {
        self.reader.read(|connection| files::is_walk_open(connection, connection_id, resource_type))
    }

    /// Settles open rejects of a file that was read to its end.
    ///
    /// These are rejects that the file no longer has, and those whose bytes have been taken in since.
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
