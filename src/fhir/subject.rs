//! Whom a resource is about: the Patients that it names as patient, subject, beneficiary.
//!
//! Source: FHIR R4 patient compartment. The bytes decide, not the schema: if an element occurs twice, or as
//! a list, each occurrence counts.

use crate::reference::{Destination, FullUrls, ServerBases};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// The elements that say whom a resource is about.
const SUBJECTS: [&str; 6] = ["patient", "subject", "beneficiary", "for", "individual", "candidate"];
/// Types of people other than Patient. A resource about one of them is about the member only if the member is
/// that person, and no reference tells that. Practitioner is left out: it may be the subject of a document.
const OTHER_PEOPLE: [&str; 2] = ["RelatedPerson", "Person"];

/// The people whom a resource names as its subject; empty if it names nobody.
///
/// A Group or a Device in place of a Patient says nothing. A RelatedPerson or a Person does: it names
/// somebody who may or may not be the member.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Ids of Patients of this server.
    pub patients: Vec<String>,
    /// References without a type, which may be the bare id of a Patient.
    pub bare: Vec<String>,
    /// Identifiers of people whom the resource names without a reference.
    pub identifiers: Vec<Identifier>,
    /// Whether the resource names a Patient of another server.
    pub elsewhere: bool,
    /// Whether the resource names somebody who cannot be identified.
    pub unclear: bool,
}

/// System and value of an identifier, without spaces around them and without a slash at the system's end, so
/// that two identifiers that mean the same are equal.
///
/// The system is empty if none was sent.
pub type Identifier = (String, String);

/// The identifiers of a Patient.
pub fn identifiers(patient: &[u8]) -> Vec<Identifier> {
    let lists = members(patient, "identifier");
    lists.into_iter().flat_map(|list| elements(list.get())).filter_map(identifier).collect()
}

/// Reads whom a resource is about.
pub fn subjects(json: &[u8], bases: &ServerBases, bundle: &FullUrls) -> Subjects {
    let mut reading = Reading { bases, bundle, json, found: Subjects::default() };
    match serde_json::from_slice::<Members<'_>>(json) {
        Ok(members) => {
            for (name, value) in members.0 {
                if SUBJECTS.contains(&&*name) {
                    reading.element(value.get());
                }
            }
        }
        Err(_) => reading.found.unclear = true,
    }
    reading.found
}

/// The Patients that a Patient says it is linked to: other records of the same person.
pub fn linked_patients(json: &[u8], bases: &ServerBases, bundle: &FullUrls) -> Vec<String> {
    let mut reading = Reading { bases, bundle, json, found: Subjects::default() };
    let links = members(json, "link").into_iter().flat_map(|link| elements(link.get()));
    for link in links {
        for other in members(link.get().as_bytes(), "other") {
            reading.element(other.get());
        }
    }
    reading.found.patients
}

struct Reading<'a> {
    bases: &'a ServerBases,
    bundle: &'a FullUrls,
    json: &'a [u8],
    found: Subjects,
}

