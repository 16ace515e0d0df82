//! The open warehouse, through which the rest of the program reads and writes.
//!
//! Reads go to a pool of reading connections, writes to the one thread that writes. The SQL statements
//! are in the neighbouring folders.

mod connections;
mod findings;
mod types;
mod walks;

use super::{
    error::WarehouseError,
    file::{open, place::WarehouseFile, schema},
    read::reader::Reader,
    tables::{
        table::Catalog,
        unmapped_table,
        upkeep::{self, Upkeep},
    },
    walks::{left_out, seen, writer::Writer},
};
use crate::{clock::Clock, monitor::Monitor};
use std::{path::Path, sync::Arc};

/// An open warehouse.
#[derive(Debug)]
pub struct Warehouse {
    file: WarehouseFile,
    catalog: Arc<Catalog>,
    pub(super) writer: Writer,
    pub(super) reader: Reader,
    pub(super) clock: Clock,
    upkeep: Upkeep,
}

impl Warehouse {
    /// Opens or creates the warehouse, brings its tables up to date and starts its writer.
    ///
    /// Tables with a new or changed definition are filled again from the stored resources before this
    /// returns. A rebuild in which an earlier process was killed is finished. Only one process at a time
    /// may do this, which the home's lock ensures.
    ///
    /// # Errors
    /// The file is not a warehouse, or of a newer version; it is left untouched.
    pub fn open(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
        monitor: &dyn Monitor,
    ) -> Result<Warehouse, WarehouseError> {
        Warehouse::open_and_rebuild(file, catalog, &[], clock, monitor)
    }

    /// Like [`Warehouse::open`]; also fills the named tables again from the stored resources.
    ///
    /// # Errors
    /// The same errors as [`Warehouse::open`].
    pub fn open_and_rebuild(
        file: &WarehouseFile,
        catalog: Catalog,
        tables: &[String],
        clock: Clock,
        monitor: &dyn Monitor,
    ) -> Result<Warehouse, WarehouseError> {
        let mut connection = open::open_to_write(file)?;
        let upkeep = upkeep::prepare(&mut connection, &catalog, tables, clock.now(), monitor)?;
        if !tables.is_empty() {
            unmapped_table::refresh(&mut connection, &catalog, &|| false)?;
        }
        Warehouse::start(file, connection, catalog, clock, upkeep)
    }

    /// Opens or creates the warehouse while a run may be at work, for work that touches no resource.
    ///
    /// Tables that have rows stay as they are: the next run brings them up to date.
    ///
    /// # Errors
    /// The same errors as [`Warehouse::open`]; also if an older payersync made the control tables, which
    /// [`Warehouse::migrate`] brings up to date.
    pub fn open_beside_a_run(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
    ) -> Result<Warehouse, WarehouseError> {
        let mut connection = open::open_beside_a_run(file)?;
        upkeep::prepare_empty(&mut connection, &catalog, clock.now())?;
        Warehouse::start(file, connection, catalog, clock, Upkeep::default())
    }

    /// Opens an existing warehouse for reading; every write fails with the error that the writer has
    /// stopped.
    ///
    /// # Errors
    /// The same errors as [`Warehouse::open_beside_a_run`]; also if there is no warehouse.
    pub fn open_to_look(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
    ) -> Result<Warehouse, WarehouseError> {
        let reader = Reader::new(file.clone());
        if !reader.read(schema::is_current)? {
            drop(open::open_beside_a_run(file)?);
        }
        Ok(Warehouse {
            file: file.clone(),
            catalog: Arc::new(catalog),
            writer: Writer::absent(),
            reader,
            clock,
            upkeep: Upkeep::default(),
        })
    }

    /// Whether an older payersync made the control tables of an existing warehouse.
    ///
    /// # Errors
    /// The file cannot be read, is not a warehouse, or is of a newer version.
    pub fn is_older(file: &WarehouseFile) -> Result<bool, WarehouseError> {
        Reader::new(file.clone()).read(schema::is_older)
    }

    /// Brings the control tables up to date; the home's lock must be held.
    ///
    /// # Errors
    /// The same errors as [`Warehouse::open`].
    pub fn migrate(file: &WarehouseFile) -> Result<(), WarehouseError> {
        open::open_to_write(file).map(drop)
    }

    /// Whether a run that opens the warehouse would bring tables up to date.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn is_out_of_date(&self) -> Result<bool, WarehouseError> {
        self.reader.read(|connection| upkeep::is_due(connection, &self.catalog))
    }

    fn start(
        file: &WarehouseFile,
        connection: rusqlite::Connection,
        catalog: Catalog,
        clock: Clock,
        upkeep: Upkeep,
    ) -> Result<Warehouse, WarehouseError> {
        seen::create_temporary_tables(&connection)?;
        left_out::create_temporary_table(&connection)?;
        let catalog = Arc::new(catalog);
        Ok(Warehouse {
            file: file.clone(),
            writer: Writer::start(connection, Arc::clone(&catalog))?,
            reader: Reader::new(file.clone()),
            catalog,
            clock,
            upkeep,
        })
    }

    /// The path of the warehouse.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The normalised tables.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Tables that were created or filled again on opening, because their definition was new or had changed.
    pub fn rebuilt(&self) -> &[String] {
        &self.upkeep.rebuilt
    }

    /// How many resources are in no table because a view rejects them, among the types rebuilt on
    /// opening.
    pub fn rejected_by_rebuild(&self) -> u64 {
        self.upkeep.rejected
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Brings the table `unmapped_path` up to date with changed resources, until `stop` returns true.
    ///
    /// See [`LeafSurvey`](crate::warehouse::LeafSurvey).
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn survey_unmapped(
        &self,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, catalog| unmapped_table::refresh(connection, catalog, &stop))
            .await
    }

    /// Waits until everything is written and closes the file.
    pub fn close(self) {
        let Warehouse { writer, reader, .. } = self;
        drop(reader);
        drop(writer);
    }
}
