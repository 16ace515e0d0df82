//! Splits a Bundle into slices of its text: by serde_json if the text is JSON, else by the lenient
//! scanner, since one invalid resource must not hide the page.

use super::{first::First, lenient, other_members::OtherMembers};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashSet, fmt};

/// The most entries that a page may have. Pages have tens or hundreds of entries; a page of millions of
/// empty entries would take many times the memory of its body.
pub(super) const MAX_ENTRIES: usize = 200_000;

/// The most entries that are kept: enough to tell that there are too many.
pub(super) const MAX_KEPT: usize = MAX_ENTRIES + 1;

/// The members of a Bundle that a walk needs.
#[derive(Default)]
pub(super) struct RawBundle<'a> {
    pub(super) resource_type: Option<Cow<'a, str>>,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) total: Option<&'a str>,
    pub(super) link: Option<&'a str>,
    pub(super) entries: Vec<&'a str>,
    /// Whether `entry` is `null`.
    pub(super) has_null_entries: bool,
    /// Members that FHIR does not know.
    pub(super) others: OtherMembers<'a>,
}

/// Why a text cannot be split into members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAnObject {
    /// The text is not JSON, or ends too early.
    NotJson,
    /// The text is JSON, but no object with the members of a Bundle.
    OtherJson,
}

/// The members of an entry that a walk needs.
#[derive(Default)]
pub(super) struct RawEntry<'a> {
    pub(super) full_url: Option<&'a str>,
    pub(super) resource: Option<&'a str>,
    search: Option<&'a str>,
}

/// A Bundle that is JSON.
struct StrictBundle<'a>(RawBundle<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for StrictBundle<'a> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(Members).map(StrictBundle)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = RawBundle<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut bundle = RawBundle::default();
        let mut seen = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            let known = KNOWN.iter().find(|known| **known == name);
            if known.is_some_and(|known| seen.contains(known)) {
                return Err(A::Error::custom("a member twice"));
            }
            seen.extend(known);
            if name == "entry" {
                let entries = members.next_value::<Option<First<&RawValue, MAX_KEPT>>>()?;
                bundle.has_null_entries = entries.is_none();
                let entries = entries.unwrap_or_default().0.into_iter();
                bundle.entries = entries.map(RawValue::get).collect();
            } else {
                bundle.set(name, members.next_value::<&RawValue>()?.get());
            }
        }
        Ok(bundle)
    }
}

/// The name of a member.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members that a walk needs. None of them may come twice: which one counts would not be certain.
const KNOWN: [&str; 5] = ["resourceType", "type", "total", "link", "entry"];

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
            Ok(StrictBundle(bundle)) => Ok(bundle),
            Err(error) if error.is_data() => Err(NotAnObject::OtherJson),
            Err(error) if error.is_eof() => Err(NotAnObject::NotJson),
            Err(_) => RawBundle::read_leniently(text).ok_or(NotAnObject::NotJson),
        }
    }

    fn read_leniently(text: &'a str) -> Option<RawBundle<'a>> {
        let mut bundle = RawBundle::default();
        // A set, since a server may send hundreds of thousands of members.
        let mut seen = HashSet::new();
        for (name, value) in lenient::members(text)? {
            let name = string(name)?;
            if !seen.insert(name.clone()) {
                return None;
            }
            match &*name {
                "entry" if value == "null" => bundle.has_null_entries = true,
                "entry" => bundle.entries = lenient::elements(value, MAX_KEPT)?,
                _ => bundle.set(name, value),
            }
        }
        Some(bundle)
    }

    /// Whether this is a Bundle whose entries can be read.
    pub(super) fn is_bundle(&self) -> bool {
        self.resource_type.as_deref() == Some("Bundle") && !self.hides_resources()
    }

    /// Whether the Bundle's resources are in a member that FHIR does not know.
    pub(super) fn hides_resources(&self) -> bool {
        self.entries.is_empty() && self.others.hide_resources()
    }

    /// Sets any member but the entries.
    fn set(&mut self, name: Cow<'a, str>, value: &'a str) {
        match &*name {
            "resourceType" => self.resource_type = string(value),
            "type" => self.kind = string(value),
            "total" => self.total = Some(value).filter(|value| *value != "null"),
            "link" => self.link = Some(value),
            _ => self.others.add(name, value),
        }
    }
}

impl<'a> RawEntry<'a> {
    /// Splits an entry; `None` if several entries may hide in it. A text that is not an object, or has a
    /// member twice, is an entry without a resource.
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
