//! MedicationStatement and MedicationAdministration, which few payers serve.

use super::codes::DRUGS;
use super::element::{date, epoch, later, reference};
use super::ids::{slug, uuid};
use super::json::{Json, array, object};
use super::member::Member;

/// A drug that the member reports to take.
pub(super) fn medication_statement(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("medication-statement", index);
    let start = later(epoch(), rng.below(1200));
    let by_reference = index == 0;
    object! {
        status: if index == 2 { "completed" } else { "active" },
        medicationReference: by_reference.then(|| reference("Medication", &slug::<'m'>(member, index))),
        medicationCodeableConcept: (!by_reference).then(|| {
            DRUGS[index as usize % DRUGS.len()].clinical.concept_with_text()
        }),
        subject: reference("Patient", &member.patient_id()),
        effectivePeriod: object! { start: date(start), end: date(later(start, 90)) },
        dosage: array![object! { text: "One a day" }],
    }
}

/// A drug that was given to the member during a visit.
pub(super) fn medication_administration(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("medication-administration", index);
    let day = date(later(epoch(), rng.below(1500)));
    object! {
        status: "completed",
        medicationCodeableConcept: DRUGS[(index as usize + 3) % DRUGS.len()].package.concept_with_text(),
        subject: reference("Patient", &member.patient_id()),
        context: reference("Encounter", &uuid::<3>(member, index)),
        effectiveDateTime: format!("{day}T10:15:00-05:00"),
    }
}
