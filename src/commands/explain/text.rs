//! An explanation for people.

use super::{
    Explained,
    origin::{Origin, Version, Walk},
};
use crate::{
    commands::{show, terminal},
    plural::count,
};
use std::io::{self, Write};

/// Writes it; what belongs to a headline is indented.
pub(super) fn write(out: &mut dyn Write, told: &Explained, is_cell: bool) -> io::Result<()> {
    let most = terminal::width().unwrap_or(usize::MAX);
    let (table, key) = (&told.table, &told.key);
    writeln!(out, "{table} where {} is {key}, row {}", told.key_column, told.row)?;
    if told.row_count > 1 {
        others(out, told)?;
    }
    writeln!(out)?;
    for cell in &told.cells {
        let (name, value) = (&cell.column, &cell.value);
        let value = if value.is_null() { "NULL".to_owned() } else { value.to_string() };
        writeln!(out, "{}", show::cut(&format!("{name} = {value}"), most))?;
        for (word, text) in [("what", &cell.description), ("path", &cell.path)] {
            if !text.is_empty() && (is_cell || word == "path") {
                writeln!(out, "{}", show::wrap(&format!("  {word}  {text}"), most, 8))?;
            }
        }
    }
    for note in &told.notes {
        writeln!(out, "{}", show::wrap(note, most, 0))?;
    }
    if let Some(place) = &told.place {
        let bytes = count(place.length, "byte");
        writeln!(out, "\nAt {}, {bytes} from byte {}:\n", place.element, place.offset)?;
        for (position, line) in place.lines.iter().enumerate() {
            let mark = if position == place.marked { '>' } else { ' ' };
            let line = format!("{mark} {:>5}  {line}", place.first_line + position);
            writeln!(out, "{}", show::cut(&line, most.min(400)))?;
        }
    }
    if !told.computed_from.is_empty() {
        let text = format!("Computed from {}", told.computed_from.join(", "));
        writeln!(out, "\n{}", show::wrap(&text, most, 2))?;
        let hint = format!("`payersync tables {table}` says how");
        writeln!(out, "{hint}")?;
    }
    for (position, origin) in told.resources.iter().enumerate() {
        writeln!(out)?;
        match position {
            0 => origin_in_full(out, origin, most)?,
            _ => headline(out, origin)?,
        }
    }
    Ok(())
}

/// The rows that match, and how another one is chosen.
fn others(out: &mut dyn Write, told: &Explained) -> io::Result<()> {
    writeln!(
        out,
        "{} match; --row and --connection choose another:\n",
        count(told.row_count, "row")
    )?;
    let mut table = show::table(&["connection", "row", "value"]);
    for one in &told.rows {
        let value = one.value.as_ref().map(|value| match value.is_null() {
            true => "NULL".to_owned(),
            false => value.to_string(),
        });
        let value = show::cut(&value.unwrap_or_default(), 60);
        table.add_row([one.connection.as_str(), &one.row.to_string(), &value]);
    }
    writeln!(out, "{table}")?;
    match told.row_count - told.rows.len() {
        0 => Ok(()),
        more => writeln!(out, "and {} more", count(more, "row")),
    }
}

fn headline(out: &mut dyn Write, origin: &Origin) -> io::Result<()> {
    let by = origin.by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
    writeln!(
        out,
        "{}/{} of {}{by}, {}",
        origin.resource_type,
        origin.resource_id,
        origin.connection,
        count(origin.bytes, "byte")
    )
}

fn origin_in_full(out: &mut dyn Write, origin: &Origin, most: usize) -> io::Result<()> {
    headline(out, origin)?;
    if let Some(deleted) = &origin.deleted_at {
        writeln!(out, "  deleted   {deleted}")?;
    }
    version(out, "version ", &origin.version, most)?;
    origin.earlier.iter().try_for_each(|one| version(out, "before  ", one, most))?;
    match origin.earlier_left_out {
        0 => {}
        more => writeln!(out, "            and {more} more in resource_version")?,
    }
    match &origin.walk {
        Some(walk) => brought(out, walk, most),
        None => writeln!(out, "  brought   by a walk that the ledger no longer has"),
    }
}

fn version(out: &mut dyn Write, word: &str, one: &Version, most: usize) -> io::Result<()> {
    let mut text = format!("  {word}  {}", one.version_id.as_deref().unwrap_or("without a number"));
    if let Some(updated) = &one.last_updated {
        text.push_str(&format!(", updated {updated}"));
    }
    text.push_str(&format!(", received {}", one.received_at));
    if let Some(until) = &one.until {
        text.push_str(&format!(", until {until}"));
    }
    if let Some(value) = &one.value {
        text.push_str(&format!(": {}", show::cut(value, 60)));
    }
    writeln!(out, "{}", show::wrap(&text, most, 12))
}

fn brought(out: &mut dyn Write, walk: &Walk, most: usize) -> io::Result<()> {
    let Walk { run_id, command, payersync, run_started_at, walk_id, mode, state, .. } = walk;
    let page = match walk.page {
        Some(page) => format!("page {page} of {}", walk.pages),
        None if walk.pages == 0 => "no page of its own".to_owned(),
        None => format!("one of its {}", count(walk.pages, "page")),
    };
    let mut text = format!(
        "  brought   by run {run_id} ({command}, payersync {payersync}, {run_started_at}), \
         walk {walk_id} ({mode}, {state}), {page}"
    );
    if let Some(asked) = &walk.asked {
        text.push_str(&format!(", from {asked}"));
    }
    writeln!(out, "{}", show::wrap(&text, most, 12))
}
