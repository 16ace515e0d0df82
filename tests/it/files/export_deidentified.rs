//! `export --deidentify`: no identifier of any member is in any file, in either format, and what can be
//! counted and summed is as in the plain export.

use crate::{
    files::export::{export, manifest},
    files::export_identifiers::{Sought, assert_identifies_nobody, contents, is_pseudonym},
    files::import::put,
    support::{Home, VIEWS_DIR, definition, real_claims},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
};

#[test]
fn no_identifier_of_the_sandbox_is_in_any_file() {
    let home = Home::of_demo();
    let sought = assert_identifies_nobody(&home);
    assert!(sought.identifiers.len() > 1000 && sought.days.len() > 100);
}

#[test]
fn no_identifier_of_published_claims_is_in_any_file() {
    let Some((_server, home)) = real_claims() else { return };
    let sought = assert_identifies_nobody(&home);
    assert!(sought.identifiers.len() > 500 && sought.days.len() > 50);
}

/// A member whose every word identifies, among them in places where no sender should put it.
fn one_member() -> String {
    let patient = json!({
        "resourceType": "Patient", "id": "member-0815", "birthDate": "1931-03-04", "gender": "female",
        "name": [{"use": "official", "family": "Quibblesworth", "given": ["Zenobia"]}],
        "address": [{"line": ["7 Elm Row"], "city": "Wolcott", "state": "VT", "postalCode": "03601-1234"}],
        "identifier": [{"type": {"coding": [{"code": "MB"}]}, "value": "W0099887"}],
        "telecom": [{"system": "phone", "value": "802-555-0188"}],
    });
    let young = json!({"resourceType": "Patient", "id": "member-0816", "birthDate": "1990-03-04",
        "address": [{"postalCode": "02139", "state": "Massachusetts"},
            {"postalCode": "75001", "country": "FR"}]});
    let age = |id: &str, unit: Value, value: f64| {
        json!({"resourceType": "Observation", "id": id, "status": "final",
            "subject": {"reference": "Patient/member-0815"}, "effectiveDateTime": "2024-05-06",
            "code": {"coding": [{"system": "http://loinc.org", "code": "30525-0", "display": "Zenobia's age"}]},
            "valueQuantity": {"value": value, "unit": unit}})
    };
    let strange = json!({"resourceType": "Condition", "id": "c-1", "onsetAge": {"value": 93, "unit": "a"},
        "subject": {"reference": "Patient/member-0815", "display": "Zenobia Quibblesworth"},
        "code": {"coding": [{"system": "https://plan.example/members/W0099887", "code": "Zenobia Quibblesworth"},
            {"system": "http://snomed.info/sct", "code": "44054006"}], "text": "told by Zenobia"}});
    [patient, young, age("o-1", json!("years"), 93.0), age("o-2", Value::Null, 94.0), strange]
        .map(|one| format!("{one}\n"))
        .concat()
}

/// The cells of a column.
fn cell(folder: &Path, table: &str, column: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(folder.join(format!("{table}.csv"))).unwrap();
    let names: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_owned())
        .collect();
    let at = names.iter().position(|name| name == column).unwrap_or_else(|| panic!("{names:?}"));
    reader.records().map(|row| row.unwrap()[at].to_owned()).collect()
}

