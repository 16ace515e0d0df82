//! Turns the code in the browser's address into a grant that can be stored.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    auth::{
        ClientRegistration, ConsentState, GrantError, PatientFrom, StoredGrant, TokenResponse,
        consent::{id_token, userinfo},
        token::{grant, introspect::refresh_token_end, token_answer::is_fhir_id},
    },
    http::HttpClient,
};

/// The answer that came back from the consent page.
#[derive(Clone, Debug)]
pub struct Redirected {
    /// The authorization code.
    pub code: SecretString,
    /// The verifier of the request, if it was made with PKCE.
    pub verifier: Option<SecretString>,
    /// The nonce of the request, which its id_token must repeat.
    pub nonce: Option<String>,
}

/// Exchanges a code for a grant, ready to be put into the vault.
///
/// `name` is the connection's name; `now` is when the tokens count as issued.
pub async fn exchange(
    http: &HttpClient,
    registration: &ClientRegistration,
    name: &str,
    redirected: &Redirected,
    now: DateTime<Utc>,
) -> Result<StoredGrant, GrantError> {
    let Redirected { code, verifier, nonce } = redirected;
    let mut tokens = grant::exchange_code(http, registration, code, verifier.as_ref()).await?;
    tokens.patient = match (&registration.patient_from, tokens.patient.take(), &tokens.id_token) {
        // A text that is not an id of FHIR may be a login.
        (PatientFrom::UserInfo, named, _)
            if !named.as_ref().is_some_and(|id| is_fhir_id(id.expose_secret())) =>
        {
            userinfo::patient(http, registration, &tokens.access).await.or(named)
        }
        (PatientFrom::IdToken { claim }, _, Some(token)) => {
            let (token, claim, nonce) = (token.expose_secret(), claim.as_deref(), nonce.as_deref());
            id_token::patient(token, registration, claim, nonce, now)?
        }
        (PatientFrom::IdToken { .. }, _, None) => {
            let reason = "it has no id_token, in which patient_from looks for the Patient; add openid \
                          to scope and connect again, or change patient_from";
            return Err(GrantError::Malformed { status: 200, reason });
        }
        (_, named, _) => named,
    };
    if let (None, Some(refresh)) = (tokens.consent_ends_at, &tokens.refresh) {
        tokens.consent_ends_at = refresh_token_end(http, registration, refresh).await;
    }
    new_grant(registration, name, tokens, now)
}

/// Makes the first grant of a connection from tokens as issued.
pub(crate) fn new_grant(
    registration: &ClientRegistration,
    name: &str,
    tokens: TokenResponse,
    now: DateTime<Utc>,
) -> Result<StoredGrant, GrantError> {
    let (Ok(fhir_origin), Ok(token_origin)) =
        (registration.fhir_origin(), registration.token_origin())
    else {
        return Err(GrantError::Misconfigured { plan: registration.plan.clone() });
    };
    let expires_at = expiry(&tokens, now);
    Ok(StoredGrant {
        plan: registration.plan.clone(),
        name: name.to_owned(),
        fhir_origin,
        token_origin,
        access: tokens.access,
        refresh: tokens.refresh,
        expires_at,
        refreshed_at: now,
        scope: tokens.scope,
        patient: tokens.patient,
        consent_ends_at: tokens.consent_ends_at,
        consent: ConsentState::Granted,
        refresh_begun_at: None,
        generation: 0,
    })
}

/// When the access token expires; `None` without a lifetime, or if no `DateTime` can hold the instant.
fn expiry(tokens: &TokenResponse, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    now.checked_add_signed(TimeDelta::from_std(tokens.expires_in?).ok()?)
}

/// A grant with the tokens of a refresh. Refresh token, scope and patient stay if the answer leaves them out
/// (RFC 6749, section 6). A Patient that an id_token named also stays, whatever the answer names.
pub(crate) fn refreshed(
    grant: &StoredGrant,
    registration: &ClientRegistration,
    tokens: TokenResponse,
    now: DateTime<Utc>,
) -> StoredGrant {
    let (old, expires_at) = (grant.clone(), expiry(&tokens, now));
    let named = match registration.patient_from {
        PatientFrom::IdToken { .. } => None,
        _ => tokens.patient,
    };
    StoredGrant {
        access: tokens.access,
        refresh: tokens.refresh.or(old.refresh),
        expires_at,
        refreshed_at: now,
        scope: tokens.scope.or(old.scope),
        patient: named.or(old.patient),
        consent_ends_at: tokens.consent_ends_at,
        ..old
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::Response;

    fn tokens(body: String) -> TokenResponse {
        let response = Response {
            status: 200,
            url: ClientRegistration::at("https://h").token_url,
            content_type: None,
            retry_after: None,
            date: None,
            age: None,
            location: None,
            body: body.into(),
            attempts: 1,
            link: None,
        };
        TokenResponse::read(&response, &[]).unwrap()
    }

    #[test]
    fn a_refresh_names_another_patient_only_where_the_token_answer_says_whose_data_it_is() {
        let answer = |patient: &str| {
            tokens(format!(r#"{{"access_token":"a","expires_in":60,"patient":"{patient}"}}"#))
        };
        for (patient_from, told) in
            [(PatientFrom::default(), "other"), (PatientFrom::IdToken { claim: None }, "first")]
        {
            let registration =
                ClientRegistration { patient_from, ..ClientRegistration::at("https://h") };
            let grant = new_grant(&registration, "ann", answer("first"), instant(0)).unwrap();
            let grant = refreshed(&grant, &registration, answer("other"), instant(9));
            let named = grant.patient.as_ref().map(|id| id.expose_secret());
            assert_eq!(named, Some(told));
        }
    }

    fn instant(seconds: i64) -> DateTime<Utc> {
        let (first, last) =
            (DateTime::<Utc>::MIN_UTC.timestamp(), DateTime::<Utc>::MAX_UTC.timestamp());
        DateTime::from_timestamp(seconds.clamp(first, last), 0).unwrap()
    }

    proptest! {
        /// Tries any lifetime, any clock at the time of issue, and any clock later.
        #[test]
        fn no_lifetime_and_no_clock_overflows(
            lifetime in "-?[1-9][0-9]{0,24}([.][0-9]{1,20})?(e-?[0-9]{1,4})?",
            quote in "\"?",
            issued in any::<i64>(),
            later in any::<i64>(),
        ) {
            let body = format!(r#"{{"access_token":"a","expires_in":{quote}{lifetime}{quote}}}"#);
            let registration = ClientRegistration::at("https://h");
            let tokens = tokens(body);
            prop_assert_eq!(tokens.expires_in.is_none(), lifetime.parse::<f64>().unwrap() < 1.0);
            let grant = new_grant(&registration, "ann", tokens.clone(), instant(issued)).unwrap();
            let grant = refreshed(&grant, &registration, tokens, instant(later));
            for now in [issued, later, i64::MIN, i64::MAX] {
                prop_assert!(grant.is_alive(instant(now)) || !grant.is_fresh(instant(now)));
            }
        }
    }
}
