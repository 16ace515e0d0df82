//! `payersync status`: the ledger's truth, for people and for machines.

use super::{
    calendar,
    failure::Failure,
    home,
    metrics::{self, Metrics},
    print, show, tell,
    terminal::on_one_line,
};
use crate::{
    cli::StatusArgs,
    clock::{self, Clock},
    config::Settings,
    exit_code::ExitCode,
    outcome::{self, Reason, TypeOutcome, WalkKind, WalkState},
    warehouse::{
        ConnectionRow, Consent, MartState, ReadOnlyWarehouse, TypeStatus, remember_metrics_file,
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::{Path, absolute},
};

#[derive(Serialize)]
struct Status<'a> {
    warehouse: String,
    complete: bool,
    exit_code: u8,
    connections: Vec<Connection<'a>>,
}

#[derive(Serialize)]
struct Connection<'a> {
    name: &'a str,
    plan: Option<&'a str>,
    member: Option<&'a str>,
    complete: bool,
    /// When the member must consent again, where the plan or its `consent_days` tell it.
    consent_ends: Option<String>,
    /// Whether the marts are older than the tables; the next run makes them anew.
    marts_behind: bool,
    /// Names of the other connections about the same person.
    same_person: Vec<&'a str>,
    types: Vec<&'a TypeStatus>,
}

/// Prints the status; the exit code is that of the latest runs.
pub(super) fn run(folder: &Path, args: &StatusArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let file = home::existing_warehouse(&settings.home)?;
    let warehouse = ReadOnlyWarehouse::open(&file)?;
    let (connections, types) = (warehouse.connections()?, warehouse.status()?);
    let marts = warehouse.mart_state()?;
    let code = code_of(&connections, &types);
    if args.calendar {
        return calendar::run(&settings, &warehouse, Clock::system().now());
    }
    let ends = consent_ends(&settings, &warehouse)?;
    if let Some(target) = &args.prometheus {
        return prometheus(&settings, &warehouse, target.as_deref(), code);
    }
    if args.json {
        let status = Status {
            warehouse: file.path().display().to_string(),
            complete: code == ExitCode::Complete,
            exit_code: code as u8,
            connections: connections
                .iter()
                .map(|row| connection_of(row, &types, &marts, &ends))
                .collect(),
        };
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &status)?;
            writeln!(out)
        })?;
    } else {
        print(|out| people(out, &connections, &types, &marts, &ends))?;
    }
    Ok(code)
}

/// When each connection's consent ends, where that is known, by name.
type ConsentEnds = BTreeMap<String, DateTime<Utc>>;

fn consent_ends(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
) -> Result<ConsentEnds, Failure> {
    let consents = warehouse.consents()?;
    let end =
        |consent: &Consent| Some((consent.name.clone(), calendar::ends_at(settings, consent)?));
    Ok(consents.iter().filter_map(end).collect())
}

/// Shows the same as metrics. A written file is success: what it says is for the alerts to judge.
fn prometheus(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    target: Option<&Path>,
    code: ExitCode,
) -> Result<ExitCode, Failure> {
    // A machine without the vault, or without its key, still shows everything else.
    let vault_is_there = settings.home.join("vault.db").exists();
    let grants = vault_is_there.then(|| home::vault(&settings.home).ok()?.list().ok()).flatten();
    let last_run = warehouse.finished_run()?;
    let plans = settings.plans.values().filter(|plan| !plan.grant().has_endpoint());
    let without_consent = plans.map(|plan| plan.name.clone()).collect();
    let metrics = Metrics {
        now: Clock::system().now(),
        exit_code: code as u8,
        connections: &warehouse.connections()?,
        types: &warehouse.status()?,
        efforts: &warehouse.efforts()?,
        tables: &warehouse.table_counts(&home::catalog(settings)?)?,
        last_run: last_run.as_ref(),
        grants: grants.as_deref(),
        without_consent: &without_consent,
        consent_ends: &consent_ends(settings, warehouse)?,
    };
    match target {
        Some(path) => {
            remember(settings, path)?;
            metrics::write(path, &metrics.text())?;
        }
        None => print(|out| out.write_all(metrics.text().as_bytes()))?,
    }
    Ok(ExitCode::Complete)
}

/// Notes where metrics go, for a purge to find them. Where nothing can be written they are worth more
/// than the note.
fn remember(settings: &Settings, path: &Path) -> Result<(), Failure> {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    let warehouse = home::existing_warehouse(&settings.home)?;
    match remember_metrics_file(&warehouse, &path, Clock::system().now()) {
        Err(error) if error.is_closed_to_writing() => {
            tell(&format!("A purge will not find this file: {}", Failure::from(error)));
            Ok(())
        }
        noted => Ok(noted?),
    }
}

fn connection_of<'a>(
    row: &'a ConnectionRow,
    types: &'a [TypeStatus],
    marts: &'a MartState,
    ends: &ConsentEnds,
) -> Connection<'a> {
    let types: Vec<_> = types.iter().filter(|status| status.connection == row.name).collect();
    Connection {
        name: &row.name,
        plan: row.plan.as_deref(),
        member: row.member.as_deref(),
        complete: !types.is_empty() && types.iter().all(|status| is_fine(status)),
        consent_ends: ends.get(&row.name).map(|end| clock::text(*end)),
        marts_behind: marts.behind.contains(&row.id),
        same_person: same_person(row, marts),
        types,
    }
}