#[test]
fn each_kind_of_cell_is_treated_as_the_rule_says() {
    let home = Home::new();
    let file = put(&home, "in.ndjson", one_member());
    home.succeed(&["import", "zenobia", &file, "--dependants"], "a file");
    let sought = Sought::of(&home);
    let folder = export(&home, &["--set", "all", "--deidentify"]);
    let (cells, _) = contents(&folder);
    assert_eq!(sought.found_in(&cells), BTreeSet::new());
    let of = |table: &str, column: &str| cell(&folder, table, column);
    let earliest = manifest(&folder)["deidentification"]["earliest_year"].to_string();
    assert_eq!(of("patient", "birth_date"), [earliest.as_str(), "1990"]);
    assert_eq!(of("patient_address", "postal_code"), ["'000", "'021", ""]);
    assert_eq!(of("patient_address", "state"), ["VT", "", ""]);
    assert_eq!(of("observation", "value_quantity_value"), ["90", "90"]);
    assert_eq!(of("condition", "onset_age_value"), ["90"]);
    assert_eq!(of("observation", "effective_date_time"), ["2024", "2024"]);
    assert_eq!(of("condition_coding", "code"), ["", "44054006"]);
    assert_eq!(of("condition_coding", "system"), ["", "http://snomed.info/sct"]);
    // Joins still work.
    assert_eq!(of("patient", "id")[0], of("condition", "patient_id")[0]);
    assert!(is_pseudonym(&of("patient", "id")[0]));
    let told = manifest(&folder);
    let files = told["files"].as_array().unwrap();
    let patient = files.iter().find(|file| file["table"] == "patient").unwrap();
    let dropped = patient["dropped_columns"].as_array().unwrap();
    assert!(dropped.contains(&"family_name".into()));
    let coding = files.iter().find(|file| file["table"] == "condition_coding").unwrap();
    assert_eq!(coding["suppressed_cells"], json!({"code": 1, "system": 1}));
}

/// What a sender puts where a code, a unit, a code system or a measurement belongs.
fn misplaced() -> String {
    let of = || json!({"reference": "Patient/member-0815"});
    let observation = |id: &str, system: &str, code: &str, value: Value| {
        json!({"resourceType": "Observation", "id": id, "status": "final", "subject": of(),
            "category": [{"coding": [{"code": "laboratory",
                "system": "http://terminology.hl7.org/CodeSystem/observation-category"}]}],
            "code": {"coding": [{"system": system, "code": code}]}, "valueQuantity": value})
    };
    let quantity = |value: f64, unit: &str| json!({"value": value, "unit": unit});
    let balance = |id: &str, category: &str| {
        json!({"resourceType": "ExplanationOfBenefit", "id": id, "status": "active", "patient": of(),
            "benefitBalance": [{"category": {"coding": [{"code": category}]}, "financial": [
                {"type": {"coding": [{"code": "deductible"}]}, "usedMoney": {"value": 5, "currency": "USD"}}]}]})
    };
    let loinc = "http://loinc.org";
    let mut rows = vec![
        json!({"resourceType": "Patient", "id": "member-0815"}),
        observation("a", loinc, "2345-7", quantity(95.0, "mg/dL")),
        observation("b", "http://snomed.info/sct", "397669002", quantity(93.0, "Zyxdoe")),
        observation(
            "c",
            "http://snomed.info/sct",
            "424144002",
            quantity(94.0, "Zyxdoe-555-12-3456"),
        ),
        observation("d", loinc, "mrn", quantity(6_175_550_100.0, "617-555-0100")),
        observation("e", "http://www.cms.gov/members/M123456", "M1", quantity(5.0, "kg")),
        observation("f", "urn:oid:2.16.840.1.113883.3.123456", "M2", quantity(6.0, "kg")),
        json!({"resourceType": "Encounter", "id": "v", "status": "finished", "subject": of(),
            "class": {"display": "Zyxdoe stays"}}),
        json!({"resourceType": "Condition", "id": "text", "subject": of(),
            "category": [{"text": "Zyxdoe"}], "code": {"text": "x"},
            "onsetRange": {"low": {"value": 91}, "high": {"value": 95}}}),
        json!({"resourceType": "Condition", "id": "code", "subject": of(), "category": [{"coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/condition-category",
                "code": "problem-list-item"}]}],
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]}}),
        balance("k", "30"),
        balance("n", "Zyxdoe"),
        balance("o", "555-12-3456"),
        json!({"resourceType": "QuestionnaireResponse", "id": "q", "status": "completed",
            "subject": of(), "item": [{"linkId": "1", "answer": [{"valueDecimal": 94.5}]}]}),
    ];
    let forms =
        ["05/01/2024", "19500102", "192.168.0.1", "www.x.org/M1", "555-12-3456", "617-555-0100"];
    rows.extend(
        forms
            .iter()
            .enumerate()
            .map(|(at, form)| observation(&format!("form{at}"), loinc, form, quantity(1.0, "kg"))),
    );
    rows.iter().map(|row| format!("{row}\n")).collect()
}

