//! A searchset Bundle, indexed: where each resource's bytes stand, and what comes next.
//!
//! The bytes received are the bytes stored, so the index holds ranges of the body and never a
//! parsed resource. Tolerant where real servers are careless (no `type`, no `entry`, no `link`),
//! strict where tolerance would lose data. Source: FHIR R4, Bundle and RESTful search.

use super::outcome::Outcome;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, ops::Range};

/// A page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// `Bundle.total`, where it is a number.
    pub total: Option<u64>,
    /// `Bundle.link` with relation `next`.
    pub next: Option<String>,
    /// `Bundle.link` with relation `self`.
    pub self_link: Option<String>,
    /// The entries, in order.
    pub entries: Vec<Entry>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where the entry's bytes stand in the body.
    pub range: Range<usize>,
    /// Where the resource's bytes stand in the body; `None` for an entry without one.
    pub resource: Option<Range<usize>>,
    /// Why it is on the page.
    pub mode: SearchMode,
}

/// `Bundle.entry.search.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchMode {
    /// It matches the search; also where a server says nothing.
    Match,
    /// It was included because a match refers to it.
    Include,
    /// It is an OperationOutcome about the search itself.
    Outcome,
}

/// Why a body is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The body is not JSON, or ends too early.
    #[error("the answer is not JSON, or is cut short")]
    NotJson,
    /// The body is an OperationOutcome.
    #[error("the server answered an OperationOutcome instead of a page: {0}")]
    Outcome(Outcome),
    /// The body is another resource.
    #[error("the server answered something else instead of a searchset Bundle")]
    NotASearchset,
    /// Two different next links.
    #[error("the page names two different next pages")]
    AmbiguousNext,
}

#[derive(Deserialize)]
struct RawBundle<'a> {
    #[serde(rename = "resourceType", borrow, default)]
    resource_type: Option<Cow<'a, str>>,
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    total: Option<&'a RawValue>,
    #[serde(borrow, default)]
    link: Option<Vec<RawLink<'a>>>,
    #[serde(borrow, default)]
    entry: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct RawLink<'a> {
    #[serde(borrow, default)]
    relation: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct RawEntry<'a> {
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, default)]
    search: Option<RawSearch<'a>>,
}

#[derive(Deserialize)]
struct RawSearch<'a> {
    #[serde(borrow, default)]
    mode: Option<Cow<'a, str>>,
}

impl Bundle {
    /// A page that is nothing but one resource of so many bytes: the answer to a read.
    pub(crate) fn of_one(length: usize) -> Bundle {
        let entry = Entry { range: 0..length, resource: Some(0..length), mode: SearchMode::Match };
        Bundle { total: None, next: None, self_link: None, entries: vec![entry] }
    }

    /// Indexes a body.
    ///
    /// # Errors
    /// Whatever is not a searchset Bundle; a Bundle without `type` counts as one.
    pub fn index(body: &[u8]) -> Result<Bundle, BundleError> {
        let text = readable(body);
        let body = text.as_bytes();
        let raw: RawBundle<'_> = match serde_json::from_str(&text) {
            Ok(raw) => raw,
            Err(error) if error.is_data() => return Err(BundleError::NotASearchset),
            Err(_) => return Err(BundleError::NotJson),
        };
        match raw.resource_type.as_deref() {
            Some("Bundle") => {}
            Some("OperationOutcome") => {
                return Err(BundleError::Outcome(Outcome::parse(body).unwrap_or_default()));
            }
            _ => return Err(BundleError::NotASearchset),
        }
        if !matches!(raw.kind.as_deref(), None | Some("searchset")) {
            return Err(BundleError::NotASearchset);
        }
        let links = raw.link.unwrap_or_default();
        Ok(Bundle {
            total: raw.total.and_then(|total| total.get().parse().ok()),
            next: only(&links, "next")?,
            self_link: only(&links, "self").unwrap_or_default(),
            entries: raw
                .entry
                .unwrap_or_default()
                .into_iter()
                .map(|entry| Entry::index(body, entry))
                .collect(),
        })
    }
}

impl Entry {
    fn index(body: &[u8], raw: &RawValue) -> Entry {
        // What is no object, or has an odd `search`, is an entry without a resource: quarantined.
        let parsed: Option<RawEntry<'_>> = serde_json::from_str(raw.get()).ok();
        let (resource, mode) = match parsed {
            Some(entry) => (entry.resource, entry.search.and_then(|search| search.mode)),
            None => (None, None),
        };
        Entry {
            range: range_in(body, raw.get()),
            resource: resource
                .filter(|resource| resource.get() != "null")
                .map(|resource| range_in(body, resource.get())),
            mode: match mode.as_deref() {
                Some("include") => SearchMode::Include,
                Some("outcome") => SearchMode::Outcome,
                _ => SearchMode::Match,
            },
        }
    }
}

