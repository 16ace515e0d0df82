//! Notes cells that are NULL because the resource's value is not of the column's type: `"$40.00"` in a
//! decimal column, or a list in place of a code.
//!
//! Each such cell is noted with its resource, in the transaction that writes the rows, so that
//! `mistyped_path` always tells what the tables leave out: paths and counts, never a value. Such cells
//! are rare, and a resource without any costs nothing.

use super::{
    path_tree::{ANY, is_element_name},
    row_batch::{Mistyped, TableRows},
    table::{Catalog, Table},
};
use crate::{
    view::{View, json::Node},
    warehouse::error::{Doing, WarehouseError},
};
use rusqlite::{Transaction, params};
use std::collections::{BTreeMap, HashMap};

/// A cell that is NULL, or a list that lacks a member, because a value is of another type.
pub(crate) struct Sighting<'a> {
    pub(crate) column: usize,
    /// The element in the resource; `None` if the value was computed.
    pub(crate) at: Option<&'a Node<'a>>,
}

/// Counts the mistyped cells of one table by column and path.
pub(crate) fn mistyped(
    view: &View,
    resource: &Node<'_>,
    sightings: &[Sighting<'_>],
) -> Vec<Mistyped> {
    if sightings.is_empty() {
        return Vec::new();
    }
    let mut paths: HashMap<usize, String> = HashMap::new();
    for at in sightings.iter().filter_map(|sighting| sighting.at) {
        paths.insert(address(at), String::new());
    }
    let mut path = view.resource.clone();
    find_paths(resource, &mut path, &mut paths);
    let mut counted: BTreeMap<(usize, &str), u64> = BTreeMap::new();
    for Sighting { column, at } in sightings {
        let found = at.and_then(|at| paths.get(&address(at)));
        // A computed value is not an element of the resource, so the path of the column's own expression is
        // noted.
        let path = found.map_or(view.columns[*column].path.as_str(), String::as_str);
        *counted.entry((*column, path)).or_default() += 1;
    }
    let whole = |((column, path), cells): ((usize, &str), u64)| Mistyped {
        column,
        path: path.to_owned(),
        cells,
    };
    counted.into_iter().map(whole).collect()
}

fn address(node: &Node<'_>) -> usize {
    std::ptr::from_ref(node).cast::<()>() as usize
}

/// Finds paths in one pass over the resource, whose depth the parser bounds.
fn find_paths(node: &Node<'_>, path: &mut String, paths: &mut HashMap<usize, String>) {
    if let Some(found) = paths.get_mut(&address(node)) {
        found.clone_from(path);
    }
    match node {
        Node::Array(items) => items.iter().for_each(|item| find_paths(item, path, paths)),
        Node::Object(members) => {
            for member in members {
                let length = path.len();
                path.push('.');
                path.push_str(if is_element_name(&member.key) { &member.key } else { ANY });
                find_paths(&member.value, path, paths);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

/// Notes the mistyped cells of a resource's rows in one table.
pub(crate) fn note(
    transaction: &Transaction<'_>,
    connection_id: i64,
    resource_id: &str,
    table: &Table,
    rows: &TableRows,
) -> Result<(), WarehouseError> {
    for Mistyped { column, path, cells } in &rows.mistyped {
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO mistyped_cell (connection_id, resource_type, resource_id,
                   table_name, column_name, path, cell_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    connection_id,
                    table.resource(),
                    resource_id,
                    table.name(),
                    table.view().columns[*column].name,
                    path,
                    cells
                ])
            })
            .doing("cannot note a mistyped cell")?;
    }
    Ok(())
}

/// Removes the notes about a resource whose rows leave every table.
pub(crate) fn forget(
    transaction: &Transaction<'_>,
    connection_id: i64,
    resource_type: &str,
    resource_id: &str,
) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached(
            "DELETE FROM mistyped_cell
             WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id = ?3",
        )
        .and_then(|mut statement| {
            statement.execute(params![connection_id, resource_type, resource_id])
        })
        .doing("cannot delete the notes of mistyped cells")
        .map(drop)
}

/// Removes the notes about tables that are filled anew or dropped.
pub(super) fn forget_tables(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    resource_type: &str,
    stale: &[usize],
) -> Result<(), WarehouseError> {
    let kept = catalog.of_type(resource_type).iter().filter(|position| !stale.contains(position));
    let kept: Vec<&str> = kept.map(|position| catalog.table(*position).name()).collect();
    transaction
        .execute(
            "DELETE FROM mistyped_cell WHERE resource_type = ?1
               AND table_name NOT IN (SELECT value FROM json_each(?2))",
            params![resource_type, serde_json::Value::from(kept).to_string()],
        )
        .doing("cannot delete the notes of mistyped cells")
        .map(drop)
}
