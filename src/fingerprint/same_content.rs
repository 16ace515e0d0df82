//! Compares the content of two texts of a resource, however they are written.
//!
//! Some servers write members in another order, with other spacing or with other escapes at each
//! read. The quick hash takes each of these for a change; this comparison does not. It is made
//! only if the hash differs.

use crate::view::json::{Limits, Member, Node, parse};

/// Whether two resources have the same content, `meta.versionId` and `meta.lastUpdated` left out.
///
/// The order of members, white space and escapes do not count. The order of arrays and the text of
/// numbers do: `1.0` is not `1.00`. A text that is not JSON is equal to nothing.
pub fn same_content(a: &[u8], b: &[u8]) -> bool {
    let read = |json| parse(json, Limits::default()).ok().map(without_version);
    matches!((read(a), read(b)), (Some(a), Some(b)) if is_same(&a, &b))
}

/// The resource without the members of `meta` that the quick hash leaves out, too.
fn without_version(mut resource: Node<'_>) -> Node<'_> {
    let Node::Object(members) = &mut resource else { return resource };
    for member in members.iter_mut().filter(|member| member.key == "meta") {
        if let Node::Object(meta) = &mut member.value {
            meta.retain(|member| member.key != "versionId" && member.key != "lastUpdated");
        }
    }
    // A resource without `meta` says the same as one whose `meta` is empty.
    members.retain(|member| member.key != "meta" || member.value != Node::Object(Vec::new()));
    resource
}

fn is_same(a: &Node<'_>, b: &Node<'_>) -> bool {
    match (a, b) {
        (Node::Object(a), Node::Object(b)) => {
            a.len() == b.len()
                && by_name(a)
                    .into_iter()
                    .zip(by_name(b))
                    .all(|(a, b)| a.key == b.key && is_same(&a.value, &b.value))
        }
        (Node::Array(a), Node::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (a, b) => a == b,
    }
}

/// The members in the order of their names; those of one name stay in the order received.
fn by_name<'m, 'a>(members: &'m [Member<'a>]) -> Vec<&'m Member<'a>> {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|a, b| a.key.cmp(&b.key));
    members
}

#[cfg(test)]
mod tests {
    use super::same_content;

    const BASE: &str = r#"{"resourceType":"Patient","id":"a/b","meta":{"versionId":"1",
        "lastUpdated":"2020-01-01T00:00:00Z","profile":["x"]},"n":[1.0,{"a":"A\n","b":null}]}"#;

    #[test]
    fn order_of_members_spacing_and_escapes_are_no_content() {
        for other in [
            r#"{"n":[1.0,{"b":null,"a":"\u0041\u000a"}],"meta":{"profile":["x"]},"id":"a\/b","resourceType":"Patient"}"#,
            r#" { "resourceType" : "Patient", "id":"a\u002Fb","m\u0065ta":{"profile":["x"],"versionId":"2"},
                "n":[ 1.0 , {"a":"A\n","b":null} ] } "#,
        ] {
            assert!(same_content(BASE.as_bytes(), other.as_bytes()), "{other}");
        }
        let bare = r#"{"resourceType":"Patient","id":"p"}"#;
        let with_meta = r#"{"resourceType":"Patient","id":"p","meta":{"versionId":"7"}}"#;
        assert!(same_content(bare.as_bytes(), with_meta.as_bytes()));
    }

    #[test]
    fn every_other_difference_is_content() {
        for (from, to) in [
            ("1.0", "1.00"),
            ("1.0", "1"),
            ("1.0", "\"1.0\""),
            ("[1.0,", "[{},1.0,"),
            ("\"x\"", "\"x \""),
            ("null", "false"),
            ("\"b\":null", "\"b\":null,\"b\":1"),
            ("\"a\":\"A\\n\",", ""),
            ("\"profile\"", "\"Profile\""),
        ] {
            let other = BASE.replacen(from, to, 1);
            assert_ne!(other, BASE);
            assert!(!same_content(BASE.as_bytes(), other.as_bytes()), "{other}");
        }
        let swapped = [r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#].map(str::as_bytes);
        assert!(!same_content(swapped[0], swapped[1]));
        let twice = [r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#].map(str::as_bytes);
        assert!(!same_content(twice[0], twice[1]));
    }

    #[test]
    fn something_that_is_not_json_is_the_same_as_nothing() {
        for text in [&b"{"[..], b"{\"a\":NaN}", b"\xff", b""] {
            assert!(!same_content(text, text));
        }
    }
}