#[test]
fn what_is_no_code_unit_or_measurement_is_left_out() {
    let home = Home::new();
    let file = put(&home, "in.ndjson", misplaced());
    home.succeed(&["import", "zenobia", &file], "a file");
    let folder = export(&home, &["--set", "all", "--deidentify", "--raw"]);
    for (text, place) in contents(&folder).0 {
        for told in [
            "Zyxdoe",
            "zyxdoe",
            "555",
            "M1",
            "M2",
            "05/01/2024",
            "19500102",
            "192.168.0.1",
            "x.org",
        ] {
            assert!(is_pseudonym(&text) || !text.contains(told), "{place}: {text}");
        }
    }
    let sorted = |table: &str, column: &str| {
        let mut cells = cell(&folder, table, column);
        cells.retain(|cell| !cell.is_empty());
        cells.sort();
        cells.dedup();
        cells
    };
    let number = |text: &String| text.parse::<f64>().unwrap();
    let values = sorted("observation", "value_quantity_value");
    let mut values: Vec<f64> = values.iter().map(number).collect();
    values.sort_by(f64::total_cmp);
    // Beside a unit that is none, a number may be anything: it is left out.
    assert_eq!(values, [1.0, 5.0, 6.0, 95.0]);
    assert_eq!(sorted("observation", "value_quantity_unit"), ["kg", "mg/dL"]);
    let low = sorted("condition", "onset_range_low_value");
    assert_eq!(low.iter().map(number).collect::<Vec<_>>(), [90.0]);
    let high = sorted("condition", "onset_range_high_value");
    assert_eq!(high.iter().map(number).collect::<Vec<_>>(), [90.0]);
    assert_eq!(sorted("tuva_condition", "condition_type"), ["problem-list-item"]);
    assert_eq!(sorted("tuva_condition", "source_code"), ["44054006"]);
    assert_eq!(sorted("accumulator", "benefit_category"), ["30"]);
    let dropped = |table: &str, column: &str| {
        let told = manifest(&folder);
        let file = told["files"].as_array().unwrap().iter().find(|file| file["table"] == table);
        let dropped = file.unwrap()["dropped_columns"].as_array().unwrap().clone();
        assert!(dropped.contains(&column.into()), "{table}.{column}");
    };
    dropped("tuva_encounter", "encounter_type");
    dropped("questionnaire_response_answer", "value_decimal");
    dropped("questionnaire_response_answer", "value_integer");
}

#[test]
fn a_kept_key_makes_exports_join_and_its_absence_keeps_them_apart() {
    let home = Home::new();
    let file = put(&home, "in.ndjson", one_member());
    home.succeed(&["import", "zenobia", &file, "--dependants"], "a file");
    let key = home.file("join.key");
    let ids = |more: &[&str]| {
        let folder = export(&home, &[&["patient", "--deidentify"][..], more].concat());
        cell(&folder, "patient", "id")
    };
    let kept = ["--deidentify-key", key.to_str().unwrap()];
    assert_eq!(ids(&kept), ids(&kept));
    assert_ne!(ids(&[]), ids(&[]));
    assert_ne!(ids(&kept), ids(&[]));
    fs::write(&key, "short\n").unwrap();
    let folder = home.file("export");
    let outcome =
        home.run(&[&["export", folder.to_str().unwrap(), "--deidentify"][..], &kept].concat());
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is not a key"), "{}", outcome.stderr);
}

