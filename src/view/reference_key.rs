//! The keys that join tables: `getResourceKey()` and `getReferenceKey()`.
//!
//! A key is the bare id as received: never trimmed, never lower-cased, never checked for length.
//! A wrong join is worse than none, so what does not clearly name a resource gives no key.

use super::json::Node;

/// The key of a resource: its id.
pub(crate) fn resource_key<'a>(resource: &'a Node<'_>) -> Option<&'a str> {
    resource.get("resourceType")?.as_str()?;
    resource.get("id")?.as_str()
}

/// The key of the resource that a Reference points to, if it is of the asked type.
///
/// Reads relative (`Patient/1`) and absolute (`https://host/fhir/Patient/1`) references with or
/// without a version, and `urn:uuid:…` when `Reference.type` does not contradict. Contained
/// (`#x`), conditional (`Patient?…`), logical and display-only references have no key.
pub(crate) fn reference_key<'a>(reference: &'a Node<'_>, wanted: Option<&str>) -> Option<&'a str> {
    let text = reference.get("reference")?.as_str()?;
    if let Some(id) = text.strip_prefix("urn:uuid:") {
        let stated = reference.get("type").and_then(Node::as_str);
        let contradicts =
            matches!((stated, wanted), (Some(stated), Some(wanted)) if stated != wanted);
        return (!id.is_empty() && !contradicts).then_some(id);
    }
    let (resource_type, id) = literal(text)?;
    match wanted {
        Some(wanted) if wanted != resource_type => None,
        _ => Some(id),
    }
}

/// Type and id of a literal reference.
fn literal(text: &str) -> Option<(&str, &str)> {
    if text.contains(['#', '?']) {
        return None;
    }
    // The host of an absolute URL can never be the type.
    let path = match text.split_once("://") {
        Some((_, after)) => after.split_once('/')?.1,
        None => text,
    };
    let mut segments = path.rsplit('/');
    let mut id = segments.next()?;
    let mut resource_type = segments.next()?;
    if resource_type == "_history" {
        id = segments.next()?;
        resource_type = segments.next()?;
    }
    let is_type = resource_type.starts_with(|first: char| first.is_ascii_uppercase())
        && resource_type.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_type && !id.is_empty()).then_some((resource_type, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::json::{Limits, parse};

    fn key(reference: &str, wanted: Option<&str>) -> Option<String> {
        let node = parse(reference.as_bytes(), Limits::default()).unwrap();
        reference_key(&node, wanted).map(str::to_owned)
    }

    #[test]
    fn literal_references_give_the_bare_id() {
        for text in [
            r#"{"reference":"Patient/a-1"}"#,
            r#"{"reference":"Patient/a-1/_history/2"}"#,
            r#"{"reference":"https://payer.example/fhir/r4/Patient/a-1"}"#,
            r#"{"reference":"http://payer.example/Patient/a-1/_history/7"}"#,
            r#"{"reference":"/Patient/a-1"}"#,
        ] {
            assert_eq!(key(text, None).as_deref(), Some("a-1"), "{text}");
            assert_eq!(key(text, Some("Patient")).as_deref(), Some("a-1"), "{text}");
            assert_eq!(key(text, Some("Practitioner")), None, "{text}");
        }
    }

    #[test]
    fn ids_are_kept_as_received() {
        let long = format!(r#"{{"reference":"Patient/ Aa.{} "}}"#, "9".repeat(80));
        assert_eq!(key(&long, None), Some(format!(" Aa.{} ", "9".repeat(80))));
    }

    #[test]
    fn a_uuid_urn_is_believed_unless_the_type_contradicts() {
        let untyped = r#"{"reference":"urn:uuid:0a-1"}"#;
        let typed = r#"{"reference":"urn:uuid:0a-1","type":"Organization"}"#;
        assert_eq!(key(untyped, Some("Patient")).as_deref(), Some("0a-1"));
        assert_eq!(key(typed, Some("Organization")).as_deref(), Some("0a-1"));
        assert_eq!(key(typed, Some("Patient")), None);
        assert_eq!(key(typed, None).as_deref(), Some("0a-1"));
    }

    #[test]
    fn what_names_no_resource_gives_no_key() {
        for text in [
            r##"{"reference":"#p1"}"##,
            r#"{"reference":"a-1"}"#,
            r#"{"reference":"Patient/"}"#,
            r#"{"reference":"Patient?identifier=1"}"#,
            r#"{"reference":"urn:oid:1.2.3"}"#,
            r#"{"reference":"urn:uuid:"}"#,
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
