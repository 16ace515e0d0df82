//! Names and columns that no table of a user's own can have.

use super::table_sql::{BUILDING, quote};
use crate::{view::View, warehouse::file::schema};
use rusqlite::Connection;
use std::{
    collections::HashSet,
    sync::{LazyLock, Mutex, PoisonError},
};

/// SQLite's bound (SQLITE_MAX_COLUMN); the bundled SQLite has the default.
const MOST_COLUMNS: usize = 2000;

/// Why no table can have the view's name or columns, if so.
pub(super) fn hindrance(view: &View) -> Option<&'static str> {
    if view.name.is_empty() {
        return Some("it has no name");
    }
    if is_of_sqlite(&view.name) {
        return Some("its name is taken by a table of SQLite's own");
    }
    if schema::is_control_name(&view.name)
        || schema::is_temporary_name(&view.name)
        || has_prefix(&view.name, "sqlite_")
        || has_prefix(&view.name, BUILDING)
    {
        return Some("its name is taken by a table of payersync itself");
    }
    if view.columns.len() + 2 > MOST_COLUMNS {
        return Some(
            "it has more than 1,998 columns, the most that SQLite takes beside the two of payersync",
        );
    }
    let mut names = HashSet::new();
    for column in &view.columns {
        let name = column.name.to_ascii_lowercase();
        if ["connection_id", "row_no"].contains(&name.as_str()) {
            return Some("connection_id and row_no are added by payersync");
        }
        if !names.insert(name) {
            return Some("two of its columns differ only in upper and lower case");
        }
    }
    None
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether SQLite has a built-in table of this name, such as `json_each`; SQLite itself is asked.
///
/// A table of the same name would replace it in every query, our own included.
fn is_of_sqlite(name: &str) -> bool {
    static EMPTY: LazyLock<Option<Mutex<Connection>>> =
        LazyLock::new(|| Connection::open_in_memory().ok().map(Mutex::new));
    let Some(empty) = &*EMPTY else { return false };
    let empty = empty.lock().unwrap_or_else(PoisonError::into_inner);
    match empty.prepare(&format!("SELECT 1 FROM {}", quote(name))) {
        Ok(_) => true,
        Err(error) => !error.to_string().starts_with("no such table"),
    }
}
