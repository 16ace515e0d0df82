//! `doctor --production`: checks that everything is in order before real members are connected.
//!
//! See docs/production-access/.

use super::finding::Finding;
use crate::{
    auth::GrantKind,
    clock::{self, Clock},
    commands::{
        failure::Failure,
        standing::minute,
        vault_key::{self, VaultKeyPlace},
    },
    config::{PlanSettings, Settings},
    http::Origin,
    warehouse::{PastBackup, ReadOnlyWarehouse},
};
use chrono::TimeDelta;
use std::path::PathBuf;

/// Hosts of 1upHealth's demo environments.
const DEMO_HOSTS: &[&str] = &["1uphealthdemo.com", "1updemohealthplan.com"];

/// Checks everything about production access that can be checked from this machine.
pub(crate) fn look(
    settings: &Settings,
    warehouse: Option<&ReadOnlyWarehouse>,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    for plan in settings.plans.values() {
        endpoints(plan, findings);
    }
    key(settings, findings);
    backups(warehouse, findings)?;
    findings.push(if settings.views_dir.as_ref().is_some_and(|folder| !folder.is_dir()) {
        Finding::wrong(
            "production views_dir",
            "does not exist",
            "make the folder, or remove views_dir from payersync.toml",
        )
    } else {
        Finding::fine("production views_dir", "in order")
    });
    findings.push(Finding::warning(
        "production papers",
        "privacy policy, terms, retention, security contact cannot be checked from here",
        "docs/production-access/README.md lists what to send and to publish",
    ));
    Ok(())
}

fn endpoints(plan: &PlanSettings, findings: &mut Vec<Finding>) {
    let what = format!("production plan {}", plan.name);
    let urls = [Some(&plan.fhir_url), plan.authorize_url.as_ref(), plan.token_url.as_ref()];
    let hosts = || urls.iter().flatten().filter_map(|url| Origin::of(url).ok());
    let is_demo = |host: &str| {
        DEMO_HOSTS.iter().any(|demo| host == *demo || host.ends_with(&format!(".{demo}")))
    };
    if let Some(origin) = hosts().find(|origin| is_demo(origin.host()) || origin.is_loopback()) {
        let said = format!("{origin} is not a production server");
        findings.push(Finding::wrong(&what, said, "use the endpoints that the plan has sent you"));
    }
    if plan.grant() == GrantKind::AuthorizationCode {
        let redirect = plan.redirect_url();
        let is_remote = Origin::of(redirect).is_ok_and(|origin| !origin.is_loopback());
        findings.push(if redirect.scheme() == "https" && is_remote {
            Finding::fine(&what, "redirect_url is https")
        } else {
            Finding::wrong(
                &what,
                "redirect_url is not https, and production plans refuse loopback addresses",
                "register an https page of yours and paste its URL with `--code -`",
            )
        });
    }
}

/// Checks that the vault's key is outside the home: a copy of the home must not hold both key and vault.
fn key(settings: &Settings, findings: &mut Vec<Finding>) {
    let what = "production vault key";
    let elsewhere = "keep it where your secrets are: a systemd credential, vault_key_command, \
                     PAYERSYNC_VAULT_KEY_FILE or PAYERSYNC_VAULT_KEY; and move it out of the home";
    let found = vault_key::find(&settings.home).and_then(|_| vault_key::place(&settings.home));
    let place = match found {
        Err(failure) => {
            return findings.push(Finding::wrong(what, failure.to_string(), elsewhere));
        }
        Ok(place) => place,
    };
    let place = match place {
        VaultKeyPlace::Command(_) => "comes from vault_key_command".to_owned(),
        VaultKeyPlace::Home => {
            return findings.push(Finding::wrong(what, "lies beside the vault", elsewhere));
        }
        VaultKeyPlace::File(path) if vault_key::is_below(&path, &settings.home) => {
            let said = format!("{} lies in the home, with the vault", path.display());
            return findings.push(Finding::wrong(what, said, elsewhere));
        }
        VaultKeyPlace::File(path) => format!("comes from {}", path.display()),
        VaultKeyPlace::Credential(_) => "comes from a systemd credential".to_owned(),
        VaultKeyPlace::Environment => "comes from the environment".to_owned(),
    };
    findings.push(if settings.home.join("vault.key").exists() {
        let said = format!("{place}, and vault.key still lies beside the vault");
        Finding::wrong(what, said, "move vault.key to where your secrets are kept")
    } else {
        Finding::fine(what, place)
    });
}

/// Checks whether a backup was made within a week, and whether the file is still where it was written.
fn backups(
    warehouse: Option<&ReadOnlyWarehouse>,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let what = "production backup";
    let past = warehouse.map(ReadOnlyWarehouse::backups).transpose()?.unwrap_or_default();
    let week_ago = clock::text(Clock::system().now() - TimeDelta::days(7));
    let recent = || past.iter().filter(|backup| backup.at > week_ago);
    let is_file = |target: &Option<PathBuf>| target.as_ref().is_some_and(|target| target.is_file());
    let there = recent().find(|backup| is_file(&backup.target));
    findings.push(match (there, recent().next()) {
        (Some(PastBackup { at, is_encrypted: true, .. }), _) => {
            Finding::fine(what, format!("the last one at {} UTC, encrypted", minute(at)))
        }
        (Some(PastBackup { at, .. }), _) => Finding::warning(
            what,
            format!("the last one at {} UTC, not encrypted", minute(at)),
            "`payersync backup FILE --encrypt RECIPIENT`, or to a disk that is encrypted",
        ),
        (None, Some(PastBackup { at, target: Some(target), .. })) => Finding::warning(
            what,
            format!("the last one at {} UTC is no longer at {}", minute(at), target.display()),
            "see that it was moved to where you keep backups, and not removed",
        ),
        (None, Some(PastBackup { at, target: None, .. })) => Finding::warning(
            what,
            format!(
                "the last one was at {} UTC; its path had the name of a connection that was purged",
                minute(at)
            ),
            "see that it is where you keep backups; the path of a backup stays known only if it \
            holds no name of a purged connection",
        ),
        (None, None) => Finding::wrong(
            what,
            "none within a week",
            "`payersync backup FILE --encrypt RECIPIENT` every night, to another disk",
        ),
    });
    Ok(())
}
