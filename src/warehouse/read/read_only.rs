//! A warehouse that is open for reading only.

use super::{last_run, metrics, query, standing, status};
use crate::warehouse::{
    Answer, Catalog, CodeSystem, ConnectionRow, Consent, Effort, FinishedRun, LeafPath, MartState,
    Names, Parameter, PastBackup, Reader, Snapshot, Standing, TableCount, TypeStatus,
    WarehouseError, WarehouseFile,
    file::{copies, open, schema},
    open_strangers,
    tables::{codes, marts, unmapped},
    walks::{connections, consents},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
};

/// An existing warehouse that is open for reading only. It never waits for a writer.
#[derive(Debug)]
pub struct ReadOnlyWarehouse {
    reader: Reader,
}

impl ReadOnlyWarehouse {
    /// Opens an existing warehouse.
    ///
    /// # Errors
    /// The file is missing, is not a warehouse, or was written by a newer payersync.
    pub fn open(file: &WarehouseFile) -> Result<ReadOnlyWarehouse, WarehouseError> {
        let reader = Reader::new(file.clone());
        reader.read(|_| Ok(()))?;
        Ok(ReadOnlyWarehouse { reader })
    }

    /// Opens an existing warehouse with the table `resource` as it was at an instant.
    ///
    /// The normalised tables have the present state only, and cannot be read through it.
    ///
    /// # Errors
    /// The same errors as [`ReadOnlyWarehouse::open`]; also if versions of that instant have been pruned.
    pub fn open_as_of(
        file: &WarehouseFile,
        at: DateTime<Utc>,
    ) -> Result<ReadOnlyWarehouse, WarehouseError> {
        let reader = Reader::as_of(file.clone(), at);
        reader.read(|_| Ok(()))?;
        Ok(ReadOnlyWarehouse { reader })
    }

    /// Like [`ReadOnlyWarehouse::open`]; also leaves a journal from a killed process as it is.
    ///
    /// # Errors
    /// The same errors as [`ReadOnlyWarehouse::open`].
    pub fn open_untouched(file: &WarehouseFile) -> Result<ReadOnlyWarehouse, WarehouseError> {
        let connection = open::open_untouched(file)?;
        Ok(ReadOnlyWarehouse { reader: Reader::of(file.clone(), connection) })
    }

    /// Refuses a warehouse of an older payersync whose ledger lacks what `status` and `doctor` read. If the
    /// older ledger has all of it, it is read as it is.
    ///
    /// # Errors
    /// The ledger is too old for this version, or cannot be read.
    pub fn require_ledger(&self, now: DateTime<Utc>) -> Result<(), WarehouseError> {
        // No connection has this number: the question is whether the statements can be asked at all.
        let nobody = 0;
        self.require(|| {
            self.reader.read(standing::compile)?;
            self.status_of(nobody)?;
            self.complete_until(nobody, now)?;
            self.open_strangers(nobody)?;
            self.consents()?;
            self.finished_run()?;
            self.mart_state().map(drop)
        })
    }

    /// Like [`ReadOnlyWarehouse::require_ledger`], for `status --calendar`, which reads the consents alone.
    ///
    /// # Errors
    /// The table of connections is too old for this version, or cannot be read.
    pub fn require_consents(&self) -> Result<(), WarehouseError> {
        self.require(|| self.consents().map(drop))
    }

    /// Refuses a warehouse of an older payersync that lacks a name which `ask` reads.
    fn require(
        &self,
        ask: impl FnOnce() -> Result<(), WarehouseError>,
    ) -> Result<(), WarehouseError> {
        if !self.reader.read(schema::is_older)? {
            return Ok(());
        }
        match ask() {
            Err(error) if error.is_of_a_name() => {
                Err(WarehouseError::OlderSchema { path: self.reader.path().into() })
            }
            asked => asked,
        }
    }

