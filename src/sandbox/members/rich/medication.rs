//! The types about drugs, orders and fills, with all elements.

use super::{
    element::{hl7_list, ratio, snomed},
    turn::Rich,
};
use crate::sandbox::members::{
    codes::DRUGS,
    element::{date, epoch, hl7, later, quantity},
    json::{Json, array, object},
};

const ADHERENCE: &str =
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-medication-adherence";

pub(super) fn medication(rich: &Rich, resource: &mut Json) {
    let ingredient = |kind: &str, item: Json| {
        let mut one = object! { isActive: true, strength: ratio("10", "mg", "{tbl}") };
        one.set(&format!("item{kind}"), item);
        one
    };
    resource.add(object! {
        manufacturer: rich.to("Organization"),
        form: snomed("385055001", "Tablet"),
        amount: ratio("30", "{tbl}", "{package}"),
        ingredient: array![
            ingredient("CodeableConcept", DRUGS[0].clinical.concept()),
            ingredient("Reference", rich.to("Substance")),
            ingredient("Reference", rich.to("Medication")),
        ],
        batch: object! { lotNumber: "B-7", expirationDate: rich.moment(2000) },
    });
}

pub(super) fn medication_request(rich: &Rich, resource: &mut Json) {
    let even = rich.turn.is_multiple_of(2);
    let people = "Practitioner PractitionerRole Organization Patient Device RelatedPerson CareTeam";
    if rich.turn >= 4 {
        let reporter = "Patient Practitioner PractitionerRole RelatedPerson Organization";
        resource.choose("reported", "Reference", rich.one_of(reporter));
    }
    let drug = &DRUGS[rich.turn as usize % DRUGS.len()];
    if rich.turn % 3 == 1 {
        resource.choose("medication", "CodeableConcept", drug.package.concept());
    }
    resource.set(
        "requester",
        rich.one_of("PractitionerRole Organization Patient RelatedPerson Device Practitioner"),
    );
    resource.set("dosageInstruction", array![rich.dosage()]);
    resource.append("extension", vec![adherence(rich)]);
    resource.add(object! {
        statusReason: hl7("medicationrequest-status-reason", "altchoice"),
        category: hl7_list("medicationrequest-category", "community"),
        priority: "routine",
        doNotPerform: false,
        encounter: rich.to("Encounter"),
        supportingInformation: array![rich.to("Observation")],
        performer: rich.one_of(people),
        performerType: snomed("159040006", "Pharmacist"),
        recorder: rich.one_of("Practitioner PractitionerRole"),
        reasonCode: array![snomed("38341003", "Hypertension")],
        reasonReference: rich.each_of("Condition Observation"),
        instantiatesCanonical: array!["https://sandbox.example/plan/pressure"],
        instantiatesUri: array!["https://sandbox.example/protocols/10"],
        basedOn: array![rich.to("CarePlan")],
        groupIdentifier: object! { system: "https://sandbox.example/group", value: "RX-7" },
        courseOfTherapyType: hl7("medicationrequest-course-of-therapy", "continuous"),
        insurance: array![rich.to("Coverage")],
        dispenseRequest: object! {
            initialFill: object! { quantity: quantity("10", "{tbl}"), duration: quantity("10", "d") },
            dispenseInterval: quantity("30", "d"),
            validityPeriod: rich.period(60),
            quantity: quantity("30", "{tbl}"),
            expectedSupplyDuration: quantity("30", "d"),
            performer: rich.to("Organization"),
        },
        substitution: object! {
            allowedBoolean: even.then_some(true),
            allowedCodeableConcept: (!even).then(|| hl7("v3-substanceAdminSubstitution", "G")),
            reason: hl7("v3-ActReason", "FP"),
        },
        priorPrescription: rich.to("MedicationRequest"),
        detectedIssue: array![rich.to("DetectedIssue")],
        eventHistory: array![rich.to("Provenance")],
    });
}

fn adherence(rich: &Rich) -> Json {
    object! {
        url: ADHERENCE,
        extension: array![
            object! { url: "medicationAdherence", valueCodeableConcept: snomed("1156699004", "Taking as directed") },
            object! { url: "dateAsserted", valueDateTime: rich.moment(61) },
            object! { url: "informationSource", valueCodeableConcept: hl7("adherence-source", "patient") },
        ],
    }
}

