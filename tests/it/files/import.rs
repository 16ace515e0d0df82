//! `payersync import`: what files hold is in the same tables, quarantine and ledger as what plans send.

use crate::support::{CANARY_BYTES, Home, Outcome, Watched, sightings};
use flate2::{Compression, write::GzEncoder};
use std::{collections::HashSet, fs, io::Write, path::PathBuf, process::Stdio, slice::from_ref};

/// A member with a coverage and a condition, as their bytes.
pub(crate) fn member(id: &str) -> [String; 3] {
    [
        format!(r#"{{"resourceType":"Patient", "id":"{id}", "gender" : "female"}}"#),
        format!(
            r#"{{"resourceType":"Coverage","id":"cov-{id}","status":"active",
            "beneficiary":{{"reference":"Patient/{id}"}},"payor":[{{"display":"Acme"}}]}}"#
        ),
        format!(
            r#"{{"resourceType":"Condition","id":"con-{id}","subject":{{"reference":"Patient/{id}"}},
            "code":{{"text":"caf\u00e9"}} , "x": 1.50}}"#
        ),
    ]
}

pub(crate) fn bundle(kind: &str, resources: &[String]) -> String {
    let entries: Vec<String> =
        resources.iter().map(|resource| format!("{{\"resource\":{resource}}}")).collect();
    let entries = entries.join(",");
    format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{entries}]}}"#)
}

