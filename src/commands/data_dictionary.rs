//! The data dictionary as Markdown: every normalised table and every mart, from what defines them.

use super::tables::columns_of;
use crate::warehouse::{Mart, Table};
use std::io::{self, Write};

/// Writes a section per table and per mart.
pub(super) fn write(out: &mut dyn Write, tables: &[&Table], marts: &[Mart]) -> io::Result<()> {
    writeln!(out, "# Tables\n")?;
    writeln!(out, "Written by `payersync tables --markdown`; do not edit.\n")?;
    writeln!(
        out,
        "A type is FHIR's, as is the path that a column is taken from. Dates keep the text that they\n\
         came with. Join tables on `connection_id` and the id that both carry."
    )?;
    for table in tables {
        write_table(out, table)?;
    }
    if !marts.is_empty() {
        writeln!(out, "\n# Marts\n\nTables and views over these tables, each for one question.")?;
    }
    marts.iter().try_for_each(|mart| write_mart(out, mart))
}

fn write_table(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    writeln!(out, "\n## {}\n", table.name())?;
    if let Some(description) = &table.view.description {
        writeln!(out, "{description}\n")?;
    }
    writeln!(out, "From {}.\n", table.view.resource)?;
    writeln!(out, "| column | type | path | what |\n|---|---|---|---|")?;
    for [name, kind, path, what] in columns_of(table) {
        let path = if path.is_empty() { String::new() } else { format!("`{}`", cell(path)) };
        writeln!(out, "| {name} | {kind} | {path} | {} |", cell(what))?;
    }
    Ok(())
}

/// A mart's definition begins with a comment: its question, paragraphs, and a line per column.
fn write_mart(out: &mut dyn Write, mart: &Mart) -> io::Result<()> {
    writeln!(out, "\n## {}\n", mart.name)?;
    let comment = mart.sql.lines().map_while(|line| line.strip_prefix("--"));
    let mut columns: Vec<(&str, String)> = Vec::new();
    for line in comment {
        let text = line.trim();
        let is_indented = line.starts_with("    ");
        match (named_column(text), columns.last_mut()) {
            (_, Some((_, what))) if is_indented => *what = format!("{what} {text}"),
            (Some((name, what)), _) => columns.push((name, what.to_owned())),
            (None, _) => writeln!(out, "{text}")?,
        }
    }
    if columns.is_empty() {
        return Ok(());
    }
    writeln!(out, "| column | what |\n|---|---|")?;
    columns.iter().try_for_each(|(name, what)| writeln!(out, "| {name} | {} |", cell(what)))
}

/// `name`, at least two spaces, and what it is.
fn named_column(line: &str) -> Option<(&str, &str)> {
    let (name, what) = line.split_once("  ")?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_name && !name.is_empty()).then(|| (name, what.trim()))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
