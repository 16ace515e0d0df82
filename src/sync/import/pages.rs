//! Splits a file into pages: each of one resource type, as large as a page of a plan, Patients first.

use crate::{
    fhir::{Entry, Outcome, SearchMode, is_r4_type, type_of},
    fingerprint::fingerprint,
    reference::{Destination, FullUrls, ServerBases},
    sync::intake::unpack::NO_TYPE,
};
use bytes::Bytes;
use std::collections::HashMap;
use url::Url;

/// Entries after which a page is full.
const MAX_ENTRIES: usize = 500;
/// Bytes of entries after which a page is full.
const MAX_BYTES: usize = 4 << 20;

/// A page of one type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FilePage {
    pub(crate) resource_type: String,
    /// The part of the file that the page's entries are in.
    pub(crate) body: Bytes,
    /// Where the entries are in `body`.
    pub(crate) entries: Vec<Entry>,
    /// Bytes of the page's entries.
    pub(crate) bytes: usize,
}

/// Sorts entries into pages. Patients come first: they tell whose data the rest must be.
pub(crate) fn pages(body: &Bytes, entries: Vec<Entry>) -> Vec<FilePage> {
    let mut types: Vec<(String, Vec<Entry>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for entry in entries.into_iter().filter(|entry| !is_remark(body, entry)) {
        let name = page_type(body, &entry);
        let place = *places.entry(name.clone()).or_insert_with(|| {
            types.push((name, Vec::new()));
            types.len() - 1
        });
        types[place].1.push(entry);
    }
    types.sort_by_key(|(name, _)| name != "Patient");
    types.into_iter().flat_map(|(name, entries)| split(body, &name, entries)).collect()
}

/// Whether an entry is a server's remark about the search, and no failure. Pages of a plan drop such entries,
/// too.
fn is_remark(body: &[u8], entry: &Entry) -> bool {
    let Some(resource) = entry.resource.clone() else { return false };
    entry.mode == SearchMode::Outcome
        && Outcome::parse(&body[resource]).is_some_and(|outcome| !outcome.is_failure())
}

fn page_type(body: &[u8], entry: &Entry) -> String {
    let resource = entry.resource.clone().and_then(|range| type_of(&body[range]));
    match resource {
        Some(name) if is_r4_type(&name) => name.into_owned(),
        _ => NO_TYPE.to_owned(),
    }
}

fn split(body: &Bytes, name: &str, entries: Vec<Entry>) -> Vec<FilePage> {
    let mut pages = Vec::new();
    let (mut open, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        bytes += entry.range.len();
        open.push(entry);
        if open.len() >= MAX_ENTRIES || bytes >= MAX_BYTES {
            pages.extend(page(body, name, std::mem::take(&mut open), std::mem::take(&mut bytes)));
        }
    }
    pages.extend(page(body, name, open, bytes));
    pages
}

fn page(body: &Bytes, name: &str, entries: Vec<Entry>, bytes: usize) -> Option<FilePage> {
    let start = entries.iter().map(|entry| entry.range.start).min()?;
    let end = entries.iter().map(|entry| entry.range.end).max()?;
    Some(FilePage {
        resource_type: name.to_owned(),
        body: body.slice(start..end),
        entries: entries.into_iter().map(|entry| entry.within(start)).collect(),
        bytes,
    })
}

/// The `fullUrl`s of the entries, except those that are the server's base followed by the resource's type and
/// id.
pub(crate) fn full_urls(body: &[u8], entries: &[Entry], bases: &ServerBases) -> FullUrls {
    let mut found = FullUrls::default();
    for (full_url, resource_type, id) in identified(body, entries) {
        let plain = Destination::Here { resource_type: &resource_type, id: &id };
        if bases.resolve(full_url, &FullUrls::default()) != plain {
            found.note(full_url, &resource_type, &id);
        }
    }
    found
}

/// The FHIR base of the server that a Bundle came from, if a `fullUrl` has it: the part before the
/// type and id of the resource.
pub(crate) fn base_of(body: &[u8], entries: &[Entry]) -> Option<Url> {
    identified(body, entries).find_map(|(full_url, resource_type, id)| {
        let base = full_url.strip_suffix(&format!("/{resource_type}/{id}"))?;
        Url::parse(base).ok().filter(|base| matches!(base.scheme(), "http" | "https"))
    })
}

/// The `fullUrl`s of entries, each with the type and id of its resource.
fn identified<'a>(
    body: &'a [u8],
    entries: &'a [Entry],
) -> impl Iterator<Item = (&'a str, String, String)> {
    entries.iter().filter_map(|entry| {
        let full_url = entry.full_url.as_deref()?;
        let found = fingerprint(&body[entry.resource.clone()?]).ok()?;
        Some((full_url, found.resource_type, found.id?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::Document;

    fn taken_apart(text: &str) -> Vec<(String, Vec<String>)> {
        let body = Bytes::copy_from_slice(text.as_bytes());
        let entries = Document::index(text.as_bytes()).unwrap().entries;
        let told = |page: FilePage| {
            let text =
                |entry: &Entry| String::from_utf8(page.body[entry.range.clone()].to_vec()).unwrap();
            (page.resource_type.clone(), page.entries.iter().map(text).collect())
        };
        pages(&body, entries).into_iter().map(told).collect()
    }

    #[test]
    fn a_page_is_of_one_type_and_patients_come_first() {
        let goal = |id: &str| format!(r#"{{"resourceType":"Goal","id":"{id}"}}"#);
        let patient = r#"{"resourceType":"Patient","id":"p"}"#;
        let (odd, own) = (r#"{"resourceType":"Gaol","id":"x"}"#, r#"{"a":1}"#);
        let text = format!("[{},{odd},{patient},{},{own}]", goal("1"), goal("2"));
        let expected = [
            ("Patient", vec![patient.to_owned()]),
            ("Goal", vec![goal("1"), goal("2")]),
            (NO_TYPE, vec![odd.to_owned(), own.to_owned()]),
        ];
        assert_eq!(taken_apart(&text), expected.map(|(name, them)| (name.to_owned(), them)));
    }

    #[test]
    fn pages_are_bounded_by_entries_and_bytes() {
        let goals = |text: &str, count: usize| {
            let goal = format!(r#"{{"resourceType":"Goal","id":"1","x":"{text}"}}"#);
            let text = format!("[{}]", vec![goal; count].join(","));
            taken_apart(&text).iter().map(|(_, entries)| entries.len()).collect::<Vec<_>>()
        };
        assert_eq!(goals("", MAX_ENTRIES + 1), [MAX_ENTRIES, 1]);
        assert_eq!(goals(&"x".repeat(3 << 20), 3), [2, 1]);
    }

    #[test]
    fn the_base_is_the_full_urls_own_and_no_urns() {
        let bundle = |full_url: &str| {
            format!(
                r#"{{"resourceType":"Bundle","entry":[{{"fullUrl":"{full_url}",
                "resource":{{"resourceType":"Patient","id":"p"}}}}]}}"#
            )
        };
        for (full_url, base) in [
            ("https://h/r4/Patient/p", Some("https://h/r4")),
            ("https://h/r4/Patient/q", None),
            ("urn:uuid:1", None),
            ("Patient/p", None),
        ] {
            let text = bundle(full_url);
            let entries = Document::index(text.as_bytes()).unwrap().entries;
            let found = base_of(text.as_bytes(), &entries);
            assert_eq!(found.as_ref().map(Url::as_str), base, "{full_url}");
        }
    }
}
