//! Shows one table: what it holds, its columns, what it joins with, and three queries to begin with.

use super::{
    described::{Described, DescribedColumn},
    examples::{Join, examples, joins},
};
use crate::{
    commands::{show, terminal},
    warehouse::Catalog,
};
use std::io::{self, Write};

/// Writes the table's description; on a screen lines are wrapped and nothing is cut.
pub(super) fn write(out: &mut dyn Write, one: &Described<'_>, catalog: &Catalog) -> io::Result<()> {
    let screen = terminal::width();
    let most = screen.unwrap_or(usize::MAX);
    let mut told = |text: &str, indent: usize| writeln!(out, "{}", show::wrap(text, most, indent));
    told(&format!("{}: {}", one.name, one.description), 0)?;
    match screen {
        Some(_) => paragraphs(&one.notes).iter().try_for_each(|text| told(text, 0))?,
        None => one.notes.iter().try_for_each(|line| told(line, 0))?,
    }
    match screen {
        Some(screen) => narrow_columns(out, &one.columns, screen)?,
        None => columns(out, &one.columns)?,
    }
    let mut told = |text: &str| writeln!(out, "{}", show::wrap(text, most, 4));
    let joins = joins(one, catalog);
    if !joins.is_empty() {
        told("Joins:")?;
        told("")?;
        joins
            .iter()
            .try_for_each(|Join { table, on, .. }| told(&format!("  JOIN {table} ON {on}")))?;
        told("")?;
    }
    told("To begin with:")?;
    told("")?;
    examples(one, &joins).iter().try_for_each(|sql| told(&format!("  {sql};")))
}

/// Joins lines into paragraphs, so that they can be wrapped anew; an empty line stays empty.
fn paragraphs(lines: &[String]) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    for line in lines {
        match paragraphs.last_mut() {
            Some(last) if !last.is_empty() && !line.is_empty() => *last = format!("{last} {line}"),
            _ => paragraphs.push(line.clone()),
        }
    }
    paragraphs
}

/// Whether any of the columns has a text; `text` reads it from a column.
fn any(columns: &[DescribedColumn], text: fn(&DescribedColumn) -> &str) -> bool {
    columns.iter().any(|column| !text(column).is_empty())
}

/// Writes each column on one line.
fn columns(out: &mut dyn Write, columns: &[DescribedColumn]) -> io::Result<()> {
    let (has_types, has_paths) =
        (any(columns, |column| &column.kind), any(columns, |column| &column.path));
    let line = |name, kind, path, what| {
        let cells = [Some(name), has_types.then_some(kind), has_paths.then_some(path), Some(what)];
        cells.into_iter().flatten().collect::<Vec<&str>>()
    };
    let mut shown = show::table(&line("column", "type", "path", "what"));
    for DescribedColumn { name, kind, path, description } in columns {
        shown.add_row(line(name, kind, path, description));
    }
    writeln!(out, "{shown}")
}

/// Writes the columns for a narrow screen.
///
/// Names and types stay whole, since they are to be typed. The rest is wrapped, with a column's path below
/// its meaning.
fn narrow_columns(
    out: &mut dyn Write,
    columns: &[DescribedColumn],
    screen: usize,
) -> io::Result<()> {
    let has_types = any(columns, |column| &column.kind);
    let has_paths = any(columns, |column| &column.path);
    let what = if has_paths { "what, and its path" } else { "what" };
    let widest = |text: fn(&DescribedColumn) -> &str, header: &str| {
        let widths = columns.iter().map(|column| show::width(text(column)));
        widths.chain([header.len()]).max().unwrap_or_default()
    };
    let kind = if has_types { widest(|column| &column.kind, "type") + show::ROOM } else { 0 };
    let taken = widest(|column| &column.name, "column") + show::ROOM + kind + show::ROOM + 1;
    let room = screen.saturating_sub(taken).max(what.len());
    let line = |name: &str, kind: &str, what: String| {
        let cells = [Some(name.to_owned()), has_types.then(|| kind.to_owned()), Some(what)];
        cells.into_iter().flatten().collect::<Vec<String>>()
    };
    let mut shown = show::table(&line("column", "type", what.to_owned()));
    for DescribedColumn { name, kind, path, description } in columns {
        let texts = [description, path].into_iter().filter(|text| !text.is_empty());
        let text: Vec<String> = texts.map(|text| show::fill(text, room)).collect();
        shown.add_row(line(name, kind, text.join("\n")));
    }
    writeln!(out, "{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_paragraph_are_joined_and_an_empty_line_stays() {
        let lines = ["a", "b", "", "c"].map(str::to_owned);
        assert_eq!(paragraphs(&lines), ["a b", "", "c"]);
    }
}
