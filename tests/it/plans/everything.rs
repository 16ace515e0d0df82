//! `search = "everything"`: types out of a Patient's `$everything`.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;

const TYPES: &str = "types = [\"Patient\", \"Coverage\", \"ExplanationOfBenefit\"]\n\
    patient_from = \"userinfo\"\npage_size = 0\n\
    search = { Patient = \"everything\", Coverage = \"everything\", ExplanationOfBenefit = \"everything\" }\n";

fn live(home: &Home) -> i64 {
    home.value("SELECT count(*) FROM resource WHERE deleted_at IS NULL")
}

#[test]
fn everything_of_a_patient_is_walked_and_what_is_gone_is_proved_to_be() {
    let like = "cigna".parse().unwrap();
    let payer = Payer::start(Options { like, claims_per_member: 12, ..Options::default() });
    let home = payer.connected_home_with(TYPES);
    // The token answer names nobody, and no search was made to find out.
    let patient: String = home.value("SELECT patient_id FROM connection");
    assert_eq!(patient, payer.patient_id(0));
    home.succeed(&["sync"], "a consent");
    let all: usize = payer.types().iter().map(|name| payer.resources(0, name).len()).sum();
    assert_eq!(live(&home), all as i64);
    let asked: Vec<String> = payer
        .requests()
        .iter()
        .filter(|request| request.path.contains("/Patient/") && request.status == 200)
        .map(|request| request.query.clone())
        .collect();
    let mut expected = ["_type=Patient", "_type=Coverage", "_type=ExplanationOfBenefit"];
    expected.sort_unstable();
    let mut sorted = asked.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    // What came along has its line in the ledger, once.
    let along = "SELECT resource_type, state, reason, resources > 0 FROM completeness
                 WHERE resource_type IN ('Location', 'Practitioner')";
    assert_eq!(
        home.rows(along),
        ["Location", "Practitioner"].map(|name| [name, "skipped", "not_asked", "1"])
    );
    // Gone: a claim, whose type is walked, and a place, whose type only came along.
    let id_of = |name: &str| {
        let text = payer.resources(0, name).pop().unwrap();
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        parsed["id"].as_str().unwrap().to_owned()
    };
    let (claim, place) = (id_of("ExplanationOfBenefit"), id_of("Location"));
    assert!(payer.withdraw(0, "ExplanationOfBenefit", &claim));
    assert!(payer.withdraw(0, "Location", &place));
    home.succeed(&["sync"], "a claim and a place went");
    let gone = home.rows("SELECT resource_type FROM resource WHERE deleted_at IS NOT NULL");
    assert_eq!(gone.concat(), ["ExplanationOfBenefit"]);
    // Changed: what is walked and what came along.
    let coverage = id_of("Coverage");
    let practitioner = id_of("Practitioner");
    assert!(payer.amend(0, "Coverage", &coverage));
    assert!(payer.amend(0, "Practitioner", &practitioner));
    home.succeed(&["sync"], "two changes");
    let changed = "SELECT resource_type FROM resource
                   WHERE json LIKE '%x-amended-1%' ORDER BY resource_type";
    assert_eq!(home.rows(changed).concat(), ["Coverage", "Practitioner"]);
    let third = home.run(&["sync"]);
    assert_eq!(third.code, 0, "{}", third.stderr);
    assert!(third.stderr.contains(" 0 rows written"), "{}", third.stderr);
    let lines = "SELECT count(*) FROM sync_walk WHERE resource_type = 'Location'";
    assert_eq!(home.value::<i64>(lines), 1);
    let plan = home.run(&["plan"]).stdout;
    assert!(plan.contains("$everything"), "{plan}");
}

#[test]
fn a_plan_without_that_operation_is_incomplete_and_nothing_is_lost() {
    let payer = Payer::small();
    let home = payer.connected_home_with("");
    home.succeed(&["sync"], "bare searches");
    let before = live(&home);
    let search = "search = { Coverage = \"everything\" }\n";
    payer.configure(&home, search);
    let synced = home.run(&["sync"]);
    assert_eq!(synced.code, 2, "{}", synced.stderr);
    assert_eq!(live(&home), before);
    let state = home.rows("SELECT state FROM completeness WHERE resource_type = 'Coverage'");
    assert_eq!(state.concat(), ["incomplete"]);
}
