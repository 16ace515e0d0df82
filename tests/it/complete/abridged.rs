//! What came whole is not replaced by an abridged copy: one that comes along with other resources, or
//! one that says of itself that parts of it are left out.

use crate::support::{Dictated, Home};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;
const WHOLE: &str =
    r#"{"resourceType":"Coverage","id":"k1","meta":{"versionId":"3"},"subscriberId":"S1"}"#;

fn condition(more: &str) -> String {
    format!(
        r#"{{"resourceType":"Condition","id":"c1"{more},"subject":{{"reference":"Patient/1"}}}}"#
    )
}

fn subscribers(home: &Home) -> Vec<String> {
    home.rows("SELECT subscriber_number FROM coverage").concat()
}

#[test]
fn what_comes_along_does_not_replace_what_its_own_walk_has_brought() {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    payer.serve("Coverage", &[WHOLE]);
    let abridged = r#"{"fullUrl":"https://h/Coverage/k1","resource":{"resourceType":"Coverage","id":"k1"},"search":{"mode":"include"}}"#;
    payer.serve("Condition", &[condition(""), abridged.to_owned()]);
    let home = payer.home("types = [\"Patient\", \"Condition\", \"Coverage\"]\n");
    home.succeed(&["sync", "--type", "Coverage"], "the list");
    for night in [&["sync", "--type", "Condition"][..], &["sync", "--full"], &["sync"]] {
        home.succeed(night, "a Coverage comes along with a Condition");
        assert_eq!(subscribers(&home), ["S1"], "{night:?}");
    }
    // What its own walk brings replaces what is stored.
    payer.serve("Coverage", &[r#"{"resourceType":"Coverage","id":"k1","subscriberId":"S2"}"#]);
    home.succeed(&["sync", "--full"], "a change");
    assert_eq!(subscribers(&home), ["S2"]);
    home.succeed(&["verify"], "abridged");
}

#[test]
fn what_calls_itself_abridged_is_a_reject_where_all_of_it_is_stored() {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    let tag = r#","meta":{"tag":[{"code":"SUBSETTED"}]}"#;
    let code = |tag: &str| condition(&format!(r#"{tag},"code":{{"text":"whole"}}"#));
    payer.serve("Condition", &[code("")]);
    let home = payer.home("types = [\"Patient\", \"Condition\"]\n");
    home.succeed(&["sync"], "all of it");
    payer.serve("Condition", &[condition(tag)]);
    assert_eq!(home.run(&["sync", "--full"]).code, 2);
    let open = "SELECT reason FROM rejected_resource WHERE resolved_at IS NULL";
    assert_eq!(home.rows(open), [["subsetted"]]);
    assert_eq!(home.rows("SELECT code_text FROM condition"), [["whole"]]);
    payer.serve("Condition", &[code("")]);
    home.succeed(&["sync", "--full"], "all of it again");
    assert!(home.rows(open).is_empty());
    // Where nothing better is known it is taken in, and replaced by what is whole.
    let other = condition(tag).replace("c1", "c2");
    payer.serve("Condition", &[code(""), other.clone()]);
    home.succeed(&["sync", "--full"], "a new one, abridged");
    payer.serve("Condition", &[code(""), other.replace(tag, "")]);
    home.succeed(&["sync", "--full"], "and whole");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM condition"), 2);
    home.succeed(&["verify"], "abridged");
}