fn only(links: &[RawLink<'_>], relation: &str) -> Result<Option<String>, BundleError> {
    let mut found: Option<&str> = None;
    for link in links.iter().filter(|link| link.relation.as_deref() == Some(relation)) {
        let Some(url) = link.url.as_deref().filter(|url| !url.is_empty()) else { continue };
        if found.is_some_and(|found| found != url) {
            return Err(BundleError::AmbiguousNext);
        }
        found = Some(url);
    }
    Ok(found.map(str::to_owned))
}

/// The body as text of the same length, so that ranges in it are ranges in the body.
///
/// A byte order mark becomes spaces (RFC 8259, section 8.1, lets a reader ignore it). What is no
/// UTF-8 becomes question marks: one bad resource must not hide the page; it is found out, with
/// its own bytes, when it is taken in.
fn readable(body: &[u8]) -> Cow<'_, str> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    if let Ok(text) = std::str::from_utf8(body)
        && !body.starts_with(BYTE_ORDER_MARK)
    {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n('?', chunk.invalid().len()));
    }
    if body.starts_with(BYTE_ORDER_MARK) {
        text.replace_range(..BYTE_ORDER_MARK.len(), "   ");
    }
    Cow::Owned(text)
}

/// Where a slice that serde borrowed from the body stands in it.
fn range_in(body: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - body.as_ptr() as usize;
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_the_bytes_received() {
        let body =
            br#" {"resourceType":"Bundle", "entry":[ {"resource": {"id":"a", "x": 25.00 } } ]}"#;
        let bundle = Bundle::index(body).unwrap();
        let range = bundle.entries[0].resource.clone().unwrap();
        assert_eq!(&body[range], br#"{"id":"a", "x": 25.00 }"#);
        assert_eq!(bundle.entries[0].mode, SearchMode::Match);
    }

    #[test]
    fn a_bundle_without_type_entry_link_or_total_is_an_empty_last_page() {
        let bundle = Bundle::index(br#"{"resourceType":"Bundle"}"#).unwrap();
        assert_eq!(bundle, Bundle { total: None, next: None, self_link: None, entries: vec![] });
    }

    #[test]
    fn what_is_no_searchset_is_no_page() {
        for (body, expected) in [
            (r#"{"resourceType":"Bundle","entry":[{"#, "NotJson"),
            ("<html>", "NotJson"),
            ("", "NotJson"),
            (r#"{"resourceType":"Bundle","type":"collection"}"#, "NotASearchset"),
            (r#"{"resourceType":"Patient","id":"p"}"#, "NotASearchset"),
            (r#"{"message":"Unauthorized"}"#, "NotASearchset"),
            ("[]", "NotASearchset"),
            (r#"{"resourceType":"Bundle","entry":{}}"#, "NotASearchset"),
            (r#"{"resourceType":"OperationOutcome"}"#, "Outcome"),
            (
                r#"{"resourceType":"Bundle","link":[{"relation":"next","url":"a"},{"relation":"next","url":"b"}]}"#,
                "AmbiguousNext",
            ),
        ] {
            let error = format!("{:?}", Bundle::index(body.as_bytes()).unwrap_err());
            assert!(error.starts_with(expected), "{body}: {error}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_bytes_that_are_no_utf_8_do_not_hide_the_page() {
        let body = b"\xef\xbb\xbf{\"resourceType\":\"Bundle\",\"entry\":[{\"resource\":{\"a\":\"\xff\xfe\"}},{\"resource\":{\"b\":1}}]}";
        let bundle = Bundle::index(body).unwrap();
        let bytes = |position: usize| &body[bundle.entries[position].resource.clone().unwrap()];
        assert_eq!(bytes(0), b"{\"a\":\"\xff\xfe\"}");
        assert_eq!(bytes(1), b"{\"b\":1}");
    }

    #[test]
    fn an_entry_without_a_resource_keeps_its_own_bytes() {
        let body =
            br#"{"resourceType":"Bundle","entry":[{"fullUrl":"x"},null,7,{"resource":null}]}"#;
        let bundle = Bundle::index(body).unwrap();
        assert!(bundle.entries.iter().all(|entry| entry.resource.is_none()));
        assert_eq!(&body[bundle.entries[0].range.clone()], br#"{"fullUrl":"x"}"#);
        assert_eq!(&body[bundle.entries[1].range.clone()], b"null");
    }
}