pub(super) fn medication_dispense(rich: &Rich, resource: &mut Json) {
    let people = "Practitioner PractitionerRole Organization Patient Device RelatedPerson";
    let performer = |types: Json| {
        object! {
            function: hl7("medicationdispense-performer-function", "finalchecker"), actor: types,
        }
    };
    let mut performers: Vec<Json> =
        people.split(' ').map(|name| performer(rich.to(name))).collect();
    let first = rich.turn as usize % performers.len();
    performers.rotate_left(first);
    match rich.turn % 3 {
        0 => resource.choose("medication", "Reference", rich.to("Medication")),
        1 => {
            let drug = &DRUGS[rich.turn as usize % DRUGS.len()];
            resource.choose("medication", "CodeableConcept", drug.clinical.concept());
        }
        _ => {}
    }
    resource.add(object! {
        partOf: array![rich.to("Procedure")],
        statusReasonReference: (rich.turn == 6).then(|| rich.to("DetectedIssue")),
        statusReasonCodeableConcept: (rich.turn < 6).then(|| hl7("medicationdispense-status-reason", "outofstock")),
        context: rich.to("Encounter"),
        supportingInformation: array![rich.to("Observation")],
        performer: performers,
        location: rich.to("Location"),
        whenPrepared: format!("{}T08:00:00Z", date(later(epoch(), 60 * rich.number))),
        destination: rich.to("Location"),
        receiver: array![rich.one_of("Patient Practitioner")],
        dosageInstruction: array![rich.dosage()],
        substitution: object! {
            wasSubstituted: true,
            type: hl7("v3-substanceAdminSubstitution", "G"),
            reason: hl7_list("v3-ActReason", "FP"),
            responsibleParty: array![rich.one_of("Practitioner PractitionerRole")],
        },
        detectedIssue: array![rich.to("DetectedIssue")],
        eventHistory: array![rich.to("Provenance")],
    });
}

/// A drug that a member reports to take.
pub(super) fn medication_statement(rich: &Rich, resource: &mut Json) {
    resource.append("extension", vec![adherence(rich)]);
    if rich.turn % 2 == 1 {
        resource.choose("effective", "DateTime", rich.moment(70));
    }
    if rich.turn % 3 == 1 {
        let drug = &DRUGS[rich.turn as usize % DRUGS.len()];
        resource.choose("medication", "CodeableConcept", drug.package.concept());
    }
    resource.add(object! {
        basedOn: array![rich.to("MedicationRequest")],
        partOf: array![rich.to("MedicationDispense")],
        statusReason: array![snomed("182862001", "Drug not taken - patient choice")],
        category: hl7("medication-statement-category", "community"),
        context: rich.to("Encounter"),
        dateAsserted: rich.day(71),
        informationSource: rich.one_of(
            "Patient Practitioner PractitionerRole RelatedPerson Organization"
        ),
        derivedFrom: array![rich.to("MedicationRequest")],
        reasonCode: array![snomed("38341003", "Hypertension")],
        reasonReference: rich.each_of("Condition Observation DiagnosticReport"),
        dosage: array![rich.dosage()],
    });
}

/// A drug that was given to a member.
pub(super) fn medication_administration(rich: &Rich, resource: &mut Json) {
    if rich.turn % 2 == 1 {
        resource.choose("effective", "Period", rich.period(72));
    }
    if rich.turn % 3 == 1 {
        resource.choose("medication", "Reference", rich.to("Medication"));
    }
    if rich.turn == 0 {
        let clinical = DRUGS[3].clinical.concept();
        resource.choose("medication", "CodeableConcept", clinical);
    }
    let people = "Practitioner PractitionerRole Patient RelatedPerson Device";
    let mut performers: Vec<Json> = people
        .split(' ')
        .map(|name| {
            object! {
                function: hl7("med-admin-perform-function", "performer"), actor: rich.to(name),
            }
        })
        .collect();
    let first = rich.turn as usize % performers.len();
    performers.rotate_left(first);
    let even = rich.turn.is_multiple_of(2);
    resource.add(object! {
        instantiates: array!["https://sandbox.example/protocols/11"],
        partOf: array![rich.to("Procedure")],
        statusReason: array![snomed("182856006", "Drug not available - out of stock")],
        category: hl7("medication-admin-category", "outpatient"),
        context: rich.to("Encounter"),
        supportingInformation: array![rich.to("Observation")],
        performer: performers,
        reasonCode: hl7_list("reason-medication-given", "b"),
        reasonReference: rich.each_of("Condition Observation DiagnosticReport"),
        request: rich.to("MedicationRequest"),
        device: array![rich.to("Device")],
        dosage: object! {
            text: "One injection",
            site: super::element::body_site(),
            route: snomed("78421000", "Intramuscular route"),
            method: snomed("422145002", "Inject"),
            dose: quantity("2", "mL"),
            rateRatio: even.then(|| ratio("2", "mL", "min")),
            rateQuantity: (!even).then(|| quantity("2", "mL/min")),
        },
        eventHistory: array![rich.to("Provenance")],
    });
}
