//! Tokens in the vault that no connection of the warehouse uses.
//!
//! They are there if `connect` was killed between the vault and the warehouse, or if the warehouse was lost
//! or restored from an earlier backup. Only their name tells whose they are.

use super::{
    failure::Failure,
    home,
    revoke::{revoke, turn},
    tell,
};
use crate::{
    auth::{self, StoredGrant, Vault},
    config::Settings,
    warehouse::{ConnectionRow, ReadOnlyWarehouse},
};
use std::path::Path;

/// The home's vault, if there is one; none is made.
pub(super) fn existing_vault(folder: &Path) -> Result<Option<Vault>, Failure> {
    match folder.join("vault.db").exists() {
        true => home::vault(folder).map(Some),
        false => Ok(None),
    }
}

/// The tokens of this name that no connection uses, each with its id in the vault.
pub(super) fn find(
    settings: &Settings,
    vault: &Vault,
    name: &str,
) -> Result<Vec<(String, StoredGrant)>, Failure> {
    let file = home::existing_warehouse(&settings.home)?;
    let rows = match file.path().exists() {
        true => ReadOnlyWarehouse::open(&file)?.connections()?,
        false => Vec::new(),
    };
    let is_stray = |uid: &str| rows.iter().all(|row| row.uid != uid);
    let grants = vault.list()?.into_iter().filter_map(|(uid, grant)| Some((uid, grant.ok()?)));
    Ok(grants.filter(|(uid, grant)| grant.name == name && is_stray(uid)).collect())
}

/// What was done about tokens that no connection uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) are_any: bool,
    /// False if a plan could have revoked a consent but did not.
    pub(super) are_revoked: bool,
}

/// Revokes and removes the tokens of this name that no connection uses; the lock of consents must be held.
pub(super) async fn remove(
    settings: &Settings,
    vault: &Vault,
    name: &str,
) -> Result<Removed, Failure> {
    let mut removed = Removed { are_any: false, are_revoked: true };
    for (uid, grant) in find(settings, vault, name)? {
        let _turn = turn(settings, &uid, name).await?;
        removed.are_revoked &= revoke(settings, &grant).await;
        removed.are_any |= forget(settings, vault, &uid, &grant)?;
    }
    Ok(removed)
}

/// Removes the tokens of a connection's name that no connection uses, once its new consent is stored; the
/// lock of consents must be held.
///
/// Tokens of the same plan are not revoked, and neither are those that a renewed consent replaces: a plan may
/// end the new consent together with the old one.
pub(super) async fn remove_replaced(
    settings: &Settings,
    vault: &Vault,
    row: &ConnectionRow,
) -> Result<(), Failure> {
    for (uid, grant) in find(settings, vault, &row.name)? {
        if row.plan.as_ref() != Some(&grant.plan) {
            revoke(settings, &grant).await;
        }
        forget(settings, vault, &uid, &grant)?;
    }
    Ok(())
}

fn forget(
    settings: &Settings,
    vault: &Vault,
    uid: &str,
    grant: &StoredGrant,
) -> Result<bool, Failure> {
    let had_tokens = auth::forget(vault, &settings.home, uid)?;
    tell(&format!(
        "Removed tokens of {} at plan {}, which no connection used",
        grant.name, grant.plan
    ));
    Ok(had_tokens)
}
