//! Writes an explanation for people.

use super::{
    explained::Explained,
    origin::{Origin, Version, Walk},
};
use crate::{
    commands::{show, terminal},
    plural::count,
};
use serde_json::Value;
use std::io::{self, Write};

/// The most columns of a line of prose, however wide the screen is.
const MOST_PROSE: usize = 80;
/// The most columns of a value in a list.
const MOST_VALUE: usize = 60;

/// Writes the explanation; the details below a headline are indented.
pub(super) fn write(out: &mut dyn Write, told: &Explained, is_cell: bool) -> io::Result<()> {
    let most = terminal::width().unwrap_or(usize::MAX);
    let prose = most.min(MOST_PROSE);
    let (table, key) = (&told.table, &told.key);
    let title = format!("{table} where {} is {key}, row {}", told.key_column, told.row);
    writeln!(out, "{}", show::wrap(&title, prose, 2))?;
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
                writeln!(out, "{}", show::wrap(&format!("  {word}  {text}"), prose, 8))?;
            }
        }
    }
    for note in &told.notes {
        writeln!(out, "{}", show::wrap(note, prose, 0))?;
    }
    if let Some(place) = &told.place {
        let bytes = count(place.length, "byte");
        let title = format!("At {}, {bytes} from byte {}:", place.element, place.offset);
        writeln!(out, "\n{}\n", show::wrap(&title, prose, 2))?;
        for (position, line) in place.lines.iter().enumerate() {
            let mark = if position == place.marked { '>' } else { ' ' };
            let line = format!("{mark} {:>5}  {line}", place.first_line + position);
            writeln!(out, "{}", show::cut(&line, most.min(400)))?;
        }
    }
    if !told.computed_from.is_empty() {
        let text = format!("Computed from {}", told.computed_from.join(", "));
        writeln!(out, "\n{}", show::wrap(&text, prose, 2))?;
        let hint = format!("`payersync tables {table}` says how");
        writeln!(out, "{hint}")?;
    }
    for (position, origin) in told.resources.iter().enumerate() {
        writeln!(out)?;
        match position {
            0 => origin_in_full(out, origin, prose)?,
            _ => headline(out, origin, prose)?,
        }
    }
    Ok(())
}

/// Lists the rows that match the key, and says how to choose another row.
fn others(out: &mut dyn Write, told: &Explained) -> io::Result<()> {
    writeln!(
        out,
        "{} match; --row and --connection choose another:\n",
        count(told.row_count, "row")
    )?;
    let first = told.rows.first();
    let mut distinct: Vec<&str> = first
        .map(|one| one.distinct.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|one| one.column.as_str())
        .collect();
    let asked = first
        .and_then(|one| one.value.as_ref())
        .map(|_| told.cells.first().map_or("value", |cell| cell.column.as_str()));
    let screen = terminal::width().unwrap_or(MOST_PROSE);
    // The value is in the last column. On a narrow screen, columns before it are left out.
    let (header, is_number, rows, fit) = loop {
        let mut header = vec!["connection", "row"];
        header.extend(&distinct);
        header.extend(asked);
        let mut is_number = vec![false, true];
        is_number.extend((0..distinct.len()).map(|position| {
            is_numeric(told.rows.iter().map(move |one| &one.distinct[position].value))
        }));
        let values = told.rows.iter().filter_map(|one| one.value.as_ref());
        is_number.extend(asked.map(|_| is_numeric(values)));
        let rows: Vec<Vec<String>> = told
            .rows
            .iter()
            .map(|one| {
                let mut cells = vec![one.connection.clone(), one.row.to_string()];
                let before = one.distinct.iter().take(distinct.len());
                cells.extend(before.map(|one| value_text(&one.column, &one.value)));
                let value = asked.zip(one.value.as_ref());
                cells.extend(value.map(|(column, value)| value_text(column, value)));
                cells
            })
            .collect();
        let fit = show::fit_cells(&header, &rows, &is_number, Some(screen));
        if fit.columns() == header.len() || distinct.pop().is_none() {
            break (header, is_number, rows, fit);
        }
    };
    let mut table = show::table(&fit.heads(&header));
    for cells in &rows {
        table.add_row(fit.cut(&cells.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    for (column, _) in is_number.iter().enumerate().filter(|(_, is_number)| **is_number) {
        show::right(&mut table, column);
    }
    writeln!(out, "{table}")?;
    match told.row_count - told.rows.len() {
        0 => Ok(()),
        more => writeln!(out, "and {} more", count(more, "row")),
    }
}

/// Whether a column holds numbers alone.
fn is_numeric<'a>(mut values: impl Iterator<Item = &'a Value> + Clone) -> bool {
    values.clone().any(Value::is_number) && values.all(|value| value.is_number() || value.is_null())
}

/// A value as shown in a list. An amount has two decimals, unless that would round it.
fn value_text(column: &str, value: &Value) -> String {
    let is_in_cents = |amount: f64| (amount * 100.0 - (amount * 100.0).round()).abs() < 1e-6;
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => show::cut(&terminal::on_one_line(text), MOST_VALUE),
        _ => match value.as_f64() {
            Some(amount) if column.ends_with("_amount") && is_in_cents(amount) => {
                format!("{amount:.2}")
            }
            _ => show::cut(&value.to_string(), MOST_VALUE),
        },
    }
}

fn headline(out: &mut dyn Write, origin: &Origin, most: usize) -> io::Result<()> {
    let by = origin.by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
    let text = format!(
        "{}/{} of {}{by}, {}",
        origin.resource_type,
        origin.resource_id,
        origin.connection,
        count(origin.bytes, "byte")
    );
    writeln!(out, "{}", show::wrap(&text, most, 2))
}

fn origin_in_full(out: &mut dyn Write, origin: &Origin, most: usize) -> io::Result<()> {
    headline(out, origin, most)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_amount_in_a_list_has_two_decimals_and_is_not_rounded() {
        assert_eq!(value_text("paid_amount", &json!(12.5)), "12.50");
        assert_eq!(value_text("paid_amount", &json!(12)), "12.00");
        assert_eq!(value_text("paid_amount", &json!(12.345)), "12.345");
        assert_eq!(value_text("paid_cents", &json!(1250)), "1250");
        assert_eq!(value_text("kind", &json!("oral")), "oral");
        assert_eq!(value_text("kind", &Value::Null), "NULL");
        let values = [Value::Null, json!(1), json!("a")];
        assert!(is_numeric(values[..2].iter()) && !is_numeric(values.iter()));
        assert!(!is_numeric(values[..1].iter()));
    }
}
