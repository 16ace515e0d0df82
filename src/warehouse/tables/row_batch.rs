//! Rows on their way from the views to the writer: owned, compact, free of SQL.
//!
//! All text of a batch is in one string and a cell is a range of it, so that a page of thousands of cells
//! costs a handful of allocations. A row lists only the cells that have a value, since most columns of a
//! FHIR table are NULL in most rows.

use crate::view::Value;
use rusqlite::{
    Statement,
    types::{ToSqlOutput, ValueRef},
};
use std::ops::Range;

/// One cell with a value, by the position of its column; or the end of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    Integer(u16, i64),
    Real(u16, f64),
    /// Column, start of the text, and its length in bytes.
    Text(u16, u32, u32),
    RowEnd,
}

/// The rows that one resource gives in one table.
#[derive(Debug, Clone)]
pub(crate) struct TableRows {
    /// Position of the table in the catalogue.
    pub(crate) table: usize,
    /// The cells of all the resource's rows; each row ends with a marker.
    pub(crate) cells: Range<usize>,
    /// Cells that are NULL because the value was not of the column's type.
    pub(crate) mistyped: Vec<Mistyped>,
}

/// Cells of one column that are NULL because the resource's value there is of another type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistyped {
    /// Position of the column in the view.
    pub(crate) column: usize,
    /// The path of the value, such as `Patient.deceasedBoolean`, without positions in arrays.
    pub(crate) path: String,
    pub(crate) cells: u64,
}

/// Bytes that a batch may take in any case.
const ROOM: usize = 16 << 20;
/// Bytes of rows that are allowed in addition for each byte of a resource.
///
/// Real resources give less than 6; a list of a million `{}` would give a thousand.
const ROOM_PER_BYTE: usize = 8;

/// The most bytes of a batch: a position in its text is a `u32`.
const MOST: usize = u32::MAX as usize;

/// The rows of a whole page.
#[derive(Debug)]
pub(crate) struct RowBatch {
    text: String,
    cells: Vec<Cell>,
    room: usize,
}

impl Default for RowBatch {
    fn default() -> RowBatch {
        RowBatch::with_room(ROOM)
    }
}

/// The length of a batch at some moment; see [`RowBatch::rewind`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    text: usize,
    cells: usize,
}

impl RowBatch {
    /// A batch that may take `room` bytes in any case.
    pub(crate) fn with_room(room: usize) -> RowBatch {
        RowBatch { text: String::new(), cells: Vec::new(), room }
    }

    /// The most bytes that the rows of a page of `page_bytes` may take.
    pub(crate) fn most_bytes(page_bytes: usize) -> usize {
        ROOM.saturating_add(page_bytes.saturating_mul(ROOM_PER_BYTE))
    }

    /// Raises the bound of the batch for the rows of one more resource, which has `bytes` bytes.
    pub(crate) fn expect(&mut self, bytes: usize) {
        self.room = self.room.saturating_add(bytes.saturating_mul(ROOM_PER_BYTE));
    }

    /// Whether the batch is still within its bounds.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes() <= self.room.min(MOST)
    }

    /// Frees the memory that the batch reserved beyond its rows.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.cells.shrink_to_fit();
    }

    /// Bytes of memory that the batch takes.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len() + self.cells.len() * size_of::<Cell>()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { text: self.text.len(), cells: self.cells.len() }
    }

    /// Removes everything since the mark, so that a resource which one view rejects leaves no row in any
    /// table.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.text.truncate(mark.text);
        self.cells.truncate(mark.cells);
    }

    pub(crate) fn cell_count(&self) -> usize {
        self.cells.len()
    }

    /// Adds one row, a value for each column.
    pub(crate) fn push_row(&mut self, row: &[Value<'_>]) {
        for (column, value) in row.iter().enumerate() {
            // No table has more than 1,998 columns.
            let column = u16::try_from(column).unwrap_or(u16::MAX);
            let cell = match value {
                Value::Null | Value::Mistyped(_) => continue,
                Value::Boolean(value) => Cell::Integer(column, i64::from(*value)),
                Value::Integer(value) => Cell::Integer(column, *value),
                // SQLite sums REAL with compensation; the exact text stays in resource.json. A number
                // that no f64 can hold (1e999) becomes NULL, not infinity.
                Value::Decimal(text) => match text.parse::<f64>() {
                    Ok(number) if number.is_finite() => Cell::Real(column, number),
                    _ => continue,
                },
                Value::Text(text) => self.text_cell(column, text),
                Value::Json(text) | Value::Partial(text, _) => self.text_cell(column, text),
            };
            self.cells.push(cell);
        }
        self.cells.push(Cell::RowEnd);
    }

    /// The rows in a range of cells.
    pub(crate) fn rows(&self, cells: Range<usize>) -> impl Iterator<Item = &[Cell]> {
        self.cells[cells].split_inclusive(|cell| *cell == Cell::RowEnd)
    }

    /// How many rows a range of cells has.
    pub(crate) fn row_count(&self, cells: Range<usize>) -> usize {
        self.rows(cells).count()
    }

    /// Binds a row's values to the table's `INSERT` statement.
    ///
    /// The statement's parameters are the connection, which the caller binds, the row's number, then the
    /// columns. A cell that the row lacks is NULL.
    pub(crate) fn bind(
        &self,
        statement: &mut Statement<'_>,
        row_no: usize,
        row: &[Cell],
    ) -> rusqlite::Result<()> {
        statement.raw_bind_parameter(2, row_no)?;
        for cell in row {
            let (column, value) = match *cell {
                Cell::Integer(column, value) => (column, ValueRef::Integer(value)),
                Cell::Real(column, value) => (column, ValueRef::Real(value)),
                Cell::Text(column, start, length) => {
                    let (start, length) = (start as usize, length as usize);
                    (column, ValueRef::Text(&self.text.as_bytes()[start..start + length]))
                }
                Cell::RowEnd => continue,
            };
            let position = usize::from(column) + 3;
            statement.raw_bind_parameter(position, ToSqlOutput::Borrowed(value))?;
        }
        Ok(())
    }

    /// Appends a text. The room is checked before each row, so that positions fit a `u32`.
    fn text_cell(&mut self, column: u16, text: &str) -> Cell {
        let start = self.text.len();
        self.text.push_str(text);
        match (u32::try_from(start), u32::try_from(text.len())) {
            (Ok(start), Ok(length)) => Cell::Text(column, start, length),
            // The batch is over its bounds already, so its rows are never written.
            _ => Cell::RowEnd,
        }
    }
}
