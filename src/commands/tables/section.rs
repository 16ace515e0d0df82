//! Writes a table as a section of the data dictionary, in Markdown.

use super::{
    described::Described,
    examples::{Join, joins},
};
use crate::warehouse::Catalog;
use std::io::{self, Write};

/// Writes the heading, what the table holds, what it joins with, and its columns.
pub(super) fn write(out: &mut dyn Write, one: &Described<'_>, catalog: &Catalog) -> io::Result<()> {
    writeln!(out, "\n## {}\n\n{}\n", one.name, one.description)?;
    if !one.notes.is_empty() {
        one.notes.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        if one.notes.last().is_some_and(|line| !line.is_empty()) {
            writeln!(out)?;
        }
    }
    if let Some(resource) = one.resource {
        writeln!(out, "From {resource}.\n")?;
    }
    let joins = joins(one, catalog);
    let joined = by_table(&joins);
    if !joined.is_empty() {
        let told: Vec<String> = joined
            .iter()
            .map(|(table, columns)| format!("{table} by {}", columns.join(", ")))
            .collect();
        writeln!(out, "Joins {}.\n", told.join("; "))?;
    }
    columns(out, one)
}

/// The joined tables, each once, with the columns that lead there.
pub(super) fn by_table(joins: &[Join]) -> Vec<(&str, Vec<&str>)> {
    let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
    for join in joins {
        match tables.iter_mut().find(|(table, _)| *table == join.table) {
            Some((_, columns)) => columns.push(&join.column),
            None => tables.push((&join.table, vec![&join.column])),
        }
    }
    tables
}

/// Writes a line per column. A table without types or paths has no column for them.
fn columns(out: &mut dyn Write, one: &Described<'_>) -> io::Result<()> {
    let has_types = one.columns.iter().any(|column| !column.kind.is_empty());
    let has_paths = one.columns.iter().any(|column| !column.path.is_empty());
    let mut line = |name: &str, kind: &str, path: &str, what: &str| {
        let cells = [Some(name), has_types.then_some(kind), has_paths.then_some(path), Some(what)];
        let cells: Vec<&str> = cells.into_iter().flatten().collect();
        writeln!(out, "| {} |", cells.join(" | "))
    };
    if one.columns.is_empty() {
        return Ok(());
    }
    line("column", "type", "path", "what")?;
    line("---", "---", "---", "---")?;
    one.columns.iter().try_for_each(|column| {
        let path = match column.path.as_str() {
            "" => String::new(),
            path => format!("`{}`", cell(path)),
        };
        line(&column.name, &column.kind, &path, &cell(&column.description))
    })
}

/// A text without characters that would end its cell.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
