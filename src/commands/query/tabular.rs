//! An answer as a table that fits the screen.

use super::text::readable;
use crate::{
    commands::{show, terminal},
    warehouse::{Answer, AnswerCell},
};
use std::io::{self, Write};

/// A table for people, shown when its last row is there.
#[derive(Default)]
pub(super) struct ForPeople {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Whether a column holds numbers: they stand at the right, and are never cut.
    is_number: Vec<bool>,
}

impl ForPeople {
    /// Writes the table: whole to a file, cut to the screen where there is one.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let fits = match terminal::width() {
            Some(width) => show::fit(&self.widths(), &self.is_number, width),
            None => show::Fit::whole(self.names.len()),
        };
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let mut table = show::table(&fits.cut(&names));
        for row in &self.rows {
            table.add_row(fits.cut(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        for (column, is_number) in self.is_number.iter().take(fits.columns()).enumerate() {
            if *is_number {
                show::right(&mut table, column);
            }
        }
        writeln!(out, "{table}")?;
        let left_out = &self.names[fits.columns()..];
        if !left_out.is_empty() {
            writeln!(out, "not shown for want of room: {}; see --vertical", left_out.join(", "))?;
        }
        Ok(())
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| show::width(name)).collect();
        for row in &self.rows {
            for (width, text) in widths.iter_mut().zip(row) {
                *width = (*width).max(show::width(text));
            }
        }
        widths
    }
}

impl Answer<io::Error> for ForPeople {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.names = names.iter().map(|name| (*name).to_owned()).collect();
        self.is_number = vec![false; names.len()];
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        for (is_number, cell) in self.is_number.iter_mut().zip(cells) {
            *is_number |= matches!(cell, AnswerCell::Integer(_) | AnswerCell::Real(_));
        }
        self.rows
            .push(self.names.iter().zip(cells).map(|(name, one)| readable(name, one)).collect());
        Ok(())
    }
}
