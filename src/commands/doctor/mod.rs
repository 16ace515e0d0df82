//! `payersync doctor`: checks everything that a nightly run depends on, and changes nothing.

mod configured;
mod discovery;
mod finding;
mod local;
mod plan;
mod production;

use super::{
    failure::Failure,
    home, print,
    show::wrap,
    tell,
    terminal::{self, on_one_line},
};
use crate::{
    auth::{GrantKind, Vault},
    cli::DoctorArgs,
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    plural,
    warehouse::{ConnectionRow, ReadOnlyWarehouse},
};
use finding::{Finding, Level};
use std::{io::Write, path::Path, time::Duration};

/// The column in which the lines below a verdict begin.
const INDENT: usize = 8;

/// Runs all checks; the exit code is 1 if something is wrong.
///
/// `is_named` says whether the user has named the home; otherwise payersync has chosen it.
pub(super) async fn run(
    folder: &Path,
    args: &DoctorArgs,
    is_named: bool,
) -> Result<ExitCode, Failure> {
    let mut findings = Vec::new();
    let settings = match Settings::load(folder) {
        Ok(settings) => {
            let plans = settings.plans.len();
            findings.push(match plans {
                0 => Finding::wrong("configuration", "names no plan", "add a [plans.NAME] section"),
                _ => Finding::fine("configuration", plural::count(plans, "plan")),
            });
            Some(settings)
        }
        Err(error) => {
            let hint = error.hint().unwrap_or_default();
            findings.push(Finding::wrong("configuration", error.to_string(), hint));
            None
        }
    };
    if !is_named {
        local::other_home(folder, &mut findings);
    }
    local::permissions(folder, &mut findings);
    local::disk(folder, &mut findings);
    let warehouse = local::warehouse(folder, &mut findings);
    local::unfinished_copies(folder, warehouse.as_ref(), &mut findings);
    local::staged_copy(folder, &mut findings);
    let vault = local::vault(folder, &mut findings);
    tokens(settings.as_ref(), warehouse.as_ref(), vault.as_ref(), &mut findings)?;
    let ledger = warehouse.as_ref().filter(|warehouse| local::ledger(warehouse, &mut findings));
    if let Some(warehouse) = ledger {
        local::last_run(warehouse, &mut findings);
    }
    if let Some(settings) = &settings {
        if let Some(warehouse) = ledger {
            local::ages(settings, warehouse, &mut findings);
        }
        local::views(settings, &mut findings);
        let connections = warehouse.as_ref().map(ReadOnlyWarehouse::connections).transpose()?;
        let connections = connections.unwrap_or_default();
        configured::look(settings, &connections, &mut findings);
        let http = home::http(&impatient(settings))?;
        for plan in settings.plans.values() {
            let is_used = configured::is_used(plan, &connections);
            let asked = plan::Asked { is_used, offline: args.offline };
            plan::look(plan, settings, &http, asked, &mut findings).await;
        }
        if args.production {
            production::look(settings, warehouse.as_ref(), &mut findings)?;
        }
    }
    print(|out| findings.iter().try_for_each(|finding| show(out, finding)))?;
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (wrong, warnings) = (count(Level::Wrong), count(Level::Warning));
    tell(&format!(
        "{}: {wrong} wrong, {warnings} to look at",
        plural::count(findings.len(), "check")
    ));
    Ok(if wrong > 0 { ExitCode::Usage } else { ExitCode::Complete })
}

/// The settings with fewer retries and shorter waits, because a user is waiting for the result.
fn impatient(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    let http = &mut settings.http;
    http.max_attempts = http.max_attempts.min(2);
    http.total_timeout = http.total_timeout.min(PATIENCE);
    http.max_retry_wait = http.max_retry_wait.min(PATIENCE);
    settings
}

const PATIENCE: Duration = Duration::from_secs(30);

