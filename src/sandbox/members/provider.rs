//! Organization, Practitioner, Location and PractitionerRole.
//!
//! The first three are shared: they have the same id and the same bytes in every member's record.

use super::codes::SPECIALTIES;
use super::element::{HL7, NPI, address, code, coding, identifier, reference};
use super::json::{Json, array, object};
use super::member::{Member, PAYERS, location_id, organization_id, practitioner_id};

pub(super) const PAYER_NAMES: [&str; 2] = ["Sandbox Health Plan", "Demo Mutual Health Plan"];
const PLACES: [&str; 6] = ["Harbor", "Maple", "Lakeside", "Summit", "Prairie", "Cedar"];
const SORTS: [&str; 4] = ["Medical Group", "Hospital", "Clinic", "Pharmacy"];
const FAMILIES: [&str; 8] =
    ["Quill", "Marsh", "Vance", "Lindqvist", "Okafor", "Tanaka", "Rossi", "Novak"];

pub(super) fn organization_name(number: u32) -> String {
    if number < PAYERS {
        return PAYER_NAMES[number as usize].to_string();
    }
    let place = PLACES[number as usize % PLACES.len()];
    format!("{place} {}", SORTS[(number as usize / PLACES.len()) % SORTS.len()])
}

pub(super) fn practitioner_name(number: u32) -> String {
    format!("Dr. {}", FAMILIES[number as usize % FAMILIES.len()])
}

pub(super) fn organization(everybody: &Member, number: u32) -> Json {
    let mut rng = everybody.rng("organization", number);
    let kind = if number < PAYERS {
        code("http://terminology.hl7.org/CodeSystem/organization-type", "pay", "Payer")
    } else {
        code(
            "http://terminology.hl7.org/CodeSystem/organization-type",
            "prov",
            "Healthcare Provider",
        )
    };
    object! {
        identifier: array![
            identifier("NPI", NPI, &organization_id(number)),
            identifier("TAX", "urn:oid:2.16.840.1.113883.4.4", &format!("00-{}", rng.digits(7))),
            (number < PAYERS).then(|| identifier("payerid", "https://sandbox.example/payer", &format!("SBX{number:02}"))),
        ],
        active: true,
        type: array![kind.concept()],
        name: organization_name(number),
        telecom: array![object! { system: "phone", value: format!("555-01{}", rng.digits(2)) }],
        address: array![address(&format!("{} Care Avenue", rng.between(1, 900)), "Boston", "MA", "02115")],
    }
}

pub(super) fn practitioner(everybody: &Member, number: u32) -> Json {
    let mut rng = everybody.rng("practitioner", number);
    let specialty = *rng.pick(&SPECIALTIES);
    object! {
        identifier: array![identifier("NPI", NPI, &practitioner_id(number))],
        active: true,
        name: array![object! {
            family: FAMILIES[number as usize % FAMILIES.len()],
            given: array![*rng.pick(&["Alex", "Robin", "Sam", "Toni"])],
            prefix: array!["Dr."],
        }],
        gender: *rng.pick(&["female", "male"]),
        qualification: array![object! {
            identifier: array![object! { system: "https://sandbox.example/license", value: rng.digits(6) }],
            code: specialty.concept_with_text(),
        }],
    }
}

pub(super) fn location(everybody: &Member, number: u32) -> Json {
    let mut rng = everybody.rng("location", number);
    object! {
        status: "active",
        name: format!("{} Campus", PLACES[number as usize % PLACES.len()]),
        type: array![object! { coding: array![coding(&format!("{HL7}/v3-RoleCode"), "HOSP", "Hospital")] }],
        telecom: array![object! { system: "phone", value: format!("555-01{}", rng.digits(2)) }],
        address: address(&format!("{} Campus Road", rng.between(1, 90)), "Boston", "MA", "02116"),
        position: object! {
            // A longitude with more digits than a double can hold.
            longitude: Json::number(&format!("-71.05{}", rng.digits(18))),
            latitude: Json::number(&format!("42.36{}", rng.digits(6))),
        },
        managingOrganization: reference("Organization", &organization_id(PAYERS + number)),
    }
}

pub(super) fn practitioner_role(member: &Member, index: u32) -> Json {
    let practitioner = member.practitioners()[index as usize];
    let mut rng = member.rng("role", index);
    object! {
        active: true,
        practitioner: reference("Practitioner", &practitioner_id(practitioner)),
        organization: reference("Organization", &organization_id(*rng.pick(&member.providers()))),
        code: array![object! { coding: array![coding(&format!("{HL7}/practitioner-role"), "doctor", "Doctor")] }],
        specialty: array![rng.pick(&SPECIALTIES).concept()],
        location: array![reference("Location", &location_id(*rng.pick(&member.locations())))],
    }
}
