//! Organization, Practitioner, PractitionerRole and Location with all elements.

use super::{element::home_address, turn::Rich};
use crate::sandbox::members::{
    element::{HL7, US_CORE, coding, concept, hl7},
    json::{Json, array, object},
    member::{PAYERS, location_id, npi, organization_id},
};

fn telecom() -> Json {
    array![
        object! { system: "phone", value: "555-0120" },
        object! { system: "email", value: "office@sandbox.example" },
        object! { system: "url", value: "https://sandbox.example/office" },
    ]
}

/// Opening hours: all day, or a part of the day.
fn hours(rich: &Rich) -> Json {
    array![object! {
        daysOfWeek: array!["mon", "tue"],
        allDay: rich.turn.is_multiple_of(2),
        openingTime: "08:00:00",
        closingTime: "17:00:00",
    }]
}

pub(super) fn organization(rich: &Rich, resource: &mut Json) {
    resource.append(
        "identifier",
        vec![
            object! { system: "urn:oid:2.16.840.1.113883.4.7", value: "22D0000001" },
            object! { system: "urn:oid:2.16.840.1.113883.6.300", value: "99999" },
        ],
    );
    resource.add(object! {
        alias: array!["The Old Clinic"],
        partOf: object! { reference: format!("Organization/{}", organization_id(PAYERS)) },
        contact: array![object! {
            purpose: hl7("contactentity-type", "BILL"),
            name: object! { family: "Rossi", given: array!["Sam"] },
            telecom: telecom(),
            address: home_address(),
        }],
        endpoint: array![rich.to("Endpoint")],
    });
}

pub(super) fn practitioner(rich: &Rich, resource: &mut Json) {
    let jurisdiction = object! {
        url: format!("{US_CORE}/us-core-jurisdiction"),
        valueCodeableConcept: concept("https://www.usps.com/", "MA"),
    };
    let tax = object! { system: "urn:oid:2.16.840.1.113883.4.4", value: "00-7654321" };
    let direct = object! { url: format!("{US_CORE}/us-core-direct"), valueBoolean: true };
    resource.append("identifier", vec![tax]);
    resource.add(object! {
        identifier: array![object! { extension: array![jurisdiction] }],
        telecom: array![
            object! { system: "phone", value: "555-0121" },
            object! {
                extension: array![direct], system: "email", value: "doctor@direct.sandbox.example",
            },
        ],
        address: array![home_address()],
        birthDate: "1971-03-04",
        photo: array![rich.attachment()],
        qualification: array![object! {
            identifier: array![object! { value: "L-7" }],
            period: rich.period(1),
            issuer: rich.organization_on_board(),
        }],
        communication: array![concept("urn:ietf:bcp:47", "es")],
    });
}

impl Rich {
    /// The board that licenses practitioners.
    fn organization_on_board(&self) -> Json {
        object! { reference: format!("Organization/{}", organization_id(PAYERS + 1)) }
    }
}

pub(super) fn practitioner_role(rich: &Rich, resource: &mut Json) {
    resource.append("code", vec![hl7("practitioner-role", "researcher")]);
    resource.add(object! {
        period: rich.period(1),
        healthcareService: array![rich.to("HealthcareService")],
        telecom: telecom(),
        availableTime: array![object! {
            daysOfWeek: array!["mon", "wed"],
            allDay: false,
            availableStartTime: "09:00:00",
            availableEndTime: "16:00:00",
        }],
        notAvailable: array![object! { description: "On leave", during: rich.period(700) }],
        availabilityExceptions: "Closed on public holidays",
        endpoint: array![rich.to("Endpoint")],
    });
}

pub(super) fn location(rich: &Rich, resource: &mut Json) {
    let npi = object! { system: crate::sandbox::members::element::NPI, value: npi(3, rich.turn) };
    resource.append("identifier", vec![npi]);
    resource.add(object! {
        operationalStatus: coding(&format!("{HL7}/v2-0116"), "O", "Occupied"),
        alias: array!["The Annex"],
        description: "Second building on the left",
        mode: "instance",
        physicalType: hl7("location-physical-type", "bu"),
        position: object! { altitude: Json::number("12.5") },
        partOf: object! { reference: format!("Location/{}", location_id(0)) },
        hoursOfOperation: hours(rich),
        availabilityExceptions: "Closed on public holidays",
        endpoint: array![rich.to("Endpoint")],
    });
}
