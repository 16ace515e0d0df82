//! Purges what a connection holds of another patient, before a new consent takes its place.

use super::{
    failure::Failure,
    home, lock,
    purge::{self, Erased},
    stop_signal, tell,
};
use crate::{
    auth::Vault,
    cli::ConnectArgs,
    config::Settings,
    sync::Stop,
    warehouse::{ConnectionRow, Warehouse},
};
use std::io::{self, IsTerminal};

/// Purges a connection that holds another patient's data; returns the warehouse to store the consent in.
///
/// # Errors
/// Nothing was changed, or the rows could not be purged. After a request to stop nothing is purged, since
/// that cannot be undone.
pub(super) async fn make_room(
    settings: &Settings,
    args: &ConnectArgs,
    held: &ConnectionRow,
    warehouse: Warehouse,
    vault: &Vault,
    stop: &Stop,
) -> Result<(Warehouse, Erased), Failure> {
    confirm(args, stop).await?;
    // No run may write rows while they are being purged.
    let _lock = lock::take(&settings.home, "connect")?;
    // The request may have come while the lock was waited for.
    refuse_if_stopped(args, stop)?;
    warehouse.close();
    let erased = purge::erase(settings, held, vault).await?;
    erased.tell_copies();
    Ok((home::warehouse_beside_a_run(settings)?, erased))
}

/// Asks before the connection's data is replaced by another patient's.
async fn confirm(args: &ConnectArgs, stop: &Stop) -> Result<(), Failure> {
    let name = &args.name;
    tell(&format!("This consent is for another patient than the one whose data {name} holds."));
    refuse_if_stopped(args, stop)?;
    if args.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::misuse(format!(
            "{name} holds another patient's data and there is nobody to ask; nothing was changed"
        ))
        .hint(both_ways(args)));
    }
    tell(&format!("Going on purges every row and token of {name}. This cannot be undone."));
    tell(&format!("Type {name} to go on:"));
    let read = || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    };
    let line = stop_signal::line_or_stop(read, stop)
        .await
        .map_err(|error| Failure::usage("cannot read the answer", error))?;
    match line {
        Some(line) if line.trim() == name => Ok(()),
        Some(_) => {
            Err(Failure::misuse("the name does not match; nothing was changed")
                .hint(both_ways(args)))
        }
        None => Err(stopped(args)),
    }
}

fn refuse_if_stopped(args: &ConnectArgs, stop: &Stop) -> Result<(), Failure> {
    if stop.is_asked() { Err(stopped(args)) } else { Ok(()) }
}

fn stopped(args: &ConnectArgs) -> Failure {
    Failure::misuse(format!(
        "a signal ended the command before anything of {} was purged; nothing was changed",
        args.name
    ))
    .hint(both_ways(args))
}

fn both_ways(args: &ConnectArgs) -> String {
    let ConnectArgs { name, plan, .. } = args;
    format!(
        "another name keeps both; `payersync connect {name} --plan {plan} --yes` purges what {name} \
         holds and begins anew"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_a_signal_nothing_is_purged_not_even_with_yes() {
        let mut args = ConnectArgs {
            name: "ann".to_owned(),
            plan: "demo".to_owned(),
            member: None,
            patient: None,
            code: None,
            no_browser: true,
            timeout: 600,
            yes: true,
        };
        let (handle, stop) = Stop::new();
        assert!(confirm(&args, &stop).await.is_ok());
        handle.ask();
        for yes in [true, false] {
            args.yes = yes;
            let failure = confirm(&args, &stop).await.unwrap_err();
            assert!(failure.to_string().contains("a signal ended the command"), "{failure}");
        }
        assert!(refuse_if_stopped(&args, &stop).is_err());
    }
}
