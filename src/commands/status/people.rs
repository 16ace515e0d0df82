//! The status for people: a line per connection, then what is wrong, once per cause.

use super::{
    outdated::Outdated,
    said::{ConsentEnds, same_person},
};
use crate::{
    commands::{
        causes::{self, Unfinished, causes, type_names},
        freshness::Stale,
        show,
        standing::{minute, standing},
        terminal::{self, on_one_line},
    },
    config::Settings,
    outcome::{self, Reason, TypeOutcome, WalkKind, WalkState},
    plural,
    warehouse::{ConnectionRow, MartState, TypeStatus},
};
use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
};

/// The data that the status shows.
pub(super) struct Told<'a> {
    pub(super) settings: &'a Settings,
    pub(super) connections: &'a [ConnectionRow],
    pub(super) types: &'a [TypeStatus],
    pub(super) marts: &'a MartState,
    /// The number of open rejects about another patient, by `connection.id`.
    pub(super) strangers: &'a HashMap<i64, u64>,
    /// When consents end, by connection name.
    pub(super) ends: &'a ConsentEnds,
    /// The connections whose data is too old, by `connection.id`.
    pub(super) stale: &'a HashMap<i64, Stale>,
    /// Whether each type is shown on a line of its own.
    pub(super) with_types: bool,
}

/// Writes the status, with no line wider than the screen.
pub(super) fn write(out: &mut dyn Write, told: &Told<'_>) -> io::Result<()> {
    if told.connections.is_empty() {
        return line(
            out,
            0,
            "No connection yet: `payersync connect NAME --plan PLAN` makes one, as does \
             `payersync import NAME FILE`",
        );
    }
    write_each(out, told)?;
    match told.with_types {
        true => Ok(()),
        false => line(out, 0, "`payersync status --all` shows every type."),
    }
}

/// Writes each connection.
pub(super) fn write_each(out: &mut dyn Write, told: &Told<'_>) -> io::Result<()> {
    told.connections.iter().try_for_each(|row| connection(out, row, told))
}

fn connection(out: &mut dyn Write, row: &ConnectionRow, told: &Told<'_>) -> io::Result<()> {
    let mine = TypeStatus::of_connection(told.types, &row.name);
    let (asked, left): (Vec<&TypeStatus>, Vec<&TypeStatus>) =
        mine.iter().partition(|status| status.state.is_asked());
    line(out, 0, &headline(row, mine, &asked))?;
    if let Some(moving) = &row.moving {
        line(out, 2, &format!("It {}", moving.sentence()))?;
        line(out, 2, &format!("hint: {}", moving.hint(&row.name)))?;
    }
    if let Some(stale) = told.stale.get(&row.id) {
        line(out, 2, &stale.sentence())?;
        if !stale.hint().is_empty() {
            line(out, 2, &format!("hint: {}", stale.hint()))?;
        }
    }
    if let Some(end) = told.ends.get(&row.name) {
        line(out, 2, &format!("The consent ends on {}", end.date_naive()))?;
    }
    let others = same_person(row, told.marts);
    if !others.is_empty() {
        let others = others.join(", ");
        line(out, 2, &format!("The same person as {others}; the mart member says why"))?;
    }
    // Before the first sync there is nothing that a mart could lack.
    if told.marts.behind.contains(&row.id) && !mine.is_empty() {
        line(out, 2, "Its marts are older than its tables: the next run makes them anew")?;
    }
    if told.with_types && !asked.is_empty() {
        table(out, &asked)?;
    }
    let outdated = Outdated::new(row, told.settings);
    let strangers = told.strangers.get(&row.id).copied().unwrap_or_default();
    exceptions(out, row, &asked, strangers, &outdated)?;
    left_out(out, &left, told.with_types)
}

/// One line with a connection's name and its state.
fn headline(row: &ConnectionRow, mine: &[TypeStatus], asked: &[&TypeStatus]) -> String {
    let member = row.member.as_deref().filter(|member| *member != row.name);
    let member = member.map(|member| format!(", member {member}")).unwrap_or_default();
    let who = format!("{} {}{member}", row.name, row.source());
    if mine.is_empty() {
        return match row.plan {
            Some(_) => format!("{who}: never synced; `payersync sync {}`", row.name),
            None => format!("{who}: nothing imported; `payersync import {} FILE`", row.name),
        };
    }
    let mut parts = standing(asked);
    let outcomes: Vec<TypeOutcome> = mine.iter().map(TypeStatus::outcome).collect();
    parts.extend(outcome::not_served(&outcomes));
    let rejects: u64 = asked.iter().map(|status| status.rejects).sum();
    if rejects > 0 {
        parts.push(plural::count(rejects, "reject"));
    }
    format!("{who}: {}", parts.join(", "))
}

