//! The tables and views of payersync's own that somebody may ask: no definition makes them.

use serde::Deserialize;
use std::{
    io::{self, Write},
    sync::LazyLock,
};

/// A table or view that a migration makes, in words.
#[derive(Debug, Deserialize)]
pub(super) struct ControlTable {
    pub(super) name: String,
    /// What it holds.
    pub(super) what: String,
    /// Name, type in SQLite and meaning of each column, in the table's order.
    pub(super) columns: Vec<[String; 3]>,
}

const TEXT: &str = include_str!("../../config/control_tables.json");

/// All of them, those first that are asked most; none, if the file were not valid, which a test denies.
pub(super) static ALL: LazyLock<Vec<ControlTable>> =
    LazyLock::new(|| serde_json::from_str(TEXT).unwrap_or_default());

impl ControlTable {
    /// As a section of the data dictionary.
    pub(super) fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n## {}\n\n{}\n", self.name, self.what)?;
        writeln!(out, "| column | type | what |\n|---|---|---|")?;
        self.columns
            .iter()
            .try_for_each(|[name, kind, what]| writeln!(out, "| {name} | {kind} | {what} |"))
    }
}
