//! What a file holds: the resources of a Bundle of any type, of an array, or one resource.
//!
//! As with a page, the bytes stay as they are and the index holds ranges of them. A Bundle within a
//! Bundle is opened, too. If a text is cut short, its complete resources are found.

use super::{
    bundle::{Entry, range_in, readable},
    lenient,
    raw_bundle::{MAX_ENTRIES, MAX_KEPT, RawBundle, string},
};
use serde::{Deserialize, de::IgnoredAny};
use std::{borrow::Cow, ops::Range};

/// How deep Bundles may be nested; a deeper one is a resource like any other.
const MAX_DEPTH: usize = 4;

/// The resources of a JSON text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The entries of the text's Bundles, the elements of the text's array, or the one resource.
    pub entries: Vec<Entry>,
    /// Whether the text ends in the middle; `entries` then has the complete ones.
    pub is_cut: bool,
}

/// Why a text holds no resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is not JSON, and no complete resource can be found in it.
    #[error("is not JSON, or is cut short within its first resource")]
    NotJson,
    /// A Bundle or an array has more entries than a Bundle may have.
    #[error(
        "has more than {MAX_ENTRIES} entries in one Bundle or array; split it, or write one resource per line (NDJSON)"
    )]
    TooManyEntries,
}

impl Document {
    /// Indexes a text: a Bundle, an array of resources or Bundles, or one resource.
    ///
    /// # Errors
    /// The text is not JSON, or has too many entries. A resource in it that is not JSON is not an error, but
    /// an entry.
    pub fn index(body: &[u8]) -> Result<Document, DocumentError> {
        let text = readable(body);
        let mut document = Document::default();
        let whole = text.trim_matches([' ', '\n', '\r', '\t']);
        let entry = Entry::of_resource(range_in(&text, whole));
        match whole.as_bytes().first() {
            Some(b'[') => document.array(&text, whole, 0)?,
            Some(b'{') => document.take(&text, entry, 0)?,
            _ => return Err(DocumentError::NotJson),
        }
        match document.is_cut && document.entries.is_empty() {
            true => Err(DocumentError::NotJson),
            false => Ok(document),
        }
    }

    fn array(&mut self, text: &str, list: &str, depth: usize) -> Result<(), DocumentError> {
        let elements = lenient::elements(list, MAX_KEPT).unwrap_or_else(|| {
            self.is_cut = true;
            lenient::whole_elements(list, MAX_KEPT)
        });
        for element in limited(elements)? {
            self.take(text, Entry::of_resource(range_in(text, element)), depth + 1)?;
        }
        Ok(())
    }

    /// Adds an entry or, if the entry is a Bundle, that Bundle's entries.
    fn take(&mut self, text: &str, entry: Entry, depth: usize) -> Result<(), DocumentError> {
        let Some(resource) = entry.resource.clone().and_then(|range| text.get(range)) else {
            self.entries.push(entry);
            return Ok(());
        };
        // Any part of a complete text is complete.
        let may_be_cut = depth == 0;
        let is_bundle = type_of(resource.as_bytes()).is_some_and(|name| name == "Bundle");
        if depth > MAX_DEPTH || !may_be_cut && !is_bundle {
            self.entries.push(entry);
            return Ok(());
        }
        let bundle = match RawBundle::read(resource) {
            Ok(raw) if raw.is_bundle() => Some(raw.entries),
            Err(_) if may_be_cut && !is_whole_object(resource.as_bytes()) => {
                self.is_cut = true;
                Some(entries_of_cut(resource).unwrap_or_default())
            }
            // Another resource, or an invalid Bundle: both are judged when they are taken in.
            _ => None,
        };
        let Some(entries) = bundle else {
            self.entries.push(entry);
            return Ok(());
        };
        for one in limited(entries)? {
            match Entry::index(text, one) {
                Some(entry) => self.take(text, entry, depth + 1)?,
                // Several entries may hide in it: it is kept as it is.
                None => self.entries.push(Entry::of_resource(range_in(text, one))),
            }
        }
        Ok(())
    }
}

fn limited(entries: Vec<&str>) -> Result<Vec<&str>, DocumentError> {
    match entries.len() > MAX_ENTRIES {
        true => Err(DocumentError::TooManyEntries),
        false => Ok(entries),
    }
}

