//! A searchset Bundle, indexed: the range of each resource's bytes, and the link to the next page.
//!
//! The bytes received are the bytes stored, so the index holds ranges of the body and never a parsed
//! resource. The index tolerates what real servers do carelessly (no `type`, no `entry`, no `link`, a
//! resource that is not JSON), and is strict where tolerance would lose data. Source: FHIR R4, Bundle and
//! RESTful search.

use super::{
    next_link::{Next, PageLinks},
    outcome::Outcome,
    raw_bundle::{MAX_ENTRIES, NotAnObject, RawBundle, RawEntry, string},
};
use crate::{fingerprint::fingerprint, http::Response};
use std::{borrow::Cow, ops::Range};

/// A page of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// `Bundle.total`, if it is a whole number, also as a text.
    pub total: Option<u64>,
    /// The link to the next page.
    pub next: Next,
    /// `Bundle.link` with relation `self`.
    pub self_link: Option<String>,
    /// `Bundle.link` with relation `last`.
    pub last: Option<String>,
    /// The entries, in order.
    pub entries: Vec<Entry>,
}

impl Bundle {
    /// Treats every match as an included resource, and drops the total.
    ///
    /// A Patient's `$everything` is asked for one type, but a server may send all types, and their common
    /// total.
    pub(crate) fn takes_all_along(&mut self) {
        self.total = None;
        for entry in self.entries.iter_mut().filter(|entry| entry.mode == SearchMode::Match) {
            entry.mode = SearchMode::Include;
        }
    }
}

/// An entry of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The range of the entry's bytes in the body.
    pub range: Range<usize>,
    /// The range of the resource's bytes in the body; `None` for an entry without a resource.
    pub resource: Option<Range<usize>>,
    /// Why the entry is on the page.
    pub mode: SearchMode,
    /// `entry.fullUrl`.
    pub full_url: Option<String>,
}

/// `Bundle.entry.search.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchMode {
    /// The resource matches the search, or the server does not say.
    Match,
    /// The resource was included because a match refers to it.
    Include,
    /// The resource is an OperationOutcome about the search itself.
    Outcome,
}

/// Why a body is not a page.
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
    /// More entries than a page may have.
    #[error("the page has more than {MAX_ENTRIES} entries")]
    TooManyEntries,
}

impl From<NotAnObject> for BundleError {
    fn from(error: NotAnObject) -> BundleError {
        match error {
            NotAnObject::NotJson => BundleError::NotJson,
            NotAnObject::OtherJson => BundleError::NotASearchset,
        }
    }
}

impl Bundle {
    /// A page that holds one resource of `length` bytes: the answer to a read.
    pub(crate) fn of_one(length: usize) -> Bundle {
        Bundle::of_entries(vec![Entry::of_resource(0..length)])
    }

    /// A page without links that has these entries.
    pub(crate) fn of_entries(entries: Vec<Entry>) -> Bundle {
        Bundle { total: None, next: Next::None, self_link: None, last: None, entries }
    }

    /// Indexes an answer, its header `Link` included.
    ///
    /// # Errors
    /// The same as those of [`Bundle::index`].
    pub fn of_response(response: &Response) -> Result<Bundle, BundleError> {
        Bundle::read(&response.body, response.link.as_deref())
    }

    /// Indexes a body.
    ///
    /// # Errors
    /// The body is not a searchset Bundle. A Bundle without `type` counts as a searchset.
    pub fn index(body: &[u8]) -> Result<Bundle, BundleError> {
        Bundle::read(body, None)
    }

