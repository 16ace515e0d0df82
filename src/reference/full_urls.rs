//! Resolves references without a type and an id, by the `fullUrl`s of a Bundle or by identifiers. Pure.

use std::collections::HashMap;

/// The `fullUrl`s of a Bundle's entries, unless they are the server's base followed by type and id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FullUrls(HashMap<String, Option<(String, String)>>);

impl FullUrls {
    /// Notes that an entry's resource has a `fullUrl`.
    ///
    /// A `fullUrl` that two different resources share leads to neither.
    pub fn note(&mut self, full_url: &str, resource_type: &str, id: &str) {
        let resource = (resource_type.to_owned(), id.to_owned());
        self.0
            .entry(key(full_url))
            .and_modify(|known| {
                if known.as_ref() != Some(&resource) {
                    *known = None;
                }
            })
            .or_insert(Some(resource.clone()));
    }

    /// Notes the resource that has an identifier, under the text of a conditional reference to it.
    pub fn note_identifier(
        &mut self,
        (system, value): &(String, String),
        resource_type: &str,
        id: &str,
    ) {
        self.note(&conditional(resource_type, system, value), resource_type, id);
    }

    /// Whether no `fullUrl` is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// If this reference names a `fullUrl` of `bundle`, notes where that `fullUrl` leads.
    pub fn take(&mut self, bundle: &FullUrls, reference: &str) {
        let whole = reference.split_once("/_history/").map_or(reference, |(whole, _)| whole);
        if let Some((resource_type, id)) = bundle.get(whole) {
            self.note(whole, resource_type, id);
        }
    }

    /// Each `fullUrl` with the reference that it stands for, as a JSON object, to be stored.
    pub fn to_text(&self) -> String {
        let target = |(url, to): (&String, &Option<(String, String)>)| {
            to.as_ref()
                .map(|(resource_type, id)| (url.clone(), format!("{resource_type}/{id}").into()))
        };
        serde_json::Value::Object(self.0.iter().filter_map(target).collect()).to_string()
    }

    /// Reads what [`FullUrls::to_text`] wrote; empty for any other text.
    pub fn from_text(text: &str) -> FullUrls {
        let kept: HashMap<String, String> = serde_json::from_str(text).unwrap_or_default();
        let target = |(url, to): (String, String)| {
            let (resource_type, id) = to.split_once('/')?;
            Some((url, Some((resource_type.to_owned(), id.to_owned()))))
        };
        FullUrls(kept.into_iter().filter_map(target).collect())
    }

    /// Type and id of the resource that has an identifier.
    pub(crate) fn identified(&self, system: &str, value: &str) -> Option<(&str, &str)> {
        if self.0.is_empty() {
            return None;
        }
        let system = system.trim().trim_end_matches('/');
        self.get(&conditional("Patient", system, value.trim()))
    }

    /// Type and id of the resource that has this `fullUrl`.
    pub(crate) fn get(&self, full_url: &str) -> Option<(&str, &str)> {
        if self.0.is_empty() {
            return None;
        }
        let (resource_type, id) = self.0.get(&key(full_url))?.as_ref()?;
        Some((resource_type, id))
    }
}

/// The conditional reference to a resource by an identifier (FHIR R4, 3.1.0.11.2).
fn conditional(resource_type: &str, system: &str, value: &str) -> String {
    format!("{resource_type}?identifier={system}|{value}")
}

/// A `fullUrl` as it is compared: the letters of a URN, such as a UUID, have no case.
fn key(full_url: &str) -> String {
    match full_url.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("urn:") => full_url.to_ascii_lowercase(),
        _ => full_url.to_owned(),
    }
}
