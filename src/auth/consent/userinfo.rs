//! Asks the FHIR server whose consent it is: `$userinfo` answers a Parameters resource that names the
//! Patient (observed at Cigna, whose token answer names none).

use crate::{
    auth::{
        ClientRegistration,
        token::{introspect::PATIENCE, token_answer::patient_id},
    },
    http::{Bearer, Get, HttpClient, SecretsInPlay, without_mark},
};
use secrecy::SecretString;
use serde_json::Value;
use tokio::time::timeout;

/// The id of the member's Patient; `None` if the server names no Patient, or several.
pub(super) async fn patient(
    http: &HttpClient,
    registration: &ClientRegistration,
    access: &SecretString,
) -> Option<SecretString> {
    let mut url = registration.fhir_url.clone();
    url.set_path(&format!("{}/$userinfo", url.path().trim_end_matches('/')));
    let origin = registration.fhir_origin().ok()?;
    let bearer = Bearer::new(access.clone(), origin, SecretsInPlay::default());
    let settings = &registration.requests;
    let get = Get {
        bearer: Some(&bearer),
        headers: settings.headers.as_ref(),
        ..Get::new(&url, settings.accept.as_deref().unwrap_or("application/fhir+json"))
    };
    // The wait is short: the consent is not stored yet, and its code is spent.
    let answer = timeout(PATIENCE, http.get(get)).await.ok()?;
    let answer = answer.ok().filter(|answer| answer.is_success())?;
    named(&serde_json::from_slice(without_mark(&answer.body)).ok()?).map(SecretString::from)
}

/// The one Patient that a Parameters resource names: by a reference to it, or in a parameter `patient`.
fn named(parameters: &Value) -> Option<String> {
    if parameters["resourceType"] != "Parameters" {
        return None;
    }
    let mut found: Vec<String> = Vec::new();
    for parameter in parameters["parameter"].as_array()? {
        let is_patient =
            parameter["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("patient"));
        let values = parameter.as_object()?.iter().filter(|(name, _)| name.starts_with("value"));
        for (_, value) in values {
            let text = value.as_str().or_else(|| value["reference"].as_str());
            let text = text.filter(|text| is_patient || text.contains("Patient/"));
            found.extend(text.and_then(patient_id));
        }
    }
    found.dedup();
    let mut found = found.into_iter();
    found.next().filter(|_| found.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_patient_is_taken_and_nobody_is_guessed() {
        let answer = |parameters: Value| {
            named(&json!({ "resourceType": "Parameters", "parameter": parameters }))
        };
        for (parameters, expected) in [
            (json!([{ "name": "patient", "valueString": "a-1" }]), Some("a-1")),
            (
                json!([{ "name": "sub", "valueString": "x" }, { "name": "Patient", "valueId": "a-1" }]),
                Some("a-1"),
            ),
            (
                json!([{ "name": "user", "valueReference": { "reference": "Patient/a-1" } }]),
                Some("a-1"),
            ),
            (json!([{ "name": "user", "valueUri": "https://h/r4/Patient/a-1" }]), Some("a-1")),
            (
                json!([{ "name": "patient", "valueString": "Patient/a-1" }, { "name": "p", "valueUri": "Patient/a-1" }]),
                Some("a-1"),
            ),
            (
                json!([{ "name": "user", "valueUri": "Patient/a-1" }, { "name": "child", "valueUri": "Patient/b-2" }]),
                None,
            ),
            (json!([{ "name": "user", "valueString": "a-1" }]), None),
            (json!([{ "name": "patient", "valueString": "a b" }]), None),
            (json!([]), None),
        ] {
            assert_eq!(answer(parameters.clone()).as_deref(), expected, "{parameters}");
        }
        let other = json!({ "resourceType": "Patient", "id": "a-1" });
        assert_eq!(named(&other), None);
    }
}