    /// Indexes a body and a header `Link`.
    pub(super) fn read(body: &[u8], header: Option<&str>) -> Result<Bundle, BundleError> {
        let text = readable(body);
        let raw = RawBundle::read(&text)?;
        match raw.resource_type.as_deref() {
            Some("Bundle") => {}
            Some("OperationOutcome") => {
                let outcome = Outcome::parse(text.as_bytes()).unwrap_or_default();
                return Err(BundleError::Outcome(outcome));
            }
            _ => return Err(BundleError::NotASearchset),
        }
        if !matches!(raw.kind.as_deref(), None | Some("searchset")) {
            return Err(BundleError::NotASearchset);
        }
        if raw.entries.len() > MAX_ENTRIES {
            return Err(BundleError::TooManyEntries);
        }
        let names_next = raw.others.name_next_page();
        let links = raw.link.map(PageLinks::read).unwrap_or_default().or_header(header);
        let links = links.or_named_otherwise(names_next);
        // If `entry` is `null` and a link leads on, nothing tells what the page holds.
        let is_null = raw.has_null_entries && !links.next.is_none();
        if is_null || raw.hides_resources() {
            return Err(BundleError::NotASearchset);
        }
        let entries = raw.entries.iter().map(|entry| Entry::index(&text, entry));
        Ok(Bundle {
            total: raw.total.and_then(total),
            next: links.next,
            self_link: links.self_link,
            last: links.last,
            entries: entries.collect::<Option<_>>().ok_or(BundleError::NotJson)?,
        })
    }
}

impl Entry {
    /// A name for the entry: type and id of its resource, or else the whole text.
    pub fn name(&self, body: &[u8]) -> String {
        let bytes = &body[self.resource.clone().unwrap_or(self.range.clone())];
        match fingerprint(bytes) {
            Ok(found) if found.id.is_some() => {
                format!("{}/{}", found.resource_type, found.id.unwrap_or_default())
            }
            _ => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// An entry that is nothing but a resource.
    pub fn of_resource(range: Range<usize>) -> Entry {
        let resource = Some(range.clone());
        Entry { range, resource, mode: SearchMode::Match, full_url: None }
    }

    /// Finds the bytes of an entry and of its resource; `None` if several entries may hide in it.
    pub(super) fn index(body: &str, entry: &str) -> Option<Entry> {
        let parts = RawEntry::read(entry)?;
        Some(Entry {
            range: range_in(body, entry),
            resource: parts
                .resource
                .filter(|resource| *resource != "null")
                .map(|resource| range_in(body, resource)),
            mode: match parts.mode().as_deref() {
                Some("include") => SearchMode::Include,
                Some("outcome") => SearchMode::Outcome,
                _ => SearchMode::Match,
            },
            full_url: parts.full_url.and_then(string).map(Cow::into_owned),
        })
    }
}

/// Reads `Bundle.total`: a whole number, which some servers write as a text or with a fraction of zeros.
///
/// A number that does not fit an i64 is not a total: SQL has no larger integers.
fn total(json: &str) -> Option<u64> {
    let text = string(json).unwrap_or(Cow::Borrowed(json));
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_whole = fraction.bytes().all(|digit| digit == b'0');
    let total: i64 = whole.parse().ok().filter(|_| is_whole)?;
    u64::try_from(total).ok()
}

/// The body as text of the same length, so that ranges in it are ranges in the body.
///
/// A byte order mark becomes spaces (RFC 8259, section 8.1, lets a reader ignore it). Bytes that are not
/// UTF-8 become question marks: one bad resource must not hide the page. When the bad resource is taken in,
/// its original bytes are checked.
pub(super) fn readable(body: &[u8]) -> Cow<'_, str> {
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

/// The range of the body that `part`, a slice of the body, covers.
pub(super) fn range_in(body: &str, part: &str) -> Range<usize> {
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
        assert_eq!(
            bundle,
            Bundle { total: None, next: Next::None, self_link: None, last: None, entries: vec![] }
        );
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
        ] {
            let error = format!("{:?}", Bundle::index(body.as_bytes()).unwrap_err());
            assert!(error.starts_with(expected), "{body}: {error}");
        }
    }

