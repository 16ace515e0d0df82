//! `import --attachments`: files within the files.

use super::import::{bundle, import, member, put};
use crate::support::{Home, Outcome, Payer};
use serde_json::{Value, json};

/// "inline" in base64.
const INLINE: &str = "aW5saW5l";
/// "a scan" in base64, and its SHA-1.
const SCAN: (&str, &str) = ("YSBzY2Fu", "9vgYgct7RbmQsfiLO0GQcGaK8mA=");

fn document(id: &str, attachments: Value) -> String {
    let attachments = attachments.as_array().unwrap().iter();
    let content: Vec<Value> = attachments.map(|it| json!({ "attachment": it })).collect();
    json!({"resourceType": "DocumentReference", "id": id, "content": content,
        "subject": {"reference": "Patient/p"}})
    .to_string()
}

fn binary(id: &str, data: &str) -> String {
    json!({"resourceType": "Binary", "id": id, "contentType": "text/plain", "data": data})
        .to_string()
}

fn with_attachments(home: &Home, file: &str) -> Outcome {
    home.run(&["import", "files", file, "--attachments"])
}

/// Id, position, state with reason, and bytes as text, of what stands.
fn states(home: &Home) -> Vec<String> {
    home.rows(
        "SELECT resource_id || ' ' || position || ' ' || state || coalesce(' ' || reason, '')
           || coalesce(': ' || CAST(bytes AS TEXT), '')
         FROM attachment WHERE replaced_at IS NULL ORDER BY resource_type, resource_id, position",
    )
    .concat()
}

fn warning(home: &Home) -> String {
    let sql = "SELECT mode || ' ' || state || ' ' || coalesce(detail, warning, '')
               FROM completeness WHERE resource_type = 'Attachment'";
    home.value(sql)
}

#[test]
fn what_files_carry_and_hold_is_stored_and_the_rest_is_told_until_a_file_brings_it() {
    let home = Home::new();
    let [patient, ..] = member("p");
    let report = json!({"resourceType": "DiagnosticReport", "id": "r",
        "subject": {"reference": "Patient/p"},
        "presentedForm": [{"contentType": "text/plain", "data": INLINE, "hash": "c2hhMQ=="}]});
    let attachments = json!([
        {"contentType": "text/plain", "data": INLINE, "size": 6},
        {"url": "Binary/scan", "hash": SCAN.1},
        {"url": "Binary/later"},
        {"url": "https://portal.example/files/7"},
        {"url": "urn:uuid:0c1a"},
        {"data": "%"}
    ]);
    let all = [
        patient,
        document("d", attachments),
        report.to_string(),
        binary("scan", SCAN.0),
        binary("0c1a", SCAN.0),
    ];
    let file = put(&home, "portal.json", bundle("collection", &all));
    let without = import(&home, "files", &file);
    assert_eq!(without.code, 0, "{}", without.stderr);
    assert_eq!(states(&home).len(), 0, "attachments are off");
    let first = with_attachments(&home, &file);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let mut expected = vec![
        "0c1a 0 stored: a scan",
        "scan 0 stored: a scan",
        "r 0 stored hash_differs: inline",
        "d 0 stored: inline",
        "d 1 stored: a scan",
        "d 2 missing not_in_files",
        "d 3 missing not_in_files",
        "d 4 stored: a scan",
        "d 5 missing not_base64",
    ];
    assert_eq!(states(&home), expected);
    assert_eq!(
        warning(&home),
        "attachment complete 3 of 9 attachments not stored: 1 in text that is not base64, \
         2 that the files do not hold; stored: 1 with another hash than declared"
    );
    let before: String = home.value("SELECT group_concat(tried_at || id) FROM attachment");
    let again = import(&home, "files", &file);
    assert!(again.stderr.contains(" 0 rows written"), "{}", again.stderr);
    let after: String = home.value("SELECT group_concat(tried_at || id) FROM attachment");
    assert_eq!(after, before, "again the same file writes nothing");
    // A later file brings what the first named; the connection has attachments, so they stay on.
    let file = put(&home, "later.ndjson", binary("later", INLINE));
    let later = import(&home, "files", &file);
    assert_eq!(later.code, 0, "{}", later.stderr);
    expected.insert(1, "later 0 stored: inline");
    expected[6] = "d 2 stored: inline";
    assert_eq!(states(&home), expected);
    let status = home.run(&["status", "--all", "--max-age", "1h"]);
    assert_eq!(status.code, 0, "{}", status.stdout);
    home.succeed(&["verify"], "attachments of files");
    home.succeed(&["purge", "files", "--yes"], "attachments of files");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM attachment"), 0);
}

#[test]
fn a_file_too_large_is_told_and_taken_once_the_limit_allows_it() {
    let home = Home::new();
    let large = "YWJj".repeat(400_000);
    // The second attachment is stored at once; the first must not be forgotten beside it.
    let both = document("e", json!([{"data": large}, {"data": INLINE}]));
    let all = [binary("large", &large), document("d", json!([{"url": "Binary/large"}])), both];
    let limit = |mebibytes: u32| {
        let text = format!("[sync]\nattachment_max_mebibytes = {mebibytes}\n");
        std::fs::write(home.file("payersync.toml"), text).unwrap();
    };
    limit(1);
    let file = put(&home, "large.json", bundle("collection", &all));
    let told = with_attachments(&home, &file);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let too_large = ["large 0", "d 0", "e 0"].map(|it| format!("{it} missing too_large"));
    assert_eq!(states(&home), [&too_large[..], &["e 1 stored: inline".to_owned()]].concat());
    limit(2);
    with_attachments(&home, &file);
    let stored: i64 = home.value("SELECT count(*) FROM attachment WHERE size = 1200000");
    assert_eq!(stored, 3);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM attachment"), 4);
}

#[test]
fn a_plans_connection_gets_the_attachments_of_a_file_with_its_next_sync() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&["sync"], "the plan's own data");
    let patient: String = home.value("SELECT id FROM patient");
    let name: String = home.value("SELECT name FROM connection");
    let text = document("of-a-file", json!([{"contentType": "text/plain", "data": INLINE}]));
    let file = put(&home, "one.json", text.replace("Patient/p", &format!("Patient/{patient}")));
    let refused = home.run(&["import", &name, &file, "--attachments"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("set attachments = true in the plan's section"));
    payer.configure(&home, "attachments = true\n");
    home.succeed(&["import", &name, &file], "a file beside a plan");
    home.succeed(&["sync"], "attachments are on");
    let stored: String =
        home.value("SELECT CAST(bytes AS TEXT) FROM attachment WHERE resource_id = 'of-a-file'");
    assert_eq!(stored, "inline");
}
