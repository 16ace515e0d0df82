//! `payersync move`: moves a connection to another home, so that it is never active in both.
//!
//! The steps are `warehouse::copy_in`, `leave`, `arrive` and `move_rows_out`; the tokens are moved between
//! `leave` and `arrive`. Both homes are locked against runs and consents. If the command is killed, running
//! it again continues at the step where it ended.

use super::{
    failure::Failure, home, lock, print, purge, settled::require_settled, sync::unknown_connection,
    system, tell, vault_key,
};
use crate::{
    auth::{self, GivenKey, Vault, refresh_turn},
    cli::MoveArgs,
    clock::Clock,
    config::{PlanSettings, Settings, read_secret_file},
    exit_code::ExitCode,
    http::Origin,
    monitor::Silent,
    plural,
    warehouse::{
        ConnectionRow, ReadOnlyWarehouse, Warehouse, WarehouseFile, arrive, copy_in, end_moves,
        is_unscrubbed, leave, move_rows_out, scrub,
    },
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// One of the two homes.
struct End {
    home: PathBuf,
    settings: Settings,
    key: Option<GivenKey>,
    file: WarehouseFile,
}

impl End {
    fn of(home: PathBuf, settings: Settings, key: Option<GivenKey>) -> Result<End, Failure> {
        let file = home::warehouse_file_with(&home, key.as_ref())?;
        Ok(End { home, settings, key, file })
    }

    /// Brings the warehouse up to date, so that both homes have the same tables.
    fn bring_up_to_date(&self) -> Result<(), Failure> {
        let catalog = home::catalog(&self.settings)?;
        Warehouse::open(&self.file, catalog, Clock::system(), &Silent)?.close();
        Ok(())
    }

    fn vault(&self) -> Result<Vault, Failure> {
        Ok(Vault::open(&self.home, self.key.clone())?)
    }

    fn connections(&self) -> Result<Vec<ConnectionRow>, Failure> {
        Ok(ReadOnlyWarehouse::open(&self.file)?.connections()?)
    }
}

/// Moves the named connections.
pub(super) async fn run(folder: &Path, args: &MoveArgs) -> Result<ExitCode, Failure> {
    let (from, to) = (real(folder)?, real(&args.target)?);
    if from == to {
        return Err(Failure::misuse(format!("{} is this home itself", to.display()))
            .hint("name the folder of another home"));
    }
    home::require_own(&to)?;
    // A misspelt name must not create a home: the target home must have a configuration.
    let (here, there) = (Settings::load_or_default(&from)?, Settings::load(&to)?);
    let _locks = lock::take_both(&from, &to, "move")?;
    let existing = home::existing_warehouse(&from)?;
    drop(ReadOnlyWarehouse::open(&existing)?);
    let here = End::of(from.clone(), here, vault_key::find(&from)?)?;
    let key = match &args.key_file {
        Some(path) => Some(key_in(path)?),
        None => vault_key::find(&to)?,
    };
    let there = End::of(to, there, key)?;
    // A key that does not open a vault is reported before anything is moved.
    let (vault, other_vault) = (here.vault()?, there.vault()?);
    here.bring_up_to_date()?;
    there.bring_up_to_date()?;
    let moved = move_each(&args.names, &here, &there, &vault, &other_vault).await;
    // If a later connection cannot be moved, the bytes of the earlier ones go all the same.
    let scrubbed = overwrite_moved(&here);
    moved?;
    scrubbed?;
    #[cfg(feature = "lake")]
    for end in [&here, &there] {
        super::lake::tell_of_move(&end.home)?;
    }
    Ok(ExitCode::Complete)
}

/// Removes the bytes of rows that were moved out; waits for an encrypted backup, which would lose its
/// temporary copy.
fn overwrite_moved(here: &End) -> Result<(), Failure> {
    if is_unscrubbed(&here.file)? {
        let _no_backup = lock::take_from_backups(&here.home, "move")?;
        scrub(&here.file, Clock::system().now())?;
        end_moves(&here.file)?;
    }
    Ok(())
}

async fn move_each(
    names: &[String],
    here: &End,
    there: &End,
    vault: &Vault,
    other_vault: &Vault,
) -> Result<(), Failure> {
    for name in names {
        move_one(name, here, there, vault, other_vault).await?;
    }
    Ok(())
}

async fn move_one(
    name: &str,
    here: &End,
    there: &End,
    vault: &Vault,
    other_vault: &Vault,
) -> Result<(), Failure> {
    let (rows, others) = (here.connections()?, there.connections()?);
    let other = others.iter().find(|row| row.name == name);
    let Some(row) = rows.iter().find(|row| row.name == name) else {
        if other.is_some_and(|row| row.moving.is_none()) {
            tell(&format!("{name} is already in {}, and not in this home", there.home.display()));
            return Ok(());
        }
        return Err(unknown_connection(name, &rows));
    };
    let is_leaving = match &row.moving {
        None => false,
        Some(moving) if !moving.arrives && moving.other_home == there.home => true,
        Some(_) => return require_settled(row),
    };
    if other.is_some_and(|other| other.uid != row.uid) {
        return Err(Failure::misuse(format!(
            "{} has another connection {name}",
            there.home.display()
        ))
        .hint(
            "nothing was moved; choose another home, or purge the connection of that name there",
        ));
    }
    let is_copied = other.is_some();
    let has_arrived = other.is_some_and(|other| other.moving.is_none());
    if has_arrived && !is_leaving {
        return Err(Failure::misuse(format!(
            "{name} is active in {} already",
            there.home.display()
        ))
        .hint(format!(
            "this home was restored from a backup made before the move: `payersync purge {name}` \
             removes the old copy here"
        )));
    }
    if !has_arrived {
        require_plan(row, here, there, vault)?;
        if !(is_leaving && is_copied) {
            copy_in(&here.file, row, &there.file, &here.home, Clock::system().now())?;
        }
        if !is_leaving {
            leave(&here.file, row.id, &there.home, Clock::system().now())?;
        }
        move_tokens(row, here, vault, other_vault).await?;
        arrive(&there.file, &row.uid, &system::user(), Clock::system().now())?;
    }
    remove(row, here, there)
}

/// Moves the tokens to the other vault, then removes them from this one; neither home may use them
/// meanwhile.
async fn move_tokens(
    row: &ConnectionRow,
    here: &End,
    vault: &Vault,
    other_vault: &Vault,
) -> Result<(), Failure> {
    // `payersync get` may be refreshing the tokens; the new tokens must be in the vault before the move.
    let Some(_turn) = refresh_turn(&here.home, &row.uid).await? else {
        return Err(Failure::locked(format!("another process refreshes {}", row.name))
            .hint("end it, and run the same command again"));
    };
    if let Some(grant) = vault.get(&row.uid)? {
        other_vault.adopt(&row.uid, &grant)?;
        auth::forget(vault, &here.home, &row.uid)?;
    }
    Ok(())
}

/// Removes the connection from this home, once the other home has it.
fn remove(row: &ConnectionRow, here: &End, there: &End) -> Result<(), Failure> {
    purge::forget_pending(&here.home, &row.name)?;
    for unreached in purge::forget_metrics(&here.file, &row.name)? {
        tell(&format!("The connection's metrics are still in {unreached}"));
    }
    let now = Clock::system().now();
    let moved = move_rows_out(&here.file, row, &there.home, &system::user(), now)?;
    if moved.left > 0 {
        let left = anyhow::anyhow!("{} left", plural::count(moved.left, "row"));
        return Err(Failure::bug("the move is not complete", left));
    }
    let (name, target) = (&row.name, there.home.display());
    let has_section = |end: &End| end.settings.connection_sections.contains(name);
    if has_section(here) && !has_section(there) {
        tell(&format!("[connections.{name}] of payersync.toml is not moved: copy it by hand"));
    }
    let total: u64 = moved.removed.iter().map(|(_, rows)| rows).sum();
    let rows = plural::count(total, "row");
    print(|out| writeln!(out, "Moved {name} to {target}: {rows}"))
}

/// Refuses a target home whose configuration lacks the connection's plan, or has another server or client for
/// it: the tokens are good for one client at one server, and the rows are of that server.
fn require_plan(
    row: &ConnectionRow,
    here: &End,
    there: &End,
    vault: &Vault,
) -> Result<(), Failure> {
    let Some(name) = &row.plan else { return Ok(()) };
    let plan = there.settings.plan(name)?;
    let refused = |said: String| {
        Failure::misuse(said)
            .hint(format!("copy [plans.{name}] from {}; nothing was moved", here.home.display()))
    };
    if let Some(grant) = vault.get(&row.uid)? {
        for (key, url, origin) in [
            ("fhir_url", Some(&plan.fhir_url), &grant.fhir_origin),
            ("token_url", plan.token_url.as_ref(), &grant.token_origin),
        ] {
            // A token endpoint that is to be discovered is not known here.
            let Some(url) = url else { continue };
            if !Origin::of(url).is_ok_and(|there| there == *origin) {
                return Err(refused(format!(
                    "plan {name} has its {key} at {} in {}, and the consent is for {origin}",
                    url.origin().ascii_serialization(),
                    there.home.display(),
                )));
            }
        }
    }
    match here.settings.plans.get(name).and_then(|ours| difference(ours, plan)) {
        None => Ok(()),
        Some(key) => {
            let (here, there) = (here.home.display(), there.home.display());
            Err(refused(format!("plan {name} has another {key} in {there} than in {here}")))
        }
    }
}

/// The first key by which two plans of one name are another client or another server.
fn difference(ours: &PlanSettings, theirs: &PlanSettings) -> Option<&'static str> {
    let base = |plan: &PlanSettings| plan.fhir_url.as_str().trim_end_matches('/').to_owned();
    let has_other_endpoint = match (&ours.token_url, &theirs.token_url) {
        (Some(ours), Some(theirs)) => ours != theirs,
        _ => false,
    };
    [
        ("fhir_url", base(ours) != base(theirs)),
        ("client_id", ours.client_id() != theirs.client_id()),
        ("token_url", has_other_endpoint),
    ]
    .into_iter()
    .find_map(|(key, differs)| differs.then_some(key))
}

fn key_in(path: &Path) -> Result<GivenKey, Failure> {
    let text = read_secret_file(path).map_err(|error| {
        let hint = error.hint();
        Failure::usage("cannot take the vault's key of the other home", error).hint(hint)
    })?;
    Ok(GivenKey { text, place: path.display().to_string() })
}

/// The path of a folder without links, so that the two homes can be compared.
fn real(folder: &Path) -> Result<PathBuf, Failure> {
    folder.canonicalize().map_err(|error: io::Error| {
        let what = format!("cannot use the home {}", folder.display());
        Failure::file(what, error, "name the folder of a home; `payersync init` makes one")
    })
}
