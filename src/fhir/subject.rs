//! Whom a resource is about: the Patient that it names as patient, subject or beneficiary.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Subjects<'a> {
    #[serde(borrow, default)]
    patient: Option<&'a RawValue>,
    #[serde(borrow, default)]
    subject: Option<&'a RawValue>,
    #[serde(borrow, default)]
    beneficiary: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow, default)]
    reference: Option<Cow<'a, str>>,
}

/// The id of the Patient that a resource is about, where it says so by a literal reference.
///
/// `None` for a resource about nobody, about a Group, or with an identifier or a text in place of
/// a reference: that tells nothing. Source: FHIR R4 patient compartment.
pub fn patient_of(json: &[u8]) -> Option<String> {
    let subjects: Subjects<'_> = serde_json::from_slice(json).ok()?;
    [subjects.patient, subjects.beneficiary, subjects.subject].into_iter().flatten().find_map(
        |subject| {
            let reference: Reference<'_> = serde_json::from_str(subject.get()).ok()?;
            patient_id(reference.reference.as_deref()?)
        },
    )
}

/// The id in a reference to a Patient: relative, absolute, versioned.
pub fn patient_id(reference: &str) -> Option<String> {
    let path = reference.split(['?', '#']).next()?;
    let mut segments = path.rsplit('/');
    let mut id = segments.next()?;
    let mut before = segments.next()?;
    if before == "_history" {
        id = segments.next()?;
        before = segments.next()?;
    }
    (before == "Patient" && !id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patient_is_found_in_every_form_of_a_reference() {
        for (json, expected) in [
            (r#"{"patient":{"reference":"Patient/1"}}"#, Some("1")),
            (r#"{"subject":{"reference":"https://x.test/r4/Patient/a.b"}}"#, Some("a.b")),
            (r#"{"beneficiary":{"reference":"Patient/1/_history/2"}}"#, Some("1")),
            (r#"{"subject":{"reference":"Group/1"}}"#, None),
            (r##"{"subject":{"reference":"#p"}}"##, None),
            (r#"{"subject":{"display":"Mary"}}"#, None),
            (r#"{"subject":"Patient/1"}"#, None),
            (r#"{"patient":7}"#, None),
            (r#"[]"#, None),
        ] {
            assert_eq!(patient_of(json.as_bytes()).as_deref(), expected, "{json}");
        }
    }
}
