//! The open warehouse: what the rest of the house asks of it.
//!
//! What reads asks the reader; what writes is handed to the one thread that writes. The statements
//! stand in the rooms beside this one.

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
    /// Tables whose definition is new or changed are filled again from the stored resources before
    /// this returns, also what an earlier process was killed in. One process at a time may do this;
    /// the home's lock sees to it.
    ///
    /// # Errors
    /// What is no warehouse, or a newer one, is left untouched.
    pub fn open(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
        monitor: &dyn Monitor,
    ) -> Result<Warehouse, WarehouseError> {
        Warehouse::open_and_rebuild(file, catalog, &[], clock, monitor)
    }

    /// As [`Warehouse::open`], and fills the named tables again from the stored resources.
    ///
    /// # Errors
    /// As [`Warehouse::open`].
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

    /// Opens or creates the warehouse beside whatever runs, for what touches no resource.
    ///
    /// Tables that hold rows stay as they are: the next run brings them up to date.
    ///
    /// # Errors
    /// As [`Warehouse::open`].
    pub fn open_beside_a_run(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
    ) -> Result<Warehouse, WarehouseError> {
        let mut connection = open::open_to_write(file)?;
        upkeep::prepare_empty(&mut connection, &catalog, clock.now())?;
        Warehouse::start(file, connection, catalog, clock, Upkeep::default())
    }

    /// Opens an existing warehouse for reading; whatever would write says that the writer has
    /// stopped. One of an older schema is brought up to date first.
    ///
    /// # Errors
    /// As [`Warehouse::open`], and when there is no warehouse.
    pub fn open_to_look(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
    ) -> Result<Warehouse, WarehouseError> {
        let reader = Reader::new(file.clone());
        if !reader.read(schema::is_current)? {
            drop(open::open_to_write(file)?);
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

    /// Whether opening by a run would bring tables up to date.
    ///
    /// # Errors
    /// SQLite's.
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

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The normalised tables.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Tables that opening created or filled again because their definition was new or changed.
    pub fn rebuilt(&self) -> &[String] {
        &self.upkeep.rebuilt
    }

    /// How many resources opening found to be in no table because a view rejects them, of the types
    /// whose tables it rebuilt.
    pub fn rejected_by_rebuild(&self) -> u64 {
        self.upkeep.rejected
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Brings `unmapped_path` up to date with what changed, until told to stop; see
    /// [`LeafSurvey`](crate::warehouse::LeafSurvey).
    ///
    /// # Errors
    /// SQLite's.
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
