//! References: which resources a resource names, and where on this server each would be read.
//!
//! Only references that clearly name a resource of the plan's own server count: a token goes nowhere else.
//! Contained, logical, conditional and display-only references name nothing to fetch.

use super::search::under;
use crate::reference::{Destination, FullUrls, ServerBases};
use serde::Deserialize as _;
use std::borrow::Cow;
use url::Url;

/// A resource that another resource refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Referenced {
    /// FHIR resource type.
    pub resource_type: String,
    /// The resource's id, exactly as written.
    pub id: String,
}

/// Calls `tell` with every `Reference.reference` text of a resource, wherever it is in the resource.
///
/// The bytes must be JSON. They are read as a row of tokens, so depth does not matter: a resource that is
/// nested too deep for the views may still name others.
pub fn each_reference(json: &[u8], mut tell: impl FnMut(&str)) {
    let mut at = 0;
    let mut is_value_of_reference = false;
    while let Some(start) = next_quote(json, at) {
        let end = end_of_string(json, start);
        let token = &json[start..end];
        if is_value_of_reference && let Some(text) = text_of(token) {
            tell(&text);
        }
        // A key is a string before a colon; only then may a string value follow.
        let after = skip_space(json, end);
        let is_key = json.get(after) == Some(&b':');
        at = if is_key { skip_space(json, after + 1) } else { end };
        is_value_of_reference = is_key && token == b"\"reference\"" && json.get(at) == Some(&b'"');
    }
}

fn next_quote(json: &[u8], from: usize) -> Option<usize> {
    json.get(from..)?.iter().position(|byte| *byte == b'"').map(|found| from + found)
}

/// The position after the closing quote of the string that begins at `start`.
fn end_of_string(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    json.len()
}

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

fn text_of(token: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(token).ok()?;
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    String::deserialize(&mut serde_json::Deserializer::from_str(text)).ok().map(Cow::Owned)
}

/// The resource of this server that a reference names, for a read.
pub fn on_this_server(bases: &ServerBases, reference: &str) -> Option<Referenced> {
    match bases.resolve(reference, &FullUrls::default()) {
        Destination::Here { resource_type, id } => {
            Some(Referenced { resource_type: resource_type.to_owned(), id: id.to_owned() })
        }
        _ => None,
    }
}

/// The longest id that is put into a URL, in bytes; FHIR allows 64.
const MAX_READ_ID: usize = 4096;

/// Where a resource is read: `{base}/{type}/{id}` (FHIR R4, RESTful read).
///
/// `None` for an id that cannot be the last segment of a path: `.` and `..`, which stand for the path itself
/// (RFC 3986, section 5.2.4), and an id that is too long.
pub fn read_url(base: &Url, resource: &Referenced) -> Option<Url> {
    if matches!(resource.id.as_str(), "." | "..") || resource.id.len() > MAX_READ_ID {
        return None;
    }
    let mut url = under(base, &resource.resource_type);
    if let Ok(mut path) = url.path_segments_mut() {
        path.push(&resource.id);
    }
    Some(url)
}

/// A search for some resources by their ids: `{base}/{type}?_id=a,b&_count=2`.
pub fn search_by_id(base: &Url, resource_type: &str, ids: &[&str]) -> Url {
    let mut url = under(base, resource_type);
    url.query_pairs_mut()
        .append_pair("_id", &ids.join(","))
        .append_pair("_count", &ids.len().to_string());
    url
}

/// Whether an id can be in a list of ids: it has no character with a meaning in a search.
pub fn fits_a_list(id: &str) -> bool {
    id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_is_found_whatever_its_depth_and_nothing_else() {
        let deep = format!("{}{{\"reference\":\"D/1\"}}{}", "[".repeat(500), "]".repeat(500));
        let json = format!(
            r#"{{"a":{{ "reference" :  "A/1" }},"b":[{{"reference":"B/1"}},{{"display":"reference"}}],
               "related":{{"reference":{{"value":"C/1"}}}},"text":"\"reference\":\"X/1\"",
               "escaped":{{"reference":"E\/1"}},"odd":{{"reference":7}},"deep":{deep}}}"#
        );
        let mut found = Vec::new();
        each_reference(json.as_bytes(), |text| found.push(text.to_owned()));
        assert_eq!(found, ["A/1", "B/1", "E/1", "D/1"]);
    }

    #[test]
    fn an_id_never_leaves_its_segment() {
        let base = Url::parse("https://api.x.test/r4").unwrap();
        let resource = |id: &str| Referenced { resource_type: "Location".into(), id: id.into() };
        assert_eq!(
            read_url(&base, &resource("a b|c%2Fd")).unwrap().as_str(),
            "https://api.x.test/r4/Location/a%20b|c%252Fd"
        );
        for id in [".", "..", &*"x".repeat(MAX_READ_ID + 1)] {
            assert_eq!(read_url(&base, &resource(id)), None);
        }
        assert_eq!(
            search_by_id(&base, "Location", &["a", "b"]).as_str(),
            "https://api.x.test/r4/Location?_id=a%2Cb&_count=2"
        );
        assert!(fits_a_list("a-1.B") && !fits_a_list("a,b") && !fits_a_list("a|b"));
    }
}
