//! One table: what it holds, its columns, what it joins with, and three queries to begin with.

use super::{
    described::Described,
    examples::{Join, examples, joins},
};
use crate::{
    commands::{show, terminal},
    warehouse::Catalog,
};
use std::io::{self, Write};

/// Writes it.
pub(super) fn write(out: &mut dyn Write, one: &Described<'_>, catalog: &Catalog) -> io::Result<()> {
    writeln!(out, "{}: {}", one.name, one.description)?;
    for line in &one.notes {
        writeln!(out, "{line}")?;
    }
    columns(out, one)?;
    let joins = joins(one, catalog);
    if !joins.is_empty() {
        writeln!(out, "Joins:\n")?;
        for Join { table, on } in &joins {
            writeln!(out, "  JOIN {table} ON {on}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "To begin with:\n")?;
    examples(one, &joins).iter().try_for_each(|sql| writeln!(out, "  {sql};"))
}

fn columns(out: &mut dyn Write, one: &Described<'_>) -> io::Result<()> {
    let has_paths = one.columns.iter().any(|column| !column.path.is_empty());
    let cells: Vec<Vec<&str>> = one
        .columns
        .iter()
        .map(|column| {
            let mut cells = vec![column.name.as_str(), &column.kind];
            cells.extend(has_paths.then_some(column.path.as_str()));
            cells.push(&column.description);
            cells
        })
        .collect();
    let mut header = vec!["column", "type"];
    header.extend(has_paths.then_some("path"));
    header.push("what");
    let width = |column: usize| {
        let texts = cells.iter().map(|line| show::width(line[column]));
        texts.chain([header[column].len()]).max().unwrap_or_default()
    };
    let wanted: Vec<usize> = (0..header.len()).map(width).collect();
    let fit = match terminal::width() {
        // Names and types are to be typed, and stay whole.
        Some(screen) => {
            let is_whole: Vec<bool> = (0..header.len()).map(|column| column < 2).collect();
            show::fit(&wanted, &is_whole, screen)
        }
        None => show::Fit::whole(header.len()),
    };
    let mut shown = show::table(&fit.cut(&header));
    for line in &cells {
        shown.add_row(fit.cut(line));
    }
    writeln!(out, "{shown}")
}
