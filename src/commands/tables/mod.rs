//! `payersync tables`: the dictionary of marts, tables and columns.

pub(super) mod columns;
mod datasette;
mod described;
mod detail;
mod diagram;
mod examples;
mod overview;
mod pages;
mod section;
mod subjects;
mod unmapped;

use super::{control_table, failure::Failure, home, pager, print};
use crate::{
    cli::TablesArgs,
    config::Settings,
    exit_code::ExitCode,
    warehouse::{Catalog, ReadOnlyWarehouse, Table, WarehouseError},
};
use described::Described;
use std::{collections::HashMap, path::Path};

/// Prints the marts and tables, or one table with its columns.
pub(super) fn run(folder: &Path, args: &TablesArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let catalog = home::catalog(&settings)?;
    if args.unmapped {
        return unmapped::run(&settings, &catalog, args.json);
    }
    // The written documents do not depend on the number of rows.
    let counts = match args.markdown || args.datasette || args.pages.is_some() {
        true => HashMap::new(),
        false => counts(&settings, &catalog, args.table.as_deref())?,
    };
    let mut all = described::all(&catalog, &counts);
    if let Some(name) = &args.table {
        let found = all.iter().position(|one| one.name == *name);
        all = vec![all.swap_remove(found.ok_or_else(|| unknown(name, &all))?)];
    }
    if let Some(folder) = &args.pages {
        pages::write(folder, &all, &catalog)?;
    } else if args.datasette {
        print(|out| datasette::write(out, &all))?;
    } else if args.markdown {
        print(|out| pages::write_in_one(out, &all, &catalog))?;
    } else if args.json {
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &all)?;
            writeln!(out)
        })?;
    } else if args.table.is_some() {
        pager::print(|out| all.iter().try_for_each(|one| detail::write(out, one, &catalog)))?;
    } else {
        pager::print(|out| overview::write(out, &all, args.all))?;
    }
    Ok(ExitCode::Complete)
}

fn unknown(name: &str, all: &[Described<'_>]) -> Failure {
    let names = all.iter().map(|one| one.name);
    let hint = match crate::alike::most_alike(name, names) {
        Some(alike) => format!("did you mean {alike}? `payersync tables` lists them"),
        None => "`payersync tables` lists them".to_owned(),
    };
    Failure::misuse(format!("there is no table {name}")).hint(hint)
}

/// The number of rows of each mart and table, or of one, if a warehouse exists.
fn counts(
    settings: &Settings,
    catalog: &Catalog,
    only: Option<&str>,
) -> Result<HashMap<String, u64>, Failure> {
    match ReadOnlyWarehouse::open(&home::existing_warehouse(&settings.home)?) {
        Err(WarehouseError::Missing { .. }) => Ok(HashMap::new()),
        Err(error) => Err(error.into()),
        Ok(warehouse) => {
            let tables = catalog.tables().iter().map(Table::name);
            let names = tables
                .chain(catalog.marts().iter().map(|mart| mart.name.as_str()))
                .chain(control_table::ALL.iter().map(|table| table.name.as_str()));
            let mut counts = HashMap::new();
            for name in names.filter(|name| only.is_none_or(|only| only == *name)) {
                if let Some(rows) = warehouse.row_count(name)? {
                    counts.insert(name.to_owned(), rows);
                }
            }
            Ok(counts)
        }
    }
}

/// Name and meaning of each column of a mart; nothing for any other table.
pub(super) fn column_meanings(catalog: &Catalog, mart: &str) -> Vec<(String, String)> {
    described::mart_columns(catalog, mart)
}
