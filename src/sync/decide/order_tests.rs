//! Tests of a walk order: its queries, and the patient's id in its searches.

use super::*;
use crate::outcome::WalkKind;

fn url(query: &str) -> Url {
    Url::parse(&format!("https://api.x.test/r4/{query}")).unwrap()
}

fn part(query: &str) -> Part {
    let start = url(&format!("Goal?{query}"));
    Part { query: query.to_owned(), start, alone: "alone".to_owned(), is_granted: false }
}

fn attempt(query: &str) -> Attempt {
    Attempt {
        start: url(query),
        parts: vec![part("a={patient}")],
        proved_for: "another".to_owned(),
        note: None,
        names_patient: false,
        after_nothing: false,
        after: &[400],
        after_untold: &[],
    }
}

fn order(start: &str) -> WalkOrder {
    WalkOrder {
        resource_type: "Goal".to_owned(),
        required: false,
        listed_before: false,
        anew: false,
        from: WalkFrom::Start,
        start: url(start),
        window: None,
        parts: Vec::new(),
        can_ask_for_changes: false,
        otherwise: Vec::new(),
        note: None,
        beside: None,
        totals: Totals::Unknown,
        extent: Extent::default(),
        proved_for: "this".to_owned(),
    }
}

fn since(query: &str) -> WalkFrom {
    WalkFrom::Since(Increment { since: DateTime::UNIX_EPOCH, url: url(query), probe: true })
}

#[test]
fn a_type_that_is_left_again_is_one_that_nobody_asked_for() {
    let step = |state, reason| Step::Skip {
        resource_type: "Goal".to_owned(),
        finish: WalkFinish::not_walked(state, reason, String::new()),
    };
    let left = ["Goal".to_owned()];
    assert!(step(WalkState::Skipped, Reason::NotAsked).is_left_again(&left));
    assert!(!step(WalkState::Skipped, Reason::NotAsked).is_left_again(&["Media".to_owned()]));
    assert!(!step(WalkState::Skipped, Reason::NotGranted).is_left_again(&left));
    assert!(!step(WalkState::Incomplete, Reason::NotAsked).is_left_again(&left));
    assert!(!Step::Walk(Box::new(order("Goal"))).is_left_again(&left));
}

#[test]
fn the_queries_of_an_order_are_what_its_searches_say_beside_the_page_size() {
    let of_parts = WalkOrder { parts: vec![part("a=1"), part("b=2")], ..order("Goal") };
    assert_eq!(of_parts.queries(), ["a=1", "b=2"]);
    for (start, expected) in [
        ("Goal?_count=10", &[][..]),
        ("Goal?patient=7&_count=10&status=active", &["patient=7&status=active"]),
        ("Patient/7/$everything?_type=Goal", &["$everything"]),
    ] {
        assert_eq!(order(start).queries(), expected, "{start}");
    }
}

#[test]
fn every_search_of_an_order_names_the_patient_or_there_is_no_order() {
    let anonymous = WalkOrder {
        from: since("Goal?patient={patient}&_lastUpdated=ge1970"),
        beside: Some(Box::new(since("Goal?subject={patient}"))),
        parts: vec![part("c={patient}"), part("d=1")],
        otherwise: vec![attempt("Goal?e={patient}"), attempt("Goal")],
        ..order("Goal?patient={patient}")
    };
    let expected = WalkOrder {
        start: url("Goal?patient=7"),
        from: since("Goal?patient=7&_lastUpdated=ge1970"),
        beside: Some(Box::new(since("Goal?subject=7"))),
        parts: vec![
            Part { start: url("Goal?c=7"), ..part("c={patient}") },
            Part { start: url("Goal?d=1"), ..part("d=1") },
        ],
        otherwise: ["Goal?e=7", "Goal"]
            .map(|start| Attempt {
                start: url(start),
                parts: vec![Part { start: url("Goal?a=7"), ..part("a={patient}") }],
                ..attempt(start)
            })
            .to_vec(),
        ..anonymous.clone()
    };
    assert_eq!(anonymous.for_patient(Some("7")), Some(expected));
    assert_eq!(anonymous.for_patient(None), None);
    for one in [
        order("Goal?patient={patient}"),
        WalkOrder { from: since("Goal?patient={patient}"), ..order("Goal") },
        WalkOrder { beside: Some(Box::new(since("Goal?patient={patient}"))), ..order("Goal") },
        WalkOrder { parts: vec![part("a={patient}")], ..order("Goal") },
    ] {
        assert_eq!(one.for_patient(None), None, "{one:?}");
    }
    // Another search may still work.
    let otherwise = WalkOrder { otherwise: vec![attempt("Goal")], ..order("Goal") };
    let without = WalkOrder { otherwise: Vec::new(), ..otherwise.clone() };
    assert_eq!(otherwise.for_patient(None), Some(without));
}

#[test]
fn a_cursor_is_of_an_order_that_is_made_with_the_same() {
    let cursor = |proved_for: Option<&str>| Cursor {
        resource_type: "Goal".to_owned(),
        kind: WalkKind::Full,
        walk_id: 1,
        next_url: "https://api.x.test/r4/Goal?_after=30".to_owned(),
        pages: 3,
        resources_seen: 30,
        walk_started_at: "2026-01-01T00:00:00.000Z".to_owned(),
        since: None,
        failures: 0,
        proved_for: proved_for.map(str::to_owned),
        tally: Default::default(),
    };
    let order = order("Goal");
    assert!(order.is_of(&cursor(Some("this"))));
    assert!(!order.is_of(&cursor(Some("another"))) && !order.is_of(&cursor(None)));
}
