//! Explains a row of a mart: what its columns mean, and which resources its ids lead to.

use super::{
    branch,
    explained::{Cell, Explained, MOST_ROWS, Matching, distinct_columns, no_row, unknown_column},
    ledger,
    origin::{Origin, origins},
};
use crate::{
    cli::ExplainArgs,
    commands::{
        asked::{Asked, Row, ask, number, text},
        control_table,
        failure::Failure,
        tables,
    },
    plural::count,
    warehouse::{Catalog, Mart, Snapshot, WarehouseError},
};
use std::collections::{BTreeSet, HashMap};

/// The most versions of a claim that are listed.
const MOST_VERSIONS: usize = 50;
/// The most tables that a note names.
const MOST_NAMED: usize = 4;

pub(super) fn explain(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    mart: &Mart,
    args: &ExplainArgs,
) -> Result<Explained, Failure> {
    let columns: Vec<String> =
        snapshot.columns(&mart.name)?.into_iter().map(|(name, _)| name).collect();
    if columns.is_empty() {
        return Err(Failure::misuse(format!("{} is not made yet", mart.name))
            .hint("the first sync or import makes the marts"));
    }
    let column = args.column.as_deref().map(|name| {
        let known = columns.iter().find(|column| column.eq_ignore_ascii_case(name));
        known.cloned().ok_or_else(|| unknown_column(&mart.name, name, columns.clone()))
    });
    let column = column.transpose()?;
    let connections: HashMap<i64, String> =
        snapshot.connections()?.into_iter().map(|one| (one.id, one.name)).collect();
    let Some((key_column, count, asked)) = matching_rows(snapshot, mart, &columns, args)? else {
        let keys: Vec<&str> = columns.iter().map(String::as_str).filter(is_key).collect();
        return Err(Failure::misuse(format!("no row of {} has this key", mart.name))
            .hint(format!("the key is looked for in {}", keys.join(", "))));
    };
    let number = args.row.unwrap_or_default();
    let position = usize::try_from(number).unwrap_or(usize::MAX);
    let row = asked.rows().nth(position).ok_or_else(|| no_row(number, count))?;
    let connection = |row: Row<'_>| {
        row.integer("connection_id")
            .and_then(|id| connections.get(&id))
            .cloned()
            .unwrap_or_default()
    };
    let meanings: HashMap<String, String> =
        tables::column_meanings(catalog, &mart.name).into_iter().collect();
    let is_asked = |name: &str, is_null: bool| match &column {
        Some(column) => name == column,
        None => !is_null,
    };
    let cells = row.cells().filter(|(name, value)| is_asked(name, value.is_null()));
    let mut resources = Vec::new();
    for (column, resource_type, id, connection_id) in leads(snapshot, catalog, row)? {
        let found = origins(snapshot, &resource_type, &id)?;
        let found = found.into_iter().filter(|one| one.connection_id == connection_id);
        resources.extend(found.map(|one| Origin { by: Some(column.clone()), ..one }));
    }
    let listed: Vec<Vec<_>> =
        asked.rows().take(MOST_ROWS).map(|row| row.cells().collect()).collect();
    let distinct = distinct_columns(&listed, column.as_deref());
    let computed_from = reads(catalog, mart);
    let ledger = ledger::notes(snapshot, &mart.name, row)?;
    let branch = column.as_ref().and_then(|column| branch::note(&mart.name, column, row));
    Ok(Explained {
        table: mart.name.clone(),
        kind: "mart",
        key_column,
        key: args.key.clone(),
        row: number,
        cells: cells
            .map(|(name, value)| Cell {
                column: name.to_owned(),
                value: value.clone(),
                path: String::new(),
                description: meanings.get(name).cloned().unwrap_or_default(),
            })
            .collect(),
        place: None,
        notes: branch.into_iter().chain(ledger).chain(notes(&resources, &computed_from)).collect(),
        rows: asked
            .rows()
            .take(MOST_ROWS)
            .zip(0..)
            .zip(distinct)
            .map(|((row, number), distinct)| Matching {
                connection: connection(row),
                row: number,
                distinct,
                value: column.as_ref().map(|column| row.value(column).clone()),
            })
            .collect(),
        row_count: count,
        computed_from,
        resources,
    })
}

