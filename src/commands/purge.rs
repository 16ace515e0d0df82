//! `payersync purge`: removes every trace of one connection, then counts what is left.

use super::{
    failure::Failure, home, lock, metrics, pending, print, sync::unknown_connection, system, tell,
};
use crate::{
    auth::{self, ClientRegistration, Vault},
    cli::PurgeArgs,
    clock::Clock,
    config::{FILE_NAME, PlanSettings, Settings},
    exit_code::ExitCode,
    http::HttpClient,
    plural,
    warehouse::{
        ConnectionRow, PurgeTarget, Purged, ReadOnlyWarehouse, WarehouseFile, end_purges,
        find_for_purge, metrics_files, purge_rows, scrub,
    },
};
use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};
use url::Url;

/// Purges a connection, in this order: revokes the consent, removes the tokens, the rows, and their bytes.
///
/// If the command is killed, running it again continues. The connection's row is removed with the last of
/// its rows, and a mark stays until the bytes are overwritten.
pub(super) async fn run(folder: &Path, args: &PurgeArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let _lock = lock::take(folder, "purge")?;
    let warehouse = home::existing_warehouse(&settings.home)?;
    let row = match find_for_purge(&warehouse, &args.name)? {
        PurgeTarget::Connection(row) => row,
        PurgeTarget::Unfinished => {
            if !finish(&settings, &warehouse, &mut Vec::new())? {
                return Ok(ExitCode::Incomplete);
            }
            tell("Finished an earlier purge that was interrupted");
            return Ok(ExitCode::Complete);
        }
        PurgeTarget::Unknown => {
            let known = match warehouse.path().exists() {
                true => ReadOnlyWarehouse::open(&warehouse)?.connections()?,
                false => Vec::new(),
            };
            return Err(unknown_connection(&args.name, &known));
        }
    };
    confirm(args)?;
    let vault = home::vault(folder)?;
    let erased = erase(&settings, &row, &vault).await?;
    print(|out| report(out, &row, &erased))?;
    erased.tell_copies();
    if erased.purged.left > 0 {
        let left = anyhow::anyhow!("{} left", plural::count(erased.purged.left, "row"));
        return Err(Failure::bug("the purge is not complete", left));
    }
    let revoked = if erased.is_revoked { ExitCode::Complete } else { ExitCode::Unreachable };
    Ok(revoked.worst(erased.of_lakes()))
}

/// Finishes a purge that was interrupted, unless another command is at work in the home.
#[cfg(feature = "lake")]
pub(super) fn finish_interrupted(folder: &Path) -> Result<(), Failure> {
    let settings = Settings::load_or_default(folder)?;
    let warehouse = home::existing_warehouse(&settings.home)?;
    // The lock comes first: looking for a purge brings the control tables up to date.
    let Ok(_lock) = lock::take(&settings.home, "lake sync") else { return Ok(()) };
    // No connection has an empty name.
    if !matches!(find_for_purge(&warehouse, "")?, PurgeTarget::Unfinished) {
        return Ok(());
    }
    if finish(&settings, &warehouse, &mut Vec::new())? {
        tell("Finished an earlier purge that was interrupted");
    }
    Ok(())
}

/// The outcome of a purge.
pub(super) struct Erased {
    purged: Purged,
    had_tokens: bool,
    /// False if the plan could have revoked the consent but did not, so that the member must do it.
    is_revoked: bool,
    /// False if a lake of the home could not be brought up to date, and so may hold the member.
    are_lakes_done: bool,
}

impl Erased {
    /// Incomplete if a lake may still hold the member.
    pub(super) fn of_lakes(&self) -> ExitCode {
        if self.are_lakes_done { ExitCode::Complete } else { ExitCode::Incomplete }
    }

    /// Tells the user which copies to delete; this comes last, so that it is not overlooked.
    pub(super) fn tell_copies(&self) {
        if !self.purged.copies.is_empty() {
            tell("Earlier copies are not touched; delete those that hold this member:");
            self.purged.copies.iter().for_each(|copy| tell(&format!("  {copy}")));
        }
    }
}

/// Removes every trace of a connection; the home's lock must be held.
pub(super) async fn erase(
    settings: &Settings,
    row: &ConnectionRow,
    vault: &Vault,
) -> Result<Erased, Failure> {
    let (folder, warehouse) = (&settings.home, home::existing_warehouse(&settings.home)?);
    // If the connection has not arrived yet, its tokens also belong to the other home.
    let is_arriving = row.moving.as_ref().is_some_and(|moving| moving.arrives);
    let is_revoked = is_arriving || revoke(settings, row, vault).await?;
    let had_tokens = auth::forget(vault, folder, &row.uid)?;
    // The pending consent contains the member's name, so the purge is not done while it exists. If removing
    // it fails, the rows are still there, and the same command finds the connection again.
    pending::forget(folder, &row.name).map_err(|error| {
        let what = format!("cannot remove the consent that {} waits for", row.name);
        Failure::file(what, error, "make the folder writable and run the same command again")
    })?;
    let unreached = forget_metrics(&warehouse, &row.name)?;
    let mut purged = purge_rows(&warehouse, row, &system::user(), Clock::system().now())?;
    purged.copies.extend(unreached);
    let are_lakes_done = finish(settings, &warehouse, &mut purged.copies)?;
    if settings.connection_sections.contains(&row.name) {
        tell(&format!(
            "{} still has [connections.{}]: remove that section by hand",
            settings.home.join(FILE_NAME).display(),
            row.name
        ));
    }
    Ok(Erased { purged, had_tokens, is_revoked, are_lakes_done })
}

