//! Writes an answer as a table that fits the screen.

use super::text::readable;
use crate::{
    commands::{show, terminal},
    warehouse::{Answer, AnswerCell},
};
use std::io::{self, Write};

/// A table for people; it is written after its last row has come.
#[derive(Default)]
pub(super) struct ForPeople {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    kinds: Vec<Kind>,
}

impl ForPeople {
    /// Whether the answer had no rows.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes the table: whole to a file or pipe, cut to the width of a screen.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let is_number: Vec<bool> = self.kinds.iter().map(|kind| kind.is_number()).collect();
        let screen = terminal::width();
        let fits = show::fit_cells(&names, &self.rows, &is_number, screen);
        let mut table = show::table(&fits.heads(&names));
        for row in &self.rows {
            table.add_row(fits.cut(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        for (column, is_number) in is_number.iter().take(fits.columns()).enumerate() {
            if *is_number {
                show::right(&mut table, column);
            }
        }
        writeln!(out, "{table}")?;
        if let Some(text) = not_shown(&names[fits.columns()..]) {
            writeln!(out, "{}", show::wrap(&text, screen.unwrap_or(usize::MAX), 2))?;
        }
        Ok(())
    }
}

/// A sentence with the columns that do not fit; of many, the first names and a number.
fn not_shown(names: &[&str]) -> Option<String> {
    let (first, rest) = names.split_at(names.len().min(NAMED));
    let more = match rest.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!names.is_empty()).then(|| {
        format!("columns that do not fit: {}{more}; --vertical shows them", first.join(", "))
    })
}

/// The number of columns without room that are named.
const NAMED: usize = 6;

/// The kind of values that a column has had so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing but NULL.
    Empty,
    /// Numbers: they are aligned to the right, and never cut.
    Numbers,
    /// Texts that are amounts, as `printf('%.2f', …)` gives them.
    Amounts,
    Texts,
}

impl Kind {
    fn is_number(self) -> bool {
        matches!(self, Kind::Numbers | Kind::Amounts)
    }

    fn with(self, cell: &AnswerCell<'_>) -> Kind {
        match (self, cell) {
            (known, AnswerCell::Null) => known,
            (Kind::Numbers, _) | (_, AnswerCell::Integer(_) | AnswerCell::Real(_)) => Kind::Numbers,
            (Kind::Empty | Kind::Amounts, AnswerCell::Text(text)) if is_amount(text) => {
                Kind::Amounts
            }
            _ => Kind::Texts,
        }
    }
}

/// Whether a text consists of digits, with two of them after the point.
fn is_amount(text: &str) -> bool {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('-')
        .unwrap_or(text)
        .split_once('.')
        .is_some_and(|(whole, cents)| is_digits(whole) && is_digits(cents) && cents.len() == 2)
}

impl Answer<io::Error> for ForPeople {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.names = names.iter().map(|name| (*name).to_owned()).collect();
        self.kinds = vec![Kind::Empty; names.len()];
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        for (kind, cell) in self.kinds.iter_mut().zip(cells) {
            *kind = kind.with(cell);
        }
        self.rows
            .push(self.names.iter().zip(cells).map(|(name, one)| readable(name, one)).collect());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_that_are_texts_are_numbers_to_a_reader() {
        let kind = |cells: &[&str]| {
            let cells = cells.iter().map(|text| AnswerCell::Text(text));
            cells.chain([AnswerCell::Null]).fold(Kind::Empty, |kind, cell| kind.with(&cell))
        };
        assert_eq!(kind(&["12.50", "-0.10", "1234.00"]), Kind::Amounts);
        assert_eq!(kind(&["12.50", "n/a"]), Kind::Texts);
        assert_eq!(kind(&["60601", "12.5"]), Kind::Texts);
        assert_eq!(kind(&[]), Kind::Empty);
    }

    #[test]
    fn many_columns_without_room_are_a_number() {
        assert_eq!(not_shown(&[]), None);
        let names: Vec<String> = (0..1392).map(|number| format!("c{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let text = not_shown(&names).unwrap();
        assert!(text.ends_with("c4, c5 and 1386 more; --vertical shows them"), "{text}");
        assert!(text.len() < 100, "{text}");
    }
}
