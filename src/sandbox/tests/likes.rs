//! Tests of the platforms' rules: each is followed once and broken once.

use super::*;
use crate::sandbox::oauth::grants::{Consent, Lifetimes};
use std::time::Instant;

/// A payer that imitates a platform, and a token of member 0.
struct Platform {
    world: World,
    base: String,
    token: String,
    patient: String,
    other: String,
}

impl Platform {
    async fn new(name: &str) -> Platform {
        let like = name.parse().unwrap();
        let options = Options { like, members: 2, claims_per_member: 12, ..Options::default() };
        let world = World::new(options).await;
        let consent = Consent {
            member: 0,
            redirect_uri: String::new(),
            scope: "patient/*.read".to_string(),
            challenge: None,
        };
        let lifetimes = Lifetimes { access: Duration::from_secs(600), refresh: None };
        let token = {
            let mut grants = world.sandbox.state.grants();
            let code = grants.issue_code(consent, Instant::now());
            grants.spend_code(&code, lifetimes, Instant::now()).unwrap().access_token
        };
        let (patient, other) = (world.sandbox.patient_id(0), world.sandbox.patient_id(1));
        let base = world.sandbox.fhir_url();
        Platform { world, base, token, patient, other }
    }

    /// Reads a path below the base; `ME` and `OTHER` stand for the patients.
    async fn get(&self, path: &str) -> (u16, String) {
        let path = path.replace("ME", &self.patient).replace("OTHER", &self.other);
        let request = self.world.client.get(format!("{}/{path}", self.base));
        let request = request
            .header("accept", "application/fhir+json, application/json;q=0.9")
            .bearer_auth(&self.token);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// The error in the redirect with which the consent page answers.
    async fn authorize(&self, query: &str) -> Option<String> {
        let query = query.replace("ORIGIN", &self.world.sandbox.origin());
        let fixed = format!("client_id={CLIENT_ID}&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fc");
        let url = format!("{}?{fixed}&{query}", self.world.sandbox.authorize_url());
        let response = self.world.client.get(url).send().await.unwrap();
        let location = response.headers().get(LOCATION)?.to_str().unwrap();
        let location = Url::parse(location).unwrap();
        let error = location.query_pairs().find(|(name, _)| name == "error");
        error.map(|(_, error)| error.into_owned())
    }
}

#[tokio::test]
async fn searches_are_refused_as_the_platforms_refuse_them() {
    for (name, path, status) in [
        ("epic", "Condition", 400),
        ("epic", "Condition?patient=ME", 200),
        ("epic", "Observation?patient=ME", 400),
        ("epic", "Observation?patient=ME&category=laboratory", 200),
        ("epic", "CarePlan?patient=ME", 400),
        ("epic", "Coverage?patient=ME", 404),
        ("epic", "Condition?patient=OTHER", 403),
        ("cerner", "Condition", 400),
        ("cerner", "Provenance?patient=ME", 400),
        ("cerner", "Condition?patient=ME", 200),
        ("athena", "MedicationRequest?patient=ME", 403),
        ("athena", "MedicationRequest?patient=ME&intent=order", 200),
        ("aetna", "Condition", 400),
        ("aetna", "Condition?patient=ME&_count=10", 400),
        ("aetna", "Condition?patient=ME&_lastUpdated=gt2020", 400),
        ("aetna", "Condition?patient=ME", 200),
        ("bluebutton", "Coverage?_count=51", 400),
        ("bluebutton", "Coverage?_count=50", 200),
        ("bluebutton", "Condition", 404),
        ("kaiser", "Coverage?patient=ME", 400),
        ("kaiser", "ExplanationOfBenefit", 200),
        ("carin-minimum", "ExplanationOfBenefit", 400),
        ("carin-minimum", "ExplanationOfBenefit?patient=ME", 200),
        ("carin-minimum", "Patient", 400),
        ("carin-minimum", "Patient/ME", 200),
        ("cigna", "Coverage", 500),
        ("cigna", "Patient", 500),
        ("cigna", "Patient?_id=ME", 200),
        ("cigna", "$userinfo", 200),
        ("cigna", "Patient/ME/$everything", 200),
        ("cigna", "Patient/OTHER/$everything", 403),
        ("epic", "$userinfo", 404),
        ("epic", "Patient/ME/$everything", 404),
        ("flexpa", "Patient", 429),
        ("safhir", "Coverage", 200),
        ("safhir", "Condition", 404),
        ("medicaid-ut", "Patient", 406),
        ("1uphealth", "Condition?patient=OTHER", 200),
    ] {
        let (answered, text) = Platform::new(name).await.get(path).await;
        assert_eq!(answered, status, "{name} {path}: {text}");
    }
    assert_eq!(Platform::new("epic").await.get("Condition?patient=OTHER").await.1, "");
    let html = Platform::new("epic").await.get("Coverage?patient=ME").await.1;
    assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
}

#[tokio::test]
async fn pages_lead_on_as_the_platforms_pages_do() {
    for (name, path, parameter) in [
        ("epic", "Observation?patient=ME&category=laboratory", "sessionID="),
        ("cerner", "Procedure?patient=ME", ""),
        ("aetna", "ExplanationOfBenefit?patient=ME", "_page_token="),
        ("bluebutton", "ExplanationOfBenefit?_count=5", "startIndex="),
        ("safhir", "ExplanationOfBenefit", "https://gateway.safhir.example/v1/api/carin-bb/"),
    ] {
        let platform = Platform::new(name).await;
        let mut path = path.to_string();
        let (mut ids, mut nexts) = (Vec::new(), Vec::new());
        loop {
            let (status, text) = platform.get(&path).await;
            assert_eq!(status, 200, "{name} {path}: {text}");
            let bundle: Value = serde_json::from_str(&text).unwrap();
            let entries = bundle["entry"].as_array().unwrap();
            let matches = entries.iter().filter(|entry| entry["search"]["mode"] == "match");
            ids.extend(matches.map(|entry| entry["resource"]["id"].as_str().unwrap().to_string()));
            let links = bundle["link"].as_array().unwrap();
            let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
            let next = next["url"].as_str().unwrap().to_string();
            path = next.rsplit('/').next().unwrap().to_string();
            nexts.push(next);
        }
        assert!(nexts.iter().all(|next| next.contains(parameter)), "{name}: {nexts:?}");
        assert_eq!(nexts.is_empty(), parameter.is_empty(), "{name}: {nexts:?}");
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name}");
    }
}

