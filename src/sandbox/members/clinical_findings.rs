//! Findings: Condition, Observation, AllergyIntolerance, Immunization.

use super::codes::{
    ACTIVE_CONDITION, ALLERGENS, DIAGNOSES, MEASUREMENTS, OBSERVATION_CATEGORY, VACCINES,
};
use super::element::{LOINC, SNOMED, code, coding, date, epoch, hl7, later, quantity, reference};
use super::json::{Json, array, object};
use super::member::{Member, practitioner_id};

pub(super) fn condition(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("condition", index);
    let diagnosis = DIAGNOSES[(index as usize + member.number as usize) % DIAGNOSES.len()];
    let onset = later(epoch(), rng.below(1500));
    let resolved = index % 4 == 3;
    object! {
        clinicalStatus: hl7(ACTIVE_CONDITION, if resolved { "resolved" } else { "active" }),
        verificationStatus: hl7("condition-ver-status", "confirmed"),
        category: array![hl7("condition-category", if index.is_multiple_of(2) { "problem-list-item" } else { "encounter-diagnosis" })],
        code: diagnosis.concept_with_text(),
        subject: reference("Patient", &member.patient_id()),
        onsetDateTime: date(onset),
        abatementDateTime: resolved.then(|| date(later(onset, 90))),
        recordedDate: date(later(onset, 1)),
    }
}

/// Measurements, then one observation with each other type of value.
pub(super) fn observation(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("observation", index);
    let day = later(epoch(), rng.below(1600));
    let measured = index as usize % MEASUREMENTS.len();
    let (kind, unit, low, high) = MEASUREMENTS[measured];
    let laboratory = measured < 4;
    let mut resource = object! {
        status: "final",
        category: array![hl7(OBSERVATION_CATEGORY, if laboratory { "laboratory" } else { "vital-signs" })],
        code: kind.concept_with_text(),
        subject: reference("Patient", &member.patient_id()),
        effectiveDateTime: format!("{}T{:02}:{:02}:00-05:00", date(day), rng.between(8, 17), rng.below(60)),
        issued: format!("{}T23:00:00.000Z", date(day)),
        performer: array![reference("Practitioner", &practitioner_id(member.practitioners()[0]))],
    };
    match index {
        16 => blood_pressure(&mut resource, rng.between(100, 150), rng.between(60, 95)),
        17 => {
            resource.set("code", code(LOINC, "72166-2", "Tobacco smoking status").concept());
            resource
                .set("valueCodeableConcept", code(SNOMED, "266919005", "Never smoked").concept());
        }
        18 => {
            resource.set("code", code(LOINC, "5778-6", "Color of Urine").concept());
            resource.set("valueString", "Yellow, \"clear\"");
        }
        19 => {
            let reason =
                coding(&format!("{}/data-absent-reason", super::element::HL7), "unknown", "");
            resource.set("dataAbsentReason", object! { coding: array![reason] });
        }
        20 => {
            resource.set("code", code(LOINC, "45371-2", "Multiple pregnancy").concept());
            resource.set("valueBoolean", false);
        }
        21 => {
            resource.set("code", code(LOINC, "32623-1", "Platelet mean volume").concept());
            // A zero is a result, not an absence.
            resource.set("valueQuantity", quantity("0", "fL"));
        }
        22 => {
            resource.set("code", code(LOINC, "20405-7", "Urobilinogen").concept());
            let range = object! { low: quantity("0.1", "mg/dL"), high: quantity("1.0", "mg/dL") };
            resource.set("valueRange", range);
        }
        _ => {
            let tenths = rng.between(low, high);
            resource.set("valueQuantity", quantity(&tenths_text(tenths), unit));
            if laboratory {
                resource.set("interpretation", array![hl7("v3-ObservationInterpretation", "N")]);
                resource.set(
                    "referenceRange",
                    array![object! { low: quantity(&tenths_text(low), unit), high: quantity(&tenths_text(high), unit) }],
                );
            }
        }
    }
    resource
}

fn tenths_text(tenths: u32) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn blood_pressure(resource: &mut Json, systolic: u32, diastolic: u32) {
    let part = |loinc, display, value: u32| {
        object! {
            code: code(LOINC, loinc, display).concept(),
            valueQuantity: quantity(&value.to_string(), "mm[Hg]"),
        }
    };
    resource.set("code", code(LOINC, "85354-9", "Blood pressure panel").concept_with_text());
    resource.set("category", array![hl7(OBSERVATION_CATEGORY, "vital-signs")]);
    resource.set(
        "component",
        array![
            part("8480-6", "Systolic blood pressure", systolic),
            part("8462-4", "Diastolic blood pressure", diastolic),
        ],
    );
}

pub(super) fn allergy_intolerance(member: &Member, index: u32) -> Json {
    let allergen = ALLERGENS[index as usize % ALLERGENS.len()];
    object! {
        clinicalStatus: hl7("allergyintolerance-clinical", "active"),
        verificationStatus: hl7("allergyintolerance-verification", "confirmed"),
        type: "allergy",
        category: array![if index == 0 { "medication" } else { "environment" }],
        criticality: if index == 0 { "high" } else { "low" },
        code: allergen.concept_with_text(),
        patient: reference("Patient", &member.patient_id()),
        recordedDate: date(later(epoch(), 30 * index)),
        reaction: array![object! {
            manifestation: array![code(SNOMED, "247472004", "Wheal").concept_with_text()],
            severity: "mild",
        }],
    }
}

pub(super) fn immunization(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("immunization", index);
    let vaccine = VACCINES[index as usize % VACCINES.len()];
    let refused = index == 4;
    object! {
        status: if refused { "not-done" } else { "completed" },
        statusReason: refused.then(|| hl7("v3-ActReason", "PATOBJ")),
        vaccineCode: vaccine.concept_with_text(),
        patient: reference("Patient", &member.patient_id()),
        occurrenceDateTime: date(later(epoch(), rng.below(1500))),
        primarySource: !refused,
        lotNumber: (!refused).then(|| format!("LOT-{}", rng.digits(5))),
    }
}
