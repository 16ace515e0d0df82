//! `payersync tables --unmapped`: shows the parts of resources that no column depends on.

use crate::{
    commands::{failure::Failure, home, print, show, standing::minute, terminal},
    config::Settings,
    exit_code::ExitCode,
    warehouse::{Catalog, LeafPath, ReadOnlyWarehouse},
};

/// Shows the paths that no column depends on, and their share of all leaf values.
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
    let screen = terminal::width();
    let shown = table(&left, screen);
    let sum = format!("{lost} of {all} leaves are in no column; resource.json has all of them");
    print(|out| {
        writeln!(out, "{shown}")?;
        writeln!(out, "{}", show::wrap(&sum, screen.unwrap_or(usize::MAX), 0))
    })?;
    Ok(ExitCode::Complete)
}

/// A table with a line per path. On a screen, a long path is wrapped and nothing is cut.
fn table(left: &[&LeafPath], screen: Option<usize>) -> String {
    let header = ["path", "leaves", "first seen", "extension"];
    let cells: Vec<[String; 3]> = left
        .iter()
        .map(|leaf| {
            let first_seen = match screen {
                Some(_) => minute(&leaf.first_seen),
                None => leaf.first_seen.clone(),
            };
            let whose = if leaf.foreign { "foreign" } else { "" };
            [leaf.leaves.to_string(), first_seen, whose.to_owned()]
        })
        .collect();
    let widest = |column: usize| {
        let widths = cells.iter().map(|row| show::width(&row[column]));
        widths.chain([header[column + 1].len()]).max().unwrap_or_default()
    };
    let taken: usize = (0..3).map(|column| widest(column) + show::ROOM).sum();
    // Subtracts the left border and the padding of the path's column.
    let room =
        screen.map(|screen| screen.saturating_sub(taken + show::ROOM + 1).max(header[0].len()));
    let mut shown = show::table(&header);
    for (leaf, [leaves, first_seen, whose]) in left.iter().zip(&cells) {
        let path = match room {
            Some(room) => show::fill(&leaf.path, room),
            None => leaf.path.clone(),
        };
        shown.add_row([&path, leaves, first_seen, whose]);
    }
    show::right(&mut shown, 1);
    shown.to_string()
}
