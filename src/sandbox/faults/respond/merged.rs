//! The fault of a member's record merged into another: the same resources, but about another Patient.

use crate::sandbox::{
    members::entry,
    server::{record::Record, resource_text::replace},
    state::State,
};

/// Replaces the member's Patient by the one of the merged record, in a resource or a URL.
pub(in crate::sandbox) fn speak_of_another_patient(state: &State, member: u32, text: &mut String) {
    let Some(patient) = entry("Patient") else { return };
    let id = Record::new(state, member, patient).id(0);
    let merged = format!("{id}-merged");
    *text = text.replace(&format!("Patient/{id}"), &format!("Patient/{merged}"));
    if text.starts_with("{\"resourceType\":\"Patient\"") {
        replace(text, "\"id\":\"", "\"", &merged);
    }
}
