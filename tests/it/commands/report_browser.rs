//! Pages of `report` in Chromium: on large and small screens, light, dark and on paper, with axe.

use crate::{
    files::import::put,
    support::{Home, chromium_and_axe},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// A word without a place to break it, as German has them.
const LONG: &str =
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
const KINDS: [(&str, &str, &str); 3] = [
    ("professional", "http://www.ama-assn.org/go/cpt", "99213"),
    ("pharmacy", "http://hl7.org/fhir/sid/ndc", "00093721410"),
    ("institutional", "https://www.nubc.org/CodeSystem/RevenueCodes", "0450"),
];
const TESTS: [&str; 4] = ["2345-7", "4548-4", "2160-0", "718-7"];

/// So many members, each with so many years of a coverage, claims, laboratory results and fills.
fn records(members: usize, years: usize, claims_a_year: usize) -> String {
    let mut lines = Vec::new();
    for member in 0..members {
        let of = json!({"reference": format!("Patient/p{member}")});
        lines.push(
            json!({"resourceType": "Patient", "id": format!("p{member}"), "gender": "female",
            "birthDate": format!("19{}-03-04", 40 + member % 60),
            "name": [{"family": format!("{LONG}{member}"), "given": ["Hildegard-Annemarie"]}]}),
        );
        for year in (0..years).map(|back| 2026 - back) {
            lines.push(json!({"resourceType": "Coverage", "id": format!("c{member}-{year}"), "status": "active",
                "beneficiary": of, "period": {"start": format!("{year}-01-01"), "end": format!("{year}-12-31")},
                "payor": [{"display": format!("Krankenkasse {LONG}")}],
                "class": [{"type": {"coding": [{"code": "plan"}]}, "value": "1", "name": LONG}]}));
            for at in 0..claims_a_year {
                lines.push(claim(member, year, at, &of));
            }
            for (at, test) in TESTS.iter().enumerate() {
                lines.push(json!({"resourceType": "Observation", "id": format!("o{member}-{year}-{at}"),
                    "status": "final", "subject": of, "effectiveDateTime": format!("{year}-0{}-15", at + 1),
                    "category": [{"coding": [{"code": "laboratory",
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category"}]}],
                    "code": {"coding": [{"system": "http://loinc.org", "code": test, "display": LONG}]},
                    "valueQuantity": {"value": 4 + (year + at) % 5, "unit": "mmol/L"},
                    "referenceRange": [{"low": {"value": 4}, "high": {"value": 6}}]}));
            }
            for at in 1..=4 {
                lines.push(json!({"resourceType": "MedicationDispense", "id": format!("d{member}-{year}-{at}"),
                    "status": "completed", "subject": of, "quantity": {"value": 30},
                    "whenHandedOver": format!("{year}-0{}-03", at * 2), "daysSupply": {"value": 30, "unit": "d"},
                    "medicationCodeableConcept": {"coding": [{"code": "860975", "display": LONG,
                        "system": "http://www.nlm.nih.gov/research/umls/rxnorm"}]}}));
            }
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn claim(member: usize, year: usize, at: usize, of: &Value) -> Value {
    let (kind, system, code) = KINDS[at % KINDS.len()];
    let day = format!("{year}-{:02}-{:02}", at % 12 + 1, at % 27 + 1);
    let amount = |category: &str, value: f64| {
        json!({"category": {"coding": [{"code": category,
            "system": "http://terminology.hl7.org/CodeSystem/adjudication"}]},
            "amount": {"value": value, "currency": "USD"}})
    };
    json!({"resourceType": "ExplanationOfBenefit", "id": format!("e{member}-{year}-{at}"), "status": "active",
        "use": "claim", "outcome": "complete", "patient": of, "created": day,
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": kind}]},
        "billablePeriod": {"start": day, "end": day}, "insurer": {"display": LONG},
        "provider": {"display": format!("Universitätsklinikum {LONG}")},
        "insurance": [{"focal": true, "coverage": {"reference": format!("Coverage/c{member}-{year}")}}],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": {"coding": [
            {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9", "display": LONG}]}}],
        "item": [{"sequence": 1, "servicedDate": day,
            "productOrService": {"coding": [{"system": system, "code": code, "display": LONG}]},
            "adjudication": [amount("submitted", 1_234_567.5), amount("benefit", 100.25 * (at + 1) as f64),
                amount("deductible", 12.5), amount("copay", 10.0)]}]})
}

/// Writes the page of a home.
fn page(home: &Home, name: &str) -> String {
    let file = home.file(name);
    home.succeed(&["report", file.to_str().unwrap()], "what was stored");
    file.to_str().unwrap().to_owned()
}

fn home_of(records: String) -> Home {
    let home = Home::new();
    let file = put(&home, "in.ndjson", records);
    home.succeed(&["import", "files", &file, "--dependants"], "a file");
    home
}

#[test]
fn chromium_and_axe_find_nothing_wrong_with_any_page() {
    let Some((chromium, modules)) = chromium_and_axe() else { return };
    let nobody =
        "{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"nobody\"}\n".to_owned();
    let bare = "{\"resourceType\":\"Patient\",\"id\":\"p\"}\n".to_owned();
    let demo = Home::of_demo();
    for (name, home) in [
        ("empty.html", home_of(nobody)),
        ("bare.html", home_of(bare)),
        ("ten-years.html", home_of(records(1, 10, 40))),
        ("members.html", home_of(records(4, 2, 6))),
        ("demo.html", demo),
    ] {
        nothing_is_wrong(&page(&home, name), &chromium, &modules);
    }
}

/// Chromium shows it in every width and colour, and axe finds nothing.
fn nothing_is_wrong(page: &str, chromium: &Path, modules: &Path) {
    let output = Command::new("node")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/report_check.mjs"))
        .args([modules, chromium])
        .arg(page)
        .output()
        .unwrap();
    assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{page}");
}

#[test]
fn a_page_of_two_hundred_members_stays_small_and_nothing_is_wrong_with_it() {
    let home = home_of(records(200, 3, 10));
    let page = page(&home, "members.html");
    let html = fs::read_to_string(&page).unwrap();
    assert_eq!(html.matches("<article ").count(), 200);
    assert_eq!(html.matches("<details class=\"claim\">").count(), 2_000);
    assert!(html.contains("The latest 10 are shown."));
    assert!(html.len() < 10_000_000, "{} bytes", html.len());
    let Some((chromium, modules)) = chromium_and_axe() else { return };
    // Axe looks at each element with every other: with fewer claims that takes seconds, not minutes.
    let home = home_of(records(200, 1, 1));
    nothing_is_wrong(&self::page(&home, "members.html"), &chromium, &modules);
}

#[cfg(unix)]
#[test]
fn the_browser_that_shows_a_page_inherits_no_secret() {
    use std::os::unix::fs::PermissionsExt;
    let home = home_of(records(1, 1, 1));
    let (program, note) = (home.file("browser"), home.file("note"));
    let told = note.display();
    let script = format!("#!/bin/sh\n{{ echo \"$@\"; env; }} > {told}.new\nmv {told}.new {told}\n");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let file = home.file("report.html");
    let mut command = home.command(&["report", file.to_str().unwrap(), "--open"]);
    command.env("BROWSER", &program).env("LC_ALL", "C");
    let secrets = [
        ("PAYERSYNC_VAULT_KEY", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
        ("AWS_SECRET_ACCESS_KEY", "a-cloud-secret-of-tests"),
    ];
    let output = command.envs(secrets).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let until = Instant::now() + Duration::from_secs(20);
    while !note.exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let note = fs::read_to_string(note).unwrap();
    for (name, secret) in secrets {
        assert!(!note.contains(name) && !note.contains(secret), "{note}");
    }
    let (words, environment) = note.split_once('\n').unwrap();
    assert!(words.starts_with("file://") && words.ends_with("/report.html"), "{words}");
    assert!(environment.contains("LC_ALL=C"), "{environment}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // What a page was before stays whole until the new one is there, and no part of it is left.
    let parts = home.names().into_iter().filter(|name| name.contains(".partial")).count();
    assert_eq!(parts, 0);
}
