//! The overview of `tables`: marts first, then a line per type; on request, everything else.

use super::described::{Described, Kind};
use crate::{
    commands::{show, terminal},
    plural,
};
use std::io::{self, Write};

/// Width in characters if the output is not a terminal.
const WIDTH_OFF_SCREEN: usize = 100;

/// Writes the overview; `with_all` adds the types without rows and the tables with parts of types.
pub(super) fn write(out: &mut dyn Write, all: &[Described<'_>], with_all: bool) -> io::Result<()> {
    let of = |kind: Kind| all.iter().filter(move |one| one.kind == kind);
    let screen = terminal::width().unwrap_or(WIDTH_OFF_SCREEN);
    writeln!(out, "Marts: each answers a question.\n")?;
    marts(out, &of(Kind::Mart).collect::<Vec<_>>(), screen)?;
    let is_synced = of(Kind::Type).any(|table| table.rows.is_some());
    let has_rows = |table: &&Described<'_>| !is_synced || with_all || table.rows > Some(0);
    let shown: Vec<[String; 4]> =
        of(Kind::Type).filter(has_rows).map(|table| of_type(all, table)).collect();
    if !shown.is_empty() {
        writeln!(
            out,
            "\nTables: one row per resource. Lists within a resource have tables of their own.\n"
        )?;
        columns(out, ["table", "rows", "parts", "what"], &shown, screen)?;
    }
    let without = of(Kind::Type).count() - shown.len();
    if with_all {
        writeln!(out, "\nParts.\n")?;
        let parts: Vec<[String; 4]> = of(Kind::Part)
            .map(|part| [part.name.to_owned(), rows(part), String::new(), part.description.clone()])
            .collect();
        columns(out, ["table", "rows", "", "what"], &parts, screen)?;
    }
    let mut told = |text: &str| writeln!(out, "{}", show::wrap(text, screen, 2));
    told("")?;
    if without > 0 {
        told(&format!("{} without rows.", plural::count(without, "more type")))?;
    }
    let tuva: Vec<&str> = of(Kind::Tuva).map(|view| view.name).collect();
    if let Some(first) = tuva.first() {
        told(&format!(
            "The input layer of Tuva: {}, {first} and so on",
            plural::count(tuva.len(), "table")
        ))?;
    }
    let control: Vec<&str> = of(Kind::Control).map(|table| table.name).collect();
    told(&format!("Kept by payersync: {}", control.join(", ")))?;
    if !with_all {
        told("`payersync tables --all` lists every table.")?;
    }
    told("`payersync tables NAME` shows the columns of a table, its joins and three queries.")
}

/// Writes each mart with its number of rows and its question; `tables NAME` says what one row is.
fn marts(out: &mut dyn Write, marts: &[&Described<'_>], screen: usize) -> io::Result<()> {
    let widest = |texts: Vec<usize>| texts.into_iter().max().unwrap_or_default();
    let name = widest(marts.iter().map(|mart| mart.name.len()).collect());
    let count = widest(marts.iter().map(|mart| rows(mart).len()).collect());
    for mart in marts {
        let head = format!("  {:name$}  {:>count$}  ", mart.name, rows(mart));
        hanging(out, &head, first_sentence(&mart.description), screen)?;
    }
    Ok(())
}

/// Writes a text after the head of its line, with its further lines indented below it.
fn hanging(out: &mut dyn Write, head: &str, text: &str, screen: usize) -> io::Result<()> {
    let taken = show::width(head);
    let text = show::fill(text, screen.saturating_sub(taken));
    let mut lines = text.lines();
    writeln!(out, "{}", format!("{head}{}", lines.next().unwrap_or_default()).trim_end())?;
    lines.try_for_each(|line| writeln!(out, "{:taken$}{line}", ""))
}

fn first_sentence(text: &str) -> &str {
    text.split_inclusive('?').next().unwrap_or(text)
}

fn of_type(all: &[Described<'_>], table: &Described<'_>) -> [String; 4] {
    let parts = all.iter().filter(|one| one.kind == Kind::Part && one.resource == table.resource);
    let parts = parts.filter(|part| part.rows != Some(0)).count();
    let parts = if parts == 0 { String::new() } else { parts.to_string() };
    [table.name.to_owned(), rows(table), parts, table.description.clone()]
}

fn rows(one: &Described<'_>) -> String {
    one.rows.map_or_else(|| "-".to_owned(), |rows| rows.to_string())
}

/// Writes four columns; the second holds numbers, and the last one is wrapped.
fn columns(
    out: &mut dyn Write,
    header: [&str; 4],
    lines: &[[String; 4]],
    screen: usize,
) -> io::Result<()> {
    let width = |column: usize| {
        let texts = lines.iter().map(|line| show::width(&line[column]));
        texts.chain([header[column].len()]).max().unwrap_or_default()
    };
    let (first, second, third) = (width(0), width(1), width(2));
    let mut line = |[name, rows, third_cell, what]: [&str; 4]| {
        let head = format!("  {name:first$}  {rows:>second$}  {third_cell:third$}  ");
        hanging(out, &head, what, screen)
    };
    line(header)?;
    lines.iter().try_for_each(|[name, rows, third, what]| line([name, rows, third, what]))
}
