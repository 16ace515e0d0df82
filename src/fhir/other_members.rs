//! Members of a Bundle that FHIR does not know, and what they may hide.
//!
//! A page whose resources are in a member of another name (`entries`, `Entry`, `data`) is not empty, and a
//! page that names its next page in a member of the server's own (`links`, `nextPageToken`, `hasMore`) is
//! not the last one. Such members are not read: nobody knows their format.

use serde_json::Value;
use std::borrow::Cow;

/// The most members that are kept; a Bundle of FHIR has about a dozen in all.
const MAX_MEMBERS: usize = 64;
/// The longest member that is searched for a link to the next page, in bytes.
const MAX_LINKS_BYTES: usize = 64 * 1024;

/// The members of a Bundle that a walk does not need (FHIR R4, Resource and Bundle; R5's `issues`).
const HARMLESS: [&str; 12] = [
    "id",
    "meta",
    "implicitRules",
    "language",
    "identifier",
    "timestamp",
    "signature",
    "issues",
    "text",
    "contained",
    "extension",
    "modifierExtension",
];

/// Names and values of members.
#[derive(Debug, Default)]
pub(super) struct OtherMembers<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> OtherMembers<'a> {
    /// Adds a member, if FHIR does not know it.
    pub(super) fn add(&mut self, name: Cow<'a, str>, value: &'a str) {
        if self.0.len() < MAX_MEMBERS && !HARMLESS.contains(&&*name) {
            self.0.push((name, value));
        }
    }

    /// Whether resources are in one of these members.
    pub(super) fn hide_resources(&self) -> bool {
        self.0.iter().any(|(_, value)| value.contains("\"resourceType\""))
    }

    /// Whether one of these members says that there is a next page.
    pub(super) fn name_next_page(&self) -> bool {
        self.0.iter().any(|(name, value)| {
            let value = match value.len() <= MAX_LINKS_BYTES {
                true => serde_json::from_str(value).unwrap_or(Value::Bool(true)),
                false => Value::Bool(true),
            };
            member_says_more(name, &value)
        })
    }
}

/// Whether a member, or one within it, is about a page that is still to come.
fn member_says_more(name: &str, value: &Value) -> bool {
    let name = name.to_ascii_lowercase();
    let is_about_more = name.contains("next") || name.ends_with("more");
    is_about_more && !is_nothing(value) || says_more(value)
}

fn says_more(value: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(says_more),
        Value::Object(members) => members.iter().any(|(name, value)| {
            let names_next = value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("next"));
            names_next || member_says_more(name, value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a value means that there is no next page: null, false, zero or empty.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is_more) => !is_more,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::OtherMembers;
    use crate::fhir::{Bundle, BundleError, Next, UnusableNext};
    use std::borrow::Cow;

    fn of(name: &'static str, value: &'static str) -> OtherMembers<'static> {
        let mut members = OtherMembers::default();
        members.add(Cow::Borrowed(name), value);
        members
    }

    #[test]
    fn a_next_page_in_the_servers_own_words_is_noticed() {
        for (name, value) in [
            ("next", r#""?p=2""#),
            ("NextPage", "2"),
            ("@odata.nextLink", r#""https://x.test/?p=2""#),
            ("nextPageToken", r#""abc""#),
            ("hasMore", "true"),
            ("more", r#""?p=2""#),
            ("_links", r#"{"self":{"href":"?"},"next":{"href":"?p=2"}}"#),
            ("links", r#"[{"relation":"self","url":"?"},{"relation":"NEXT","url":"?p=2"}]"#),
            ("Link", r#"[{"rel":"next","href":"?p=2"}]"#),
            ("links", r#"{"next":"?p=2"}"#),
            ("paging", r#"{"cursors":{"next":"abc"}}"#),
            ("pagination", r#"{"has_more":true}"#),
            ("next", "NaN"),
        ] {
            assert!(of(name, value).name_next_page(), "{name}: {value}");
        }
        for (name, value) in [
            ("next", "null"),
            ("next", r#""""#),
            ("nextPage", "0"),
            ("hasMore", "false"),
            ("_links", r#"{"self":{"href":"?"},"next":{}}"#),
            ("links", r#"[{"relation":"self","url":"?next=2"}]"#),
            ("links", r#"{"next":null,"last":"?p=9"}"#),
            ("count", "7"),
            ("extension", r#"[{"url":"next","valueUri":"?p=2"}]"#),
        ] {
            assert!(!of(name, value).name_next_page(), "{name}: {value}");
        }
    }

    #[test]
    fn resources_under_another_name_are_noticed() {
        for (name, value, hides) in [
            ("entries", r#"[{"resource":{"resourceType":"Patient"}}]"#, true),
            ("Entry", r#"[{"resource":{"resourceType":"Patient"}}]"#, true),
            ("data", r#"{"1":{"resourceType":"Patient"}}"#, true),
            ("entries", "[]", false),
            ("warnings", r#"["one"]"#, false),
            ("contained", r#"[{"resourceType":"OperationOutcome"}]"#, false),
            ("issues", r#"{"resourceType":"OperationOutcome"}"#, false),
        ] {
            assert_eq!(of(name, value).hide_resources(), hides, "{name}: {value}");
        }
    }

    #[test]
    fn a_bundle_that_hides_its_entries_or_its_next_page_is_no_empty_and_no_last_page() {
        const BUNDLE: &str = "{\"resourceType\":\"Bundle\"";
        for hidden in [
            r#""entries":[{"resource":{"resourceType":"Patient","id":"a"}}]"#,
            r#""entry":[],"data":[{"resourceType":"Patient","id":"a"}]"#,
            r#""entry":null,"link":[{"relation":"next","url":"?p=2"}]"#,
            r#""entry":null,"next":"?p=2""#,
            r#""Entry":[{"resource":{"resourceType":"Patient","id":NaN}}]"#,
        ] {
            let found = Bundle::index(format!("{BUNDLE},{hidden}}}").as_bytes());
            assert!(matches!(found, Err(BundleError::NotASearchset)), "{hidden}");
        }
        for empty in [r#""entry":null"#, r#""entries":[]"#, r#""entry":null,"links":{}"#] {
            let found = Bundle::index(format!("{BUNDLE},{empty}}}").as_bytes()).unwrap();
            assert!(found.entries.is_empty() && found.next.is_none(), "{empty}");
        }
        let unclear = Next::Unusable(UnusableNext::OtherMember);
        for (more, next) in [
            (r#""links":[{"relation":"next","url":"?p=2"}]"#, unclear.clone()),
            (r#""entry":[{}],"nextPageToken":"x","link":[]"#, unclear),
            (
                r#""nextPageToken":"x","link":[{"relation":"next","url":"?p=2"}]"#,
                Next::Links(vec!["?p=2".to_owned()]),
            ),
            (r#""next":null"#, Next::None),
        ] {
            let found = Bundle::index(format!("{BUNDLE},{more}}}").as_bytes()).unwrap();
            assert_eq!(found.next, next, "{more}");
        }
    }

    #[test]
    fn hundreds_of_thousands_of_members_take_no_quadratic_time() {
        let members: Vec<String> = (0..200_000).map(|at| format!("\"m{at}\":NaN")).collect();
        let text = format!("{{\"resourceType\":\"Bundle\",{}}}", members.join(","));
        let begun = std::time::Instant::now();
        assert!(Bundle::index(text.as_bytes()).unwrap().entries.is_empty());
        assert!(begun.elapsed().as_secs() < 20, "it took {:?}", begun.elapsed());
    }
}