/// The complete entries of a Bundle that is cut short; `None` if the text is another resource.
fn entries_of_cut(text: &str) -> Option<Vec<&str>> {
    let (members, entries) = lenient::whole_members(text, "\"entry\"", MAX_KEPT);
    let named = members.iter().find(|(name, _)| *name == "\"resourceType\"");
    // A Bundle may have its `resourceType` at its end, after the cut.
    named.is_none_or(|(_, value)| string(value).as_deref() == Some("Bundle")).then_some(entries)
}

/// Whether a text is a single JSON object, with any content.
pub fn is_whole_object(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok() && text.trim_ascii_start().starts_with(b"{")
        || lenient::members(&readable(text)).is_some()
}

/// The resource type that a resource states.
pub fn type_of(resource: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "resourceType", borrow)]
        resource_type: Cow<'a, str>,
    }
    serde_json::from_slice::<Typed<'_>>(resource).ok().map(|typed| typed.resource_type)
}

impl Entry {
    /// This entry in a text in which it begins `by` bytes later.
    pub fn moved(self, by: usize) -> Entry {
        let moved = |range: Range<usize>| range.start + by..range.end + by;
        Entry { range: moved(self.range), resource: self.resource.map(moved), ..self }
    }

    /// This entry in the part of its text that begins at `start`.
    pub(crate) fn within(self, start: usize) -> Entry {
        let moved = |range: Range<usize>| range.start - start..range.end - start;
        Entry { range: moved(self.range), resource: self.resource.map(moved), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Vec<&str>, bool) {
        let document = Document::index(text.as_bytes()).unwrap();
        let bytes = |entry: Entry| entry.resource.map_or("", |range| &text[range]);
        (document.entries.into_iter().map(bytes).collect(), document.is_cut)
    }

    #[test]
    fn bundles_arrays_and_single_resources_are_opened_and_no_byte_changes() {
        let (a, b) =
            (r#"{"resourceType":"Patient", "id":"a"}"#, r#"{"resourceType":"Goal","x":1.50}"#);
        let bundle = |kind: &str, inner: &str| {
            format!(
                r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"resource":{inner}}}]}}"#
            )
        };
        assert_eq!(found(a), (vec![a], false));
        assert_eq!(found(&format!("\n {b} \n")), (vec![b], false));
        assert_eq!(found(&format!("[{a} ,{b}]")), (vec![a, b], false));
        for kind in ["collection", "transaction", "document", "searchset", "history", "x"] {
            assert_eq!(found(&bundle(kind, a)), (vec![a], false));
        }
        let nested = bundle("batch-response", &bundle("searchset", b));
        assert_eq!(found(&nested), (vec![b], false));
        assert_eq!(found(&format!("[{nested},{a}]")), (vec![b, a], false));
        assert_eq!(found("[]"), (vec![], false));
        assert_eq!(found(r#"{"resourceType":"Bundle"}"#), (vec![], false));
        // A member `entry` of a resource that is not a Bundle is not opened.
        let list = r#"{"resourceType":"List","id":"l","entry":[{"item":{}}]}"#;
        assert_eq!(found(list), (vec![list], false));
    }

    #[test]
    fn a_sick_resource_is_an_entry_and_hides_no_other() {
        let (a, sick) = (r#"{"resourceType":"Patient","id":"a"}"#, r#"{"id":"b","x":NaN}"#);
        assert_eq!(found(sick), (vec![sick], false));
        assert_eq!(found(&format!("[{sick},{a}]")), (vec![sick, a], false));
        let text = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{sick}}},{{"resource":{a}}}]}}"#
        );
        assert_eq!(found(&text), (vec![sick, a], false));
    }

    #[test]
    fn what_is_whole_of_a_cut_text_is_found() {
        let a = r#"{"resourceType":"Patient","id":"a"}"#;
        let text = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{a}}},{{"resource":{a}}}]}}"#
        );
        let second = text.rfind("{\"resource\"").unwrap();
        for at in 1..text.len() {
            match Document::index(&text.as_bytes()[..at]) {
                Ok(document) => {
                    assert!(document.is_cut && at >= second - 1, "{}", &text[..at]);
                    assert!(matches!(document.entries.len(), 1 | 2));
                }
                Err(error) => assert!(error == DocumentError::NotJson && at < second),
            }
        }
        assert_eq!(found(&format!("[{a},{a}")), (vec![a, a], true));
        for text in ["", "  ", "7", "abc", "{", r#"{"resourceType":"Patient","id":"#, "[1"] {
            assert_eq!(Document::index(text.as_bytes()), Err(DocumentError::NotJson), "{text}");
        }
    }
}