/// One resource per line.
pub(crate) fn ndjson(resources: &[String]) -> String {
    resources.iter().map(|resource| resource.replace('\n', " ") + "\n").collect()
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub(crate) fn put(home: &Home, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path: PathBuf = home.file(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn import(home: &Home, name: &str, file: &str) -> Outcome {
    home.run(&["import", name, file])
}

pub(crate) fn stored(home: &Home) -> Vec<String> {
    home.rows("SELECT json FROM resource WHERE deleted_at IS NULL ORDER BY json").concat()
}

/// Resources in the order in which [`stored`] tells them.
pub(crate) fn sorted(resources: &[String]) -> Vec<String> {
    let mut resources = resources.to_vec();
    resources.sort();
    resources
}

#[test]
fn every_shape_of_file_fills_the_same_tables_with_the_very_bytes_and_again_writes_nothing() {
    let [patient, coverage, condition] = member("p");
    let all = [patient.clone(), coverage.clone(), condition.clone()];
    let lines: Vec<String> = all.iter().map(|one| one.replace('\n', " ")).collect();
    let shapes: [(&str, Vec<u8>, &[String]); 10] = [
        ("collection.json", bundle("collection", &all).into(), &all),
        ("searchset.json", bundle("searchset", &all).into(), &all),
        ("transaction.fhir", bundle("transaction", &all).into(), &all),
        ("nested.json", bundle("batch-response", &[bundle("searchset", &all)]).into(), &all),
        ("bom.json", format!("\u{feff}{}", bundle("document", &all)).into(), &all),
        ("array.json", format!(" [ {} ]\n", all.join(" , ")).into(), &all),
        ("lines.ndjson", ndjson(&all).into(), &lines),
        ("lines.txt", format!("\u{feff}{}", ndjson(&all)).into(), &lines),
        ("lines.ndjson.gz", gzipped(&ndjson(&all)), &lines),
        (
            "portal.zip",
            zipped(&[
                ("export/Condition.ndjson", &ndjson(from_ref(&condition))),
                ("export/readme.pdf", "%PDF"),
                ("export/rest.json", &bundle("collection", from_ref(&coverage))),
                ("export/Patient.json", &patient),
            ]),
            &[patient.clone(), coverage.clone(), lines[2].clone()],
        ),
    ];
    for (name, bytes, expected) in shapes {
        let home = Home::new();
        let file = put(&home, &format!("files/{name}"), bytes);
        let first = import(&home, "mary", &file);
        assert_eq!(first.code, 0, "{name}: {}", first.stderr);
        assert_eq!(stored(&home), sorted(expected), "{name}");
        assert_eq!(home.rows("SELECT gender FROM patient"), [["female"]]);
        assert_eq!(home.rows("SELECT patient_id FROM condition"), [["p"]]);
        let walks = "SELECT DISTINCT mode, state FROM sync_walk";
        assert_eq!(home.rows(walks), [["file", "complete"]], "{name}");
        let again = import(&home, "mary", &file);
        assert_eq!(again.code, 0, "{name}: {}", again.stderr);
        assert!(again.stderr.contains("(3 unchanged)"), "{}", again.stderr);
        assert!(again.stderr.contains(" 0 rows written"), "{name}: {}", again.stderr);
        home.succeed(&["verify"], name);
    }
}

#[test]
fn a_folder_and_standard_input_are_read_like_the_files_in_them() {
    let home = Home::new();
    let [patient, coverage, condition] = member("p");
    // By name the Patient comes last; it tells whose data the rest must be.
    put(&home, "export/deep/a.ndjson", ndjson(from_ref(&condition)));
    put(&home, "export/deep/patient.json", &patient);
    put(&home, "export/b.json", &coverage);
    put(&home, "export/.hidden.json", "{");
    put(&home, "export/notes.txt", "call back");
    let folder = home.file("export");
    let first = import(&home, "mary", folder.to_str().unwrap());
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(first.stderr.contains("Complete: 3 files, 3 types complete"), "{}", first.stderr);
    let mut child = home
        .command(&["import", "mary", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = ndjson(&[patient, coverage, condition]);
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource"), 3);
}

#[test]
fn a_second_file_adds_and_what_it_lacks_is_not_gone() {
    let home = Home::new();
    let [patient, coverage, condition] = member("p");
    let one = put(&home, "one.json", bundle("collection", &[patient.clone(), coverage.clone()]));
    let other = put(&home, "other.json", bundle("collection", from_ref(&condition)));
    for file in [&one, &other, &one, &other] {
        let outcome = import(&home, "mary", file);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }
    assert_eq!(stored(&home), sorted(&[patient, coverage, condition]));
    assert_eq!(home.value::<i64>("SELECT count(*) FROM absent_resource"), 0);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource_version"), 0);
    assert_eq!(home.rows("SELECT member_id FROM member").len(), 1);
}

#[test]
fn versions_without_a_date_do_not_change_places_with_every_import() {
    let home = Home::new();
    let patient =
        |gender: &str| format!(r#"{{"resourceType":"Patient","id":"p","gender":"{gender}"}}"#);
    let folder = home.file("files");
    put(&home, "files/a.json", patient("male"));
    // The same again, written in another way.
    put(&home, "files/a2.json", patient("male").replace(':', " :\n "));
    put(&home, "files/b.json", patient("female"));
    for again in [false, true, true] {
        let outcome = import(&home, "mary", folder.to_str().unwrap());
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert_eq!(outcome.stderr.contains(" 0 rows written"), again, "{}", outcome.stderr);
        assert_eq!(home.rows("SELECT gender FROM patient"), [["female"]]);
        assert_eq!(home.value::<i64>("SELECT count(*) FROM resource_version"), 1);
    }
    home.succeed(&["verify"], "three imports");
}

#[test]
fn of_versions_with_and_without_a_date_the_newest_stands_and_none_changes_places_again() {
    let version = |meta: &str, text: &str| {
        let meta = if meta.is_empty() { String::new() } else { format!(r#""meta":{{{meta}}},"#) };
        format!(r#"{{"resourceType":"Patient","id":"p",{meta}"language":"{text}"}}"#)
    };
    let date = |year: u16| format!(r#""lastUpdated":"{year}-01-01T00:00:00Z""#);
    let (older, newer) = (version(&date(2020), "older"), version(&date(2025), "newer"));
    let (undated, numbered) = (version("", "undated"), version(r#""versionId":"9""#, "numbered"));
    let all = [&older, &newer, &undated, &numbered];
    // In every order of four.
    for order in 0..24_usize {
        let mut left = all.to_vec();
        let picked: Vec<&String> =
            [order / 6, order / 2 % 3, order % 2, 0].map(|next| left.remove(next)).to_vec();
        let home = Home::new();
        for (position, resource) in picked.iter().enumerate() {
            put(&home, &format!("files/{position}.json"), resource.as_bytes());
        }
        let folder = home.file("files").to_str().unwrap().to_owned();
        let first = import(&home, "c", &folder);
        assert_eq!(first.code, 0, "{order}: {}", first.stderr);
        assert_eq!(stored(&home), from_ref(&newer), "{order}");
        let again = import(&home, "c", &folder);
        assert!(again.stderr.contains(" 0 rows written"), "{order}: {}", again.stderr);
        let kept: i64 = home.value("SELECT count(*) FROM resource_version");
        assert_eq!(kept, 3, "{order}");
    }
}

#[test]
fn another_file_of_the_same_name_settles_no_reject() {
    let home = Home::new();
    let [patient, coverage, _] = member("p");
    let condition = |id: &str| member(id)[2].replace(&format!("Patient/{id}"), "Patient/p");
    let without_id = coverage.replace(r#""id":"cov-p","#, "");
    let lines = |resources: &[&str]| {
        ndjson(&resources.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    };
    let import = |text: String| {
        let file = put(&home, "month.ndjson", text);
        import(&home, "mary", &file).code
    };
    let open = "SELECT count(*) FROM rejected_resource WHERE resolved_at IS NULL";
    let (a, b) = (condition("a"), condition("b"));
    let january = [patient.as_str(), coverage.as_str(), a.as_str()];
    assert_eq!(import(lines(&january) + &lines(&[without_id.as_str(), "{}"])), 2);
    assert_eq!(home.value::<i64>(open), 2);
    // All files of a member have the Patient.
    assert_eq!(import(lines(&[patient.as_str(), b.as_str()])), 2);
    assert_eq!(home.value::<i64>(open), 2);
    assert_eq!(import(lines(&january)), 0);
    assert_eq!(home.value::<i64>(open), 0);
}

#[test]
fn another_persons_resources_are_quarantined_unless_the_files_are_about_dependants() {
    let home = Home::new();
    let both = [member("p"), member("q")].concat();
    let file = put(&home, "family.json", bundle("collection", &both));
    let first = import(&home, "mary", &file);
    assert_eq!(first.code, 2, "{}", first.stderr);
    assert!(first.stderr.contains("import them with --dependants"), "{}", first.stderr);
    assert_eq!(stored(&home), sorted(&member("p")));
    assert_eq!(home.rows("SELECT patient_id FROM connection"), [["p"]]);
    let rejects = "SELECT DISTINCT reason, file FROM rejected_resource WHERE resolved_at IS NULL";
    assert_eq!(home.rows(rejects), [["foreign_subject", file.as_str()]]);
    let body = "SELECT body FROM rejected_resource ORDER BY body";
    assert_eq!(home.rows(body).concat(), sorted(&member("q")));
    let whole = home.run(&["import", "mary", &file, "--dependants"]);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    assert_eq!(stored(&home), sorted(&both));
    assert_eq!(home.rows(rejects), Vec::<Vec<String>>::new());
}

#[test]
fn references_within_a_bundle_tell_whose_its_resources_are() {
    let home = Home::new();
    let entry = |urn: &str, resource: &str| {
        format!("{{\"fullUrl\":\"urn:uuid:{urn}\",\"resource\":{resource}}}")
    };
    let of = |urn: &str, id: &str| {
        format!(
            r#"{{"resourceType":"Goal","id":"{id}","subject":{{"reference":"urn:uuid:{urn}"}}}}"#
        )
    };
    let text = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{},{},{},{}]}}"#,
        entry("3", &of("1", "mine")),
        entry("1", r#"{"resourceType":"Patient","id":"p"}"#),
        entry("2", r#"{"resourceType":"Patient","id":"q"}"#),
        entry("4", &of("2", "theirs")),
    );
    let file = put(&home, "bundle.json", text);
    assert_eq!(import(&home, "mary", &file).code, 2);
    let ids = "SELECT resource_id FROM resource ORDER BY 1";
    assert_eq!(home.rows(ids).concat(), ["mine", "p"]);
    let rejects = "SELECT resource_id, reason FROM rejected_resource ORDER BY 1";
    assert_eq!(home.rows(rejects), [["q", "foreign_subject"], ["theirs", "foreign_subject"]]);
}

#[test]
fn absolute_references_lead_to_the_server_that_the_files_came_from() {
    let goal = r#"{"resourceType":"Goal","id":"g","subject":{"reference":"https://h.example/r4/Patient/p"}}"#;
    let patient = r#"{"resourceType":"Patient","id":"p"}"#;
    let lines = format!("{patient}\n{goal}\n");
    let unknown = Home::new();
    let file = put(&unknown, "lines.ndjson", &lines);
    assert_eq!(import(&unknown, "mary", &file).code, 2);
    let rejects = "SELECT reason FROM rejected_resource WHERE resolved_at IS NULL";
    assert_eq!(unknown.rows(rejects), [["subject_elsewhere"]]);
    let based = unknown.run(&["import", "mary", &file, "--base", "https://h.example/r4"]);
    assert_eq!(based.code, 0, "{}", based.stderr);
    assert_eq!(unknown.rows("SELECT patient_id FROM goal"), [["p"]]);
    // A Bundle's fullUrls tell it by themselves.
    let told = Home::new();
    let text = format!(
        r#"{{"resourceType":"Bundle","entry":[{{"fullUrl":"https://h.example/r4/Patient/p",
        "resource":{patient}}},{{"resource":{goal}}}]}}"#
    );
    let file = put(&told, "bundle.json", text);
    assert_eq!(import(&told, "mary", &file).code, 0);
    assert_eq!(told.rows("SELECT patient_id FROM goal"), [["p"]]);
    told.succeed(&["verify"], "an import");
}

#[test]
fn a_killed_import_is_finished_by_the_same_command() {
    let resources: Vec<String> = std::iter::once(member("p")[0].clone())
        .chain((0..6000).map(|number| {
            format!(
                r#"{{"resourceType":"Observation","id":"o{number}","status":"final",
                "subject":{{"reference":"Patient/p"}},"code":{{"text":"weight"}}}}"#
            )
        }))
        .collect();
    let (calm, wild) = (Home::new(), Home::new());
    let file = put(&calm, "files/all.ndjson", ndjson(&resources));
    assert_eq!(import(&calm, "mary", &file).code, 0);
    for until in [1, 1000, 2500] {
        let mut run = Watched::start(&wild, &["import", "mary", &file]);
        let stored = || {
            let made = "SELECT count(*) FROM sqlite_schema WHERE name = 'completeness'";
            wild.file("warehouse.db").exists()
                && wild.value::<i64>(made) == 1
                && wild.value::<i64>("SELECT count(*) FROM resource") >= until
        };
        assert!(run.until(stored), "it ended before {until} were stored");
        run.kill();
    }
    let last = import(&wild, "mary", &file);
    assert_eq!(last.code, 0, "{}", last.stderr);
    assert_eq!(stored(&wild), stored(&calm));
    for table in ["patient", "observation", "observation_coding", "member"] {
        let rows = format!("SELECT * FROM {table} ORDER BY 1, 2, 3");
        assert_eq!(wild.rows(&rows), calm.rows(&rows), "{table}");
    }
    let walks = "SELECT state, reason FROM completeness WHERE resource_type = 'Observation'";
    assert_eq!(wild.rows(walks), [["complete", ""]]);
    wild.succeed(&["verify"], "kills");
}

#[test]
fn a_purged_import_leaves_no_byte_and_the_backup_before_it_holds_all() {
    let home = Home::new();
    let canary = "canary-words";
    assert_eq!(canary.len(), CANARY_BYTES);
    let patient =
        format!(r#"{{"resourceType":"Patient","id":"p","name":[{{"family":"{canary}"}}]}}"#);
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("portal.json");
    fs::write(&file, &patient).unwrap();
    assert_eq!(import(&home, "mary", file.to_str().unwrap()).code, 0);
    let copy = outside.path().join("copy.db");
    home.succeed(&["backup", copy.to_str().unwrap()], "an import");
    let restored = Home::new();
    restored.succeed(&["restore", copy.to_str().unwrap()], "a backup");
    assert_eq!(stored(&restored), [patient]);
    let purged = home.run(&["purge", "mary", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(purged.stdout.contains(" 0 left"), "{}", purged.stdout);
    let canaries = HashSet::from([canary.as_bytes().to_vec()]);
    assert!(!sightings(outside.path(), &canaries).is_empty());
    assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new());
}
