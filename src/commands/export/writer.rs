//! The interface of the file formats: a writer takes the rows of a table.

use super::{deidentify::Treated, finished::Finished, kind::Column, place::Unfinished};
use crate::warehouse::{Answer, AnswerCell};
use std::{collections::BTreeMap, io};

/// Writes the rows of one table to one file.
pub(super) trait TableWriter {
    /// Writes one row; the cells are in the order of the columns.
    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()>;

    /// Ends the file.
    fn finish(self: Box<Self>) -> io::Result<Finished>;
}

/// Passes the rows of a query to a writer, and counts them.
pub(super) struct Stream<'a> {
    pub(super) writer: &'a mut dyn TableWriter,
    /// The columns of the table.
    pub(super) columns: &'a [Column],
    /// How the columns are treated, if the export is de-identified.
    pub(super) treated: Option<&'a Treated<'a>>,
    pub(super) suppressed: BTreeMap<String, u64>,
    pub(super) folder: &'a Unfinished<'a>,
    pub(super) rows: u64,
}

impl Answer<io::Error> for Stream<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        // The names come from the same file within the same transaction, so they must agree.
        match names.iter().eq(self.columns.iter().map(|column| &column.name)) {
            true => Ok(()),
            false => {
                Err(io::Error::other("the rows of the table have other columns than the table"))
            }
        }
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.folder.go_on()?;
        self.rows += 1;
        let Some(treated) = self.treated else { return self.writer.row(cells) };
        treated.row(cells, &mut self.suppressed, |cells| self.writer.row(cells))
    }
}
