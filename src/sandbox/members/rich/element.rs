//! The data types of rich resources, with every element filled.
//!
//! No resource is made here.

use super::turn::Rich;
use crate::sandbox::members::{
    element::{FHIR, SNOMED, code, date, epoch, hl7, later, quantity},
    json::{Json, array, object},
    member::{location_id, organization_id, practitioner_id},
    shelf::Shelf,
    types::entry,
};

/// The extension with the points that an answer counts in a score.
pub(super) fn ordinal(points: &str) -> Json {
    object! { url: format!("{FHIR}/ordinalValue"), valueDecimal: Json::number(points) }
}

impl Rich {
    /// The id of one of the member's resources of this type; an invented id for other types.
    pub(super) fn id_of(&self, resource_type: &str) -> String {
        match resource_type {
            "Organization" => organization_id(self.member.providers()[0]),
            "Practitioner" => practitioner_id(self.member.practitioners()[0]),
            "Location" => location_id(self.member.locations()[0]),
            _ => match entry(resource_type) {
                Some(found) => Shelf::new(self.member, found).id(0),
                None => format!("sandbox-{}-1", resource_type.to_lowercase()),
            },
        }
    }

    /// A reference to a resource of this type.
    pub(super) fn to(&self, resource_type: &str) -> Json {
        object! { reference: format!("{resource_type}/{}", self.id_of(resource_type)) }
    }

    /// A reference to one of these types; the turn decides which.
    pub(super) fn one_of(&self, types: &str) -> Json {
        let types: Vec<&str> = types.split(' ').collect();
        self.to(self.pick(&types))
    }

    /// A list of references to each of these types; their order changes with the turn.
    pub(super) fn each_of(&self, types: &str) -> Json {
        let mut types: Vec<&str> = types.split(' ').collect();
        let first = self.turn as usize % types.len();
        types.rotate_left(first);
        types.into_iter().map(|name| self.to(name)).collect::<Vec<_>>().into()
    }

    /// A date this many days after the beginning of the history.
    pub(super) fn day(&self, days: u32) -> String {
        date(later(epoch(), days + self.turn))
    }

    /// A time this many days after the beginning of the history.
    pub(super) fn moment(&self, days: u32) -> String {
        format!("{}T09:30:00-05:00", self.day(days))
    }

    /// A period of thirty days that begins this many days after the beginning of the history.
    pub(super) fn period(&self, days: u32) -> Json {
        object! { start: self.day(days), end: self.day(days + 30) }
    }

    /// A schedule (Timing) with all its elements.
    pub(super) fn timing(&self) -> Json {
        let even = self.turn.is_multiple_of(2);
        object! {
            event: array![self.moment(40)],
            repeat: object! {
                boundsPeriod: even.then(|| self.period(40)),
                boundsDuration: (!even).then(|| quantity("10", "d")),
                count: 20u32,
                duration: 15u32,
                durationUnit: "min",
                frequency: 1u32,
                frequencyMax: 2u32,
                period: 1u32,
                periodMax: 2u32,
                periodUnit: "d",
                dayOfWeek: array!["mon", "thu"],
                timeOfDay: even.then(|| array!["08:00:00"]),
                when: (!even).then(|| array!["ACM"]),
            },
            code: hl7("v3-GTSAbbreviation", "BID"),
        }
    }

    /// A dosage instruction for a drug.
    pub(super) fn dosage(&self) -> Json {
        let tablet = |value: &str| quantity(value, "{tbl}");
        let ratio = |value: &str| object! { numerator: quantity(value, "mg"), denominator: quantity("1", "d") };
        let even = self.turn.is_multiple_of(2);
        let rate = self.turn % 3;
        object! {
            sequence: 1u32,
            text: "One or two tablets in the morning with food",
            additionalInstruction: array![code(SNOMED, "311504000", "With or after food").concept()],
            patientInstruction: "Take with a glass of water",
            timing: self.timing(),
            asNeededBoolean: even.then_some(false),
            asNeededCodeableConcept: (!even).then(|| code(SNOMED, "25064002", "Headache").concept()),
            site: code(SNOMED, "123851003", "Mouth").concept(),
            route: code(SNOMED, "26643006", "Oral route").concept(),
            method: code(SNOMED, "421521009", "Swallow").concept(),
            doseAndRate: array![object! {
                type: hl7("dose-rate-type", "ordered"),
                doseQuantity: even.then(|| tablet("1")),
                doseRange: (!even).then(|| object! { low: tablet("1"), high: tablet("2") }),
                rateRatio: (rate == 0).then(|| ratio("20")),
                rateRange: (rate == 1).then(|| object! {
                    low: quantity("10", "mg/d"), high: quantity("20", "mg/d"),
                }),
                rateQuantity: (rate == 2).then(|| quantity("20", "mg/d")),
            }],
            maxDosePerPeriod: ratio("40"),
            maxDosePerAdministration: tablet("2"),
            maxDosePerLifetime: tablet("2000"),
        }
    }

    /// An attachment that names a file elsewhere.
    pub(super) fn attachment(&self) -> Json {
        object! {
            contentType: "application/pdf",
            language: "en-US",
            url: format!("Binary/sandbox-{}", self.turn),
            size: 2048u32,
            title: "Scanned form",
            creation: self.moment(90),
        }
    }
}

/// A list with one concept from HL7's terminology site.
pub(super) fn hl7_list(system: &str, code: &str) -> Json {
    array![hl7(system, code)]
}

/// A concept of SNOMED CT.
pub(super) fn snomed(id: &'static str, display: &'static str) -> Json {
    code(SNOMED, id, display).concept()
}

/// A place on the body.
pub(super) fn body_site() -> Json {
    snomed("368209003", "Right upper arm")
}

/// A ratio: a value in one unit per one of another unit.
pub(super) fn ratio(value: &str, unit: &str, per: &str) -> Json {
    object! { numerator: quantity(value, unit), denominator: quantity("1", per) }
}

pub(super) fn range(low: &str, high: &str, unit: &str) -> Json {
    object! { low: quantity(low, unit), high: quantity(high, unit) }
}

pub(super) fn home_address() -> Json {
    crate::sandbox::members::element::address("12 Sample Street", "Boston", "MA", "02114")
}
