//! Observations with values of types that measurements do not have.

use super::{
    element::{body_site, hl7_list, ordinal, range, ratio, snomed},
    turn::Rich,
};
use crate::sandbox::members::{
    element::{LOINC, code, hl7, quantity},
    json::{Json, array, object},
};

/// The form of `value[x]` for a turn.
fn value(rich: &Rich, turn: u32) -> (&'static str, Json) {
    match turn % 10 {
        0 => ("Quantity", with_comparator()),
        1 => ("Integer", 4u32.into()),
        2 => ("Ratio", ratio_with_comparators()),
        3 => ("Time", "08:15:00".into()),
        4 => ("DateTime", rich.moment(100).into()),
        5 => ("Period", rich.period(100)),
        6 => ("SampledData", samples()),
        7 => ("CodeableConcept", scored(snomed("260385009", "Negative"), "0")),
        8 => ("Boolean", true.into()),
        _ => ("String", "Not seen".into()),
    }
}

/// A concept whose codings have points for a score.
fn scored(mut concept: Json, points: &str) -> Json {
    if let Some(Json::Array(codings)) = concept.get_mut("coding") {
        codings.iter_mut().for_each(|coding| coding.append("extension", vec![ordinal(points)]));
    }
    concept
}

fn with_comparator() -> Json {
    let mut value = quantity("0.01", "ng/mL");
    value.set("comparator", "<");
    value
}

fn ratio_with_comparators() -> Json {
    let mut value = ratio("30", "mg", "g");
    for (part, comparator) in [("numerator", "<"), ("denominator", ">=")] {
        if let Some(quantity) = value.get_mut(part) {
            quantity.set("comparator", comparator);
        }
    }
    value
}

fn samples() -> Json {
    object! {
        origin: quantity("0", "mV"),
        period: Json::number("4"),
        factor: Json::number("0.5"),
        lowerLimit: Json::number("-100"),
        upperLimit: Json::number("100"),
        dimensions: 1u32,
        data: "1 3 8 21 8 2 0 E U",
    }
}

pub(super) fn observation(rich: &Rich, resource: &mut Json) {
    let (kind, chosen) = value(rich, rich.turn);
    resource.choose("value", kind, chosen);
    match rich.turn % 4 {
        0 => resource.choose("effective", "Period", rich.period(100)),
        1 => resource.choose("effective", "Instant", format!("{}T09:30:00Z", rich.day(100))),
        2 => resource.choose("effective", "Timing", rich.timing()),
        _ => {}
    }
    let types = "PractitionerRole Organization Patient CareTeam RelatedPerson Practitioner";
    resource.set("performer", rich.each_of(types));
    let reference_range = || {
        object! {
            low: quantity("1", "mg/dL"),
            high: quantity("9", "mg/dL"),
            type: hl7("referencerange-meaning", "normal"),
            appliesTo: array![snomed("248153007", "Male")],
            age: range("18", "99", "a"),
            text: "Usual in adults",
        }
    };
    let components: Vec<Json> = (0..11)
        .map(|turn| {
            let mut component = object! {
                code: code(LOINC, "8251-1", "Service comment").concept(),
                interpretation: hl7_list("v3-ObservationInterpretation", "N"),
                referenceRange: array![reference_range()],
            };
            let (kind, chosen) = match turn {
                10 => ("Range", range("1", "2", "mg/dL")),
                _ => value(rich, turn),
            };
            component.set(&format!("value{kind}"), chosen);
            component
        })
        .chain([object! {
            code: code(LOINC, "8867-4", "Heart rate").concept(),
            dataAbsentReason: hl7("data-absent-reason", "not-performed"),
        }])
        .collect();
    resource.add(object! {
        basedOn: array![rich.to("ServiceRequest")],
        partOf: array![rich.to("Procedure")],
        focus: array![rich.to("Condition")],
        encounter: rich.to("Encounter"),
        interpretation: hl7_list("v3-ObservationInterpretation", "N"),
        bodySite: body_site(),
        method: snomed("113011001", "Palpation"),
        specimen: rich.to("Specimen"),
        device: rich.to("Device"),
        referenceRange: array![reference_range()],
        hasMember: array![rich.to("Observation")],
        derivedFrom: array![rich.to("Observation"), rich.to("DocumentReference")],
        component: components,
    });
    if rich.turn == 11 {
        // The reason why there is no value.
        resource.set("dataAbsentReason", hl7("data-absent-reason", "error"));
        resource.set("valueInteger", Json::Absent);
    }
}
