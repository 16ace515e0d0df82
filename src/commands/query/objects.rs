//! Writes an answer as JSON objects. Their members are in the order of the columns, even with equal names.

use super::text::exact;
use crate::warehouse::{Answer, AnswerCell};
use serde_json::Value;
use std::io::{self, Write};

/// Writes one array of objects, or one object per line.
pub(super) struct Objects<'a> {
    out: &'a mut dyn Write,
    /// The column names, each as JSON.
    names: Vec<String>,
    is_array: bool,
    rows: u64,
}

impl<'a> Objects<'a> {
    pub(super) fn new(out: &'a mut dyn Write, is_array: bool) -> Objects<'a> {
        Objects { out, names: Vec::new(), is_array, rows: 0 }
    }

    /// Writes the end of the array.
    pub(super) fn end(&mut self) -> io::Result<()> {
        match (self.is_array, self.rows) {
            (true, 0) => writeln!(self.out, "[]"),
            (true, _) => writeln!(self.out, "\n]"),
            (false, _) => Ok(()),
        }
    }
}

impl Answer<io::Error> for Objects<'_> {
    fn columns(&mut self, names: &[&str]) -> io::Result<()> {
        self.names = names.iter().map(|name| Value::from(*name).to_string()).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> io::Result<()> {
        let before = match (self.is_array, self.rows) {
            (false, _) => "",
            (true, 0) => "[\n",
            (true, _) => ",\n",
        };
        self.rows += 1;
        write!(self.out, "{before}")?;
        for (position, (name, cell)) in self.names.iter().zip(cells).enumerate() {
            let opening = if position == 0 { '{' } else { ',' };
            write!(self.out, "{opening}{name}:{}", value(cell))?;
        }
        write!(self.out, "}}")?;
        if self.is_array { Ok(()) } else { writeln!(self.out) }
    }
}

fn value(cell: &AnswerCell<'_>) -> Value {
    match cell {
        AnswerCell::Null => Value::Null,
        AnswerCell::Integer(value) => (*value).into(),
        // JSON has no infinity; the text `inf` says more than null.
        AnswerCell::Real(value) => serde_json::Number::from_f64(*value)
            .map_or_else(|| value.to_string().into(), Value::Number),
        AnswerCell::Text(value) => (*value).into(),
        AnswerCell::Blob(_) => exact(cell).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_their_doubles() {
        let mut out = Vec::new();
        let mut objects = Objects::new(&mut out, true);
        objects.columns(&["b", "a", "a"]).unwrap();
        let cells = [AnswerCell::Integer(2), AnswerCell::Null, AnswerCell::Text("x\"")];
        objects.row(&cells).unwrap();
        objects.end().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "[\n{\"b\":2,\"a\":null,\"a\":\"x\\\"\"}\n]\n");
    }
}