impl Reading<'_> {
    /// Reads an element that should hold a Reference.
    fn element(&mut self, value: &str) {
        match value.as_bytes().first() {
            Some(b'[') => {
                for one in elements(value) {
                    // A list within a list cannot be read, however deep it is.
                    match one.get().starts_with('[') {
                        true => self.found.unclear = true,
                        false => self.element(one.get()),
                    }
                }
            }
            Some(b'{') => {
                let stated = members(value.as_bytes(), "type");
                let stated = stated.first().and_then(|stated| text(stated.get()));
                // A logical type may be the URL of its definition.
                let stated = stated.as_deref().and_then(|stated| stated.rsplit('/').next());
                let references = members(value.as_bytes(), "reference");
                for reference in &references {
                    self.reference(reference.get(), stated);
                }
                let is_silent = |it: &&RawValue| {
                    it.get() == "null" || text(it.get()).is_some_and(|text| text.trim().is_empty())
                };
                if references.iter().all(is_silent) {
                    self.without_reference(value, stated);
                }
            }
            // Some servers write the reference as a text, in place of the Reference.
            Some(b'"') => self.reference(value, None),
            Some(b'n') => {}
            _ => self.found.unclear = true,
        }
    }

    /// Reads a Reference that names somebody by an identifier, or in words alone.
    fn without_reference(&mut self, value: &str, stated: Option<&str>) {
        if stated.is_some_and(|stated| OTHER_PEOPLE.contains(&stated)) {
            self.found.unclear = true;
        }
        if stated.is_some_and(|stated| stated != "Patient") {
            return;
        }
        let before = self.found.identifiers.len();
        let identifiers = members(value.as_bytes(), "identifier");
        self.found.identifiers.extend(identifiers.into_iter().filter_map(identifier));
        let is_named = || {
            let names = members(value.as_bytes(), "display");
            names.iter().any(|it| text(it.get()).is_some_and(|text| !text.trim().is_empty()))
        };
        if self.found.identifiers.len() == before && is_named() {
            self.found.unclear = true;
        }
    }

    fn reference(&mut self, value: &str, stated: Option<&str>) {
        let Some(reference) = text(value) else {
            self.found.unclear |= value != "null";
            return;
        };
        let sent = reference.len();
        let reference = reference.trim();
        // The tables do not trim: a row with such a reference would not have the id of its Patient.
        let is_padded = reference.len() < sent;
        match self.bases.resolve(reference, self.bundle) {
            Destination::Here { resource_type: "Patient", .. } if is_padded => {
                self.found.unclear = true;
            }
            Destination::Here { resource_type: "Patient", id } => {
                self.found.patients.push(id.to_owned());
            }
            Destination::Here { resource_type, .. }
            | Destination::Elsewhere { resource_type: Some(resource_type) }
                if OTHER_PEOPLE.contains(&resource_type) =>
            {
                self.found.unclear = true;
            }
            Destination::Here { .. } => {}
            Destination::Elsewhere { resource_type: Some("Patient") } => {
                self.found.elsewhere = true;
            }
            Destination::Elsewhere { resource_type: Some(_) } => {}
            Destination::Contained { id } => self.found.unclear |= self.contains_person(id),
            _ if reference.is_empty() => {}
            _ if stated.is_some_and(|stated| OTHER_PEOPLE.contains(&stated)) => {
                self.found.unclear = true;
            }
            _ if stated.is_some_and(|stated| stated != "Patient") => {}
            Destination::Unknown if !is_padded && !reference.contains(['/', ':', '?', '#']) => {
                self.found.bare.push(reference.to_owned());
            }
            Destination::Unknown | Destination::Elsewhere { .. } => self.found.unclear = true,
        }
    }

    /// Whether a contained resource is a Patient or another person, or is missing. Such a person has no id on
    /// this server.
    fn contains_person(&self, id: &str) -> bool {
        let contained = members(self.json, "contained");
        let mut same = contained.iter().flat_map(|list| elements(list.get())).filter(|resource| {
            let ids = members(resource.get().as_bytes(), "id");
            ids.iter().any(|own| text(own.get()).as_deref() == Some(id))
        });
        let is_other = |resource: &RawValue| {
            let types = members(resource.get().as_bytes(), "resourceType");
            let is_person = |name: &str| name == "Patient" || OTHER_PEOPLE.contains(&name);
            !types.iter().any(|name| text(name.get()).is_some_and(|name| is_person(&name)))
        };
        !same.next().is_some_and(|first| is_other(first) && same.all(is_other))
    }
}

/// An Identifier with a value.
fn identifier(json: &RawValue) -> Option<Identifier> {
    let of = |name| {
        let found = members(json.get().as_bytes(), name);
        found.first().and_then(|found| text(found.get()))
    };
    let (system, value) = (of("system").unwrap_or_default(), of("value")?);
    let value = value.trim();
    (!value.is_empty()).then(|| (system.trim().trim_end_matches('/').to_owned(), value.to_owned()))
}

