//! The parts of a Bundle as slices of its text: by serde_json where the text is JSON, else by the
//! lenient scanner, since one sick resource must not hide the page.

use super::{first::First, lenient};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Entries that a page may have. Pages have tens or hundreds of entries; a page of millions of empty
/// ones would take many times the memory of its body.
pub(super) const MAX_ENTRIES: usize = 200_000;

/// Entries that are kept: enough to tell that there are too many.
pub(super) const MAX_KEPT: usize = MAX_ENTRIES + 1;

/// The members of a Bundle that a walk needs.
#[derive(Default)]
pub(super) struct RawBundle<'a> {
    pub(super) resource_type: Option<Cow<'a, str>>,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) total: Option<&'a str>,
    pub(super) link: Option<&'a str>,
    pub(super) entries: Vec<&'a str>,
}

/// Why a text has no members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAnObject {
    /// It is not JSON, or ends too early.
    NotJson,
    /// It is JSON, but no object with the members of a Bundle.
    OtherJson,
}

/// The members of an entry that a walk needs.
#[derive(Default)]
pub(super) struct RawEntry<'a> {
    pub(super) full_url: Option<&'a str>,
    pub(super) resource: Option<&'a str>,
    search: Option<&'a str>,
}

#[derive(Deserialize)]
struct StrictBundle<'a> {
    #[serde(rename = "resourceType", borrow, default)]
    resource_type: Option<&'a RawValue>,
    #[serde(rename = "type", borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    total: Option<&'a RawValue>,
    // A `null` is something else than nothing.
    #[serde(borrow, default, deserialize_with = "with_null")]
    link: Option<&'a RawValue>,
    #[serde(borrow, default)]
    entry: First<&'a RawValue, MAX_KEPT>,
}

#[derive(Deserialize)]
struct StrictEntry<'a> {
    #[serde(rename = "fullUrl", borrow, default)]
    full_url: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(borrow, default)]
    search: Option<&'a RawValue>,
}

impl<'a> RawBundle<'a> {
    /// Splits a Bundle; entries beyond [`MAX_KEPT`] are left out.
    pub(super) fn read(text: &'a str) -> Result<RawBundle<'a>, NotAnObject> {
        match serde_json::from_str::<StrictBundle<'_>>(text) {
            Ok(strict) => Ok(RawBundle {
                resource_type: strict.resource_type.map(RawValue::get).and_then(string),
                kind: strict.kind.map(RawValue::get).and_then(string),
                total: strict.total.map(RawValue::get),
                link: strict.link.map(RawValue::get),
                entries: strict.entry.0.into_iter().map(RawValue::get).collect(),
            }),
            Err(error) if error.is_data() => Err(NotAnObject::OtherJson),
            Err(error) if error.is_eof() => Err(NotAnObject::NotJson),
            Err(_) => RawBundle::read_leniently(text).ok_or(NotAnObject::NotJson),
        }
    }

    fn read_leniently(text: &'a str) -> Option<RawBundle<'a>> {
        let mut bundle = RawBundle::default();
        let mut seen = Vec::new();
        for (name, value) in lenient::members(text)? {
            let name = string(name)?;
            if seen.contains(&name) {
                return None;
            }
            match &*name {
                "resourceType" => bundle.resource_type = string(value),
                "type" => bundle.kind = string(value),
                "total" => bundle.total = Some(value),
                "link" => bundle.link = Some(value),
                "entry" if value != "null" => bundle.entries = lenient::elements(value, MAX_KEPT)?,
                _ => {}
            }
            seen.push(name);
        }
        Some(bundle)
    }
}

impl<'a> RawEntry<'a> {
    /// Splits an entry. Something that is no object, or has a member twice, is an entry without a
    /// resource. `None`: several entries may hide in this one.
    pub(super) fn read(text: &'a str) -> Option<RawEntry<'a>> {
        match serde_json::from_str::<StrictEntry<'_>>(text) {
            Ok(strict) => Some(RawEntry {
                full_url: strict.full_url.map(RawValue::get),
                resource: strict.resource.map(RawValue::get),
                search: strict.search.map(RawValue::get),
            }),
            Err(error) if error.is_data() => Some(RawEntry::default()),
            Err(_) => {
                let begins = |name: &str| text.match_indices(name).count();
                if begins("\"resource\"") > 1 || begins("\"fullUrl\"") > 1 {
                    return None;
                }
                let members = lenient::members(text).unwrap_or_default();
                let find = |name: &str| {
                    members.iter().find(|member| member.0 == name).map(|member| member.1)
                };
                Some(RawEntry {
                    full_url: find("\"fullUrl\""),
                    resource: find("\"resource\""),
                    search: find("\"search\""),
                })
            }
        }
    }

    /// `search.mode`.
    pub(super) fn mode(&self) -> Option<Cow<'a, str>> {
        #[derive(Deserialize)]
        struct Search<'a> {
            #[serde(borrow)]
            mode: Cow<'a, str>,
        }
        serde_json::from_str::<Search<'_>>(self.search?).ok().map(|search| search.mode)
    }
}

/// The text of a JSON string.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(json).ok().map(|text| text.0)
}

fn with_null<'de, D: Deserializer<'de>>(source: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(source).map(Some)
}