/// A note that says where to look if the row leads only to its member's or coverage's resources.
fn notes(resources: &[Origin], computed_from: &[String]) -> Vec<String> {
    let is_of_whom = |one: &Origin| matches!(one.by.as_deref(), Some("patient_id" | "coverage_id"));
    if computed_from.is_empty() || !resources.iter().all(is_of_whom) {
        return Vec::new();
    }
    let named = match resources {
        [] => "No id in this row leads to a stored resource",
        _ => "This row names only the member or coverage that it is about",
    };
    let mut tables = computed_from.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>();
    match computed_from.len() - tables.len() {
        0 => {}
        more => tables.push(count(more, "other table")),
    }
    let tables = match tables.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => tables.concat(),
    };
    vec![format!("{named}. The records that its values come from are in {tables}")]
}

/// Whether a column may hold the key of a row.
fn is_key(name: &&str) -> bool {
    let is_id = ["_id", "_key", "_number"].iter().any(|end| name.ends_with(end));
    (is_id && !name.ends_with("connection_id"))
        || matches!(*name, "npi" | "drug" | "connection_name" | "resource_type")
}

/// Finds the first key column that holds the key, and the number of rows that have it there.
///
/// Also returns the first of these rows: `MOST_ROWS` of them, or more to reach the requested row.
fn matching_rows(
    snapshot: &Snapshot<'_>,
    mart: &Mart,
    columns: &[String],
    args: &ExplainArgs,
) -> Result<Option<(String, usize, Asked)>, Failure> {
    let has_connection = columns.iter().any(|name| name == "connection_id");
    let mut parameters = vec![text("key", &args.key)];
    let mut keys = ":key";
    // A view's numeric columns have no affinity, so in SQLite they never equal a text.
    if let Some(value) = args.key.parse().ok().filter(|value: &i64| value.to_string() == args.key) {
        parameters.push(number("number", value));
        keys = ":key, :number";
    }
    let mut only = "";
    if let Some(name) = &args.connection {
        if !has_connection {
            let name = &mart.name;
            return Err(Failure::misuse(format!("{name} has no connection_id to choose rows by"))
                .hint("leave --connection out"));
        }
        only = " AND connection_id = (SELECT id FROM connection WHERE name = :connection)";
        parameters.push(text("connection", name));
    }
    let most = args.row.unwrap_or_default().saturating_add(1).max(MOST_ROWS as u64);
    for column in columns.iter().filter(|name| is_key(&name.as_str())) {
        let rows = format!("FROM {} WHERE {column} IN ({keys}){only}", mart.name);
        let asked = ask(snapshot, &format!("SELECT * {rows} LIMIT {most}"), &parameters)?;
        let mut count = asked.rows().len();
        if count == 0 {
            continue;
        }
        if count as u64 == most {
            let counted = ask(snapshot, &format!("SELECT count(*) AS n {rows}"), &parameters)?;
            let all = counted.first().and_then(|row| row.integer("n"));
            count = all.and_then(|all| usize::try_from(all).ok()).unwrap_or(count);
        }
        return Ok(Some((column.clone(), count, asked)));
    }
    Ok(None)
}

