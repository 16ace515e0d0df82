//! Writes an answer with a line per cell, for rows that are wider than any screen.

use super::text::readable;
use crate::warehouse::{Answer, AnswerCell};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Writes a headline for each row, then its cells.
pub(super) struct Vertical<'a> {
    out: &'a mut dyn Write,
    names: Vec<String>,
    rows: u64,
}

impl<'a> Vertical<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Vertical<'a> {
        Vertical { out, names: Vec::new(), rows: 0 }
    }

    /// Whether the answer had no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

impl Answer<io::Error> for Vertical<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.names = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.rows += 1;
        writeln!(self.out, "-- row {}", self.rows)?;
        let widest = self.names.iter().map(|name| name.width()).max().unwrap_or_default();
        for (name, cell) in self.names.iter().zip(cells) {
            let room = " ".repeat(widest - name.width());
            // The further lines of a text are indented, so that they do not look like cells.
            let text = readable(name, cell).replace('\n', &format!("\n{}", " ".repeat(widest + 2)));
            writeln!(self.out, "{name}{room}  {text}")?;
        }
        Ok(())
    }
}
