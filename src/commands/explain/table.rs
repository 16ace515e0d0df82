//! Explains a cell of a normalised table: from its row to the resource and its bytes.

use super::{
    explained::{
        Cell, ColumnValue, Explained, MOST_ROWS, Matching, distinct_columns, no_row, unknown_column,
    },
    origin::{Origin, origins},
    place,
};
use crate::{
    cli::ExplainArgs,
    commands::{
        asked::{ask, number, text},
        failure::Failure,
    },
    warehouse::{Snapshot, Table},
};
use serde_json::Value;

/// A row of the table, with the resource that it comes from.
struct Found {
    origin: usize,
    row: u64,
    cells: Vec<(String, Value)>,
}

pub(super) fn explain(
    snapshot: &Snapshot<'_>,
    table: &Table,
    args: &ExplainArgs,
) -> Result<Explained, Failure> {
    let view = table.view();
    let slot = args.column.as_deref().map(|name| slot(table, name)).transpose()?;
    // The key may be given as a reference, such as `Patient/ID`.
    let typed = format!("{}/", view.resource);
    let key = args.key.strip_prefix(&typed).unwrap_or(&args.key);
    let mut origins = origins(snapshot, &view.resource, key)?;
    origins.retain(|one| args.connection.as_ref().is_none_or(|name| one.connection == *name));
    if origins.is_empty() {
        return Err(not_stored(snapshot, table, key)?);
    }
    let found = rows(snapshot, table, key, &origins)?;
    let chosen = match args.row {
        None => found.first(),
        Some(row) => {
            let chosen = found.iter().find(|one| one.row == row);
            Some(chosen.ok_or_else(|| no_row(row, found.len()))?)
        }
    };
    let listed: Vec<Vec<_>> = found
        .iter()
        .take(MOST_ROWS)
        .map(|one| one.cells.iter().map(|(name, value)| (name.as_str(), value)).collect())
        .collect();
    let distinct = distinct_columns(&listed, slot.map(|slot| view.columns[slot].name.as_str()));
    let mut explained = Explained {
        table: table.name().to_owned(),
        kind: "table",
        key_column: table.key_column().to_owned(),
        key: key.to_owned(),
        row: chosen.map(|one| one.row).unwrap_or_default(),
        cells: Vec::new(),
        place: None,
        notes: Vec::new(),
        rows: found
            .iter()
            .zip(distinct)
            .map(|(one, distinct)| matching(one, distinct, &origins, slot, table))
            .collect(),
        row_count: found.len(),
        computed_from: Vec::new(),
        resources: Vec::new(),
    };
    let Some(chosen) = chosen else {
        explained.notes.push(match origins.iter().all(|one| one.deleted_at.is_some()) {
            true => "The resource was deleted: its rows are gone, its bytes are kept".to_owned(),
            false => format!("The definition of {} makes no row of this resource", table.name()),
        });
        explained.resources = origins;
        return Ok(explained);
    };
    explained.cells = cells(table, chosen, slot);
    let mut origin = origins.swap_remove(chosen.origin);
    if let Some(slot) = slot {
        explained.place = look(table, slot, chosen.row, &mut origin, &mut explained.notes);
    }
    explained.resources = vec![origin];
    Ok(explained)
}

/// The position of a column in the rows of the view.
fn slot(table: &Table, name: &str) -> Result<usize, Failure> {
    let columns = &table.view().columns;
    columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names = columns.iter().map(|column| column.name.clone()).collect();
        unknown_column(table.name(), name, names)
    })
}

fn rows(
    snapshot: &Snapshot<'_>,
    table: &Table,
    key: &str,
    origins: &[Origin],
) -> Result<Vec<Found>, Failure> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let sql = format!(
        "SELECT * FROM {} WHERE connection_id = :connection AND {} = :key ORDER BY row_no",
        quoted(table.name()),
        quoted(table.key_column())
    );
    let mut found = Vec::new();
    for (position, origin) in origins.iter().enumerate() {
        let asked =
            ask(snapshot, &sql, &[number("connection", origin.connection_id), text("key", key)])?;
        found.extend(asked.rows().map(|row| Found {
            origin: position,
            row: row.integer("row_no").and_then(|row| row.try_into().ok()).unwrap_or_default(),
            cells: row.cells().map(|(name, value)| (name.to_owned(), value.clone())).collect(),
        }));
    }
    Ok(found)
}