    /// The completeness of each type of each connection: the lines of the view `completeness`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn status(&self) -> Result<Vec<TypeStatus>, WarehouseError> {
        self.reader.read(status::completeness)
    }

    /// The state of each connection that was ever synced or imported, by `connection.id`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn standings(&self, now: DateTime<Utc>) -> Result<HashMap<i64, Standing>, WarehouseError> {
        self.reader.read(|connection| standing::standings(connection, now))
    }

    /// For each type of a connection, the latest start of a complete walk that does not lie after `now`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn complete_until(
        &self,
        connection_id: i64,
        now: DateTime<Utc>,
    ) -> Result<HashMap<String, String>, WarehouseError> {
        self.reader.read(|connection| standing::complete_until(connection, connection_id, now))
    }

    /// The completeness of each type of one connection.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn status_of(&self, connection_id: i64) -> Result<Vec<TypeStatus>, WarehouseError> {
        self.reader.read(|connection| standing::of_one(connection, connection_id))
    }

    /// The requests, bytes and rows of each connection, sorted by name.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn efforts(&self) -> Result<Vec<Effort>, WarehouseError> {
        self.reader.read(metrics::efforts)
    }

    /// The latest run that has ended.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn finished_run(&self) -> Result<Option<FinishedRun>, WarehouseError> {
        self.reader.read(metrics::finished_run)
    }

    /// All connections, sorted by name.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn connections(&self) -> Result<Vec<ConnectionRow>, WarehouseError> {
        self.reader.read(connections::all)
    }

    /// When members consented, sorted by connection name.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn consents(&self) -> Result<Vec<Consent>, WarehouseError> {
        self.reader.read(consents::consents)
    }

    /// How many open rejects of a connection are about another patient.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn open_strangers(&self, connection_id: i64) -> Result<u64, WarehouseError> {
        self.reader.read(|connection| open_strangers(connection, connection_id))
    }

    /// The code systems that are loaded, with the number of codes of each.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn code_systems(&self) -> Result<Vec<CodeSystem>, WarehouseError> {
        self.reader.read(codes::systems)
    }

    /// Which connections have outdated marts, and which are about the same person.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn mart_state(&self) -> Result<MartState, WarehouseError> {
        self.reader.read(marts::state)
    }

    /// The backups that ended, newest first.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn backups(&self) -> Result<Vec<PastBackup>, WarehouseError> {
        self.reader.read(copies::backups)
    }

    /// The folders in which copies of the warehouse were made, or begun.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn copy_folders(&self) -> Result<BTreeSet<PathBuf>, WarehouseError> {
        self.reader.read(copies::folders)
    }

    /// For each connection, by `connection.id`: when its latest sync began, of those that reached their end.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn last_runs(&self) -> Result<HashMap<i64, DateTime<Utc>>, WarehouseError> {
        self.reader.read(last_run::last_runs)
    }

    /// How many rows each normalised table has.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn table_counts(&self, catalog: &Catalog) -> Result<Vec<TableCount>, WarehouseError> {
        self.reader.read(|connection| status::table_counts(connection, catalog))
    }

    /// How many rows a table or view has; `None` if it does not exist.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn row_count(&self, name: &str) -> Result<Option<u64>, WarehouseError> {
        self.reader.read(|connection| status::row_count(connection, name))
    }

    /// Which leaf paths the stored resources have, and which of them a table depends on.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn leaf_paths(&self, catalog: &Catalog) -> Result<Vec<LeafPath>, WarehouseError> {
        self.reader.read(|connection| unmapped::survey(connection, catalog))
    }

    /// Runs one statement that reads, row by row.
    ///
    /// # Errors
    /// SQLite refuses the statement; the statement would write; a parameter has no value, or a value no
    /// parameter.
    pub fn query<E>(
        &self,
        sql: &str,
        parameters: &[Parameter],
        answer: &mut dyn Answer<E>,
    ) -> Result<Result<(), E>, WarehouseError> {
        self.reader.read(|connection| query::query(connection, sql, parameters, answer))
    }

    /// Runs several queries on one state of the warehouse, while writers go on.
    ///
    /// # Errors
    /// An error of SQLite. Also if the file was read without locks and written meanwhile; the results of
    /// `work` must then be thrown away.
    pub fn snapshot<T>(&self, work: impl FnOnce(&Snapshot<'_>) -> T) -> Result<T, WarehouseError> {
        self.reader.read(|connection| Ok(work(&Snapshot::of(connection))))
    }

    /// The names of the tables and views, or of their columns.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn names(&self, of: Names<'_>) -> Result<Vec<String>, WarehouseError> {
        self.reader.read(|connection| query::names(connection, of))
    }
}
