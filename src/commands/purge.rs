//! `payersync purge`: removes every trace of one connection, then counts what is left.

use super::{
    failure::Failure,
    home,
    lock::{self, HomeLock},
    metrics,
    other_home::{self, Elsewhere},
    pending, print,
    revoke::{revoke, turn},
    strays,
    sync::unknown_connection,
    system, tell,
};
use crate::{
    auth::{self, Vault},
    cli::PurgeArgs,
    clock::Clock,
    config::{FILE_NAME, Settings},
    exit_code::ExitCode,
    plural,
    warehouse::{
        ConnectionRow, PurgeTarget, Purged, ReadOnlyWarehouse, WarehouseFile, end_purges,
        find_for_purge, is_unscrubbed, metrics_files, purge_rows, scrub, unreached_copies,
    },
};
use std::{
    io::{self, IsTerminal, Write},
    path::Path,
};

/// Purges a connection, in this order: revokes the consent, removes the tokens, the rows, and their bytes.
///
/// If the command is killed, running it again continues. The connection's row is removed with the last of its
/// rows, and a mark with a digest of its name stays until the bytes are overwritten. A repeated purge
/// finishes what has such a mark, and does not touch a connection that was made under the name since.
pub(super) async fn run(folder: &Path, args: &PurgeArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let _lock = lock::take(folder, "purge")?;
    let warehouse = home::existing_warehouse(&settings.home)?;
    let without_backup = || lock::take_from_backups(&settings.home, "purge");
    let Some(name) = &args.name else {
        if is_unscrubbed(&warehouse)? {
            return finish_earlier(&settings, &warehouse, without_backup()?);
        }
        tell("No purge is unfinished");
        return Ok(ExitCode::Complete);
    };
    let target = match warehouse.path().exists() {
        true => find_for_purge(&warehouse, name)?,
        false => PurgeTarget::Unknown,
    };
    let is_of_name = match target {
        PurgeTarget::Connection(row) => {
            let copy = unread_copy(&row)?;
            confirm(name, args.yes)?;
            return purge(&settings, &row, &home::vault(folder)?, copy).await;
        }
        PurgeTarget::Anew => {
            tell(&format!(
                "The purge of an earlier {name} is unfinished: only that purge is finished now"
            ));
            let code = finish_earlier(&settings, &warehouse, without_backup()?)?;
            if code != ExitCode::Complete {
                return Ok(code);
            }
            let what = format!(
                "that purge removed an earlier connection {name}; the connection \
                               that now has this name was not purged"
            );
            return Err(Failure::misuse(what).hint("to purge it, too, run the same command again"));
        }
        PurgeTarget::Unfinished { is_of_name } => Some(is_of_name),
        PurgeTarget::Unknown => None,
    };
    // The vault's key may be lost. The bytes of an earlier purge are removed all the same.
    let finished = match is_of_name {
        Some(_) => finish_earlier(&settings, &warehouse, without_backup()?),
        None => Ok(ExitCode::Complete),
    };
    let leftovers = remove_leftovers(&settings, name, args.yes).await;
    let (finished, leftovers) = (finished?, leftovers?);
    if finished != ExitCode::Complete || is_of_name == Some(true) || leftovers.is_some() {
        return Ok(finished.worst(leftovers.unwrap_or(ExitCode::Complete)));
    }
    let known = ReadOnlyWarehouse::open(&warehouse)?.connections()?;
    Err(unknown_connection(name, &known))
}

/// The other home of an unfinished move, if it may have the connection but cannot be read.
///
/// # Errors
/// The other home has the connection, too. A purge of one home would leave the member in the other home,
/// perhaps with the only tokens. The copy of a move that has not got beyond its copy can be purged alone.
fn unread_copy(row: &ConnectionRow) -> Result<Option<String>, Failure> {
    let Some(moving) = &row.moving else { return Ok(None) };
    match other_home::look(row, moving) {
        Elsewhere::Nothing => Ok(None),
        Elsewhere::Connection(None) if moving.arrives => Ok(None),
        Elsewhere::Connection(_) => {
            let there = if moving.arrives { "here" } else { "there" };
            Err(Failure::incomplete(format!("{} {}", row.name, moving.sentence()))
                .hint(format!("{}; then purge it {there}", moving.hint(&row.name))))
        }
        Elsewhere::Unknown => Ok(Some(format!(
            "{} (the other home of an unfinished move, which cannot be read)",
            moving.other_home.display()
        ))),
    }
}