/// The resources that the row's ids lead to, and the other versions of its claim.
///
/// Each is given as column, resource type, id and connection.
fn leads(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    row: Row<'_>,
) -> Result<Vec<(String, String, String, i64)>, WarehouseError> {
    let Some(own) = row.integer("connection_id") else { return Ok(Vec::new()) };
    let types: BTreeSet<String> =
        snapshot.resource_types()?.into_iter().map(|(name, _)| name).collect();
    let (mut leads, mut seen) = (Vec::new(), BTreeSet::new());
    let ids = row.cells().filter(|(name, _)| {
        name.ends_with("_id") && !name.ends_with("connection_id") && *name != "member_id"
    });
    for (column, value) in ids {
        let Some(id) = value.as_str() else { continue };
        let stem = column.strip_suffix("_id").unwrap_or(column);
        let connection = row.integer(&format!("{stem}_connection_id")).unwrap_or(own);
        let named = catalog.tables().iter().find(|table| table.name() == stem);
        let resource_type = match named {
            Some(table) => Some(table.resource().to_owned()),
            None if column == "resource_id" && row.text("resource_type").is_some() => {
                row.text("resource_type").map(str::to_owned)
            }
            None => type_of(snapshot, &types, connection, id)?,
        };
        let Some(resource_type) = resource_type else { continue };
        if seen.insert((resource_type.clone(), id.to_owned(), connection)) {
            leads.push((column.to_owned(), resource_type, id.to_owned(), connection));
        }
    }
    if let Some(key) = row.text("claim_key") {
        let sql = format!(
            "SELECT explanation_of_benefit_id AS id FROM claim WHERE connection_id = :connection
               AND claim_key = :key LIMIT {MOST_VERSIONS}"
        );
        for one in ask(snapshot, &sql, &[number("connection", own), text("key", key)])?.rows() {
            let (kind, id) = ("ExplanationOfBenefit".to_owned(), one.word("id").to_owned());
            if seen.insert((kind.clone(), id.clone(), own)) {
                leads.push(("claim_key".to_owned(), kind, id, own));
            }
        }
    }
    if let Some(npi) = row.text("npi").filter(|_| row.value("provider_id").is_null()) {
        // The resources of the provider with this NPI, and the latest claim of this provider.
        let sql = format!(
            "SELECT CASE provider_type WHEN 'organization' THEN 'Organization' ELSE 'Practitioner' END AS type,
                    provider_id AS id
               FROM provider WHERE connection_id = :connection AND npi = :npi
             UNION ALL
             SELECT * FROM (SELECT 'ExplanationOfBenefit', explanation_of_benefit_id
               FROM claim_current WHERE connection_id = :connection AND provider_npi = :npi
               ORDER BY service_start_date DESC, explanation_of_benefit_id LIMIT 1)
             LIMIT {MOST_VERSIONS}"
        );
        let parameters = [number("connection", own), text("npi", npi)];
        for one in ask(snapshot, &sql, &parameters)?.rows() {
            let (kind, id) = (one.word("type").to_owned(), one.word("id").to_owned());
            if seen.insert((kind.clone(), id.clone(), own)) {
                leads.push(("npi".to_owned(), kind, id, own));
            }
        }
    }
    Ok(leads)
}

/// The type of the stored resource with this id, if the column does not say the type.
fn type_of(
    snapshot: &Snapshot<'_>,
    types: &BTreeSet<String>,
    connection: i64,
    id: &str,
) -> Result<Option<String>, WarehouseError> {
    let sql = "SELECT 1 FROM resource WHERE connection_id = :connection AND resource_type = :type
                 AND resource_id = :id";
    for name in types {
        let parameters = [number("connection", connection), text("type", name), text("id", id)];
        if ask(snapshot, sql, &parameters)?.first().is_some() {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

/// The tables and marts whose names are in the mart's definition.
fn reads(catalog: &Catalog, mart: &Mart) -> Vec<String> {
    let code = mart.sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    let words: Vec<&str> = code
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
        .collect();
    let marts = catalog.marts().iter().map(|mart| mart.name.as_str());
    let tables = catalog.tables().iter().map(|table| table.name());
    // Some control tables have the name of a column, too, such as `code`.
    let is_read = |name: &str| {
        words.windows(2).any(|two| matches!(two[0], "FROM" | "JOIN") && two[1] == name)
    };
    let control = control_table::ALL.iter().map(|table| table.name.as_str());
    let known = marts.chain(tables).filter(|name| words.contains(name) && *name != mart.name);
    known.chain(control.filter(|name| is_read(name))).map(str::to_owned).collect()
}
