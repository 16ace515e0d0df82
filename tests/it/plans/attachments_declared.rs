//! Files of another hash or size than their resources declare, and answers that are no file.

use super::attachments::{File, Plan, SHA1_OF_HASHED, completeness, states};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn a_file_that_is_not_as_declared_is_stored_and_told_until_it_is() {
    let plan = Plan::start();
    let with = |id: &str, more: Value| {
        let mut attachment = json!({"contentType": "text/plain", "url": format!("Binary/{id}")});
        attachment.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        plan.document(id, attachment);
        plan.text(id, "hashed");
    };
    with("right", json!({"hash": SHA1_OF_HASHED, "size": 6}));
    with("other-hash", json!({"hash": "c2hhMQ==", "size": 6}));
    with("larger", json!({"size": 5}));
    // The hash says that nothing was cut off.
    with("wrong-size", json!({"hash": SHA1_OF_HASHED, "size": 7}));
    let inline =
        |hash: &str| json!({"contentType": "text/plain", "data": "aGFzaGVk", "hash": hash});
    plan.document("inline", inline("c2hhMQ=="));
    let home = plan.home("");
    home.succeed(&["sync"], "files that differ are stored all the same");
    let mut expected: BTreeMap<String, String> = [
        ("right", "stored"),
        ("other-hash", "stored hash_differs"),
        ("larger", "stored size_differs"),
        ("wrong-size", "stored size_differs"),
        ("inline", "stored hash_differs"),
    ]
    .map(|(id, state)| (id.to_owned(), state.to_owned()))
    .into();
    assert_eq!(states(&home), expected);
    let [_, state, told] = &completeness(&home)[..] else { panic!() };
    assert_eq!(state, "complete");
    let both =
        "5 attachments stored: 2 with another hash than declared, 2 of another size than declared";
    assert_eq!(told, both);
    // A hash that was wrong does not vouch for the file when its resource changes.
    plan.asked();
    with("other-hash", json!({"hash": "c2hhMQ==", "size": 6, "title": "2"}));
    with("right", json!({"hash": SHA1_OF_HASHED, "size": 6, "title": "2"}));
    plan.document("inline", inline(SHA1_OF_HASHED));
    home.succeed(&["sync"], "resources changed");
    assert_eq!(plan.asked(), ["other-hash"]);
    expected.insert("inline".to_owned(), "stored".to_owned());
    assert_eq!(states(&home), expected);
    // The same bytes, and what is declared of them is right at last.
    with("other-hash", json!({"hash": SHA1_OF_HASHED, "size": 6}));
    home.succeed(&["sync"], "a hash was mended");
    expected.insert("other-hash".to_owned(), "stored".to_owned());
    assert_eq!(states(&home), expected);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM attachment"), 5, "no history of the same");
    home.succeed(&["verify"], "declared hashes");
}

#[test]
fn an_error_or_a_login_page_is_not_stored_as_the_file_and_is_asked_for_again() {
    let plan = Plan::start();
    let json = "200 OK\r\nContent-Type: application/fhir+json";
    let html = "200 OK\r\nContent-Type: text/html";
    let answer = |id: &str, declared: Option<&str>, head: &'static str, body: &str| {
        let url = format!("Binary/{id}");
        plan.document(id, json!({"contentType": declared, "url": url}));
        plan.file(id, File::Answer(head, body.into()));
    };
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error"}]}"#;
    answer("outcome", None, json, outcome);
    answer("declared", Some("application/fhir+json"), json, outcome);
    answer("empty", None, json, r#"{"resourceType":"Binary","contentType":"text/plain"}"#);
    let wrapped = r#"{"resourceType":"Binary","contentType":"text/plain","data":"aGk="}"#;
    answer("wrapped", None, "200 OK\r\nContent-Type: application/octet-stream", wrapped);
    answer("login", None, html, "<html>log in</html>");
    answer("letter", Some("text/html"), html, "<html>a letter</html>");
    answer("bundle", Some("application/fhir+json"), json, r#"{"resourceType":"Bundle"}"#);
    let home = plan.home("");
    assert_eq!(home.run(&["sync"]).code, 2);
    let mut expected: BTreeMap<String, String> = [
        ("outcome", "pending another_type"),
        ("declared", "pending another_type"),
        ("empty", "pending another_type"),
        ("login", "pending another_type"),
        ("letter", "stored"),
        ("wrapped", "stored"),
        ("bundle", "stored"),
    ]
    .map(|(id, state)| (id.to_owned(), state.to_owned()))
    .into();
    assert_eq!(states(&home), expected);
    for id in ["outcome", "declared", "empty", "login"] {
        plan.file(id, File::Answer("200 OK\r\nContent-Type: application/pdf", "%PDF-".into()));
        expected.insert(id.to_owned(), "stored".to_owned());
    }
    // What is declared stays declared.
    plan.file("declared", File::Answer(json, r#"{"resourceType":"Bundle"}"#.into()));
    home.succeed(&["sync"], "the plan has the files at last");
    assert_eq!(states(&home), expected);
}
