//! Patient and RelatedPerson with all elements.

use super::{
    element::{hl7_list, home_address, snomed},
    turn::Rich,
};
use crate::sandbox::members::{
    element::{FHIR, SNOMED, US_CORE, coding, concept, hl7, identifier},
    json::{Json, array, object},
};

const RACE_CODES: &str = "urn:oid:2.16.840.1.113883.6.238";

/// A US Core extension.
fn us_core(name: &str, value: Json) -> Json {
    let mut extension = object! { url: format!("{US_CORE}/us-core-{name}") };
    if let Json::Object(members) = value {
        members.into_iter().for_each(|(name, value)| extension.set(&name, value));
    }
    extension
}

/// The extension with the coordinates of an address.
fn geolocation() -> Json {
    object! {
        url: format!("{FHIR}/geolocation"),
        extension: array![
            object! { url: "latitude", valueDecimal: Json::number("42.3601") },
            object! { url: "longitude", valueDecimal: Json::number("-71.0589") },
        ],
    }
}

pub(super) fn patient(rich: &Rich, resource: &mut Json) {
    // The detailed categories go into the extensions for race and ethnicity that exist already.
    let detailed = [("2029-7", "Asian Indian"), ("2148-5", "Mexican")];
    if let Some(Json::Array(extensions)) = resource.get_mut("extension") {
        for (extension, (code, display)) in extensions.iter_mut().zip(detailed) {
            let value = coding(RACE_CODES, code, display);
            let one = object! { url: "detailed", valueCoding: value };
            extension.append("extension", vec![one]);
        }
    }
    if let Some(Json::Array(addresses)) = resource.get_mut("address") {
        addresses.iter_mut().for_each(|address| address.append("extension", vec![geolocation()]));
    }
    let yes = || snomed("373066001", "Yes");
    resource.append(
        "extension",
        vec![
            us_core("sex", object! { valueCode: "248153007" }),
            us_core("individual-sex", object! { valueCoding: coding(SNOMED, "248153007", "Male") }),
            us_core("interpreter-needed", object! { valueCoding: coding(SNOMED, "373067005", "No") }),
            us_core("genderIdentity", object! { valueCodeableConcept: snomed("446151000124109", "Male") }),
            us_core("tribal-affiliation", object! {
                extension: array![
                    object! { url: "tribalAffiliation", valueCodeableConcept: hl7("v3-TribalEntityUS", "170") },
                    object! { url: "isEnrolled", valueBoolean: true },
                ],
            }),
            object! {
                url: format!("{FHIR}/patient-birthPlace"),
                valueAddress: object! { city: "Lowell", state: "MA", country: "US" },
            },
            object! { url: "https://sandbox.example/extension/wants-mail", valueCodeableConcept: yes() },
        ],
    );
    resource.append(
        "identifier",
        vec![
            identifier("MR", "https://sandbox.example/mrn", &format!("MR-{}", rich.turn)),
            identifier("AN", "https://sandbox.example/account", "ACC-7"),
            identifier("MC", "http://hl7.org/fhir/sid/us-mbi", "1EG4TE5MK73"),
            identifier("MA", "https://sandbox.example/medicaid", "MA-7"),
        ],
    );
    let even = rich.turn.is_multiple_of(2);
    resource.add(object! {
        _birthDate: object! { extension: array![object! {
            url: format!("{FHIR}/patient-birthTime"), valueDateTime: "1950-10-19T04:12:00-05:00",
        }] },
        deceasedBoolean: even.then_some(false),
        deceasedDateTime: (!even).then(|| rich.moment(1700)),
        multipleBirthBoolean: even.then_some(false),
        multipleBirthInteger: (!even).then_some(2u32),
        photo: array![rich.attachment()],
        contact: array![object! {
            relationship: hl7_list("v2-0131", "C"),
            name: object! { family: "Allen", given: array!["Pat"] },
            telecom: array![
                object! { system: "phone", value: "555-0131" },
                object! { system: "email", value: "pat@sandbox.example" },
            ],
            address: home_address(),
            gender: "female",
            organization: rich.to("Organization"),
            period: rich.period(1),
        }],
        generalPractitioner: array![rich.one_of("Practitioner PractitionerRole Organization")],
        link: array![
            object! { other: rich.to("RelatedPerson"), type: "seealso" },
            object! { other: rich.to("Patient"), type: "refer" },
        ],
    });
}

pub(super) fn related_person(rich: &Rich, resource: &mut Json) {
    resource.add(object! {
        telecom: array![
            object! { system: "phone", value: "555-0132" },
            object! { system: "email", value: "family@sandbox.example" },
        ],
        birthDate: "1952-02-03",
        address: array![home_address()],
        period: rich.period(1),
        communication: array![object! { language: concept("urn:ietf:bcp:47", "en-US"), preferred: true }],
    });
}