    #[test]
    fn an_entry_is_named_by_type_and_id_or_by_its_bytes() {
        let body = br#"{"resourceType":"Bundle","entry":[
            {"resource":{"resourceType":"Goal","id":"g"}},{"resource":{"x":1}},{"fullUrl":"x"}]}"#;
        let bundle = Bundle::index(body).unwrap();
        let names: Vec<_> = bundle.entries.iter().map(|entry| entry.name(body)).collect();
        assert_eq!(names, ["Goal/g", r#"{"x":1}"#, r#"{"fullUrl":"x"}"#]);
    }

    #[test]
    fn what_is_all_taken_along_has_no_match_and_no_total() {
        let body = br#"{"resourceType":"Bundle","total":2,"entry":[
            {"resource":{"id":"a"}},{"resource":{"id":"b"},"search":{"mode":"outcome"}}]}"#;
        let mut bundle = Bundle::index(body).unwrap();
        bundle.takes_all_along();
        let modes: Vec<_> = bundle.entries.iter().map(|entry| entry.mode).collect();
        assert_eq!(modes, [SearchMode::Include, SearchMode::Outcome]);
        assert_eq!(bundle.total, None);
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

    #[test]
    fn a_resource_that_is_not_json_hides_no_other_one() {
        for sick in [
            "{\"id\":\"a\tb\"}",
            r#"{"id":"s","x":NaN}"#,
            r#"{"id":"s","x":01}"#,
            r#"{"id":"s",}"#,
            r#"{"id":"s","x":"6" tall"}"#,
        ] {
            let body = format!(
                r#"{{"resourceType":"Bundle","total":3,"entry":[
                {{"fullUrl":"u","resource":{{"id":"a", "x": 25.00 }}}},
                {{"fullUrl":"v","resource":{sick},"search":{{"mode":"include"}}}},
                {{"resource":{{"id":"b"}},"search":7}}],
                "link":[{{"relation":"next","url":"?p=2"}}]}}"#
            );
            let bundle = Bundle::index(body.as_bytes()).unwrap();
            let resource = |at: usize| &body[bundle.entries[at].resource.clone().unwrap()];
            assert_eq!(resource(0), r#"{"id":"a", "x": 25.00 }"#);
            assert_eq!(resource(1), sick);
            assert_eq!(resource(2), r#"{"id":"b"}"#);
            assert_eq!(bundle.entries[1].mode, SearchMode::Include);
            assert_eq!(bundle.total, Some(3));
            assert_eq!(bundle.next, Next::Links(vec!["?p=2".to_owned()]));
            for at in (0..body.len()).filter(|at| *at > 0) {
                let cut = Bundle::index(&body.as_bytes()[..at]);
                assert!(matches!(cut, Err(BundleError::NotJson)), "{}", &body[..at]);
            }
        }
    }

    #[test]
    fn a_sick_entry_that_may_be_several_is_no_entry() {
        let body = r#"{"resourceType":"Bundle","entry":[
            {"resource":{"id":"a","x":1,"y {"resource":{"id":"b","z":NaN}}}]}"#;
        assert!(matches!(Bundle::index(body.as_bytes()), Err(BundleError::NotJson)));
    }

    #[test]
    fn a_total_that_cannot_be_one_is_none() {
        let total = |text: &str| {
            let body = format!(r#"{{"resourceType":"Bundle","total":{text}}}"#);
            Bundle::index(body.as_bytes()).unwrap().total
        };
        assert_eq!(total("0"), Some(0));
        assert_eq!(total("9223372036854775807"), Some(i64::MAX as u64));
        for text in ["4.0", "4.00", "\"4\"", "\" 4 \"", "\"4.0\"", "\"\\u0034\""] {
            assert_eq!(total(text), Some(4), "{text}");
        }
        for text in [
            "9223372036854775808",
            "1e30",
            "-1",
            "4.5",
            "\"-4\"",
            "\"four\"",
            "\"\"",
            "null",
            "NaN",
            "[4]",
        ] {
            assert_eq!(total(text), None, "{text}");
        }
    }

    #[test]
    fn a_page_has_a_bounded_number_of_entries() {
        let page = |count: usize, sick: &str| {
            let entries = format!("{}{{}}", "{},".repeat(count - 1));
            format!(r#"{{"resourceType":"Bundle","entry":[{entries}{sick}]}}"#)
        };
        let index = |body: String| Bundle::index(body.as_bytes());
        assert_eq!(index(page(MAX_ENTRIES, "")).unwrap().entries.len(), MAX_ENTRIES);
        for body in [page(MAX_ENTRIES + 1, ""), page(4_000_000, ""), page(MAX_ENTRIES, ",{x:NaN}")]
        {
            assert!(matches!(index(body), Err(BundleError::TooManyEntries)));
        }
    }
}