/// The values of the members of a JSON object that have this name, in order, repeated ones included.
fn members<'a>(json: &'a [u8], name: &str) -> Vec<&'a RawValue> {
    let members = serde_json::from_slice::<Members<'a>>(json).unwrap_or_default();
    members.0.into_iter().filter(|(own, _)| own == name).map(|(_, value)| value).collect()
}

/// The elements of a JSON array; any other value as the only element.
fn elements(value: &str) -> Vec<&RawValue> {
    match serde_json::from_str::<Vec<&RawValue>>(value) {
        Ok(elements) => elements,
        Err(_) => serde_json::from_str::<&RawValue>(value).into_iter().collect(),
    }
}

fn text(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

/// A JSON object as it is written.
#[derive(Default)]
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Subjects {
        let base = "https://x.test/r4".parse().unwrap();
        let mut bundle = FullUrls::default();
        bundle.note("urn:uuid:0a", "Patient", "9");
        subjects(json.as_bytes(), &ServerBases::new(&base, &[]), &bundle)
    }

    fn patients(json: &str) -> Vec<String> {
        let found = read(json);
        let clear = Subjects { patients: found.patients.clone(), ..Subjects::default() };
        assert_eq!(found, clear, "{json}");
        found.patients
    }

    #[test]
    fn the_patient_is_found_in_every_form_of_a_reference() {
        for (json, expected) in [
            (r#"{"patient":{"reference":"Patient/1"}}"#, &["1"][..]),
            (r#"{"subject":{"reference":"https://x.test/r4/Patient/a.b"}}"#, &["a.b"]),
            (r#"{"beneficiary":{"reference":"Patient/1/_history/2"}}"#, &["1"]),
            (r#"{"subject":{"reference":"urn:uuid:0A"}}"#, &["9"]),
            (r#"{"subject":"Patient/1"}"#, &["1"]),
            (r#"{"subject":[{"reference":"Patient/1"},{"reference":"Patient/2"}]}"#, &["1", "2"]),
            (r#"{"for":{"reference":"Patient/1"}}"#, &["1"]),
            (r#"{"subj\u0065ct":{"reference":"Patient/1"}}"#, &["1"]),
        ] {
            assert_eq!(patients(json), expected, "{json}");
        }
    }

    #[test]
    fn what_stands_there_twice_or_contradicts_speaks_each_time() {
        for json in [
            r#"{"patient":{"reference":"Patient/1"},"patient":{"reference":"Patient/2"}}"#,
            r#"{"patient":{"reference":"Patient/1","reference":"Patient/2"}}"#,
            r#"{"patient":{"reference":"Patient/1"},"beneficiary":{"reference":"Patient/2"}}"#,
        ] {
            assert_eq!(patients(json), ["1", "2"], "{json}");
        }
    }

    #[test]
    fn who_is_no_patient_or_not_said_is_nobody() {
        for json in [
            "{}",
            r#"{"subject":{"reference":"Group/1"}}"#,
            r#"{"subject":{"reference":"https://other.test/Device/1"}}"#,
            r#"{"subject":{"reference":"urn:uuid:1","type":"Location"}}"#,
            r##"{"subject":{"reference":"#d"},"contained":[{"resourceType":"Device","id":"d"}]}"##,
            r#"{"subject":{"type":"Group","display":"Mary's class"}}"#,
            r#"{"subject":{"type":"Device","identifier":{"value":"7"}}}"#,
            r#"{"subject":{"display":" ","identifier":{"system":"https://x.test"}}}"#,
            r#"{"patient":{"extension":[{"url":"x","valueCode":"unknown"}]}}"#,
            r#"{"patient":{"reference":""}}"#,
            r#"{"patient":{"reference":" "}}"#,
            r#"{"patient":{"reference":null},"subject":null,"beneficiary":[]}"#,
            r#"{"focus":{"reference":"Patient/1"}}"#,
            r#"{"subject":{"reference":"Practitioner/1"}}"#,
        ] {
            assert_eq!(read(json), Subjects::default(), "{json}");
        }
    }

    #[test]
    fn who_cannot_be_told_is_said() {
        for json in [
            r##"{"subject":{"reference":"#p"},"contained":[{"resourceType":"Patient","id":"p"}]}"##,
            r##"{"subject":{"reference":"#p"}}"##,
            r#"{"patient":{"reference":"Patient?identifier=1"}}"#,
            r#"{"patient":{"reference":"urn:uuid:unknown"}}"#,
            r#"{"patient":{"reference":"patient/1"}}"#,
            r#"{"patient":{"reference":" Patient/1"}}"#,
            r#"{"patient":{"reference":"Patient/1 "}}"#,
            r#"{"patient":{"reference":"1 "}}"#,
            r#"{"patient":{"reference":7}}"#,
            r#"{"patient":{"reference":"RelatedPerson/1"}}"#,
            r#"{"subject":"Person/1"}"#,
            r#"{"for":{"reference":"https://other.test/r4/RelatedPerson/1"}}"#,
            r##"{"subject":{"reference":"#r"},"contained":[{"resourceType":"RelatedPerson","id":"r"}]}"##,
            r#"{"patient":{"type":"RelatedPerson","identifier":{"value":"7"}}}"#,
            r#"{"patient":{"reference":"urn:uuid:1","type":"http://hl7.org/fhir/StructureDefinition/Person"}}"#,
            r#"{"subject":{"display":"Mary"}}"#,
            r#"{"subject":{"display":"Mary","identifier":{"system":"https://x.test"}}}"#,
            r#"{"patient":7}"#,
            r#"{"patient":[[{"reference":"Patient/1"}]]}"#,
            "[]",
        ] {
            assert_eq!(read(json), Subjects { unclear: true, ..Subjects::default() }, "{json}");
        }
        let elsewhere = read(r#"{"patient":{"reference":"https://other.test/r4/Patient/1"}}"#);
        assert_eq!(elsewhere, Subjects { elsewhere: true, ..Subjects::default() });
        let bare = read(r#"{"patient":{"reference":"1"}}"#);
        assert_eq!(bare, Subjects { bare: vec!["1".to_owned()], ..Subjects::default() });
    }

    #[test]
    fn whoever_has_no_reference_is_told_by_identifiers() {
        let named = |json: &str| {
            let found = read(json);
            let clear = Subjects { identifiers: found.identifiers.clone(), ..Subjects::default() };
            assert_eq!(found, clear, "{json}");
            found.identifiers
        };
        let own = ("https://x.test/id".to_owned(), "7".to_owned());
        for json in [
            r#"{"patient":{"identifier":{"system":"https://x.test/id","value":"7"}}}"#,
            r#"{"patient":{"identifier":{"system":" https://x.test/id/","value":"7 "},"display":"M"}}"#,
            r#"{"beneficiary":{"reference":"","type":"Patient","identifier":{"system":"https://x.test/id","value":"7"}}}"#,
        ] {
            assert_eq!(named(json), std::slice::from_ref(&own), "{json}");
        }
        let nameless = named(r#"{"subject":{"reference":null,"identifier":{"value":"7"}}}"#);
        assert_eq!(nameless, [(String::new(), "7".to_owned())]);
        let beside = r#"{"patient":{"reference":"Patient/1","identifier":{"value":"7"}}}"#;
        assert_eq!(patients(beside), ["1"]);
        let patient =
            br#"{"identifier":[{"system":"https://x.test/id/","value":"7"},{"value":" "}]}"#;
        assert_eq!(identifiers(patient), [own]);
    }

    #[test]
    fn the_links_of_a_patient_are_other_patients() {
        let json = r#"{"link":[{"other":{"reference":"Patient/2"},"type":"seealso"},
            {"other":{"reference":"RelatedPerson/3"}},{"other":{"reference":"https://y.test/Patient/4"}}]}"#;
        let base = "https://x.test/r4".parse().unwrap();
        let bases = ServerBases::new(&base, &[]);
        assert_eq!(linked_patients(json.as_bytes(), &bases, &FullUrls::default()), ["2"]);
    }
}
