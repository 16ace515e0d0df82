//! Writes rows as NDJSON or CSV.
//!
//! Numbers keep their original text, and columns the order of the definition.

use crate::{
    cli::ViewsFormat,
    view::{Value, View},
};
use std::io::{self, Write};

/// The most bytes of rows of one resource in one view.
const ROOM: usize = 256 << 20;

/// Holds the rows of one resource until its view has processed it completely.
pub(super) struct Output<'a> {
    views: &'a [View],
    /// For each view, the column names as JSON strings, each with its colon.
    names: Vec<Vec<String>>,
    held: Held,
    /// The approximate number of bytes held.
    size: usize,
    room: usize,
}

enum Held {
    Ndjson(Vec<u8>),
    Csv(Box<csv::Writer<Vec<u8>>>),
}

impl<'a> Output<'a> {
    pub(super) fn new(format: ViewsFormat, views: &'a [View]) -> Output<'a> {
        let name = |name: &str| format!("{}:", serde_json::Value::from(name));
        let names = views
            .iter()
            .map(|view| view.columns.iter().map(|column| name(&column.name)).collect())
            .collect();
        let held = match format {
            ViewsFormat::Ndjson => Held::Ndjson(Vec::new()),
            ViewsFormat::Csv => Held::Csv(Box::new(csv::Writer::from_writer(Vec::new()))),
        };
        Output { views, names, held, size: 0, room: ROOM }
    }

    /// Writes the header line of CSV.
    pub(super) fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if let (Held::Csv(writer), [view]) = (&mut self.held, self.views) {
            let names = view.columns.iter().map(|column| &column.name);
            writer.write_record(names).map_err(io::Error::other)?;
        }
        self.flush(out)
    }

    /// Discards the rows held.
    pub(super) fn discard(&mut self) {
        self.size = 0;
        match &mut self.held {
            Held::Ndjson(text) => text.clear(),
            Held::Csv(writer) => **writer = csv::Writer::from_writer(Vec::new()),
        }
    }

    /// Holds a row, if there is room.
    pub(super) fn row(&mut self, view: usize, cells: &[Value<'_>]) {
        if !self.has_room() {
            return;
        }
        match &mut self.held {
            Held::Ndjson(out) => {
                out.push(b'{');
                if let [_, _, ..] = self.views {
                    let name = serde_json::Value::from(self.views[view].name.as_str());
                    out.extend_from_slice(format!("\"view\":{name},").as_bytes());
                }
                for (position, (name, cell)) in self.names[view].iter().zip(cells).enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(name.as_bytes());
                    out.extend_from_slice(cell.to_json().as_bytes());
                }
                out.extend_from_slice(b"}\n");
                self.size = out.len();
            }
            Held::Csv(writer) => {
                for cell in cells {
                    let text = text(cell);
                    self.size += text.len() + 1;
                    // Writing to memory cannot fail.
                    let _ = writer.write_field(text);
                }
                let _ = writer.write_record(None::<&[u8]>);
            }
        }
    }

    /// Whether there was room for all rows since the last flush.
    pub(super) fn has_room(&self) -> bool {
        self.size <= self.room
    }

    /// Writes the rows held.
    pub(super) fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.held {
            Held::Ndjson(text) => out.write_all(text)?,
            Held::Csv(writer) => {
                writer.flush()?;
                out.write_all(writer.get_ref())?;
            }
        }
        self.discard();
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_beyond_the_room_are_not_held_and_the_next_resource_has_room_again() {
        let definition = json!({"name": "v", "resource": "Patient", "select": [
            {"column": [{"name": "a", "path": "id"}]}]});
        let views = [View::from_json(&definition.to_string()).unwrap()];
        for format in [ViewsFormat::Ndjson, ViewsFormat::Csv] {
            let mut output = Output { room: 100, ..Output::new(format, &views) };
            let long = [Value::Text("x".repeat(40).into())];
            (0..1_000).for_each(|_| output.row(0, &long));
            assert!(!output.has_room() && output.size < 200, "{}", output.size);
            output.discard();
            output.row(0, &long);
            assert!(output.has_room());
            let mut written = Vec::new();
            output.flush(&mut written).unwrap();
            assert_eq!(written.iter().filter(|byte| **byte == b'x').count(), 40);
        }
    }
}
