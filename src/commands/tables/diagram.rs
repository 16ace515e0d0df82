//! An entity diagram in Mermaid that shows how the tables of a subject are joined.
//!
//! Source: <https://mermaid.js.org/syntax/entityRelationshipDiagram.html>.

use super::{
    described::{Described, Kind},
    examples::{Join, joins},
    section::by_table,
    subjects::Subject,
};
use crate::warehouse::Catalog;
use std::io::{self, Write};

/// The tables of the persons that all data is about. Every diagram shows the way to them.
const WHOSE: [&str; 2] = ["patient", "member"];

/// Writes the diagram of a subject, with its marts and the main table of each of its types.
///
/// Each table has its key, and each pair of tables that joins has a line with the columns. Tables with
/// parts of a type are left to the page of the type.
pub(super) fn write(
    out: &mut dyn Write,
    subject: &Subject,
    all: &[Described<'_>],
    catalog: &Catalog,
) -> io::Result<()> {
    let is_shown = |one: &&Described<'_>| one.kind != Kind::Part && subject.has(one);
    let shown: Vec<&Described<'_>> = all.iter().filter(is_shown).collect();
    writeln!(out, "```mermaid\nerDiagram\n    direction LR")?;
    for one in &shown {
        let mut joins = joins(one, catalog);
        joins.retain(|join| shown.iter().any(|other| other.name == join.table) || is_owner(join));
        // A mart is joined with the member instead of the patient.
        if one.kind == Kind::Mart && joins.iter().any(|join| join.table == "member") {
            joins.retain(|join| join.table != "patient");
        }
        entity(out, one, &joins)?;
        for (table, columns) in by_table(&joins) {
            writeln!(out, "    {table} |o--o{{ {} : \"{}\"", one.name, columns.join(", "))?;
        }
    }
    writeln!(out, "```")
}

fn is_owner(join: &Join) -> bool {
    WHOSE.contains(&join.table.as_str())
}

/// Writes a table with its key and the columns that join it.
fn entity(out: &mut dyn Write, one: &Described<'_>, joins: &[Join]) -> io::Result<()> {
    writeln!(out, "    {} {{", one.name)?;
    let own = format!("{}_id", one.name);
    let is_key = |name: &str| match one.kind {
        Kind::Mart => name == own,
        _ => name == "id",
    };
    for column in &one.columns {
        let mark = match joins.iter().any(|join| join.column == column.name) {
            true => "FK",
            false if is_key(&column.name) => "PK",
            false => continue,
        };
        let kind = if column.kind.is_empty() { "text" } else { &column.kind };
        writeln!(out, "        {kind} {} {mark}", column.name)?;
    }
    writeln!(out, "    }}")
}