fn same_person<'a>(row: &ConnectionRow, marts: &'a MartState) -> Vec<&'a str> {
    let of_row = marts.same_person.iter().filter(|(id, _)| *id == row.id);
    of_row.map(|(_, name)| name.as_str()).collect()
}

fn is_fine(status: &TypeStatus) -> bool {
    status.rejects == 0 && !matches!(status.state, WalkState::Incomplete | WalkState::Running)
}

/// The worst of what the latest walks came to, each judged with the others of its run: the exit
/// code of the syncs that made them.
fn code_of(connections: &[ConnectionRow], types: &[TypeStatus]) -> ExitCode {
    let of_connection = |row: &ConnectionRow| {
        let mine = || types.iter().filter(|status| status.connection == row.name);
        if mine().next().is_none() {
            // Never synced.
            return ExitCode::Incomplete;
        }
        let has_rejects = mine().any(|status| status.rejects > 0);
        let runs: BTreeSet<i64> = mine().map(|status| status.run_id).collect();
        let of_run = |run: i64| {
            let outcomes: Vec<TypeOutcome> =
                mine().filter(|status| status.run_id == run).map(TypeStatus::outcome).collect();
            outcome::exit_code(&outcomes, has_rejects)
        };
        runs.into_iter().map(of_run).fold(ExitCode::Complete, ExitCode::worst)
    };
    connections.iter().map(of_connection).fold(ExitCode::Complete, ExitCode::worst)
}

fn people(
    out: &mut dyn Write,
    connections: &[ConnectionRow],
    types: &[TypeStatus],
    marts: &MartState,
    ends: &ConsentEnds,
) -> std::io::Result<()> {
    if connections.is_empty() {
        return writeln!(
            out,
            "No connection yet: `payersync connect NAME --plan PLAN` makes one, as does `payersync import NAME FILE`"
        );
    }
    for row in connections {
        let member = row.member.as_deref().map(|member| format!(", member {member}"));
        let line = format!("{} {}{}", row.name, row.source(), member.unwrap_or_default());
        writeln!(out, "{}", on_one_line(&line))?;
        if let Some(end) = ends.get(&row.name) {
            writeln!(out, "The consent ends on {}", end.date_naive())?;
        }
        let others = same_person(row, marts);
        if !others.is_empty() {
            let line =
                format!("The same person as {}; the mart member says why", others.join(", "));
            writeln!(out, "{}", on_one_line(&line))?;
        }
        if marts.behind.contains(&row.id) {
            writeln!(out, "Its marts are behind its tables: the next run makes them anew")?;
        }
        let mine: Vec<_> = types.iter().filter(|status| status.connection == row.name).collect();
        if mine.is_empty() {
            match row.plan {
                Some(_) => writeln!(out, "  never synced: `payersync sync {}`", row.name)?,
                None => writeln!(out, "  nothing imported: `payersync import {} FILE`", row.name)?,
            }
            continue;
        }
        let mut table =
            show::table(&["type", "state", "complete as of", "resources", "rejects", "why"]);
        let (asked, left): (Vec<_>, Vec<_>) =
            mine.into_iter().partition(|status| status.state.is_asked());
        for status in &asked {
            table.add_row(vec![
                status.resource_type.clone(),
                status.state.to_string(),
                complete_as_of(status),
                status.resources.to_string(),
                status.rejects.to_string(),
                why(status),
            ]);
        }
        show::right(&mut table, 3);
        show::right(&mut table, 4);
        writeln!(out, "{table}")?;
        for status in &asked {
            if let Some(hint) = status.hint.as_deref().filter(|_| !is_fine(status)) {
                let line = format!("hint: {}: {hint}", status.resource_type);
                writeln!(out, "{}", on_one_line(&line))?;
            }
        }
        for (state, is_unasked, words) in [
            (WalkState::NotServed, false, "Not served"),
            (WalkState::Skipped, false, "Skipped"),
            (WalkState::Skipped, true, "Not asked for (types = [\"*\"] asks)"),
        ] {
            let names: Vec<_> = left
                .iter()
                .filter(|status| status.state == state)
                .filter(|status| (status.reason == Some(Reason::NotAsked)) == is_unasked)
                .map(|status| status.resource_type.as_str())
                .collect();
            if !names.is_empty() {
                writeln!(out, "{}", on_one_line(&format!("{words}: {}", names.join(", "))))?;
            }
        }
    }
    Ok(())
}

/// Until when a type is known to be complete. Of what only files brought nobody can tell.
fn complete_as_of(status: &TypeStatus) -> String {
    let unknown = if status.mode == WalkKind::File { "from files" } else { "never" };
    status.complete_as_of.clone().unwrap_or_else(|| unknown.to_owned())
}

fn why(status: &TypeStatus) -> String {
    let page = status.failed_page.map(|page| format!("page {page}: ")).unwrap_or_default();
    match (&status.detail, &status.warning) {
        (Some(detail), _) => format!("{page}{detail}"),
        (None, Some(warning)) => warning.clone(),
        (None, None) => String::new(),
    }
}
