//! Resources that travel inside another one.

use super::Rich;
use super::element::{home_address, ratio, snomed};
use crate::sandbox::data::codes::DRUGS;
use crate::sandbox::data::element::{LOINC, NPI, code, concept, hl7, identifier, quantity};
use crate::sandbox::data::json::{Json, array, object};
use crate::sandbox::data::member::npi;

/// One of each type that payers send so.
pub(super) fn every_type(rich: &Rich) -> Vec<Json> {
    let patient = || rich.to("Patient");
    let family = |family: &str| array![object! { family: family, given: array!["Alex"] }];
    let telecom = || {
        array![
            object! { system: "phone", value: "555-0142" },
            object! { system: "email", value: "desk@sandbox.example" },
            object! { system: "url", value: "https://sandbox.example/desk" },
        ]
    };
    let identifiers = |number: u32| {
        array![
            identifier("NPI", NPI, &npi(2, number)),
            identifier("TAX", "urn:oid:2.16.840.1.113883.4.4", "00-1234567"),
        ]
    };
    let contact = || {
        array![object! {
            purpose: hl7("contactentity-type", "BILL"),
            name: object! { family: "Marsh", given: array!["Toni"] },
            telecom: telecom(),
        }]
    };
    vec![
        object! {
            resourceType: "Organization", id: "in-organization", identifier: identifiers(1),
            active: true, type: array![hl7("organization-type", "prov")],
            name: "Travelling Clinic", telecom: telecom(), address: array![home_address()],
            contact: contact(),
        },
        object! {
            resourceType: "Practitioner", id: "in-practitioner", identifier: identifiers(2),
            active: true, name: family("Quill"), telecom: telecom(),
            address: array![home_address()],
            qualification: array![object! { code: hl7("v2-0360", "MD") }],
        },
        object! {
            resourceType: "Location", id: "in-location", status: "active", name: "Travelling Van",
            identifier: identifiers(3), type: array![hl7("v3-RoleCode", "MBL")],
            telecom: telecom(), address: home_address(),
        },
        object! {
            resourceType: "Patient", id: "in-patient", identifier: identifiers(4), active: true,
            name: family("Vance"), telecom: telecom(), address: array![home_address()],
        },
        object! {
            resourceType: "RelatedPerson", id: "in-related", identifier: identifiers(5),
            active: true, patient: patient(), name: family("Novak"), telecom: telecom(),
            relationship: array![hl7("v3-RoleCode", "SPS")], address: array![home_address()],
        },
        object! {
            resourceType: "Coverage", id: "in-coverage", identifier: identifiers(6),
            status: "active", type: hl7("v3-ActCode", "PPO"), beneficiary: patient(),
            payor: array![rich.to("Organization")],
        },
        object! {
            resourceType: "Condition", id: "in-condition", identifier: identifiers(7),
            clinicalStatus: hl7("condition-clinical", "active"),
            code: snomed("59621000", "Essential hypertension"), subject: patient(),
        },
        object! {
            resourceType: "Goal", id: "in-goal", identifier: identifiers(8),
            lifecycleStatus: "active", description: object! { text: "Sleep better" },
            subject: patient(),
        },
        object! {
            resourceType: "Observation", id: "in-observation", identifier: identifiers(9),
            status: "final", code: code(LOINC, "8867-4", "Heart rate").concept(),
            subject: patient(), performer: array![rich.to("Practitioner")],
            valueQuantity: quantity("72", "/min"),
        },
        object! {
            resourceType: "Observation", id: "in-observation-2", status: "final",
            code: code(LOINC, "8251-1", "Service comment").concept(),
            subject: patient(), valueString: "Recorded at the desk",
        },
        object! {
            resourceType: "ServiceRequest", id: "in-request", identifier: identifiers(10),
            status: "active", intent: "order", code: concept(super::super::element::CPT, "97110"),
            subject: patient(), requester: rich.to("Practitioner"),
            performer: array![rich.to("Organization")],
        },
        object! {
            resourceType: "MedicationRequest", id: "in-prescription", identifier: identifiers(11),
            status: "active", intent: "order",
            medicationCodeableConcept: DRUGS[0].clinical.concept(), subject: patient(),
            requester: rich.to("Practitioner"), performer: rich.to("Organization"),
        },
        medication(),
    ]
}

/// A drug that has no record of its own.
pub(super) fn medication() -> Json {
    let drug = &DRUGS[2];
    object! {
        resourceType: "Medication",
        id: "drug",
        status: "active",
        code: object! { coding: array![drug.clinical.coding(), drug.package.coding()] },
        form: snomed("385055001", "Tablet"),
        manufacturer: object! { display: "Sandbox Drugs", reference: "Organization/maker-1" },
        ingredient: array![object! {
            itemCodeableConcept: drug.clinical.concept(),
            strength: ratio("20", "mg", "{tbl}"),
        }],
        batch: object! { lotNumber: "B-8", expirationDate: "2026-06-30" },
    }
}
