//! Extreme numbers, dates, lengths and links, through everything that reads a page: nothing panics, and
//! no calculation with an accepted value overflows.

use super::{Bundle, Capability, Outcome, Pager, instant, left_out_of_self_link};
use crate::fingerprint::{fingerprint, same_content};
use chrono::Duration;
use proptest::prelude::*;
use url::Url;

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1.5",
    "1e400",
    "-1e400",
    "1E-999999999",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "NaN",
    "-Infinity",
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
];

const DATES: &[&str] = &[
    "-262143-01-01",
    "-262143-01-01T00:00:00",
    "-262143-01-01T00:00:00+14:00",
    "+262142-12-31",
    "+262142-12-31T23:59:59.999999999-23:59",
    "0000-00-00",
    "0001-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:60-14:00",
    "2016-12-31T23:59:60Z",
    "2016-12-31T24:00:00Z",
    "2016-02-30",
    "2016",
    "1",
    "",
    "\u{661}\u{669}-01-01",
];

const LINKS: &[&str] = &[
    "",
    "?",
    "#",
    "//",
    "http://",
    "http://[",
    "http://x.test:99999/",
    "http://x.test:0/",
    "https://x.test/r4/Coverage?_count=99999999999999999999",
    "?patient=&patient:=&%=%&\u{0}",
    "data:,",
];

/// A JSON value, also in spellings that are not JSON.
fn value() -> impl Strategy<Value = String> {
    let text = |text: &str| serde_json::to_string(text).unwrap();
    prop_oneof![
        4 => proptest::sample::select(NUMBERS).prop_map(str::to_owned),
        4 => proptest::sample::select(NUMBERS).prop_map(text),
        4 => proptest::sample::select(DATES).prop_map(text),
        2 => proptest::sample::select(LINKS).prop_map(text),
        1 => (0..200_000_usize).prop_map(move |length| text(&"9".repeat(length))),
        1 => (0..300_usize).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
        1 => any::<String>().prop_map(move |any| text(&any)),
        1 => Just("null".to_owned()),
        1 => Just("{}".to_owned()),
        1 => Just("\"\\ud800\"".to_owned()),
        1 => Just("\"\t\"".to_owned()),
    ]
}

fn read(body: &[u8], header: &str) {
    let url = Url::parse("https://x.test/r4/Coverage?patient=1&_count=10").unwrap();
    let _ = Outcome::parse(body).map(|outcome| {
        (outcome.to_string(), outcome.words(), outcome.is_failure(), outcome.is_transient())
    });
    let _ = Capability::parse(body).map(|capability| capability.searches("Coverage"));
    let Ok(bundle) = Bundle::index(body) else { return };
    assert!(bundle.total.is_none_or(|total| i64::try_from(total).is_ok()));
    let mut pager = Pager::new(&url, &[]).unwrap();
    for bundle in [&bundle, &Bundle::read(body, Some(header)).unwrap()] {
        if let Ok(Some(next)) = pager.follow(&url, &bundle.next) {
            assert_eq!(next.origin(), url.origin());
        }
        if let Ok(Some(last)) = pager.last(&url, bundle) {
            assert_eq!(last.url.origin(), url.origin());
        }
    }
    if let Some(link) = &bundle.self_link {
        left_out_of_self_link(&url, link);
    }
    let mut known = Vec::new();
    for entry in &bundle.entries {
        let Some(json) = entry.resource.clone().map(|range| &body[range]) else { continue };
        let Ok(found) = fingerprint(json) else { continue };
        if let Some(date) = found.last_updated.as_deref().and_then(instant) {
            // The code adds and subtracts days for overlaps and clock differences, and years for retention.
            let range = date - Duration::days(400 * 365)..date + Duration::days(400 * 365);
            assert!(range.contains(&date));
        }
        known.push((found, json));
    }
    for (ours, json) in &known {
        for (theirs, other) in &known {
            let is_older = ours.version().is_older_than(&theirs.version());
            assert!(!(is_older && theirs.version().is_older_than(&ours.version())));
            same_content(json, other);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_a_server_sends_is_out_of_reach(
        values in proptest::collection::vec(value(), 16),
        header in any::<String>(),
    ) {
        let [total, relation, next, own, id, version, date, other_version, other_date, odd, severity,
            code, words, name, mode, kind] = values.as_slice() else { unreachable!() };
        let meta = |version: &str, date: &str| {
            format!(r#""meta":{{"versionId":{version},"lastUpdated":{date}}}"#)
        };
        let (meta, other) = (meta(version, date), meta(other_version, other_date));
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"searchset","total":{total},"link":[
            {{"relation":"next","url":{next}}},{{"relation":"self","url":{own}}},
            {{"relation":{relation},"url":{next}}}],"entry":[
            {{"resource":{{"resourceType":"Coverage","id":"1",{meta},"x":{odd}}}}},
            {{"resource":{{"resourceType":"Coverage","id":"1",{other}}},"search":{{"mode":{mode}}}}},
            {{"resource":{{"resourceType":"Coverage","id":{id},"meta":{odd}}}}}]}}"#
        );
        let outcome = format!(
            r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":{severity},"code":{code},
            "details":{{"text":{words}}},"diagnostics":{words}}},{odd}]}}"#
        );
        let capability = format!(
            r#"{{"resourceType":"CapabilityStatement","rest":[{{"mode":{mode},"resource":[
            {{"type":{name},"interaction":[{{"code":{code}}}],"searchParam":[{{"name":{kind}}}]}}]}}]}}"#
        );
        for body in [bundle, outcome, capability] {
            read(body.as_bytes(), &header);
        }
    }
}
