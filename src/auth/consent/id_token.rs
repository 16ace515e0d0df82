//! Tells whose consent it is, by a claim of the id_token that comes with the access token.
//!
//! The token came from the token endpoint over TLS, which takes the place of its signature (OpenID Connect
//! Core 1.0, section 3.1.3.7, item 6). Its issuer, its client, its expiry and its nonce are checked all the
//! same.

use crate::{
    auth::{ClientRegistration, GrantError, token::token_answer::patient_id},
    http::Origin,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

/// How far the clocks of this machine and the plan may differ, in seconds.
const LEEWAY: f64 = 300.0;

/// The id of the member's Patient by an id_token; `None` if no claim names it.
///
/// `claim` is the claim to read. Without it, `patient` is read, then `fhirUser` if that is a Patient (SMART
/// App Launch 2.0, section 2.1.2).
///
/// # Errors
/// The token is not an id_token, is not this plan's, has expired, or belongs to another request.
pub(super) fn patient(
    token: &str,
    registration: &ClientRegistration,
    claim: Option<&str>,
    nonce: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<SecretString>, GrantError> {
    let claims = claims(token).ok_or("its id_token is not a JSON Web Token");
    let checked = claims.and_then(|claims| {
        check(&claims, registration, nonce, now)?;
        Ok(claims)
    });
    let claims = checked.map_err(|reason| GrantError::Malformed { status: 200, reason })?;
    let text = |name: &str| match &claims[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let named = match claim {
        Some(claim) => text(claim),
        None => {
            text("patient").or_else(|| text("fhirUser").filter(|user| user.contains("Patient/")))
        }
    };
    Ok(named.and_then(|text| patient_id(&text)).map(SecretString::from))
}

fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let bytes = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok().filter(Value::is_object)
}

fn check(
    claims: &Value,
    registration: &ClientRegistration,
    nonce: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), &'static str> {
    let issuer = claims["iss"].as_str().unwrap_or_default();
    let is_ours = match registration.issuer.as_ref().and_then(|ours| ours.name.as_deref()) {
        Some(ours) => ours == issuer,
        // The plan's issuer is not known: it must be at the origin of the token endpoint.
        None => Url::parse(issuer).is_ok_and(|url| Origin::are_same(&url, &registration.token_url)),
    };
    if !is_ours {
        return Err("its id_token comes from another issuer; if that issuer is the plan's, set \
                   issuer");
    }
    let client = registration.client_id.as_str();
    let is_audience = match &claims["aud"] {
        Value::Array(all) => all.iter().any(|one| one == client),
        one => one == client,
    };
    let is_party = claims["azp"].is_null() || claims["azp"] == client;
    if !is_audience || !is_party {
        return Err("its id_token is for another client");
    }
    let is_alive = claims["exp"].as_f64().is_some_and(|end| end + LEEWAY > now.timestamp() as f64);
    if !is_alive {
        return Err("its id_token has expired");
    }
    if nonce.is_none() || claims["nonce"].as_str() != nonce {
        return Err("its id_token answers another request");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Issuer;
    use secrecy::ExposeSecret;
    use serde_json::json;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn ask(claims: &Value, claim: Option<&str>) -> Result<Option<String>, String> {
        let registration = ClientRegistration::at("https://h");
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let patient = patient(&token, &registration, claim, Some("n"), NOW);
        patient
            .map(|id| id.map(|id| id.expose_secret().to_owned()))
            .map_err(|error| error.to_string())
    }

    fn with(more: Value) -> Value {
        let mut claims = json!({"iss": "https://h/x", "aud": "client-1", "exp": 60, "nonce": "n"});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    #[test]
    fn the_patient_is_read_from_the_claim_that_names_it() {
        let taken = |more: Value, claim| ask(&with(more), claim).unwrap();
        assert_eq!(taken(json!({"patient": "p-1"}), None).as_deref(), Some("p-1"));
        let user = json!({"fhirUser": "https://h/r4/Patient/p-2"});
        assert_eq!(taken(user.clone(), None).as_deref(), Some("p-2"));
        assert_eq!(taken(user, Some("member")), None);
        assert_eq!(taken(json!({"fhirUser": "Practitioner/d"}), None), None);
        assert_eq!(taken(json!({"member": 77}), Some("member")).as_deref(), Some("77"));
        let several = json!({"aud": ["x", "client-1"], "azp": "client-1", "patient": "p"});
        assert_eq!(taken(several, None).as_deref(), Some("p"));
    }

    #[test]
    fn an_id_token_of_another_server_client_time_or_request_is_refused() {
        for (more, why) in [
            (json!({"iss": "https://evil/x"}), "issuer"),
            (json!({"iss": null}), "issuer"),
            (json!({"aud": "other"}), "client"),
            (json!({"aud": ["client-1", "x"], "azp": "x"}), "client"),
            (json!({"exp": -301}), "expired"),
            (json!({"exp": null}), "expired"),
            (json!({"nonce": "other"}), "request"),
            (json!({"nonce": null}), "request"),
        ] {
            let said = ask(&with(more.clone()), None).unwrap_err();
            assert!(said.contains(why), "{more}: {said}");
        }
        let registration = ClientRegistration {
            issuer: Some(Issuer { name: Some("https://h/y".into()), names_itself: false }),
            ..ClientRegistration::at("https://h")
        };
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(with(json!({})).to_string()));
        assert!(patient(&token, &registration, None, Some("n"), NOW).is_err());
        for odd in ["", "a.b", "a.b.c.d", "e30.!.x", "e30.W10.x"] {
            assert!(patient(odd, &registration, None, Some("n"), NOW).is_err(), "{odd}");
        }
    }
}
