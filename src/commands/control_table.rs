//! The control tables: tables and views that the migrations create and that users may query.
//!
//! Normalised tables and marts come from `config/views` and `config/marts` instead.

use serde::Deserialize;
use std::sync::LazyLock;

/// The description of a table or view that a migration makes.
#[derive(Debug, Deserialize)]
pub(super) struct ControlTable {
    pub(super) name: String,
    /// What the table holds.
    pub(super) what: String,
    /// Name, SQLite type and meaning of each column, in the table's order.
    pub(super) columns: Vec<[String; 3]>,
}

const TEXT: &str = include_str!("../../config/control_tables.json");

/// Every control table, the most used first.
///
/// Empty if the JSON file were invalid, which a test rules out.
pub(super) static ALL: LazyLock<Vec<ControlTable>> =
    LazyLock::new(|| serde_json::from_str(TEXT).unwrap_or_default());
