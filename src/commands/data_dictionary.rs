//! The data dictionary as Markdown: every normalised table and every mart, from what defines them.

use super::{
    control_table::ControlTable, mart_description::MartDescription, tables::columns::columns_of,
};
use crate::warehouse::{Mart, Table};
use std::io::{self, Write};

/// Writes a section per table and per mart; of one alone, only its section.
pub(super) fn write(
    out: &mut dyn Write,
    tables: &[&Table],
    marts: &[(&Mart, MartDescription)],
    control: &[&ControlTable],
) -> io::Result<()> {
    if tables.len() + marts.len() + control.len() > 1 {
        writeln!(out, "# Tables\n")?;
        writeln!(out, "Written by `payersync tables --markdown`; do not edit.\n")?;
        writeln!(
            out,
            "A type is FHIR's, as is the path that a column is taken from. Dates keep the text that they\n\
             came with. Join tables on `connection_id` and the id that both carry."
        )?;
    }
    tables.iter().try_for_each(|table| write_table(out, table))?;
    if marts.len() > 1 {
        writeln!(out, "\n# Marts\n\nTables and views over these tables, each for one question.")?;
    }
    marts.iter().try_for_each(|(mart, told)| write_mart(out, mart, told))?;
    if control.len() > 1 {
        writeln!(
            out,
            "\n# Kept by payersync\n\nThe ledger, the resources as received, and what no column \
             carries."
        )?;
    }
    control.iter().try_for_each(|table| table.write_markdown(out))
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

fn write_mart(out: &mut dyn Write, mart: &Mart, told: &MartDescription) -> io::Result<()> {
    writeln!(out, "\n## {}\n", mart.name)?;
    told.lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    if told.columns.is_empty() {
        return Ok(());
    }
    writeln!(out, "| column | what |\n|---|---|")?;
    told.columns.iter().try_for_each(|(name, what)| writeln!(out, "| {name} | {} |", cell(what)))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
