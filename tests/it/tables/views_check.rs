//! What `views check` says: each mistake at its place, and what is sound but surprises.

use crate::support::{Home, definition};

fn check(text: &str) -> (String, i32, String) {
    let home = Home::new();
    let path = home.file("own.json");
    std::fs::write(&path, text).unwrap();
    let file = path.display().to_string();
    let checked = home.run(&["views", "check", &file]);
    (file, checked.code, checked.stdout)
}

#[test]
fn every_mistake_is_told_at_its_place_in_one_go() {
    let text = "{\n \"resource\": \"Patient\", \"name\": \"p\",\n \"select\": [{\"column\": [\n  \
                {\"name\": \"c d\", \"path\": \"id\"},\n  \
                {\"name\": \"a\", \"path\": \"name.given.upper()\"},\n  \
                {\"name\": \"b\", \"path\": \"birthDate +\"}]}]\n}";
    let (file, code, told) = check(text);
    assert_eq!(code, 1);
    for expected in [
        format!("{file}:5:37: error: function upper() is not supported\n"),
        "  name.given.upper()\n             ^\nhint: functions are where, ".to_owned(),
        format!("{file}:6:37: error: the expression ends too early\n"),
        format!("{file}:4:12: error: `c d` is not a valid name\n"),
    ] {
        assert!(told.contains(&expected), "{expected}\n--\n{told}");
    }
    assert!(!told.contains(": ok"), "{told}");
}

#[test]
fn what_is_no_json_is_told_at_its_place() {
    let (file, code, told) = check("{\n  \"select\": 7\n}");
    assert_eq!(code, 1);
    assert!(told.starts_with(&format!("{file}:2:13: error: not a ViewDefinition: ")), "{told}");
}

#[test]
fn what_the_warehouse_would_refuse_is_a_warning() {
    let warned = |text: &str, expected: &str| {
        let (file, code, told) = check(text);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains(": warning: ") && told.contains(expected), "{expected}\n--\n{told}");
        assert!(told.ends_with(&format!("{file}: ok\n")), "{told}");
    };
    let plain = definition("own", "Patient", "gender");
    warned(&plain, "the view has no description");
    warned(&plain, "2 columns have no description");
    warned(&plain.replace("getResourceKey()", "id"), "no column has the path getResourceKey()");
    warned(&plain.replace("\"found\"", "\"row_no\""), "connection_id and row_no are added");
    warned(&plain.replace("\"found\"", "\"ID\""), "only in upper and lower case");
    warned(&plain.replace("own", "sync_run"), "its name is taken by a table of payersync itself");
    warned(&plain.replace("own", "patient"), "payersync has a table or mart patient of its own");
    warned(&plain.replace("own", "json_each"), "taken by a table of SQLite's own");
    warned(&plain.replace("own", "claim_line"), "table or mart claim_line of its own");
    warned(&plain.replace("gender", "name.first().given"), "`given` can repeat");
}

#[test]
fn a_name_that_fhir_does_not_have_is_told_with_the_one_that_was_meant() {
    let plain = definition("own", "Patient", "gender");
    for (text, expected) in [
        (
            plain.replace("gender", "birthdate"),
            "warning: FHIR R4 has no element birthdate in Patient\nhint: did you mean birthDate?",
        ),
        (
            plain.replace("Patient", "Pateint"),
            "warning: FHIR R4 has no resource type Pateint\nhint: did you mean Patient?",
        ),
    ] {
        let (_, code, told) = check(&text);
        assert_eq!(code, 0, "{told}");
        assert!(told.contains(expected), "{expected}\n--\n{told}");
    }
}