#[tokio::test]
async fn answers_have_what_the_platforms_answers_have() {
    let page = |platform: Platform, path: &'static str| async move {
        let (_, text) = platform.get(path).await;
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let epic = page(Platform::new("epic").await, "Goal?patient=ME").await;
    let last = epic["entry"].as_array().unwrap().last().unwrap();
    assert_eq!(last["search"]["mode"], "outcome");
    let athena = page(Platform::new("athena").await, "Condition?patient=ME").await;
    assert_eq!(athena["total"], Value::Null);
    let path = "Condition?patient=ME&_revinclude=Provenance:target";
    let cerner = page(Platform::new("cerner").await, path).await;
    let kinds =
        cerner["entry"].as_array().unwrap().iter().map(|it| &it["resource"]["resourceType"]);
    assert_eq!(kinds.filter(|kind| *kind == "Provenance").count(), 1);
    let kaiser = page(Platform::new("kaiser").await, "ExplanationOfBenefit").await;
    let patient = kaiser["entry"][0]["resource"]["patient"]["reference"].as_str().unwrap();
    assert!(patient.ends_with("/_history/1"), "{patient}");
    for open in ["hapi", "smart-launcher"] {
        let everybody = page(Platform::new(open).await, "Patient").await;
        assert_eq!(everybody["total"], 2, "{open}");
        let one = page(Platform::new(open).await, "Patient?_id=OTHER").await;
        assert_eq!(one["total"], 1, "{open}");
        let nobody = page(Platform::new(open).await, "Condition?patient=nobody").await;
        assert_eq!(nobody["total"], 0, "{open}");
        let conditions = page(Platform::new(open).await, "Condition?_count=100").await;
        assert_eq!(conditions["total"], 20, "{open}");
    }
}

#[tokio::test]
async fn the_consent_page_sends_requests_back_that_break_a_rule() {
    for (name, query, error) in [
        ("epic", "scope=openid", Some("invalid_request")),
        ("epic", "scope=openid&aud=ORIGIN/interconnect-fhir-oauth/api/FHIR/R4", None),
        ("aetna", "aud=ORIGIN/fhirdemo/v2/patientaccess", Some("invalid_request")),
        ("aetna", "aud=ORIGIN/fhirdemo", None),
        ("cerner", "scope=patient/*.read&aud=ORIGIN/r4/sandbox", Some("invalid_scope")),
        ("cerner", "scope=patient/Goal.read&aud=ORIGIN/r4/sandbox", None),
        ("bluebutton", "state=0123456789abcdef", Some("invalid_request")),
        (
            "bluebutton",
            "code_challenge=c&code_challenge_method=S256&state=short",
            Some("invalid_request"),
        ),
        ("bluebutton", "code_challenge=c&code_challenge_method=S256&state=0123456789abcdef", None),
        ("flexpa", "scope=launch/patient", Some("invalid_request")),
        ("flexpa", "scope=offline_access&flexpa_external_id=1", Some("invalid_scope")),
        ("flexpa", "scope=launch/patient+openid&flexpa_external_id=1", Some("invalid_scope")),
        ("flexpa", "scope=launch/patient&flexpa_external_id=1", None),
        ("1uphealth", "scope=patient/*.read", None),
    ] {
        let platform = Platform::new(name).await;
        let sent_back = platform.authorize(query).await;
        assert_eq!(sent_back.as_deref(), error, "{name} {query}");
    }
}
