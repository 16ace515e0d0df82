//! Definitions without a warehouse, through the real binary.

use crate::support::{Home, Outcome};
use std::{io::Write, process::Stdio};

const DEFINITION: &str = r#"{"resourceType":"ViewDefinition","name":"amounts","resource":"Claim",
"select":[{"column":[{"name":"id","path":"getResourceKey()","type":"id"},
{"name":"total","path":"total.value","type":"decimal"},
{"name":"ok","path":"status = 'active'","type":"boolean"},
{"name":"notes","path":"note.text","type":"string","collection":true}]}]}"#;

const LINES: &str = concat!(
    r#"{"resourceType":"Claim","id":"b","status":"active","total":{"value":25.00},"note":[{"text":"x"},{"text":"y \"z\""}]}"#,
    "\n\n",
    r#"{"resourceType":"Patient","id":"p"}"#,
    "\n",
    r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Claim","id":"a","total":{"value":1E-22}}}]}"#,
    "\n"
);

fn run(home: &Home, arguments: &[&str], input: &str) -> Outcome {
    let mut child = home
        .command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn definition(home: &Home, name: &str, text: &str) -> String {
    let path = home.file(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn rows_come_in_order_with_the_text_of_their_numbers() {
    let home = Home::new();
    let file = definition(&home, "v.json", DEFINITION);
    let rows = run(&home, &["views", "run", &file, "--input", "-"], LINES);
    assert_eq!((rows.code, rows.stderr.as_str()), (0, ""));
    assert_eq!(
        rows.stdout,
        concat!(
            r#"{"id":"b","total":25.00,"ok":true,"notes":["x","y \"z\""]}"#,
            "\n",
            r#"{"id":"a","total":1E-22,"ok":null,"notes":[]}"#,
            "\n"
        )
    );
    let csv = run(&home, &["views", "run", &file, "--input", "-", "--format", "csv"], LINES);
    assert_eq!(
        csv.stdout,
        "id,total,ok,notes\nb,25.00,true,\"[\"\"x\"\",\"\"y \\\"\"z\\\"\"\"\"]\"\na,1E-22,,[]\n"
    );
}

#[test]
fn rows_of_several_views_say_whose_they_are() {
    let home = Home::new();
    let file = definition(&home, "v.json", DEFINITION);
    let rows = run(&home, &["views", "run", &file, &file, "--input", "-"], LINES);
    assert_eq!(rows.stdout.lines().count(), 4);
    assert!(rows.stdout.lines().all(|line| line.starts_with(r#"{"view":"amounts","id":"#)));
    let csv = run(&home, &["views", "run", &file, &file, "--input", "-", "--format", "csv"], "");
    assert_eq!(csv.code, 1);
}

#[test]
fn a_column_that_would_stand_there_twice_is_refused_and_alone_it_is_none() {
    let home = Home::new();
    let text = crate::support::definition("own", "Patient", "gender").replace("found", "view");
    let (one, own) =
        (definition(&home, "one.json", DEFINITION), definition(&home, "own.json", &text));
    let refused = run(&home, &["views", "run", &one, &own, "--input", "-"], "");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("view own has a column named view"), "{}", refused.stderr);
    let patient = r#"{"resourceType":"Patient","id":"p","gender":"other"}"#;
    let alone = run(&home, &["views", "run", &own, "--input", "-"], patient);
    assert_eq!(alone.stdout, "{\"id\":\"p\",\"view\":\"other\"}\n");
}

#[test]
fn what_a_view_cannot_take_is_told_by_its_line_and_never_by_its_values() {
    let home = Home::new();
    let strict = DEFINITION.replace(",\"collection\":true", "");
    let file = definition(&home, "v.json", &strict);
    let input = format!("{LINES}not json of Mary Miller\n{{\"id\":\"Mary\"}}\n");
    let rows = run(&home, &["views", "run", &file, "--input", "-"], &input);
    assert_eq!(rows.code, 2);
    assert_eq!(rows.stdout.lines().count(), 1, "{}", rows.stdout);
    let told: Vec<&str> = rows.stderr.lines().collect();
    assert_eq!(told.len(), 3, "{told:?}");
    for (line, number) in told.iter().zip([1, 5, 6]) {
        assert!(line.starts_with(&format!("rejected: line {number}: ")), "{line}");
    }
    assert!(!rows.stderr.contains("Mary"), "{}", rows.stderr);
}

#[test]
fn a_check_shows_the_place_the_expression_and_what_to_do() {
    let home = Home::new();
    let file = definition(&home, "v.json", &DEFINITION.replace("note.text", "note.texxt(1)"));
    let checked = home.run(&["views", "check", &file]);
    assert_eq!(checked.code, 1, "{}", checked.stdout);
    assert!(checked.stdout.starts_with(&format!("{file}:5:")), "{}", checked.stdout);
    assert!(checked.stdout.contains("note.texxt(1)") && checked.stdout.contains('^'));
    let misspelt = definition(&home, "w.json", &DEFINITION.replace("\"column\"", "\"columns\""));
    assert_eq!(home.run(&["views", "check", &misspelt]).code, 1);
    let missing = home.run(&["views", "check", "nowhere.json"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("hint:"), "{}", missing.stderr);
}

#[test]
fn every_shipped_definition_passes_the_check() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/views")).unwrap();
    let files: Vec<String> =
        folder.map(|file| file.unwrap().path().display().to_string()).collect();
    let mut arguments = vec!["views", "check"];
    arguments.extend(files.iter().map(String::as_str));
    let checked = Home::new().run(&arguments);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert!(!checked.stdout.contains("warning"), "{}", checked.stdout);
}

/// Small published cases: a definition, its input, and the rows that it must give. `"#12.50"` in
/// place of a value stands for a number with that very text.
#[test]
fn published_cases_beside_the_standard_give_their_rows() {
    let Some(folder) = crate::support::shared("cases/views") else { return };
    let home = Home::new();
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let view = entry.unwrap().path().display().to_string();
        let Some(case) = view.strip_suffix(".view.json") else { continue };
        let input = format!("{case}.ndjson");
        let rows = home.run(&["views", "run", &view, "--input", &input, "--format", "ndjson"]);
        assert_eq!((rows.code, rows.stderr.as_str()), (0, ""), "{case}");
        let want: Vec<serde_json::Value> =
            serde_json::from_str(&std::fs::read_to_string(format!("{case}.want.json")).unwrap())
                .unwrap();
        let want = want.iter().map(|row| {
            let text = row.to_string();
            let pieces: Vec<&str> = text.split("\"#").collect();
            let (first, numbers) = pieces.split_first().unwrap();
            numbers
                .iter()
                .fold((*first).to_owned(), |text, piece| text + &piece.replacen('"', "", 1))
        });
        let want: Vec<String> = want.collect();
        assert_eq!(rows.stdout.lines().collect::<Vec<_>>(), want, "{case}");
        cases += 1;
    }
    assert!(cases >= 5, "only {cases} cases");
}