async fn purge(
    settings: &Settings,
    row: &ConnectionRow,
    vault: &Vault,
    copy: Option<String>,
) -> Result<ExitCode, Failure> {
    let mut erased = erase(settings, row, vault).await?;
    let reached = if copy.is_none() { ExitCode::Complete } else { ExitCode::Incomplete };
    erased.purged.copies.extend(copy);
    print(|out| report(out, row, &erased))?;
    erased.tell_copies();
    if erased.purged.left > 0 {
        let left = anyhow::anyhow!("{} left", plural::count(erased.purged.left, "row"));
        return Err(Failure::bug("the purge is not complete", left));
    }
    let revoked = if erased.is_revoked { ExitCode::Complete } else { ExitCode::Unreachable };
    Ok(revoked.worst(reached).worst(erased.outcome()?))
}

/// Removes what is left under a name that no connection has: tokens that no connection uses, and a pending
/// consent. Returns `None` if there is neither.
async fn remove_leftovers(
    settings: &Settings,
    name: &str,
    yes: bool,
) -> Result<Option<ExitCode>, Failure> {
    let folder = &settings.home;
    let vault = strays::existing_vault(folder)?;
    let has_tokens = match &vault {
        Some(vault) => !strays::find(settings, vault, name)?.is_empty(),
        None => false,
    };
    let is_pending = pending::is_kept(folder, name);
    if !has_tokens && !is_pending {
        return Ok(None);
    }
    confirm(name, yes)?;
    let _no_consent = lock::take_for_consent(folder, "purge")?;
    let mut are_revoked = true;
    if let Some(vault) = vault {
        are_revoked = strays::remove(settings, &vault, name).await?.are_revoked;
    }
    if is_pending {
        forget_pending(folder, name)?;
        tell(&format!("Removed the pending consent of {name}"));
    }
    Ok(Some(if are_revoked { ExitCode::Complete } else { ExitCode::Unreachable }))
}

/// Finishes a purge that was interrupted, unless another command or an encrypted backup is at work in
/// the home.
#[cfg(feature = "lake")]
pub(super) fn finish_interrupted(folder: &Path) -> Result<(), Failure> {
    let settings = Settings::load_or_default(folder)?;
    let warehouse = home::existing_warehouse(&settings.home)?;
    // Another process may finish the purge before the lock is taken.
    if is_unscrubbed(&warehouse)?
        && let Ok(_lock) = lock::take(&settings.home, "lake sync")
        && let Ok(no_backup) = lock::try_from_backups(&settings.home, "lake sync")
        && is_unscrubbed(&warehouse)?
    {
        finish_earlier(&settings, &warehouse, no_backup)?;
    }
    Ok(())
}

/// Finishes the purges that were interrupted, and tells which copies hold their connections; the home's lock
/// must be held.
fn finish_earlier(
    settings: &Settings,
    warehouse: &WarehouseFile,
    no_backup: HomeLock,
) -> Result<ExitCode, Failure> {
    let mut copies = Vec::new();
    let finished = finish(settings, warehouse, "", no_backup, &mut copies);
    if matches!(finished, Ok(true)) {
        tell("Finished an earlier purge that was interrupted");
    }
    tell_copies(&copies);
    Ok(if finished? { ExitCode::Complete } else { ExitCode::Incomplete })
}

/// The outcome of a purge whose rows are gone.
pub(super) struct Erased {
    purged: Purged,
    had_tokens: bool,
    /// False if the plan could have revoked the consent but did not, so that the member must do it.
    is_revoked: bool,
    /// Whether every lake of the home was brought up to date, or why the purge is unfinished: a lake, or the
    /// free space of the warehouse, may still hold the member.
    finished: Result<bool, Failure>,
}

impl Erased {
    /// Incomplete if a lake may still hold the member.
    ///
    /// # Errors
    /// The purge is unfinished, since the bytes of the removed rows could not be overwritten.
    pub(super) fn outcome(self) -> Result<ExitCode, Failure> {
        Ok(if self.finished? { ExitCode::Complete } else { ExitCode::Incomplete })
    }

    /// Tells the user which copies to delete; this comes last, so that it is not overlooked.
    pub(super) fn tell_copies(&self) {
        tell_copies(&self.purged.copies);
    }
}

