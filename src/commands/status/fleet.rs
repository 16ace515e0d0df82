//! The status of very many connections: a line per plan, and the connections with problems by name.

use super::{
    people,
    said::{code_of, consent_ends},
};
use crate::{
    cli::StatusArgs,
    clock,
    commands::{
        failure::Failure,
        freshness::{self, Stale},
        print, show,
        standing::minute,
        terminal,
    },
    config::Settings,
    exit_code::ExitCode,
    plural,
    warehouse::{ConnectionRow, ReadOnlyWarehouse, TypeStatus, WarehouseError},
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};

/// With more connections than this, the status is shown per plan.
pub(super) const MANY: usize = 50;
/// The number of connections with problems that are described in full.
const IN_FULL: usize = 20;
/// The number of further connections with problems that are named.
const NAMED: usize = 100;

/// The state of the connections of one plan.
#[derive(Default)]
struct OfPlan<'a> {
    connections: usize,
    complete: usize,
    oldest: Option<&'a str>,
}

/// Prints the status per plan.
pub(super) fn run(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    connections: &[ConnectionRow],
    args: &StatusArgs,
    now: DateTime<Utc>,
) -> Result<ExitCode, Failure> {
    let standings = warehouse.standings(now)?;
    let is_whole = |row: &ConnectionRow| {
        let standing = standings.get(&row.id);
        standing.is_some_and(|it| it.open == 0 && it.rejects == 0) && row.moving.is_none()
    };
    let as_of = |row: &ConnectionRow| standings.get(&row.id)?.complete_as_of.as_deref();
    // A connection may be as old as its oldest type; its types tell whether that type counts.
    let may_be_stale = |row: &ConnectionRow| {
        let as_of = as_of(row).and_then(clock::parsed);
        as_of.is_some_and(|it| freshness::overdue(row, it, settings, args.max_age, now).is_some())
    };
    let doubtful = connections.iter().filter(|row| !is_whole(row) || may_be_stale(row));
    let mut exceptions: Vec<ConnectionRow> = doubtful.cloned().collect();
    let types = types_of(warehouse, &exceptions)?;
    let mut stale: HashMap<i64, Stale> = HashMap::new();
    for row in &exceptions {
        let found = freshness::stale(row, &types, warehouse, settings, args.max_age, now)?;
        stale.extend(found.map(|found| (row.id, found)));
    }
    exceptions.retain(|row| !is_whole(row) || stale.contains_key(&row.id));
    let mut plans = BTreeMap::<&str, OfPlan<'_>>::new();
    for row in connections {
        let plan = plans.entry(row.plan_name()).or_default();
        plan.connections += 1;
        if is_whole(row) && !stale.contains_key(&row.id) {
            plan.complete += 1;
            plan.oldest = [plan.oldest.take(), as_of(row)].into_iter().flatten().min();
        }
    }
    let is_stale = if stale.is_empty() { ExitCode::Complete } else { ExitCode::Incomplete };
    let code = code_of(&exceptions, &types).worst(is_stale);
    let (told, named) = exceptions.split_at(exceptions.len().min(IN_FULL));
    let strangers: HashMap<i64, u64> = told
        .iter()
        .map(|row| Ok((row.id, warehouse.open_strangers(row.id)?)))
        .collect::<Result<_, Failure>>()?;
    let marts = warehouse.mart_state()?;
    let of_people = people::Told {
        settings,
        connections: told,
        types: &types,
        marts: &marts,
        strangers: &strangers,
        ends: &consent_ends(settings, warehouse)?,
        stale: &stale,
        with_types: false,
    };
    print(|out| {
        for (plan, standing) in &plans {
            writeln!(out, "{}", show::wrap(&line(plan, standing), width(), 2))?;
        }
        people::write_each(out, &of_people)?;
        if !named.is_empty() {
            writeln!(out, "{}", show::wrap(&and_more(named), width(), 2))?;
        }
        let more = "`payersync status NAME` shows a connection, `--json` every connection.";
        writeln!(out, "{}", show::wrap(more, width(), 2))
    })?;
    Ok(code)
}

fn width() -> usize {
    terminal::width().unwrap_or(usize::MAX)
}

fn line(plan: &str, standing: &OfPlan<'_>) -> String {
    let OfPlan { connections, complete, oldest } = standing;
    let who = if plan.is_empty() { "From files".to_owned() } else { format!("Plan {plan}") };
    let as_of = oldest.map(|oldest| format!(", the oldest as of {}", minute(oldest)));
    let as_of = as_of.unwrap_or_default();
    let all = plural::count(*connections, "connection");
    match connections - complete {
        0 => format!("{who}: {all}, all complete{as_of}"),
        exceptions => format!(
            "{who}: {all}, {complete} complete{as_of}, {}",
            plural::count(exceptions, "exception")
        ),
    }
}

fn and_more(named: &[ConnectionRow]) -> String {
    let names: Vec<&str> = named.iter().take(NAMED).map(|row| row.name.as_str()).collect();
    let more = match named.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("Further exceptions: {}{more}", names.join(", "))
}

/// The types of these connections, sorted by connection.
///
/// If there are very many, reading everything at once is quicker.
pub(super) fn types_of(
    warehouse: &ReadOnlyWarehouse,
    connections: &[ConnectionRow],
) -> Result<Vec<TypeStatus>, Failure> {
    if connections.len() > 10 * NAMED {
        return Ok(warehouse.status()?);
    }
    // A snapshot: all types are of the same instant.
    let types = warehouse.snapshot(|snapshot| {
        let mut types = Vec::new();
        for row in connections {
            types.extend(snapshot.status_of(row.id)?);
        }
        Ok::<_, WarehouseError>(types)
    })??;
    Ok(types)
}
