//! What there is to ask: marts first, then a line per type, then the rest on demand.

use super::described::{Described, Kind};
use crate::commands::{show, terminal};
use std::io::{self, Write};

/// Columns of a page that is no screen.
const PAGE: usize = 100;

/// Writes the overview; `with_all` names also the types without rows and the parts of types.
pub(super) fn write(out: &mut dyn Write, all: &[Described<'_>], with_all: bool) -> io::Result<()> {
    let of = |kind: Kind| all.iter().filter(move |one| one.kind == kind);
    let screen = terminal::width().unwrap_or(PAGE);
    writeln!(out, "Marts: each answers a question.\n")?;
    marts(out, &of(Kind::Mart).collect::<Vec<_>>(), screen)?;
    writeln!(out, "\nTables: one row per resource of a type, its parts in tables of their own.\n")?;
    let is_synced = of(Kind::Type).any(|table| table.rows.is_some());
    let has_rows = |table: &&Described<'_>| !is_synced || with_all || table.rows > Some(0);
    let shown: Vec<[String; 4]> =
        of(Kind::Type).filter(has_rows).map(|table| of_type(all, table)).collect();
    columns(out, ["table", "rows", "parts", "what"], &shown, screen)?;
    let without = of(Kind::Type).count() - shown.len();
    if with_all {
        writeln!(out, "\nParts.\n")?;
        let parts: Vec<[String; 4]> = of(Kind::Part)
            .map(|part| [part.name.to_owned(), rows(part), String::new(), part.description.clone()])
            .collect();
        columns(out, ["table", "rows", "", "what"], &parts, screen)?;
    }
    writeln!(out)?;
    if without > 0 {
        writeln!(out, "{without} more types have no rows.")?;
    }
    let tuva: Vec<&str> = of(Kind::Tuva).map(|view| view.name).collect();
    if let Some(first) = tuva.first() {
        writeln!(out, "{} views are the input layer of Tuva: {first}, …", tuva.len())?;
    }
    let control: Vec<&str> = of(Kind::Control).map(|table| table.name).collect();
    writeln!(out, "What no column carries: {}", control.join(", "))?;
    if !with_all {
        writeln!(out, "`payersync tables --all` lists every table.")?;
    }
    writeln!(out, "`payersync tables NAME` shows the columns of one, its joins and three queries.")
}

/// A mart in two lines: name, rows and question, then what one row is.
fn marts(out: &mut dyn Write, marts: &[&Described<'_>], screen: usize) -> io::Result<()> {
    let widest = |texts: Vec<usize>| texts.into_iter().max().unwrap_or_default();
    let name = widest(marts.iter().map(|mart| mart.name.len()).collect());
    let count = widest(marts.iter().map(|mart| rows(mart).len()).collect());
    let room = screen.saturating_sub(name + count + 6);
    for mart in marts {
        let question = first_sentence(&mart.description);
        writeln!(
            out,
            "  {:name$}  {:>count$}  {}",
            mart.name,
            rows(mart),
            show::cut(question, room)
        )?;
        let grain = mart.grain.as_deref().unwrap_or_default();
        writeln!(out, "  {:name$}  {:count$}  {}", "", "", show::cut(grain, room))?;
    }
    Ok(())
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

/// Four columns, the second of numbers, the last one cut to the screen.
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
    let room = screen.saturating_sub(first + second + third + 8);
    let mut line = |cells: [&str; 4]| {
        let [name, rows, third_cell, what] = cells;
        let what = show::cut(what, room);
        let text = format!("  {name:first$}  {rows:>second$}  {third_cell:third$}  {what}");
        writeln!(out, "{}", text.trim_end())
    };
    line(header)?;
    lines.iter().try_for_each(|[name, rows, third, what]| line([name, rows, third, what]))
}