#[test]
fn named_data_does_not_replace_a_deidentified_export() {
    let home = Home::new();
    let file = put(&home, "in.ndjson", one_member());
    home.succeed(&["import", "zenobia", &file, "--dependants"], "a file");
    let folder = export(&home, &["patient", "--deidentify"]);
    let before = fs::read(folder.join("manifest.json")).unwrap();
    let text = folder.to_str().unwrap();
    for arguments in [&["export", text, "patient"][..], &["export", text, "--format", "ndjson"]] {
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("holds a de-identified export"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("add --deidentify, or name a new folder"));
        assert_eq!(fs::read(folder.join("manifest.json")).unwrap(), before);
    }
    // The other way round, nobody learns a name.
    let named = home.file("named");
    let named = named.to_str().unwrap();
    home.succeed(&["export", named, "patient"], "a file");
    let outcome = home.run(&["export", named, "patient", "--deidentify"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("2 rows in 1 CSV file to"), "{}", outcome.stderr);
    home.succeed(&["export", text, "patient", "--deidentify"], "a de-identified export");
}

#[test]
fn shifted_dates_keep_their_distances_and_are_never_the_dates() {
    let home = Home::new();
    for member in ["a", "b", "c"] {
        let claim = json!({
            "resourceType": "ExplanationOfBenefit", "id": "e", "status": "active", "use": "claim",
            "outcome": "complete", "patient": {"reference": format!("Patient/{member}")},
            "billablePeriod": {"start": "2024-02-28", "end": "2024-03-01"}, "created": "2024-04",
        });
        let patient = json!({"resourceType": "Patient", "id": member, "birthDate": "1990-03-04"});
        let provenance = json!({
            "resourceType": "Provenance", "id": "p", "recorded": "2024-04-05T06:07:08Z",
            "target": [{"reference": format!("Patient/{member}")}],
        });
        let lines = format!("{patient}\n{claim}\n{provenance}\n");
        let file = put(&home, &format!("{member}.ndjson"), lines);
        home.succeed(&["import", member, &file], "a file");
    }
    // A key of the test's own: by chance, two of three members have one shift in 120 runs.
    let key = home.file("shifts.key");
    fs::write(&key, "k".repeat(64)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let tables = ["claim", "explanation_of_benefit", "patient", "data_freshness", "provenance"];
    let key = ["--deidentify-key", key.to_str().unwrap()];
    let arguments = ["--raw", "--deidentify", "--dates", "shifted"];
    let folder = export(&home, &[&tables[..], &arguments, &key].concat());
    let days = |column: &str| {
        let cells = cell(&folder, "claim", column);
        cells.iter().map(|day| day.parse::<chrono::NaiveDate>().unwrap()).collect::<Vec<_>>()
    };
    let (starts, ends) = (days("service_start_date"), days("service_end_date"));
    let was = chrono::NaiveDate::from_ymd_opt(2024, 2, 28).unwrap();
    for (start, end) in starts.iter().zip(&ends) {
        assert_eq!((*end - *start).num_days(), 2);
        assert!((1..=365).contains(&(was - *start).num_days()), "{start}");
    }
    // Each member has another shift, which is that of the normalised tables too.
    assert_eq!(starts.iter().collect::<BTreeSet<_>>().len(), 3, "{starts:?}");
    let sent = cell(&folder, "explanation_of_benefit", "billable_period_start");
    assert_eq!(sent, starts.iter().map(ToString::to_string).collect::<Vec<_>>());
    let created = cell(&folder, "explanation_of_benefit", "created");
    assert!(created.iter().all(|month| month.len() == 7 && month != "2024-04"), "{created:?}");
    assert_eq!(cell(&folder, "patient", "birth_date"), ["1990"; 3]);
    let told = manifest(&folder)["deidentification"]["method"].as_str().unwrap().to_owned();
    assert!(told.starts_with("not Safe Harbor"), "{told}");
    // A day of the server's or of payersync's own clock, shifted, would tell the shift.
    assert_eq!(cell(&folder, "provenance", "recorded"), ["2024"; 3]);
    let checked = cell(&folder, "data_freshness", "checked_date");
    assert!(checked.iter().all(|year| year.len() == 4), "{checked:?}");
    let told = manifest(&folder)["files"].as_array().unwrap().clone();
    let freshness = told.iter().find(|file| file["table"] == "data_freshness").unwrap();
    let dropped = freshness["dropped_columns"].as_array().unwrap();
    assert!(dropped.contains(&"days_since_complete".into()), "{dropped:?}");
}

/// What docs/deidentify.md says of the marts' columns; `PAYERSYNC_BLESS=1` writes it anew.
#[test]
fn the_page_says_what_becomes_of_each_column_of_each_mart() {
    let home = Home::new();
    let file = put(&home, "in.ndjson", one_member());
    home.succeed(&["import", "zenobia", &file, "--dependants"], "a file");
    let mut list = String::new();
    for set in ["marts", "tuva"] {
        let told = manifest(&export(&home, &["--set", set, "--deidentify"]));
        for file in told["files"].as_array().unwrap() {
            let mut by_treatment = BTreeMap::<&str, Vec<&str>>::new();
            for column in file["columns"].as_array().unwrap() {
                let treatment = column["treatment"].as_str().unwrap();
                by_treatment.entry(treatment).or_default().push(column["name"].as_str().unwrap());
            }
            let dropped = file["dropped_columns"].as_array();
            let dropped = dropped.map(|all| all.iter().filter_map(Value::as_str).collect());
            by_treatment.insert("dropped", dropped.unwrap_or_default());
            list += &format!("\n### {}\n\n", file["table"].as_str().unwrap());
            for (treatment, columns) in by_treatment.iter().filter(|(_, all)| !all.is_empty()) {
                list += &format!("- {treatment}: {}\n", columns.join(", "));
            }
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/deidentify.md");
    let page = fs::read_to_string(path).unwrap();
    let (words, stands) = page.split_once(HEADING).unwrap();
    if std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1") {
        return fs::write(path, format!("{words}{HEADING}{list}")).unwrap();
    }
    assert!(stands == list, "docs/deidentify.md is not current, PAYERSYNC_BLESS=1 writes it");
}

/// What the list of columns begins with.
const HEADING: &str = "## Marts, column by column\n";

#[test]
fn a_view_of_ones_own_is_left_out_until_it_declares_columns_safe() {
    let home = Home::new();
    fs::write(home.file("payersync.toml"), VIEWS_DIR).unwrap();
    home.own_view("own.json", &definition("own", "Patient", "gender"));
    let file = put(&home, "in.ndjson", one_member());
    home.succeed(&["import", "zenobia", &file, "--dependants"], "a file");
    let folder = home.file("export");
    let arguments = ["export", folder.to_str().unwrap(), "--deidentify", "--set", "tables"];
    let outcome = home.run(&arguments);
    assert!(outcome.stderr.contains("mark no column as safe: own"), "{}", outcome.stderr);
    assert!(!folder.join("own.csv").exists());
    let named = home.run(&["export", folder.to_str().unwrap(), "own", "--deidentify"]);
    assert_eq!(named.code, 1, "{}", named.stderr);
    let tag = |value: &str| {
        let mut view: Value =
            serde_json::from_str(&definition("own", "Patient", "gender")).unwrap();
        for column in view["select"][0]["column"].as_array_mut().unwrap() {
            if column["name"] == "found" {
                column["tag"] = json!([{"name": "payersync/deidentify", "value": value}]);
            }
        }
        home.own_view("own.json", &view.to_string());
        home.run(&["rebuild"]);
        home.run(&["export", folder.to_str().unwrap(), "own", "--deidentify"])
    };
    let outcome = tag("keep");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(cell(&folder, "own", "found"), ["female", ""]);
    let outcome = tag("all");
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("unknown value all"), "{}", outcome.stderr);
}

#[test]
fn resources_as_they_came_cannot_be_deidentified() {
    let home = Home::new();
    let file = put(&home, "in.ndjson", one_member());
    home.succeed(&["import", "zenobia", &file, "--dependants"], "a file");
    let folder = home.file("export");
    let folder = folder.to_str().unwrap();
    let outcome = home.run(&["export", folder, "--format", "ndjson", "--deidentify"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("names and all"), "{}", outcome.stderr);
    let tuva = ["--set", "tuva", "--deidentify", "--dates", "shifted"];
    for lonely in [&["--dates", "shifted"][..], &["--deidentify-key", "k"], &tuva] {
        assert_eq!(home.run(&[&["export", folder][..], lonely].concat()).code, 1);
    }
}
