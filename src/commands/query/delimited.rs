//! Writes an answer as comma-separated values or as a Markdown table: a line per row.

use super::text::{exact, readable};
use crate::warehouse::{Answer, AnswerCell};
use std::{
    borrow::Cow,
    io::{self, Write},
};

/// Comma-separated values (RFC 4180): NULL is nothing between two commas, an empty text is `""`.
///
/// PostgreSQL's COPY and DuckDB tell the two apart in the same way.
pub(super) struct Csv<'a>(pub(super) &'a mut dyn Write);

impl Csv<'_> {
    fn line(&mut self, fields: impl Iterator<Item = String>) -> io::Result<()> {
        writeln!(self.0, "{}", fields.collect::<Vec<_>>().join(","))
    }
}

impl Answer<io::Error> for Csv<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.line(names.iter().map(|name| quoted(name).into_owned()))
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        self.line(cells.iter().map(|cell| match cell {
            AnswerCell::Null => String::new(),
            cell => quoted(&exact(cell)).into_owned(),
        }))
    }
}

/// A field of a CSV line: in quotes if it must be, or if it is an empty text and not NULL.
pub(in crate::commands) fn quoted(text: &str) -> Cow<'_, str> {
    match text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        true => Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))),
        false => Cow::Borrowed(text),
    }
}

/// A Markdown table, as GitHub and most editors show it.
pub(super) struct Markdown<'a> {
    out: &'a mut dyn Write,
    names: Vec<String>,
}

impl<'a> Markdown<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Markdown<'a> {
        Markdown { out, names: Vec::new() }
    }

    fn line(&mut self, fields: &[String]) -> io::Result<()> {
        writeln!(self.out, "| {} |", fields.join(" | "))
    }
}

impl Answer<io::Error> for Markdown<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.names = names.iter().map(|name| (*name).to_owned()).collect();
        self.line(&names.iter().map(|name| cell(name)).collect::<Vec<_>>())?;
        writeln!(self.out, "|{}", "---|".repeat(names.len()))
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        let fields: Vec<String> =
            self.names.iter().zip(cells).map(|(name, one)| cell(&readable(name, one))).collect();
        self.line(&fields)
    }
}

/// A cell's text, without the line breaks and bars that would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace("\r\n", " ").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_quoted_where_it_must_be_and_null_is_nothing() {
        let mut out = Vec::new();
        let mut csv = Csv(&mut out);
        csv.columns(&["a", "b, c"]).unwrap();
        csv.row(&[AnswerCell::Null, AnswerCell::Text("")]).unwrap();
        csv.row(&[AnswerCell::Text("say \"hi\"\nthere"), AnswerCell::Integer(-1)]).unwrap();
        let expected = "a,\"b, c\"\n,\"\"\n\"say \"\"hi\"\"\nthere\",-1\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_cell_of_markdown_stays_in_its_cell() {
        let mut out = Vec::new();
        let mut rows = Markdown::new(&mut out);
        rows.columns(&["a|b", "net_amount"]).unwrap();
        rows.row(&[AnswerCell::Text("x\ny|z"), AnswerCell::Real(3.5)]).unwrap();
        let expected = "| a\\|b | net_amount |\n|---|---|\n| x y\\|z | 3.50 |\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
