//! Revokes a consent at its plan, and tells the user how that went.

use super::{failure::Failure, home, tell};
use crate::{
    auth::{self, ClientRegistration, RefreshTurn, StoredGrant, Vault, refresh_turn},
    config::{PlanSettings, Settings},
    http::HttpClient,
};
use secrecy::ExposeSecret;
use url::Url;

/// Revokes the consent if the plan supports it.
///
/// Returns false if the plan could have revoked it but did not, so that the member has to withdraw the
/// consent at the plan.
pub(super) async fn revoke(settings: &Settings, grant: &StoredGrant) -> bool {
    let by_hand = "hint: the member can withdraw the consent at the plan itself";
    let name = &grant.plan;
    let plan = settings.plans.get(name);
    let Some((plan, url)) = plan.and_then(|plan| Some((plan, plan.revocation_url.as_ref()?)))
    else {
        tell(&format!("Plan {name} has no revocation_url: nothing was revoked there"));
        tell(by_hand);
        return true;
    };
    // Also a secret that cannot be read, or a machine without certificates, is a failure to revoke.
    let revoked = match client(settings, plan, url) {
        Ok((http, registration)) => auth::revoke(&http, &registration, url, grant)
            .await
            .map_err(|error| format!("{:#}", anyhow::Error::from(error))),
        Err(failure) => Err(failure.to_string()),
    };
    match revoked {
        Ok(()) => {
            tell(&format!("Revoked the consent at plan {name}"));
            true
        }
        Err(error) => {
            tell(&format!("Plan {name} did not revoke the consent: {error}"));
            tell(by_hand);
            false
        }
    }
}

/// Revokes a new consent whose tokens are in no vault, so that nobody could revoke it later.
///
/// If it was to renew a consent that is stored, it is not revoked: with it a plan may revoke every token of
/// the same authorization (RFC 7009, 2.1), and the stored consent would end. `is_for_another` says that the
/// stored consent is another patient's.
pub(super) async fn revoke_unless_stored(
    settings: &Settings,
    grant: &StoredGrant,
    is_for_another: bool,
    vault: &Vault,
) {
    let by_hand =
        "hint: connect again; the member can also withdraw the consent at the plan itself";
    let Ok(rows) = vault.list() else {
        tell("The vault cannot be read: the new consent may not be stored, and was not revoked");
        tell(by_hand);
        return;
    };
    let stored: Vec<_> = rows.iter().filter_map(|(_, row)| row.as_ref().ok()).collect();
    if stored.iter().any(|row| row.access.expose_secret() == grant.access.expose_secret()) {
        return;
    }
    tell("The new consent was not stored");
    let is_renewal = stored.iter().any(|row| row.name == grant.name && row.plan == grant.plan);
    if is_renewal && !is_for_another {
        tell("It was not revoked: the plan could revoke the earlier consent with it");
        tell(by_hand);
        return;
    }
    revoke(settings, grant).await;
}

/// Waits until no other process refreshes these tokens, so that the newest ones are revoked and removed.
pub(super) async fn turn(
    settings: &Settings,
    uid: &str,
    name: &str,
) -> Result<RefreshTurn, Failure> {
    refresh_turn(&settings.home, uid).await?.ok_or_else(|| {
        Failure::locked(format!("another process refreshes {name}"))
            .hint("end it, and run the same command again")
    })
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