fn show(out: &mut dyn Write, finding: &Finding) -> std::io::Result<()> {
    let verdict = match finding.level {
        Level::Fine => "ok     ",
        Level::Warning => "look   ",
        Level::Wrong => "wrong  ",
    };
    let screen = terminal::width().unwrap_or(usize::MAX);
    let mut line = |text: &str| writeln!(out, "{}", wrap(text, screen, INDENT));
    line(&format!("{verdict} {}: {}", finding.what, on_one_line(&finding.said)))?;
    match finding.hint.as_deref().filter(|hint| !hint.is_empty()) {
        Some(hint) => line(&format!("{:INDENT$}hint: {hint}", "")),
        None => Ok(()),
    }
}

/// Checks that each connection has usable tokens, and that all stored tokens belong to a connection.
fn tokens(
    settings: Option<&Settings>,
    warehouse: Option<&ReadOnlyWarehouse>,
    vault: Option<&Vault>,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let (Some(warehouse), Some(vault)) = (warehouse, vault) else { return Ok(()) };
    let now = Clock::system().now();
    let connections = warehouse.connections()?;
    let grants = vault.list()?;
    for row in &connections {
        let what = format!("tokens of {}", row.name);
        let Some(plan) = &row.plan else {
            findings.push(Finding::fine(what, "filled from files alone, so it needs no tokens"));
            continue;
        };
        let configured = settings.and_then(|it| it.plans.get(plan));
        let kind = configured.map(|plan| plan.grant());
        if let Some(grant) = kind.filter(|grant| !grant.has_endpoint()) {
            findings.push(Finding::fine(
                what,
                match grant {
                    GrantKind::Token => "the plan's token is in the configuration",
                    _ => "the plan asks for no token",
                },
            ));
            continue;
        }
        let again = format!("`payersync connect {} --plan {plan}`", row.name);
        let grant = grants.iter().find(|(uid, _)| *uid == row.uid).map(|(_, grant)| grant.as_ref());
        let asks_for_itself = kind == Some(GrantKind::ClientCredentials);
        findings.push(match grant {
            Some(Ok(grant)) if asks_for_itself => plan::of_client(what, grant, now),
            // Only `connect` sends the client's secret to an endpoint that was discovered.
            None if asks_for_itself && configured.is_some_and(|plan| plan.token_url.is_some()) => {
                Finding::fine(what, "no token is stored; the next sync asks for one")
            }
            None => Finding::wrong(what, "no tokens are stored", again),
            Some(Err(error)) => Finding::wrong(what, error.to_string(), again),
            Some(Ok(grant)) => plan::freshness(what, grant, again, now),
        });
    }
    // For a connection of files, or at a plan without a token endpoint, `connect` replaces no tokens.
    let has_tokens = |row: &ConnectionRow| {
        row.plan.as_ref().is_some_and(|plan| {
            let configured = settings.and_then(|it| it.plans.get(plan));
            configured.is_none_or(|plan| plan.grant().has_endpoint())
        })
    };
    let orphans = grants.iter().filter(|(uid, _)| connections.iter().all(|row| row.uid != *uid));
    for grant in orphans.filter_map(|(_, grant)| grant.as_ref().ok()) {
        let (name, plan) = (&grant.name, &grant.plan);
        // A purge of a name that is a connection's would remove that connection as well.
        let hint = match connections.iter().find(|row| row.name == *name) {
            Some(row) if !has_tokens(row) => format!(
                "only `payersync purge {name}` removes them, with every row of that connection"
            ),
            Some(row) => format!(
                "`payersync connect {name} --plan {}` again removes them",
                row.plan.as_ref().unwrap_or(plan)
            ),
            None => format!(
                "`payersync connect {name} --plan {plan}` replaces them, `payersync purge {name}` \
                 revokes and removes them"
            ),
        };
        findings.push(Finding::warning(
            "vault",
            format!("holds tokens of {name} at plan {plan} that no connection uses"),
            hint,
        ));
    }
    Ok(())
}
