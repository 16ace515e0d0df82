//! From one resource to its rows: in every table of its type, or in none.
//!
//! The only place that runs views for the warehouse, so that a page and a rebuild give the same rows. The
//! memory for a resource's rows is bounded by the size of the resource, whatever it contains.

use super::{
    mistyped::{Sighting, mistyped},
    row_batch::{RowBatch, TableRows},
    table::Catalog,
};
use crate::{
    reference::ServerBases,
    view::{Value, json},
};

/// Runs the views of these tables over a resource and adds the rows to the batch.
///
/// `bases` are the FHIR bases by which the resource's references are resolved.
///
/// # Errors
/// Why the resource gives no rows: it cannot be read, or does not fit one of the views. An error never
/// has a value of the resource. The batch is left as it was.
pub(crate) fn project(
    json: &[u8],
    bases: &ServerBases,
    tables: &[usize],
    catalog: &Catalog,
    batch: &mut RowBatch,
) -> Result<Vec<TableRows>, String> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let mark = batch.mark();
    batch.expect(json.len());
    let rows = rows_of(json, bases, tables, catalog, batch);
    if rows.is_err() {
        batch.rewind(mark);
    }
    rows
}

fn rows_of(
    json: &[u8],
    bases: &ServerBases,
    tables: &[usize],
    catalog: &Catalog,
    batch: &mut RowBatch,
) -> Result<Vec<TableRows>, String> {
    let node = json::parse(json, json::Limits::default()).map_err(|error| error.to_string())?;
    let mut rows = Vec::with_capacity(tables.len());
    for position in tables {
        let start = batch.cell_count();
        let table = catalog.table(*position);
        let mut sightings = Vec::new();
        table
            .view()
            .fill_at(bases, &node, &mut |row| {
                if !batch.has_room() {
                    return;
                }
                batch.push_row(row);
                for (column, value) in row.iter().enumerate() {
                    let of_cell = match value {
                        Value::Mistyped(at) => std::slice::from_ref(at),
                        Value::Partial(_, members) => members.as_slice(),
                        _ => continue,
                    };
                    sightings.extend(of_cell.iter().map(|at| Sighting { column, at: *at }));
                }
            })
            .map_err(|error| format!("table {}: {error}", table.name()))?;
        if !batch.has_room() {
            return Err(format!("table {}: its rows would take too much memory", table.name()));
        }
        let mistyped = mistyped(table.view(), &node, &sightings);
        rows.push(TableRows { table: *position, cells: start..batch.cell_count(), mistyped });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_that_would_swell_gives_an_error_and_leaves_room_for_the_next() {
        let (catalog, here) = (Catalog::embedded(), ServerBases::default());
        let tables = catalog.of_type("Patient");
        let mut batch = RowBatch::with_room(1 << 20);
        let plain = br#"{"resourceType":"Patient","id":"p","name":[{"family":"A"}]}"#;
        let before = project(plain, &here, tables, &catalog, &mut batch).unwrap();
        let hostile = [
            // Many rows with few bytes each.
            format!(
                r#"{{"resourceType":"Patient","id":"p","name":[{}{{}}]}}"#,
                "{},".repeat(199_999)
            ),
            // A long key that is repeated in many rows.
            format!(
                r#"{{"resourceType":"Patient","id":"{}","name":[{}{{}}]}}"#,
                "p".repeat(50_000),
                r#"{"family":"A"},"#.repeat(399)
            ),
        ];
        for text in hostile {
            let cells = batch.cell_count();
            let error = project(text.as_bytes(), &here, tables, &catalog, &mut batch).unwrap_err();
            assert!(error.ends_with("its rows would take too much memory"), "{error}");
            assert_eq!(batch.cell_count(), cells);
        }
        let after = project(plain, &here, tables, &catalog, &mut batch).unwrap();
        assert_eq!(
            batch.row_count(before[0].cells.clone()),
            batch.row_count(after[0].cells.clone())
        );
    }

    #[test]
    fn a_list_of_lists_of_values_is_not_mistaken_for_one() {
        let (catalog, here) = (Catalog::embedded(), ServerBases::default());
        let mut batch = RowBatch::with_room(16 << 10);
        let names = r#"{"family":"Allen","given":["John","J."],"use":"official"},"#.repeat(2_000);
        let text = format!(r#"{{"resourceType":"Patient","id":"p","name":[{names}{{}}]}}"#);
        project(text.as_bytes(), &here, catalog.of_type("Patient"), &catalog, &mut batch).unwrap();
    }
}
