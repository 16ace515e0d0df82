//! Whom a resource is about, in every way in which it can be said, and in every way to get it wrong.

use crate::support::{Dictated, Home};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;

fn claim(id: &str, members: &str) -> String {
    format!(r#"{{"resourceType":"ExplanationOfBenefit","id":"{id}",{members}}}"#)
}

/// Syncs one Patient and claims with these members; what is stored and what is in quarantine.
fn synced(payer: &Dictated, more: &str, members: &[String]) -> (Home, Vec<String>, Vec<String>) {
    payer.serve("Patient", &[PATIENT]);
    let claims: Vec<String> =
        members.iter().enumerate().map(|(at, members)| claim(&at.to_string(), members)).collect();
    payer.serve("ExplanationOfBenefit", &claims);
    let home = payer.home(more);
    let outcome = home.run(&["sync"]);
    let of_claims = "resource_type = 'ExplanationOfBenefit'";
    let stored = home.rows(&format!("SELECT resource_id FROM resource WHERE {of_claims}")).concat();
    let rejects = home
        .rows(&format!(
            "SELECT reason FROM rejected_resource WHERE {of_claims}
             ORDER BY CAST(resource_id AS INTEGER)"
        ))
        .concat();
    assert_eq!(outcome.code, if rejects.is_empty() { 0 } else { 2 }, "{}", outcome.stderr);
    assert_eq!(stored.len() + rejects.len(), members.len());
    let bytes: Vec<String> =
        home.rows(&format!("SELECT body FROM rejected_resource WHERE {of_claims}")).concat();
    assert!(bytes.iter().all(|body| claims.contains(body)));
    (home, stored, rejects)
}

#[test]
fn another_patient_is_told_wherever_and_however_often_it_is_named() {
    let payer = Dictated::start();
    let members = [
        r#""patient":{"reference":"Patient/2"}"#,
        r#""patient":{"reference":"Patient/1"},"patient":{"reference":"Patient/2"}"#,
        r#""patient":{"reference":"Patient/2"},"patient":{"reference":"Patient/1"}"#,
        r#""patient":{"reference":"Patient/1","reference":"Patient/2"}"#,
        r#""patient":[{"reference":"Patient/1"},{"reference":"Patient/2"}]"#,
        r#""patient":{"reference":"Patient/1"},"subject":{"reference":"Patient/2"}"#,
        r#""patient":{"reference":"Patient/1"},"beneficiary":{"reference":"Patient/2"}"#,
        r#""patient":"Patient/2""#,
        r#""pati\u0065nt":{"reference":"Patient\/2"}"#,
        r#""patient":{"reference":"Patient/2/_history/1"}"#,
    ]
    .map(str::to_owned);
    let (_, stored, rejects) = synced(&payer, "", &members);
    assert_eq!(rejects, ["foreign_subject"; 10], "{stored:?}");
}

#[test]
fn the_case_of_an_id_tells_patients_apart_and_that_of_a_host_does_not() {
    let payer = Dictated::start();
    payer.script().token = r#","patient":"Ab""#.to_owned();
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"Ab"}"#]);
    let references = [
        "Patient/Ab".to_owned(),
        format!("{}/Patient/Ab", payer.base().replace("http", "HTTP")),
        "Patient/AB".to_owned(),
        format!("{}/Patient/ab", payer.base()),
        format!("{}/Patient/aB/_history/1", payer.base()),
    ];
    let claims: Vec<String> = (0..)
        .zip(&references)
        .map(|(id, to)| claim(&id.to_string(), &format!(r#""patient":{{"reference":"{to}"}}"#)))
        .collect();
    payer.serve("ExplanationOfBenefit", &claims);
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 2);
    let stored = "SELECT resource_id FROM resource ORDER BY resource_type, resource_id";
    assert_eq!(home.rows(stored).concat(), ["0", "1", "Ab"]);
    let rejects = "SELECT resource_id || reason FROM rejected_resource ORDER BY 1";
    let foreign = ["2foreign_subject", "3foreign_subject", "4foreign_subject"];
    assert_eq!(home.rows(rejects).concat(), foreign);
}

#[test]
fn a_patient_of_another_server_is_not_the_member() {
    let payer = Dictated::start();
    let elsewhere = [
        r#""patient":{"reference":"https://other.example/r4/Patient/1"}"#.to_owned(),
        r#""patient":{"reference":"https://other.example/fhir/Patient/1/_history/3"}"#.to_owned(),
        format!(r#""patient":{{"reference":"{}/../dstu2/Patient/1"}}"#, payer.base()),
        format!(r#""patient":{{"reference":"{}x/Patient/1"}}"#, payer.base()),
    ];
    let (home, stored, rejects) = synced(&payer, "", &elsewhere);
    assert_eq!(
        rejects,
        ["subject_elsewhere", "subject_elsewhere", "unclear_subject", "subject_elsewhere"],
        "{stored:?}"
    );
    let claims: i64 = home.value("SELECT count(*) FROM explanation_of_benefit");
    assert_eq!(claims, 0);
}

#[test]
fn the_plans_own_server_is_known_by_its_base_and_its_aliases() {
    let payer = Dictated::start();
    let own = [
        r#""patient":{"reference":"/Patient/1"}"#.to_owned(),
        format!(r#""patient":{{"reference":"{}/Patient/1/_history/9"}}"#, payer.base()),
        format!(r#""patient":{{"reference":"{}/Patient/1"}}"#, payer.base().replace("/r4", "/R4")),
        r#""patient":{"reference":"http://inside.example:8080/r4/Patient/1"}"#.to_owned(),
        r#""patient":{"reference":"https://proxy.example/fhir/v1/Patient/1"}"#.to_owned(),
    ];
    let aliases =
        "proxied_origins = [\"http://inside.example:8080\", \"https://proxy.example/fhir/v1\"]\n";
    let (_, stored, rejects) = synced(&payer, aliases, &own);
    assert_eq!((stored.len(), rejects.len()), (5, 0), "{rejects:?}");
}

#[test]
fn what_names_no_patient_is_taken_in() {
    let payer = Dictated::start();
    let nobody = [
        r#""patient":{"extension":[{"url":"http://x.example","valueCode":"unknown"}]}"#,
        r#""subject":{"reference":"Group/2"}"#,
        r#""subject":{"reference":"https://other.example/Group/2"}"#,
        r##""subject":{"reference":"#d"},"contained":[{"resourceType":"Device","id":"d"}]"##,
        r#""subject":null,"beneficiary":{}"#,
        r#""patient":{"reference":"1"}"#,
        r#""status":"active""#,
    ]
    .map(str::to_owned);
    let (_, stored, rejects) = synced(&payer, "", &nobody);
    assert_eq!((stored.len(), rejects.len()), (7, 0), "{rejects:?}");
}

#[test]
fn who_cannot_be_told_is_in_quarantine_with_a_reason_of_its_own() {
    let payer = Dictated::start();
    let unclear = [
        r##""subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p",
            "identifier":[{"value":"77"}]}]"##,
        r##""subject":{"reference":"#gone"}"##,
        r#""patient":{"reference":"urn:uuid:0a0b"}"#,
        r#""patient":{"reference":"Patient?identifier=77"}"#,
        r#""patient":{"reference":"2"}"#,
        r#""patient":{"display":"Mary"}"#,
        r#""patient":{"identifier":{"value":"77"},"display":"Mary"}"#,
        r#""patient":{"identifier":{"system":"https://payer.example/other","value":"77"}}"#,
        r#""patient":7"#,
        r#""patient":{"reference":"Patient/1"},"subject":{"reference":"urn:uuid:0a0b"}"#,
        r#""patient":{"reference":"RelatedPerson/1"}"#,
        r#""patient":{"reference":"Patient/1"},"subject":{"reference":"Person/1"}"#,
        r##""subject":{"reference":"#r"},"contained":[{"resourceType":"RelatedPerson","id":"r"}]"##,
    ]
    .map(str::to_owned);
    let (_, _, rejects) = synced(&payer, "", &unclear);
    assert_eq!(rejects, ["unclear_subject"; 13]);
}

/// A plan that names the member by its number: the number leads to the member in every table, also
/// when they are filled anew, and another number of the same kind is another person's.
#[test]
fn an_identifier_names_the_member_or_somebody_else() {
    let payer = Dictated::start();
    payer.serve(
        "Patient",
        &[r#"{"resourceType":"Patient","id":"1","identifier":[
            {"system":"https://payer.example/member/","value":"M 1"},{"system":"https://payer.example/card","value":"7"}]}"#],
    );
    let of = |reference: &str| {
        format!(r#"{{"identifier":{{"system":"https://payer.example/member",{reference}}}}}"#)
    };
    let (own, other) = (of(r#""value":"M 1 ""#), of(r#""value":"M 2""#));
    payer.serve(
        "Coverage",
        &[
            format!(r#"{{"resourceType":"Coverage","id":"own","beneficiary":{own}}}"#),
            format!(r#"{{"resourceType":"Coverage","id":"other","beneficiary":{other}}}"#),
        ],
    );
    payer.serve(
        "ExplanationOfBenefit",
        &[
            claim("own", &format!(r#""patient":{own}"#)),
            claim("both", &format!(r#""patient":{own},"subject":{other}"#)),
        ],
    );
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 2);
    let rejects = "SELECT resource_id, reason FROM rejected_resource ORDER BY 1";
    assert_eq!(home.rows(rejects), [["both", "foreign_subject"], ["other", "foreign_subject"]]);
    let marts = "SELECT explanation_of_benefit_id, patient_id, member_id FROM claim UNION ALL
                 SELECT coverage_id, patient_id, member_id FROM coverage_span";
    for _ in 0..2 {
        assert_eq!(home.rows(marts), [["own", "1", "c1"], ["own", "1", "c1"]]);
        home.succeed(&["rebuild"], "filling the tables anew");
    }
    home.succeed(&["verify"], "verifying the tables");
}

#[test]
fn an_identifier_that_two_patients_share_names_nobody_until_one_of_them_is_the_other() {
    let payer = Dictated::start();
    let patient = |id: &str, more: &str| {
        format!(
            r#"{{"resourceType":"Patient","id":"{id}","identifier":[
                {{"system":"urn:subscriber","value":"S"}},{{"system":"urn:person","value":"{id}"}}]{more}}}"#
        )
    };
    let by = |system: &str, value: &str| {
        format!(r#""patient":{{"identifier":{{"system":"urn:{system}","value":"{value}"}}}}"#)
    };
    let both = format!(
        r#""patient":{{"reference":"Patient/1"}},"subject":{}"#,
        &by("subscriber", "S")[10..]
    );
    let claims = [
        claim("by-person", &by("person", "1")),
        claim("by-reference", &both),
        claim("by-subscriber", &by("subscriber", "S")),
    ];
    payer.serve("Patient", &[patient("1", ""), patient("2", "")]);
    payer.serve("ExplanationOfBenefit", &claims);
    let home = payer.home("");
    let rejects =
        "SELECT resource_id, reason FROM rejected_resource WHERE resolved_at IS NULL ORDER BY 1";
    let held = "SELECT resource_id FROM resource WHERE resource_type = 'ExplanationOfBenefit'";
    let strangers = [["2", "foreign_subject"], ["by-subscriber", "unclear_subject"]];
    // Who else has the number is known in the next run, too, though only a claim comes.
    for served in [vec![patient("1", ""), patient("2", "")], vec![patient("1", "")]] {
        payer.serve("Patient", &served);
        assert_eq!(home.run(&["sync"]).code, 2);
        assert_eq!(home.rows(held).concat(), ["by-person", "by-reference"]);
        assert!(home.rows(rejects).contains(&strangers[1].map(str::to_owned).to_vec()));
    }
    payer.serve(
        "Patient",
        &[
            patient("1", ""),
            patient("2", r#","link":[{"type":"seealso","other":{"reference":"Patient/1"}}]"#),
        ],
    );
    home.succeed(&["sync", "--full"], "two records of one person");
    assert_eq!(home.rows(held).concat(), ["by-person", "by-reference", "by-subscriber"]);
    assert_eq!(home.rows(rejects).len(), 0);
}

#[test]
fn a_full_url_leads_to_the_resource_of_its_entry() {
    let payer = Dictated::start();
    let entry =
        |url: &str, resource: &str| format!(r#"{{"fullUrl":"{url}","resource":{resource}}}"#);
    payer.serve("Patient", &[PATIENT]);
    payer.serve(
        "Coverage",
        &[
            entry("urn:uuid:0A", r#"{"resourceType":"Patient","id":"1"}"#)
                .replace("}}", r#"},"search":{"mode":"include"}}"#),
            entry("urn:uuid:0b", r#"{"resourceType":"Patient","id":"2"}"#)
                .replace("}}", r#"},"search":{"mode":"include"}}"#),
            entry("urn:uuid:1", r#"{"resourceType":"Coverage","id":"mine","beneficiary":{"reference":"urn:uuid:0a"}}"#),
            entry("urn:uuid:2", r#"{"resourceType":"Coverage","id":"hers","beneficiary":{"reference":"urn:uuid:0b"}}"#),
        ],
    );
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 2);
    let stored = "SELECT resource_type, resource_id FROM resource ORDER BY 1";
    assert_eq!(home.rows(stored), [["Coverage", "mine"], ["Patient", "1"]]);
    let rejects = "SELECT resource_id, reason FROM rejected_resource ORDER BY 1";
    assert_eq!(home.rows(rejects), [["2", "foreign_subject"], ["hers", "foreign_subject"]]);
}
