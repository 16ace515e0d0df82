//! `payersync tables`: the data dictionary.

use super::{control_table, data_dictionary, failure::Failure, home, print, show};
use crate::{
    cli::TablesArgs,
    config::Settings,
    exit_code::ExitCode,
    view::Column,
    warehouse::{Catalog, LeafPath, ReadOnlyWarehouse, Table, WarehouseError},
};
use control_table::ControlTable;
use serde::Serialize;
use std::{collections::HashMap, io::Write, path::Path};

#[derive(Serialize)]
struct TableEntry<'a> {
    table: &'a str,
    resource: &'a str,
    description: Option<&'a str>,
    rows: Option<u64>,
    columns: Vec<ColumnEntry<'a>>,
}

#[derive(Serialize)]
struct ColumnEntry<'a> {
    column: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    path: &'a str,
    description: Option<&'a str>,
}

/// Prints the tables, or one table's columns.
pub(super) fn run(folder: &Path, args: &TablesArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let catalog = home::catalog(&settings)?;
    if args.unmapped {
        return unmapped(&settings, &catalog, args.json);
    }
    let is_asked = |table: &&ControlTable| args.table.as_deref() == Some(table.name);
    if let Some(table) = control_table::ALL.iter().find(is_asked) {
        print(|out| match (args.markdown, args.json) {
            (true, _) => table.write_markdown(out),
            (false, true) => table.write_json(out),
            (false, false) => table.write(out),
        })?;
        return Ok(ExitCode::Complete);
    }
    let rows = rows(&settings, &catalog)?;
    let chosen: Vec<&Table> = match &args.table {
        None => catalog.tables().iter().collect(),
        Some(name) => vec![find(&catalog, name)?],
    };
    if args.markdown {
        let marts = if args.table.is_some() { &[] } else { catalog.marts() };
        print(|out| {
            data_dictionary::write(out, &chosen, marts)?;
            if args.table.is_some() {
                return Ok(());
            }
            writeln!(
                out,
                "\n# What no table carries\n\nKept by payersync: unmapped_path at the end of each \
                 run, mistyped_path with each page."
            )?;
            control_table::ALL.iter().try_for_each(|table| table.write_markdown(out))
        })?;
    } else if args.json {
        let entries: Vec<_> = chosen.iter().map(|table| entry(table, &rows)).collect();
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &entries)?;
            writeln!(out)
        })?;
    } else if args.table.is_some() {
        print(|out| chosen.iter().try_for_each(|table| columns(out, table)))?;
    } else {
        print(|out| overview(out, &chosen, &rows, &catalog))?;
    }
    Ok(ExitCode::Complete)
}

/// The paths that no column depends on, and what share of the leaves that is.
fn unmapped(settings: &Settings, catalog: &Catalog, as_json: bool) -> Result<ExitCode, Failure> {
    let warehouse = ReadOnlyWarehouse::open(&home::existing_warehouse(&settings.home)?)?;
    let paths = warehouse.leaf_paths(catalog)?;
    let left: Vec<&LeafPath> = paths.iter().filter(|leaf| !leaf.carried).collect();
    if as_json {
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &left)?;
            writeln!(out)
        })?;
        return Ok(ExitCode::Complete);
    }
    let all: u64 = paths.iter().map(|leaf| leaf.leaves).sum();
    let lost: u64 = left.iter().map(|leaf| leaf.leaves).sum();
    let mut shown = show::table(&["path", "leaves", "first seen", "extension"]);
    for leaf in &left {
        let whose = if leaf.foreign { "foreign" } else { "" };
        let leaves = leaf.leaves.to_string();
        shown.add_row(vec![&leaf.path, &leaves, &leaf.first_seen, whose]);
    }
    show::right(&mut shown, 1);
    print(|out| {
        writeln!(out, "{shown}")?;
        writeln!(out, "{lost} of {all} leaves, all of them in resource.json, are in no column")
    })?;
    Ok(ExitCode::Complete)
}

/// How many rows there are, where there is a warehouse to count in.
fn rows(settings: &Settings, catalog: &Catalog) -> Result<HashMap<String, u64>, Failure> {
    match ReadOnlyWarehouse::open(&home::existing_warehouse(&settings.home)?) {
        Err(WarehouseError::Missing { .. }) => Ok(HashMap::new()),
        Err(error) => Err(error.into()),
        Ok(warehouse) => Ok(warehouse
            .table_counts(catalog)?
            .into_iter()
            .filter_map(|count| Some((count.table, count.rows?)))
            .collect()),
    }
}

fn find<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Table, Failure> {
    catalog.tables().iter().find(|table| table.name() == name).ok_or_else(|| {
        Failure::misuse(format!("there is no table {name}")).hint("`payersync tables` lists them")
    })
}

fn overview(
    out: &mut dyn Write,
    tables: &[&Table],
    rows: &HashMap<String, u64>,
    catalog: &Catalog,
) -> std::io::Result<()> {
    let mut shown = show::table(&["table", "of", "columns", "rows", "what"]);
    for table in tables {
        let count = rows.get(table.name()).map(u64::to_string);
        shown.add_row(vec![
            table.name().to_owned(),
            table.view.resource.clone(),
            table.view.columns.len().to_string(),
            count.unwrap_or_default(),
            table.view.description.clone().unwrap_or_default(),
        ]);
    }
    show::right(&mut shown, 2);
    show::right(&mut shown, 3);
    writeln!(out, "{shown}")?;
    if !catalog.marts().is_empty() {
        let names: Vec<_> = catalog.marts().iter().map(|mart| mart.name.as_str()).collect();
        writeln!(out, "Marts (each answers one question): {}", names.join(", "))?;
    }
    let names = control_table::ALL.map(|table| table.name).join(", ");
    writeln!(out, "What no column carries: {names}")?;
    writeln!(out, "`payersync tables TABLE` lists a table's columns")
}

fn columns(out: &mut dyn Write, table: &Table) -> std::io::Result<()> {
    writeln!(out, "{}: {}", table.name(), table.view.description.as_deref().unwrap_or_default())?;
    let mut shown = show::table(&["column", "type", "path", "what"]);
    for row in columns_of(table) {
        shown.add_row(row.to_vec());
    }
    writeln!(out, "{shown}")
}

/// Name, type, path and description of every column, those included that payersync adds.
pub(super) fn columns_of(table: &Table) -> Vec<[&str; 4]> {
    let connection = "The connection that the row belongs to; see table connection";
    let mut columns = vec![
        ["connection_id", "INTEGER", "", connection],
        ["row_no", "INTEGER", "", "0-based number of the row within its resource"],
    ];
    columns.extend(table.view.columns.iter().map(|column| {
        let what = column.description.as_deref().unwrap_or_default();
        [column.name.as_str(), kind(column), column.path.as_str(), what]
    }));
    columns
}

fn entry<'a>(table: &'a Table, rows: &HashMap<String, u64>) -> TableEntry<'a> {
    TableEntry {
        table: table.name(),
        resource: &table.view.resource,
        description: table.view.description.as_deref(),
        rows: rows.get(table.name()).copied(),
        columns: table
            .view
            .columns
            .iter()
            .map(|column| ColumnEntry {
                column: &column.name,
                kind: kind(column),
                path: &column.path,
                description: column.description.as_deref(),
            })
            .collect(),
    }
}

fn kind(column: &Column) -> &str {
    column.fhir_type.as_deref().unwrap_or("any")
}
