//! Patient and RelatedPerson.

use super::codes::RACES;
use super::element::{HL7, US_CORE, address, coding, date, identifier, reference};
use super::json::{Json, array, object};
use super::member::{Member, organization_id};

pub(super) const MEMBER_SYSTEM: &str = "https://sandbox.example/member-number";
pub(super) const CARD_SYSTEM: &str = "https://sandbox.example/insurance-card";

pub(super) fn patient(member: &Member, _: u32) -> Json {
    let identity = member.identity();
    let mut rng = member.rng("patient", 0);
    let (city, state, _) = member.town();
    let race = *rng.pick(&RACES);
    let birth_sex = if member.gender() == "female" { "F" } else { "M" };
    object! {
        extension: array![
            object! {
                url: format!("{US_CORE}/us-core-race"),
                extension: array![
                    object! { url: "ombCategory", valueCoding: race.coding() },
                    object! { url: "text", valueString: race.display },
                ],
            },
            object! {
                url: format!("{US_CORE}/us-core-ethnicity"),
                extension: array![
                    object! {
                        url: "ombCategory",
                        valueCoding: coding(race.system, "2186-5", "Not Hispanic or Latino"),
                    },
                    object! { url: "text", valueString: "Not Hispanic or Latino" },
                ],
            },
            object! { url: format!("{US_CORE}/us-core-birthsex"), valueCode: birth_sex },
        ],
        identifier: array![
            identifier("MB", CARD_SYSTEM, &identity.member_id),
            identifier("um", MEMBER_SYSTEM, &member.patient_id()),
        ],
        active: true,
        name: array![object! {
            use: "official",
            family: &identity.last_name,
            given: array![&identity.first_name, rng.pick(&["Q", "R", "T"]).to_string()],
        }],
        telecom: array![
            object! { system: "phone", value: format!("555-01{}", rng.digits(2)), use: "home" },
            object! { system: "email", value: format!("member{}@sandbox.example", member.number) },
        ],
        gender: member.gender(),
        birthDate: date(member.birth_date()),
        address: array![address(
            &format!("{} Sample Street", rng.between(1, 400)),
            city,
            state,
            &identity.zip,
        )],
        maritalStatus: object! { coding: array![coding(&format!("{HL7}/v3-MaritalStatus"), "M", "Married")] },
        communication: array![object! {
            language: object! { coding: array![coding("urn:ietf:bcp:47", "en-US", "")] },
            preferred: true,
        }],
        managingOrganization: reference("Organization", &organization_id(member.payer())),
    }
}

pub(super) fn related_person(member: &Member, _: u32) -> Json {
    let identity = member.identity();
    object! {
        active: true,
        patient: reference("Patient", &member.patient_id()),
        relationship: array![object! {
            coding: array![coding(&format!("{HL7}/v3-RoleCode"), "SPS", "spouse")],
        }],
        name: array![object! { family: identity.last_name, given: array!["Pat"] }],
        gender: "unknown",
    }
}
