//! Medication, MedicationRequest, MedicationDispense.

use super::codes::DRUGS;
use super::element::{date, epoch, hl7, later, object_quantity, quantity, reference};
use super::ids::{slug, uuid};
use super::json::{Json, array, object};
use super::member::{Member, practitioner_id};

pub(super) fn medication(_: &Member, index: u32) -> Json {
    let drug = &DRUGS[index as usize % DRUGS.len()];
    object! {
        code: object! {
            coding: array![drug.clinical.coding(), drug.package.coding()],
            text: drug.clinical.display,
        },
        status: "active",
    }
}

pub(super) fn medication_request(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("medication-request", index);
    let drug = &DRUGS[index as usize % DRUGS.len()];
    // The first three refer to a Medication; the others contain the code.
    let by_reference = index < 3;
    object! {
        status: if index == 5 { "stopped" } else { "active" },
        intent: "order",
        reportedBoolean: false,
        medicationReference: by_reference.then(|| reference("Medication", &slug::<'m'>(member, index))),
        medicationCodeableConcept: (!by_reference).then(|| drug.clinical.concept_with_text()),
        subject: reference("Patient", &member.patient_id()),
        authoredOn: date(later(epoch(), rng.below(1500))),
        requester: reference("Practitioner", &practitioner_id(*rng.pick(&member.practitioners()))),
        dosageInstruction: array![object! {
            text: "Take one by mouth daily",
            timing: object! { repeat: object! { frequency: 1u32, period: 1u32, periodUnit: "d" } },
            doseAndRate: array![object! { doseQuantity: quantity("1", "{tbl}") }],
        }],
        dispenseRequest: object! {
            numberOfRepeatsAllowed: 3u32,
            quantity: object_quantity(30),
        },
    }
}

pub(super) fn medication_dispense(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("medication-dispense", index);
    let request = index % 6;
    let drug = &DRUGS[request as usize % DRUGS.len()];
    let filled = later(epoch(), 60 * index + rng.below(10));
    object! {
        status: "completed",
        category: hl7("medicationdispense-category", "outpatient"),
        medicationCodeableConcept: drug.package.concept_with_text(),
        subject: reference("Patient", &member.patient_id()),
        authorizingPrescription: array![reference("MedicationRequest", &uuid::<8>(member, request))],
        type: hl7("v3-ActCode", if index < 6 { "FF" } else { "RF" }),
        quantity: quantity("30", "{tbl}"),
        daysSupply: quantity("30", "d"),
        whenHandedOver: format!("{}T12:00:00Z", date(filled)),
    }
}
