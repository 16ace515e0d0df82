//! The keys by which tables join: `getResourceKey()` and `getReferenceKey()`.
//!
//! A key is the bare id as received: never trimmed, lower-cased or checked for length. A wrong join is
//! worse than no join, so a reference that does not clearly name a resource gives no key.

use super::json::Node;
use crate::reference::ServerBases;

/// The key of a resource: its id.
pub(crate) fn resource_key<'a>(resource: &'a Node<'_>) -> Option<&'a str> {
    resource.get("resourceType")?.as_str()?;
    resource.get("id")?.as_str()
}

/// The key of the resource that a Reference points to, if it is of the asked type.
///
/// A relative reference leads to the resource's own server. An absolute one does if it begins with the
/// server's base. Both may have a version. A reference to another server has no key, since the same id is
/// another resource there. Contained (`#x`), conditional (`Patient?…`) and display-only references have
/// no key, and neither has the URN of an entry in another Bundle. A logical reference has the member's
/// key if its identifier is one of the member's.
pub(crate) fn reference_key<'a>(
    reference: &'a Node<'_>,
    wanted: Option<&str>,
    bases: &'a ServerBases,
) -> Option<&'a str> {
    let (resource_type, id) = match reference.get("reference") {
        Some(Node::Null) | None => identified(reference.get("identifier")?, bases)?,
        Some(Node::String(text)) if text.trim().is_empty() => {
            identified(reference.get("identifier")?, bases)?
        }
        Some(text) => bases.here(text.as_str()?)?,
    };
    match wanted {
        Some(wanted) if wanted != resource_type => None,
        _ => Some(id),
    }
}

fn identified<'a>(identifier: &Node<'_>, bases: &'a ServerBases) -> Option<(&'a str, &'a str)> {
    let system = identifier.get("system").and_then(Node::as_str).unwrap_or_default();
    bases.identified(system, identifier.get("value")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::json::{Limits, parse};

    fn key(reference: &str, wanted: Option<&str>) -> Option<String> {
        let node = parse(reference.as_bytes(), Limits::default()).unwrap();
        let bases = ServerBases::from_text("payer.example/fhir/r4");
        reference_key(&node, wanted, &bases).map(str::to_owned)
    }

    #[test]
    fn literal_references_give_the_bare_id() {
        for text in [
            r#"{"reference":"Patient/a-1"}"#,
            r#"{"reference":"Patient/a-1/_history/2"}"#,
            r#"{"reference":"https://payer.example/fhir/r4/Patient/a-1"}"#,
            r#"{"reference":"http://payer.example/fhir/r4/Patient/a-1/_history/7"}"#,
            r#"{"reference":"/Patient/a-1"}"#,
        ] {
            assert_eq!(key(text, None).as_deref(), Some("a-1"), "{text}");
            assert_eq!(key(text, Some("Patient")).as_deref(), Some("a-1"), "{text}");
            assert_eq!(key(text, Some("Practitioner")), None, "{text}");
        }
    }

    #[test]
    fn an_identifier_of_the_member_leads_to_the_member() {
        let mut named = crate::reference::FullUrls::default();
        let own = ("https://payer.example/id".to_owned(), "M 1".to_owned());
        named.note_identifier(&own, "Patient", "a-1");
        let bases = ServerBases::from_text("payer.example/fhir/r4").within(named);
        for (text, expected) in [
            (r#"{"identifier":{"system":"https://payer.example/id","value":"M 1"}}"#, Some("a-1")),
            (
                r#"{"reference":"","identifier":{"system":"https://payer.example/id/","value":" M 1"}}"#,
                Some("a-1"),
            ),
            (
                r#"{"reference":null,"identifier":{"system":"https://payer.example/id","value":"M 2"}}"#,
                None,
            ),
            (
                r#"{"reference":7,"identifier":{"system":"https://payer.example/id","value":"M 1"}}"#,
                None,
            ),
            (
                r#"{"reference":"Patient/b","identifier":{"system":"https://payer.example/id","value":"M 1"}}"#,
                Some("b"),
            ),
            (r#"{"identifier":{"value":"M 1"}}"#, None),
        ] {
            let node = parse(text.as_bytes(), Limits::default()).unwrap();
            assert_eq!(reference_key(&node, Some("Patient"), &bases), expected, "{text}");
            assert_eq!(reference_key(&node, Some("Practitioner"), &bases), None, "{text}");
        }
    }

    #[test]
    fn ids_are_kept_as_received() {
        let long = format!(r#"{{"reference":"Patient/ Aa.{} "}}"#, "9".repeat(80));
        assert_eq!(key(&long, None), Some(format!(" Aa.{} ", "9".repeat(80))));
    }

    #[test]
    fn what_names_no_resource_of_this_server_gives_no_key() {
        for text in [
            r##"{"reference":"#p1"}"##,
            r#"{"reference":"a-1"}"#,
            r#"{"reference":"Patient/"}"#,
            r#"{"reference":"Patient?identifier=1"}"#,
            r#"{"reference":"urn:oid:1.2.3"}"#,
            r#"{"reference":"urn:uuid:12"}"#,
            r#"{"reference":"urn:uuid:12","type":"Patient"}"#,
            r#"{"reference":"https://other.example/fhir/r4/Patient/1"}"#,
            r#"{"reference":"https://payer.example/fhir/Patient/1"}"#,
            r#"{"reference":"https://Patient/1"}"#,
            r#"{"reference":"patient/1"}"#,
            r#"{"reference":17}"#,
            r#"{"identifier":{"value":"1"}}"#,
            r#"{"display":"Somebody"}"#,
        ] {
            assert_eq!(key(text, None), None, "{text}");
        }
    }
}