fn tell_copies(copies: &[String]) {
    if copies.is_empty() {
        return;
    }
    tell("Earlier copies are not touched; delete those that hold this member:");
    copies.iter().for_each(|copy| tell(&format!("  {copy}")));
    if copies.iter().any(|copy| copy.contains('…')) {
        tell("In these paths, … stands for the name of a connection that was purged");
    }
}

/// Removes every trace of a connection; the home's lock must be held.
///
/// # Errors
/// The rows are still there. Once they are gone, what is unfinished is told by [`Erased::outcome`].
pub(super) async fn erase(
    settings: &Settings,
    row: &ConnectionRow,
    vault: &Vault,
) -> Result<Erased, Failure> {
    let (folder, warehouse) = (&settings.home, home::existing_warehouse(&settings.home)?);
    // A refresh may take minutes. Whoever waits for the lock of consents has a consent that cannot be given
    // again, so that lock is taken after the refresh and held only until the rows are gone.
    let turn = turn(settings, &row.uid, &row.name).await?;
    // If a consent were stored between the removal of the tokens and that of the rows, its tokens would be of
    // no connection. A backup that is at work would lose its temporary copy.
    let no_consent = lock::take_for_consent(folder, "purge")?;
    let no_backup = lock::take_from_backups(folder, "purge")?;
    let mut is_revoked = true;
    // The tokens of a connection that has not arrived yet may also be the other home's.
    if !other_home::has_tokens(row)
        && let Some(grant) = vault.get(&row.uid)?
    {
        is_revoked = revoke(settings, &grant).await;
    }
    let had_tokens = auth::forget(vault, folder, &row.uid)?;
    drop(turn);
    let strays = strays::remove(settings, vault, &row.name).await?;
    // The pending consent contains the member's name, so the purge is not done while it exists. If removing
    // it fails, the rows are still there, and the same command finds the connection again.
    forget_pending(folder, &row.name)?;
    let unreached = forget_metrics(&warehouse, &row.name)?;
    let mut purged = purge_rows(&warehouse, row, &system::user(), Clock::system().now())?;
    drop(no_consent);
    purged.copies.extend(unreached);
    let finished = finish(settings, &warehouse, &row.name, no_backup, &mut purged.copies);
    if settings.connection_sections.contains(&row.name) {
        tell(&format!(
            "{} still has [connections.{}]: remove that section by hand",
            settings.home.join(FILE_NAME).display(),
            row.name
        ));
    }
    Ok(Erased {
        purged,
        had_tokens: had_tokens || strays.are_any,
        is_revoked: is_revoked && strays.are_revoked,
        finished,
    })
}

pub(super) fn forget_pending(folder: &Path, name: &str) -> Result<(), Failure> {
    pending::forget(folder, name).map_err(|error| {
        let what = format!("cannot remove the pending consent of {name}");
        Failure::file(what, error, "make the folder writable and run the same command again")
    })
}

/// Removes the bytes of the removed rows from the warehouse, and the rows from the home's lakes.
///
/// Adds the copies that no purge reaches to `copies`, also if this fails; `name` is that of the connection
/// whose copies are there already. `no_backup` keeps away encrypted backups, which would lose their temporary
/// copies; it is released before the lakes, which may take long.
///
/// The mark of the purge is removed last, and only if every lake could be reached: until then the same
/// command can be repeated, and `verify` reports the purge. Returns whether the mark was removed.
fn finish(
    settings: &Settings,
    warehouse: &WarehouseFile,
    name: &str,
    no_backup: HomeLock,
    copies: &mut Vec<String>,
) -> Result<bool, Failure> {
    let scrubbed = scrub(warehouse, Clock::system().now());
    drop(no_backup);
    let unreached = unreached_copies(warehouse, name, copies);
    copies.extend(unreached.as_ref().into_iter().flatten().cloned());
    scrubbed.and(unreached)?;
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
        match metrics::forget(&path, warehouse.path(), name) {
            Ok(true) => tell(&format!("Removed the connection's metrics from {}", path.display())),
            Ok(false) => {}
            Err(failure) => unreached.push(format!("{} ({failure})", path.display())),
        }
    }
    Ok(unreached)
}

fn confirm(name: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::misuse(
            "a purge cannot be undone and must be confirmed, and standard input is not a terminal",
        )
        .hint(format!("`payersync purge {name} --yes`")));
    }
    tell("This removes every row, history and token of the connection. It cannot be undone.");
    tell(&format!("Type {name} to go on:"));
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(|error| Failure::usage("cannot read the answer", error))?;
    if line.trim() == name {
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