/// Removes the bytes of the removed rows from the warehouse, and the rows from the home's lakes.
///
/// The mark of the purge goes last, and only if every lake could be reached: until then the same command
/// can be repeated, and `verify` reports it. Returns whether it went.
fn finish(
    settings: &Settings,
    warehouse: &WarehouseFile,
    copies: &mut Vec<String>,
) -> Result<bool, Failure> {
    scrub(warehouse)?;
    #[cfg(feature = "lake")]
    let are_lakes_done = super::lake::after_purge(settings, copies)?;
    #[cfg(not(feature = "lake"))]
    let are_lakes_done = {
        let _ = (settings, copies);
        true
    };
    if are_lakes_done {
        end_purges(warehouse)?;
    }
    Ok(are_lakes_done)
}

/// Removes the connection's series from the metrics files; returns the files that could not be changed.
///
/// This is done while the connection's row exists, so that the same command can be repeated.
pub(super) fn forget_metrics(
    warehouse: &WarehouseFile,
    name: &str,
) -> Result<Vec<String>, Failure> {
    let mut unreached = Vec::new();
    for path in metrics_files(warehouse)? {
        match metrics::forget(&path, name) {
            Ok(true) => tell(&format!("Removed the connection's metrics from {}", path.display())),
            Ok(false) => {}
            Err(failure) => unreached.push(format!("{} ({failure})", path.display())),
        }
    }
    Ok(unreached)
}

/// Revokes the consent if the plan supports it; a failure does not stop the purge.
///
/// Returns false if the revocation failed, so that the member has to withdraw the consent at the plan.
async fn revoke(settings: &Settings, row: &ConnectionRow, vault: &Vault) -> Result<bool, Failure> {
    let Some(grant) = vault.get(&row.uid)? else { return Ok(true) };
    let by_hand = "hint: the member can withdraw the consent at the plan itself";
    let plan = settings.plans.get(row.plan_name());
    let Some((plan, url)) = plan.and_then(|plan| Some((plan, plan.revocation_url.as_ref()?)))
    else {
        tell(&format!("Plan {} has no revocation_url: nothing was revoked there", row.plan_name()));
        tell(by_hand);
        return Ok(true);
    };
    // Also a secret that cannot be read, or a machine without certificates, is a failure to revoke.
    let revoked = match client(settings, plan, url) {
        Ok((http, registration)) => auth::revoke(&http, &registration, url, &grant)
            .await
            .map_err(|error| format!("{:#}", anyhow::Error::from(error))),
        Err(failure) => Err(failure.to_string()),
    };
    let plan = row.plan_name();
    match revoked {
        Ok(()) => {
            tell(&format!("Revoked the consent at plan {plan}"));
            Ok(true)
        }
        Err(error) => {
            tell(&format!("Plan {plan} did not revoke the consent: {error}"));
            tell(by_hand);
            Ok(false)
        }
    }
}

/// What a request to revoke a plan's consents needs.
fn client(
    settings: &Settings,
    plan: &PlanSettings,
    url: &Url,
) -> Result<(HttpClient, ClientRegistration), Failure> {
    let token_url = plan.token_url.clone().unwrap_or_else(|| url.clone());
    let registration = plan.registration(plan.endpoints(token_url))?;
    Ok((home::http(settings)?, registration))
}

fn confirm(args: &PurgeArgs) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::misuse(
            "a purge cannot be undone and must be confirmed, and standard input is not a terminal",
        )
        .hint(format!("`payersync purge {} --yes`", args.name)));
    }
    tell("This removes every row, history and token of the connection. It cannot be undone.");
    tell(&format!("Type {} to go on:", args.name));
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::usage("cannot read the answer", error))?;
    if line.trim() == args.name {
        return Ok(());
    }
    Err(Failure::misuse("the name does not match; nothing was removed"))
}

fn report(out: &mut dyn Write, row: &ConnectionRow, erased: &Erased) -> io::Result<()> {
    let Erased { purged, had_tokens, .. } = erased;
    for (table, rows) in &purged.removed {
        writeln!(out, "{rows:>10}  {table}")?;
    }
    let total: u64 = purged.removed.iter().map(|(_, rows)| rows).sum();
    let tokens = if *had_tokens { "tokens removed" } else { "it had no tokens" };
    writeln!(
        out,
        "Purged {}: {} removed, {} left; {tokens}",
        row.name,
        plural::count(total, "row"),
        purged.left
    )
}
