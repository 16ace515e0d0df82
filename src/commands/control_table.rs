//! The tables and views of payersync's own that somebody may ask: no definition makes them.

use serde::Deserialize;
use std::sync::LazyLock;

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