impl Found {
    fn value(&self, column: &str) -> Value {
        let cell = self.cells.iter().find(|(name, _)| name == column);
        cell.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

fn matching(
    found: &Found,
    distinct: Vec<ColumnValue>,
    origins: &[Origin],
    slot: Option<usize>,
    table: &Table,
) -> Matching {
    Matching {
        connection: origins[found.origin].connection.clone(),
        row: found.row,
        distinct,
        value: slot.map(|slot| found.value(&table.view().columns[slot].name)),
    }
}

/// The requested column, or every column that is not NULL.
fn cells(table: &Table, found: &Found, slot: Option<usize>) -> Vec<Cell> {
    let columns = table.view().columns.iter().enumerate();
    let cell = columns.map(|(position, column)| {
        let cell = Cell {
            column: column.name.clone(),
            value: found.value(&column.name),
            path: column.path.clone(),
            description: column.description.clone().unwrap_or_default(),
        };
        (position, cell)
    });
    cell.filter(|(position, cell)| match slot {
        Some(slot) => *position == slot,
        None => !cell.value.is_null(),
    })
    .map(|(_, cell)| cell)
    .collect()
}

/// Runs the definition over every version, and finds the place of the newest version's value.
fn look(
    table: &Table,
    slot: usize,
    row: u64,
    origin: &mut Origin,
    notes: &mut Vec<String>,
) -> Option<place::Place> {
    let (view, bases) = (table.view(), &origin.bases);
    for version in std::iter::once(&mut origin.version).chain(&mut origin.earlier) {
        version.value = place::see(view, bases, &version.json, row, slot).map(|seen| seen.literal);
    }
    let column = &view.columns[slot];
    let Some(seen) = place::see(view, bases, &origin.json, row, slot) else {
        notes.push(
            "The definition has changed since the table was filled: `payersync rebuild`".into(),
        );
        return None;
    };
    if seen.is_mistyped {
        let kind = column.fhir_type.as_deref().unwrap_or("the column's type");
        notes.push(format!(
            "The value at the path has another type than {kind}, so the cell is NULL"
        ));
        return None;
    }
    if seen.literal == "null" {
        notes.push("The resource has no value at the path, so the cell is NULL".to_owned());
        return None;
    }
    let place = place::place(&seen, &column.path, &origin.json);
    match &place {
        None => notes.push(
            "The value is computed from the elements that the path names; it does not occur in \
             the resource itself"
                .into(),
        ),
        Some(place) if place.alike > 0 => notes.push(format!(
            "{} of the resource have this name and value; the first is shown, and the path says \
             which one counts",
            crate::plural::count(place.alike + 1, "element")
        )),
        Some(_) => {}
    }
    place
}

/// The failure for a key that no stored resource has.
fn not_stored(snapshot: &Snapshot<'_>, table: &Table, key: &str) -> Result<Failure, Failure> {
    let kind = table.resource();
    let sql = "SELECT j.reason, j.detail, j.page, j.run_id, c.name FROM rejected_resource AS j
               JOIN connection AS c ON c.id = j.connection_id
               WHERE j.resource_id = :key AND j.resource_type = :type ORDER BY j.id DESC LIMIT 1";
    let rejects = ask(snapshot, sql, &[text("key", key), text("type", kind)])?;
    let failure = Failure::misuse(format!("no {kind} with this id is stored"));
    Ok(match rejects.first() {
        Some(row) => failure.hint(format!(
            "it is in quarantine (rejected_resource) since page {} of run {} of {}: {}, {}",
            row.value("page"),
            row.value("run_id"),
            row.word("name"),
            row.word("reason"),
            row.word("detail")
        )),
        None => failure.hint(format!(
            "`payersync query \"SELECT {} FROM {} LIMIT 10\"` shows some ids",
            table.key_column(),
            table.name()
        )),
    })
}