/// Writes what is wrong with a connection, and what to do about it; each hint once.
fn exceptions(
    out: &mut dyn Write,
    row: &ConnectionRow,
    asked: &[&TypeStatus],
    strangers: u64,
    outdated: &Outdated<'_>,
) -> io::Result<()> {
    let mut hints: Vec<String> = Vec::new();
    let still = asked.iter().filter(|status| !outdated.has(status));
    for cause in causes(still.filter_map(|status| Unfinished::of_status(status))) {
        line(out, 2, &cause.sentence(asked.len()))?;
        hints.extend(cause.hint().map(str::to_owned));
        hints.extend(row.plan.as_ref().and_then(|_| cause.next_step(&row.name)));
    }
    for sentence in outdated.sentences(asked) {
        line(out, 2, &sentence)?;
        hints.push(outdated.hint());
    }
    let rejects: u64 = asked.iter().map(|status| status.rejects).sum();
    if rejects > 0 {
        line(out, 2, &causes::rejects_sentence(rejects, strangers))?;
        let reasons = asked.iter().map(|status| status.reason);
        let to_judge = causes::strangers_to_judge(strangers, reasons);
        hints.extend(causes::reject_hints(row.plan.as_deref(), to_judge));
    }
    let absent: u64 = asked.iter().map(|status| status.absent).sum();
    if absent > 0 {
        line(out, 2, &causes::absences_sentence(absent))?;
    }
    let mut warnings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for status in asked.iter().filter(|status| status.detail.is_none()) {
        if let Some(warning) = &status.warning {
            warnings.entry(warning).or_default().push(&status.resource_type);
        }
    }
    for (warning, types) in warnings {
        line(out, 2, &format!("{}: {warning}", type_names(&types, asked.len())))?;
    }
    let mut known: Vec<&String> = Vec::new();
    for hint in &hints {
        if !known.contains(&hint) {
            known.push(hint);
            line(out, 2, &format!("hint: {hint}"))?;
        }
    }
    Ok(())
}

fn table(out: &mut dyn Write, asked: &[&TypeStatus]) -> io::Result<()> {
    let has_rejects = asked.iter().any(|status| status.rejects > 0);
    let mut header = vec!["type", "state", "complete as of", "resources"];
    header.extend(has_rejects.then_some("rejects"));
    let cells: Vec<Vec<String>> = asked
        .iter()
        .map(|status| {
            let mut cells = vec![
                status.resource_type.clone(),
                status.state.to_string(),
                complete_as_of(status),
                status.resources.to_string(),
            ];
            cells.extend(has_rejects.then(|| status.rejects.to_string()));
            cells
        })
        .collect();
    let is_number: Vec<bool> = (0..header.len()).map(|column| column > 2).collect();
    let fit = show::fit_cells(&header, &cells, &is_number, terminal::width());
    let mut table = show::table(&fit.heads(&header));
    for row in &cells {
        table.add_row(fit.cut(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    (3..fit.columns()).for_each(|column| show::right(&mut table, column));
    writeln!(out, "{table}")
}

/// The types that were not asked for or not served.
///
/// Of many, only some are named, unless every type is shown.
fn left_out(out: &mut dyn Write, left: &[&TypeStatus], with_types: bool) -> io::Result<()> {
    for (state, is_unasked, words) in [
        (WalkState::NotServed, false, "Not served"),
        (WalkState::Skipped, false, "Skipped"),
        (WalkState::Skipped, true, "Not asked for (types = [\"*\"] asks for them)"),
    ] {
        let names: Vec<&str> = left
            .iter()
            .filter(|status| status.state == state)
            .filter(|status| (status.reason == Some(Reason::NotAsked)) == is_unasked)
            .map(|status| status.resource_type.as_str())
            .collect();
        let told = match with_types || is_unasked {
            true => names.join(", "),
            // The left-out types are never all types of the connection.
            false => type_names(&names, usize::MAX),
        };
        if !names.is_empty() {
            line(out, 2, &format!("{words}: {told}"))?;
        }
    }
    Ok(())
}

/// The instant as of which a type is known to be complete; unknown for types filled by files alone.
fn complete_as_of(status: &TypeStatus) -> String {
    let unknown = if status.mode == WalkKind::File { "from files" } else { "never" };
    status.complete_as_of.as_deref().map_or_else(|| unknown.to_owned(), minute)
}

/// Writes a text in lines that fit the screen, indented by `indent` spaces.
fn line(out: &mut dyn Write, indent: usize, text: &str) -> io::Result<()> {
    let text = format!("{:indent$}{}", "", on_one_line(text));
    writeln!(out, "{}", show::wrap(&text, terminal::width().unwrap_or(usize::MAX), indent + 2))
}
