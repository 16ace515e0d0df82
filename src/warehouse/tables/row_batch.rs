//! Rows on their way from the views to the writer: owned, compact, free of SQL.
//!
//! All text of a batch lies in one string and a cell is a range in it, so that a page of thousands
//! of cells costs a handful of allocations.

use crate::view::Value;
use std::ops::Range;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(Range<usize>),
}

/// The rows that one resource gives in one table.
#[derive(Debug, Clone)]
pub(crate) struct TableRows {
    /// Position of the table in the catalogue.
    pub(crate) table: usize,
    /// Cells of all its rows, one row after the other.
    pub(crate) cells: Range<usize>,
    /// Values that are not of their column's type.
    pub(crate) mistyped: Vec<Mistyped>,
}

/// Cells of one column that are NULL because what the resource has there is of another type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistyped {
    /// Position of the column in the view.
    pub(crate) column: usize,
    /// Where the value stands: `Patient.deceasedBoolean`, positions in arrays left out.
    pub(crate) path: String,
    pub(crate) cells: u64,
}

/// Bytes that a batch may always take.
const ROOM: usize = 16 << 20;
/// Bytes of rows that each byte of a resource may give beyond that. Real resources give below 6;
/// a list of a million `{}` would give a thousand.
const ROOM_PER_BYTE: usize = 8;

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

/// Where a batch stood; see [`RowBatch::rewind`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    text: usize,
    cells: usize,
}

impl RowBatch {
    /// A batch that may always take so many bytes.
    pub(crate) fn with_room(room: usize) -> RowBatch {
        RowBatch { text: String::new(), cells: Vec::new(), room }
    }

    /// The most that the rows of a page of so many bytes may take.
    pub(crate) fn most_bytes(page_bytes: usize) -> usize {
        ROOM.saturating_add(page_bytes.saturating_mul(ROOM_PER_BYTE))
    }

    /// Makes room for the rows of a resource of so many bytes.
    pub(crate) fn expect(&mut self, bytes: usize) {
        self.room = self.room.saturating_add(bytes.saturating_mul(ROOM_PER_BYTE));
    }

    /// Whether the batch may grow.
    pub(crate) fn has_room(&self) -> bool {
        self.text.len() + self.cells.len() * size_of::<Cell>() <= self.room
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { text: self.text.len(), cells: self.cells.len() }
    }

    /// Forgets everything since the mark: a resource that one view rejects leaves no row in any.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.text.truncate(mark.text);
        self.cells.truncate(mark.cells);
    }

    pub(crate) fn cell_count(&self) -> usize {
        self.cells.len()
    }

    pub(crate) fn push(&mut self, value: &Value<'_>) {
        let cell = match value {
            Value::Null | Value::Mistyped(_) => Cell::Null,
            Value::Boolean(value) => Cell::Integer(i64::from(*value)),
            Value::Integer(value) => Cell::Integer(*value),
            // SQLite sums REAL compensated; the exact text stays in resource.json. What no f64
            // can hold (1e999) is no value rather than infinity.
            Value::Decimal(text) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Cell::Real(number),
                _ => Cell::Null,
            },
            Value::Text(text) => self.text_cell(text),
            Value::Json(text) => self.text_cell(text),
        };
        self.cells.push(cell);
    }

    pub(crate) fn cells(&self, range: Range<usize>) -> &[Cell] {
        &self.cells[range]
    }

    pub(crate) fn text(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    fn text_cell(&mut self, text: &str) -> Cell {
        let start = self.text.len();
        self.text.push_str(text);
        Cell::Text(start..self.text.len())
    }
}
