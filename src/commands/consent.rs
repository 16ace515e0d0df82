//! Exchanges a consent for tokens and stores it in the vault and the warehouse.

use super::{failure::Failure, lock, settled::require_settled};
use crate::{
    auth::{
        ClientRegistration, ConnectionKey, GrantKind, Redirected, StoredGrant, Tokens, Vault,
        exchange,
    },
    clock::Clock,
    fhir::linked_patients,
    http::HttpClient,
    reference::{FullUrls, ServerBases},
    warehouse::{ConnectionRow, NewConsent, Warehouse, held_types, stored_patients},
};
use secrecy::ExposeSecret;
use std::path::Path;

/// A consent: the connection's name, the member's label and the registration at the plan.
pub(super) struct Consent<'a> {
    pub(super) home: &'a Path,
    pub(super) name: &'a str,
    pub(super) member: Option<&'a str>,
    pub(super) registration: &'a ClientRegistration,
}

/// The uid of the connection with this name; a new one if there is no such connection.
///
/// # Errors
/// The name belongs to a connection at another plan, whose rows would be mixed with another member's.
pub(super) fn uid(warehouse: &Warehouse, name: &str, plan: &str) -> Result<String, Failure> {
    match warehouse.connection(name)? {
        Some(known) if known.plan.as_deref() == Some(plan) => {
            require_settled(&known)?;
            Ok(known.uid)
        }
        Some(known) => Err(Failure::misuse(format!(
            "connection {name} is {}, not at plan {plan}",
            known.source()
        ))
        .hint("choose another name for this consent")),
        None => random_uid(),
    }
}

pub(super) fn random_uid() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::bug("the system gives no random bytes", anyhow::anyhow!("{error}"))
    })?;
    Ok(base16ct::lower::encode_string(&bytes))
}

/// Exchanges the code for a grant. The grant is not stored yet, so no run can use it.
pub(super) async fn redeem(
    consent: &Consent<'_>,
    answer: &Redirected,
    http: &HttpClient,
) -> Result<StoredGrant, Failure> {
    let now = Clock::system().now();
    Ok(exchange(http, consent.registration, consent.name, answer, now).await?)
}

/// Returns the connection with this name if it holds data of a patient other than the grant's.
///
/// Returns `None` also if the plan does not name the grant's patient; the next run finds out.
pub(super) fn another_patients(
    warehouse: &Warehouse,
    name: &str,
    bases: &ServerBases,
    grant: &StoredGrant,
) -> Result<Option<ConnectionRow>, Failure> {
    let (Some(row), Some(patient)) = (warehouse.connection(name)?, &grant.patient) else {
        return Ok(None);
    };
    let none = FullUrls::default();
    let bare = |reference: &str| bases.patient_id(reference);
    let (stored, held) = warehouse.reader().read(|connection| {
        Ok((stored_patients(connection, row.id)?, held_types(connection, row.id)?))
    })?;
    let mut known: Vec<String> = row.patient_id.iter().map(|id| bare(id)).collect();
    for (id, json) in &stored {
        known.push(id.clone());
        known.extend(linked_patients(json, bases, &none));
    }
    let holds_data = !stored.is_empty() || !held.is_empty();
    let is_other =
        holds_data && !known.is_empty() && !known.contains(&bare(patient.expose_secret()));
    Ok(is_other.then_some(row))
}

/// Stores the consent: first in the vault, then in the warehouse.
///
/// In this order, a crash between the two leaves tokens that no connection uses, but never a connection
/// without tokens.
pub(super) async fn give(
    consent: &Consent<'_>,
    grant: &StoredGrant,
    vault: &Vault,
    warehouse: &Warehouse,
) -> Result<ConnectionRow, Failure> {
    let _lock = lock::take_for_consent(consent.home, "connect")?;
    let uid = uid(warehouse, consent.name, &consent.registration.plan)?;
    vault.put(&uid, grant)?;
    let (scope, patient_id) =
        (grant.scope.clone(), grant.patient.as_ref().map(|id| id.expose_secret().to_owned()));
    let ends_at = grant.consent_ends_at;
    let entry = NewConsent { ends_at, ..new_consent(consent, uid, scope, patient_id) };
    Ok(warehouse.consent(entry).await?)
}

/// Tries the credentials of a backend service and stores its connection.
///
/// `patient` limits the connection to one patient; without it, the connection holds all that the service
/// may see.
pub(super) async fn give_to_client(
    consent: &Consent<'_>,
    patient: Option<String>,
    tokens: &Tokens,
    warehouse: &Warehouse,
) -> Result<ConnectionRow, Failure> {
    debug_assert_eq!(consent.registration.grant, GrantKind::ClientCredentials);
    let _lock = lock::take_for_consent(consent.home, "connect")?;
    let uid = uid(warehouse, consent.name, &consent.registration.plan)?;
    let (name, least_generation) = (consent.name.to_owned(), None);
    let key = ConnectionKey { uid: uid.clone(), name, least_generation };
    tokens.connect_client(&key, consent.registration, Clock::system().now()).await?;
    Ok(warehouse.consent(new_consent(consent, uid, None, patient)).await?)
}

/// Stores a connection at a plan that asks nobody for consent.
pub(super) async fn give_without_consent(
    consent: &Consent<'_>,
    patient: Option<String>,
    warehouse: &Warehouse,
) -> Result<ConnectionRow, Failure> {
    let _lock = lock::take_for_consent(consent.home, "connect")?;
    let uid = uid(warehouse, consent.name, &consent.registration.plan)?;
    Ok(warehouse.consent(new_consent(consent, uid, None, patient)).await?)
}

fn new_consent(
    consent: &Consent<'_>,
    uid: String,
    scope: Option<String>,
    patient_id: Option<String>,
) -> NewConsent {
    NewConsent {
        uid,
        name: consent.name.to_owned(),
        plan: consent.registration.plan.clone(),
        member: consent.member.map(str::to_owned),
        // If the answer names no scope, the requested scope was granted (RFC 6749, 5.1).
        scope: scope.or_else(|| consent.registration.scope.clone()),
        patient_id,
        ends_at: None,
    }
}
