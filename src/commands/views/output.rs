//! Rows as NDJSON or CSV: numbers keep the text they came with, columns the definition's order.

use crate::{
    cli::ViewsFormat,
    view::{Value, View},
};
use std::io::{self, Write};

/// Rows of one resource, held until its view has taken it whole.
pub(super) struct Output<'a> {
    format: ViewsFormat,
    views: &'a [View],
    /// Each column's name as a JSON string with its colon, per view.
    names: Vec<Vec<String>>,
    held: Vec<u8>,
}

impl<'a> Output<'a> {
    pub(super) fn new(format: ViewsFormat, views: &'a [View]) -> Output<'a> {
        let name = |name: &str| format!("{}:", serde_json::Value::from(name));
        let names = views
            .iter()
            .map(|view| view.columns.iter().map(|column| name(&column.name)).collect())
            .collect();
        Output { format, views, names, held: Vec::new() }
    }

    /// The header line of CSV.
    pub(super) fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.format, self.views) {
            (ViewsFormat::Csv, [view]) => {
                let mut writer = csv::Writer::from_writer(out);
                let names = view.columns.iter().map(|column| &column.name);
                writer.write_record(names).map_err(io::Error::other)?;
                writer.flush()
            }
            _ => Ok(()),
        }
    }

    /// Forgets the rows that are held.
    pub(super) fn discard(&mut self) {
        self.held.clear();
    }

    /// Holds a row.
    pub(super) fn row(&mut self, view: usize, cells: &[Value<'_>]) {
        match self.format {
            ViewsFormat::Ndjson => self.object(view, cells),
            ViewsFormat::Csv => {
                let mut writer = csv::Writer::from_writer(&mut self.held);
                // Writing to memory cannot fail.
                let _ = writer.write_record(cells.iter().map(text));
                let _ = writer.flush();
            }
        }
    }

    fn object(&mut self, view: usize, cells: &[Value<'_>]) {
        self.held.push(b'{');
        if self.views.len() > 1 {
            let name = serde_json::Value::from(self.views[view].name.as_str());
            self.held.extend_from_slice(format!("\"view\":{name},").as_bytes());
        }
        for (position, (name, cell)) in self.names[view].iter().zip(cells).enumerate() {
            if position > 0 {
                self.held.push(b',');
            }
            self.held.extend_from_slice(name.as_bytes());
            self.held.extend_from_slice(cell.to_json().as_bytes());
        }
        self.held.extend_from_slice(b"}\n");
    }

    /// Writes the rows that are held.
    pub(super) fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.held)?;
        self.held.clear();
        Ok(())
    }
}

fn text(cell: &Value<'_>) -> String {
    match cell {
        Value::Null => String::new(),
        Value::Text(text) => text.clone().into_owned(),
        cell => cell.to_json(),
    }
}
