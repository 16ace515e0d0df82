//! Resources contained in another resource.

use super::{
    element::{home_address, ratio, snomed},
    turn::Rich,
};
use crate::sandbox::members::{
    codes::DRUGS,
    element::{LOINC, NPI, US_CORE, code, concept, hl7, identifier, quantity},
    json::{Json, array, object},
    member::npi,
};

/// One resource of each type that payers send as a contained resource.
pub(super) fn every_type(rich: &Rich) -> Vec<Json> {
    let patient = || rich.to("Patient");
    let person = |family: &str| {
        let text = format!("Alex {family}");
        array![object! { text: text, family: family, given: array!["Alex"] }]
    };
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
            active: true, name: person("Quill"), birthDate: "1961-07-08", telecom: telecom(),
            address: array![home_address()],
            qualification: array![object! { code: titled(hl7("v2-0360", "MD"), "Physician") }],
        },
        object! {
            resourceType: "PractitionerRole", id: "in-role", active: true,
            practitioner: object! { reference: "#in-practitioner" },
            organization: object! { reference: "#in-organization" },
            specialty: array![titled(hl7("v3-RoleCode", "FAM"), "Family practice")],
        },
        object! {
            resourceType: "PractitionerRole", id: "in-role-2", active: true,
            practitioner: numbered(named(rich.to("Practitioner"), "Dr. Quill"), 12),
            organization: numbered(named(rich.to("Organization"), "Travelling Group"), 13),
        },
        object! {
            resourceType: "Location", id: "in-location", status: "active", name: "Travelling Van",
            identifier: identifiers(3),
            type: array![titled(hl7("v3-RoleCode", "MBL"), "Mobile unit")],
            telecom: telecom(), address: home_address(),
        },
        object! {
            resourceType: "Patient", id: "in-patient", identifier: identifiers(4), active: true,
            name: person("Vance"), telecom: telecom(), address: array![home_address()],
            meta: object! { profile: array![format!("{US_CORE}/us-core-patient")] },
            gender: "female",
            extension: array![object! {
                url: format!("{US_CORE}/us-core-sex"), valueCode: "248152002",
            }],
        },
        object! {
            resourceType: "RelatedPerson", id: "in-related", identifier: identifiers(5),
            active: true, patient: patient(), name: person("Novak"), telecom: telecom(),
            relationship: array![titled(hl7("v3-RoleCode", "SPS"), "Spouse")], address: array![home_address()],
        },
        object! {
            resourceType: "Coverage", id: "in-coverage", identifier: identifiers(6),
            status: "active", type: hl7("v3-ActCode", "PPO"), beneficiary: patient(),
            subscriberId: "S-17",
            payor: array![named(rich.to("Organization"), "Travelling Mutual")],
        },
        object! {
            resourceType: "Condition", id: "in-condition", identifier: identifiers(7),
            clinicalStatus: hl7("condition-clinical", "active"),
            code: snomed("59621000", "Essential hypertension"), subject: patient(),
        },
        object! {
            resourceType: "Goal", id: "in-goal", identifier: identifiers(8),
            lifecycleStatus: "active",
            description: titled(snomed("248254009", "Sleeps well"), "Sleep better"),
            subject: patient(),
        },
        object! {
            resourceType: "Observation", id: "in-observation", identifier: identifiers(9),
            status: "final", code: code(LOINC, "8867-4", "Heart rate").concept(),
            subject: patient(), performer: array![rich.to("Practitioner")],
            valueQuantity: quantity("72", "/min"), effectiveDateTime: rich.moment(45),
        },
        object! {
            resourceType: "Observation", id: "in-observation-3", status: "final",
            code: titled(code(LOINC, "72166-2", "Tobacco smoking status").concept(), "Smoking"),
            subject: patient(),
            valueCodeableConcept: titled(snomed("266919005", "Never smoked"), "Never"),
        },
        object! {
            resourceType: "Observation", id: "in-observation-2", status: "final",
            code: code(LOINC, "8251-1", "Service comment").concept(),
            subject: patient(), valueString: "Recorded at the desk",
        },
        object! {
            resourceType: "ServiceRequest", id: "in-request", identifier: identifiers(10),
            status: "active", intent: "order", code: concept(crate::sandbox::members::element::CPT, "97110"),
            subject: patient(), requester: named(rich.to("Practitioner"), "Dr. Quill"),
            performer: array![named(rich.to("Organization"), "Travelling Therapy")],
        },
        object! {
            resourceType: "MedicationRequest", id: "in-prescription", identifier: identifiers(11),
            status: "active", intent: "order",
            medicationCodeableConcept: titled(DRUGS[0].clinical.concept(), "As before"),
            subject: patient(), authoredOn: rich.moment(46),
            requester: rich.to("Practitioner"), performer: rich.to("Organization"),
        },
        medication(),
    ]
}

/// A concept with the sender's own text.
fn titled(mut concept: Json, text: &str) -> Json {
    concept.set("text", text);
    concept
}

/// A reference with a display name.
fn named(mut reference: Json, display: &str) -> Json {
    reference.set("display", display);
    reference
}

/// A reference with an NPI as its identifier.
fn numbered(mut reference: Json, number: u32) -> Json {
    reference.set("identifier", identifier("NPI", NPI, &npi(2, number)));
    reference
}

/// A drug that exists only as a contained resource.
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
