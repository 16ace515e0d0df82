//! `payersync explain`: traces a cell back to its bytes, its versions and its run.
//!
//! For a cell of a normalised table, the definition is run over the stored resource again; a value that is
//! borrowed from the JSON has a known place in its bytes. The values of a mart are computed, so for them the
//! ids in the row lead to the resources.

mod branch;
mod explained;
mod ledger;
mod lines;
mod mart;
mod origin;
mod place;
mod table;
mod text;

use super::{control_table, failure::Failure, home, pager, print, sync::unknown_connection};
use crate::{
    alike::most_alike,
    cli::ExplainArgs,
    config::Settings,
    exit_code::ExitCode,
    warehouse::{Catalog, ReadOnlyWarehouse},
};
use std::path::Path;

/// Finds the cell or row and prints its explanation.
pub(super) fn run(folder: &Path, args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let catalog = home::catalog(&settings)?;
    let warehouse = ReadOnlyWarehouse::open(&home::existing_warehouse(&settings.home)?)?;
    let is_named = |name: &str| name.eq_ignore_ascii_case(&args.table);
    let explained = warehouse.snapshot(|snapshot| {
        if let Some(name) = &args.connection {
            let known = snapshot.connections()?;
            if !known.iter().any(|one| one.name == *name) {
                return Err(unknown_connection(name, &known));
            }
        }
        if let Some(table) = catalog.tables().iter().find(|table| is_named(table.name())) {
            table::explain(snapshot, table, args)
        } else if let Some(mart) = catalog.marts().iter().find(|mart| is_named(&mart.name)) {
            mart::explain(snapshot, &catalog, mart, args)
        } else {
            Err(unknown_table(&catalog, &args.table))
        }
    })??;
    if args.json {
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &explained)?;
            writeln!(out)
        })?;
    } else {
        pager::print(|out| text::write(out, &explained, args.column.is_some()))?;
    }
    Ok(ExitCode::Complete)
}

fn unknown_table(catalog: &Catalog, name: &str) -> Failure {
    if control_table::ALL.iter().any(|table| table.name == name) {
        return Failure::misuse(format!("{name} is kept by payersync and comes from no resource"))
            .hint(format!("`payersync tables {name}` says what each of its columns means"));
    }
    let marts = catalog.marts().iter().map(|mart| mart.name.clone());
    let names = catalog.tables().iter().map(|table| table.name().to_owned()).chain(marts);
    let hint = match most_alike(name, names) {
        Some(alike) => format!("did you mean {alike}? `payersync tables` lists them"),
        None => "`payersync tables --all` lists the tables and marts; tables that payersync keeps \
                for itself are not explained"
            .to_owned(),
    };
    Failure::misuse(format!("there is no table or mart {name}")).hint(hint)
}
