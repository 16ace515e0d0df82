//! `payersync tables --unmapped`: what no column depends on.

use crate::{
    commands::{failure::Failure, home, print, show},
    config::Settings,
    exit_code::ExitCode,
    warehouse::{Catalog, LeafPath, ReadOnlyWarehouse},
};

/// Shows the paths that no column depends on, and what share of the leaves that is.
pub(super) fn run(
    settings: &Settings,
    catalog: &Catalog,
    as_json: bool,
) -> Result<ExitCode, Failure> {
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
