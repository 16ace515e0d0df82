//! Writes a table as comma-separated values (RFC 4180).
//!
//! As in the output of `query`, NULL is nothing between two commas, and an empty text is `""`.

use super::{
    file::HashedFile,
    finished::{Finished, Losses},
    kind::Column,
    spreadsheet,
    writer::TableWriter,
};
use crate::{
    commands::query::{exact, quoted},
    warehouse::AnswerCell,
};
use std::io::{self, Write};

/// The mark by which Excel recognizes UTF-8; readers that expect UTF-8 skip it.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A CSV file that is being written.
pub(super) struct Csv {
    file: HashedFile,
    is_raw: bool,
    line: String,
}

impl Csv {
    /// Writes the header line.
    pub(super) fn begin(file: HashedFile, columns: &[Column], is_raw: bool) -> io::Result<Csv> {
        let mut csv = Csv { file, is_raw, line: String::new() };
        let names: Vec<_> = columns.iter().map(|column| quoted(&column.name)).collect();
        let mark = if is_raw { "" } else { BYTE_ORDER_MARK };
        writeln!(csv.file, "{mark}{}", names.join(","))?;
        Ok(csv)
    }
}

impl TableWriter for Csv {
    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.line.clear();
        for (position, cell) in cells.iter().enumerate() {
            if position > 0 {
                self.line.push(',');
            }
            match cell {
                AnswerCell::Null => {}
                AnswerCell::Text(text) if self.is_raw => self.line.push_str(&quoted(text)),
                AnswerCell::Text(text) => {
                    self.line.push_str(&quoted(&spreadsheet::shown_as_text(text)));
                }
                cell => self.line.push_str(&exact(cell)),
            }
        }
        self.line.push('\n');
        self.file.write_all(self.line.as_bytes())
    }

    fn finish(mut self: Box<Self>) -> io::Result<Finished> {
        Ok(Finished { sums: self.file.finish()?, losses: Losses::default() })
    }
}
