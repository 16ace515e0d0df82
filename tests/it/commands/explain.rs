//! `explain`: from a cell to the bytes, versions, run and walk that it came by.

use crate::{
    files::import::{bundle, import, put},
    support::Home,
};
use serde_json::Value;
use std::fs;

/// A patient, written as no writer of JSON would, so that an offset is one of these bytes.
fn patient(gender: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient" ,"id":"p1", "multipleBirthInteger" : 2,
            "name":[{{"family":"<b>\u001b[31mÖ\u202eevil","given":["A"]}}],"gender": "{gender}",
            "contact":[{{"gender":"other"}}]}}"#
    )
}

fn explained(home: &Home, arguments: &[&str]) -> Value {
    let outcome = home.run(&[&["explain", "--json"], arguments].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn refused(home: &Home, arguments: &[&str]) -> String {
    let outcome = home.run(&[&["explain"], arguments].concat());
    assert_eq!((outcome.code, &*outcome.stdout), (1, ""), "{}", outcome.stderr);
    outcome.stderr
}

fn home() -> Home {
    let home = Home::new();
    for (name, gender) in [("first", "male"), ("first", "female"), ("second", "male")] {
        let file = put(&home, &format!("{name}.json"), bundle("collection", &[patient(gender)]));
        assert_eq!(import(&home, name, &file).code, 0);
    }
    home
}

#[test]
fn a_cell_leads_to_its_bytes_its_versions_and_its_run() {
    let home = home();
    let told = explained(&home, &["patient", "Patient/p1", "gender"]);
    let stored = patient("female");
    let place = &told["place"];
    let start = place["offset"].as_u64().unwrap() as usize;
    let length = place["length"].as_u64().unwrap() as usize;
    assert_eq!(&stored[start..start + length], "female");
    assert_eq!((&place["element"], &place["alike"]), (&"gender".into(), &0.into()));
    assert_eq!(told["cells"][0]["value"], "female");
    assert_eq!(told["cells"][0]["path"], "gender");
    // Both connections have the resource; the first is explained.
    assert_eq!(told["row_count"], 2);
    assert_eq!(told["rows"][1]["connection"], "second");
    assert_eq!(told["rows"][1]["value"], "male");
    let resource = &told["resources"][0];
    assert_eq!(resource["connection"], "first");
    assert_eq!(resource["version"]["value"], "\"female\"");
    assert_eq!(resource["earlier"][0]["value"], "\"male\"");
    let run: i64 = home.value(
        "SELECT run_id FROM sync_walk WHERE id = (SELECT walk_id FROM resource
           WHERE resource_id = 'p1' AND json LIKE '%female%')",
    );
    assert_eq!(resource["walk"]["run_id"], run);
    assert_eq!(resource["walk"]["command"], "import");
    assert!(resource["walk"]["asked"].as_str().unwrap().ends_with("first.json"));
    let other = explained(&home, &["patient", "p1", "gender", "--connection", "second"]);
    assert_eq!((&other["row_count"], &other["cells"][0]["value"]), (&1.into(), &"male".into()));

    // A number is not borrowed from the bytes, and is found by its name.
    let told = explained(&home, &["PATIENT", "p1", "multiple_birth_integer"]);
    assert_eq!(told["place"]["element"], "multipleBirthInteger");
    let start = told["place"]["offset"].as_u64().unwrap() as usize;
    assert_eq!(&stored[start..=start], "2");
    let nothing = explained(&home, &["patient", "p1", "birth_date"]);
    assert!(nothing["place"].is_null() && nothing["cells"][0]["value"].is_null());
    assert!(
        nothing["notes"][0].as_str().unwrap().starts_with("The resource has no value at the path")
    );
    // Without a column, what the row holds.
    let all = explained(&home, &["patient", "p1"]);
    let cells = all["cells"].as_array().unwrap();
    assert!(cells.len() > 2 && cells.iter().all(|cell| !cell["value"].is_null()));
}

#[test]
fn rows_that_match_are_listed_with_what_tells_them_apart() {
    let home = home();
    let outcome = home.run(&["explain", "patient", "p1", "birth_date"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let line = |start: &str| {
        let lines = outcome.stdout.lines().map(|line| line.trim_matches(['│', ' ']));
        let found: Vec<&str> = lines.filter(|line| line.starts_with(start)).collect();
        assert!(!found.is_empty(), "{start}: {}", outcome.stdout);
        found[0].to_owned()
    };
    let header = line("connection");
    assert!(header.contains("gender") && header.contains("birth_date"), "{header}");
    assert!(line("first").contains("female") && line("second").contains("male"));
    // A word that is longer than a line, such as the path of a file, stands alone.
    let is_short = |line: &str| line.chars().count() <= 80 || !line.trim().contains(' ');
    assert!(outcome.stdout.lines().all(is_short), "{}", outcome.stdout);
    let told = explained(&home, &["patient", "p1", "birth_date"]);
    assert_eq!(told["rows"][1]["distinct"][0]["column"], "gender");
    let told = explained(&home, &["member", "p1", "gender"]);
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.contains("are in ") && note.contains("patient"), "{note}");
}

#[test]
fn a_row_of_a_mart_leads_to_the_resources_that_it_names() {
    let home = home();
    let told = explained(&home, &["member", "p1", "gender"]);
    assert_eq!((&told["kind"], &told["key_column"]), (&"mart".into(), &"patient_id".into()));
    assert_eq!(told["cells"][0]["description"], "administrative gender");
    assert!(told["computed_from"].as_array().unwrap().contains(&"patient".into()));
    assert_eq!(told["resources"][0]["resource_id"], "p1");
    assert_eq!(told["resources"][0]["by"], "patient_id");
    assert_eq!(told["resources"].as_array().unwrap().len(), 1, "of this row's connection alone");
}

#[test]
fn what_is_not_there_is_said_with_what_may_have_been_meant() {
    let home = home();
    assert!(refused(&home, &["patint", "p1"]).contains("did you mean patient?"));
    let column = refused(&home, &["patient", "p1", "birthdate"]);
    assert!(column.contains("did you mean birth_date?"), "{column}");
    assert!(refused(&home, &["member", "p1", "genders"]).contains("did you mean gender?"));
    assert!(refused(&home, &["patient", "nobody"]).contains("no Patient with this id is stored"));
    assert!(refused(&home, &["member", "nobody"]).contains("looked for in member_id, patient_id"));
    assert!(refused(&home, &["patient", "p1", "--row", "9"]).contains("no row 9"));
    let connection = refused(&home, &["patient", "p1", "--connection", "third"]);
    assert!(connection.contains("known connections: first, second"), "{connection}");
    let file =
        put(&home, "bad.json", r#"{"resourceType":"Patient","id":"bad","name":7,"gender":[1,2]}"#);
    import(&home, "first", &file);
    let rejects: i64 =
        home.value("SELECT count(*) FROM rejected_resource WHERE resource_id = 'bad'");
    let bad = home.run(&["explain", "patient", "bad"]);
    assert_eq!(rejects > 0, bad.stderr.contains("it is in quarantine"), "{}", bad.stderr);
    fs::remove_file(home.file("warehouse.db")).unwrap();
    assert_eq!(home.run(&["explain", "patient", "p1"]).code, 1);
}

#[test]
fn a_terminal_is_shown_what_it_would_obey() {
    let home = home();
    let mut command = home.command(&["explain", "patient_name", "p1", "family"]);
    command.env("PAGER", "cat");
    let screen = crate::support::at_terminal(command, 80, 60);
    assert_eq!(screen.code, 0, "{}", screen.text());
    assert!(!screen.text().contains(['\u{1b}', '\u{202e}']), "{}", screen.text());
    assert!(screen.text().contains("evil"), "{}", screen.text());
}

/// Marts whose rows name no record by an id of its own: their keys, and what they lead to.
#[test]
fn a_change_a_freshness_and_a_provider_lead_to_what_they_stand_on() {
    let home = Home::of_demo();
    let run: i64 = home.value("SELECT min(run_id) FROM changes");
    let told = explained(&home, &["changes", &run.to_string()]);
    assert_eq!(told["key_column"], "run_id");
    let all: i64 = home.value(&format!("SELECT count(*) FROM changes WHERE run_id = {run}"));
    assert!(all > 50, "{all}");
    assert_eq!((&told["row_count"], told["rows"].as_array().unwrap().len()), (&all.into(), 50));
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.starts_with(&format!("Noticed by run {run}: ")), "{note}");
    let cell = |told: &Value, name: &str| {
        let cells = told["cells"].as_array().unwrap();
        cells.iter().find(|cell| cell["column"] == name).map(|cell| cell["value"].clone())
    };
    // The type is the row's own: ids of two types may be the same.
    let resource = &told["resources"][0];
    assert_eq!(Some(&resource["resource_type"]), cell(&told, "resource_type").as_ref());
    assert_eq!(Some(&resource["resource_id"]), cell(&told, "resource_id").as_ref());
    let last = explained(&home, &["changes", &run.to_string(), "--row", &(all - 1).to_string()]);
    assert_eq!(last["row"], all - 1);
    assert!(refused(&home, &["changes", "1", "--row", &all.to_string()]).contains("no row"));
    let named: String =
        home.value("SELECT resource_id FROM changes WHERE resource_type = 'Coverage' LIMIT 1");
    assert_eq!(explained(&home, &["changes", &named])["key_column"], "resource_id");

    let name: String = home.value("SELECT min(name) FROM connection");
    let told = explained(&home, &["data_freshness", "Coverage", "--connection", &name]);
    assert_eq!((&told["key_column"], &told["row_count"]), (&"resource_type".into(), &1.into()));
    let computed_from = told["computed_from"].as_array().unwrap();
    assert!(computed_from.contains(&"completeness".into()), "{computed_from:?}");
    let walk: i64 = home.value(&format!(
        "SELECT max(w.id) FROM sync_walk AS w JOIN connection AS c ON c.id = w.connection_id
         WHERE c.name = '{name}' AND w.resource_type = 'Coverage'"
    ));
    let note = told["notes"][0].as_str().unwrap();
    assert!(note.starts_with(&format!("Last walk: walk {walk} of run ")), "{note}");
    assert_eq!(explained(&home, &["data_freshness", &name])["key_column"], "connection_name");

    let npi: String = home.value("SELECT npi FROM provider_npi WHERE provider_count > 0 LIMIT 1");
    let told = explained(&home, &["provider_npi", &npi]);
    let resource = &told["resources"][0];
    assert_eq!((&told["key_column"], &resource["by"]), (&"npi".into(), &"npi".into()));
    let kind = resource["resource_type"].as_str().unwrap();
    assert!(["Organization", "Practitioner"].contains(&kind), "{kind}");
    let claimed: String = home.value("SELECT npi FROM provider_npi WHERE claim_count > 0 LIMIT 1");
    let told = explained(&home, &["provider_npi", &claimed]);
    let types = told["resources"].as_array().unwrap().iter().map(|one| &one["resource_type"]);
    assert!(types.clone().any(|kind| kind == "ExplanationOfBenefit"), "{told}");
}
