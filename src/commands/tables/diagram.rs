//! How the tables of a subject belong together, as an entity diagram in Mermaid
//! (<https://mermaid.js.org/syntax/entityRelationshipDiagram.html>).

use super::{
    described::{Described, Kind},
    examples::{Join, joins},
    section::by_table,
    subjects::Subject,
};
use crate::warehouse::Catalog;
use std::io::{self, Write};

/// Whom everything is about. A diagram shows the way there, also from another subject.
const WHOSE: [&str; 2] = ["patient", "member"];

/// Writes the subject's marts and the first table of each of its types, their keys, and a line for each
/// pair that joins, with the columns that do. Its parts are on the pages of the types.
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
        // The member stands for the patient.
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

/// The table with its key and the columns of its lines.
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
