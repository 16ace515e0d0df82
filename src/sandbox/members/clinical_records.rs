//! Documents and objects: DiagnosticReport, DocumentReference, Device, Specimen, QuestionnaireResponse,
//! Provenance.

use super::codes::PROVENANCE_AUTHOR;
use super::element::{LOINC, SNOMED, code, date, epoch, hl7, later, reference};
use super::ids::{slug, uuid};
use super::json::{Json, array, object};
use super::member::{Member, organization_id};

/// "Synthetic visit note." in base64.
const NOTE: &str = "U3ludGhldGljIHZpc2l0IG5vdGUu";

pub(super) fn diagnostic_report(member: &Member, index: u32) -> Json {
    let day = date(later(epoch(), 150 * index));
    let results: Vec<Json> = (0..3)
        .map(|offset| reference("Observation", &slug::<'o'>(member, index * 3 + offset)))
        .collect();
    object! {
        status: "final",
        category: array![hl7("v2-0074", "LAB")],
        code: code(LOINC, "24323-8", "Comprehensive metabolic panel").concept_with_text(),
        subject: reference("Patient", &member.patient_id()),
        effectiveDateTime: format!("{day}T08:00:00-05:00"),
        issued: format!("{day}T15:00:00.000-05:00"),
        performer: array![reference("Organization", &organization_id(member.providers()[0]))],
        specimen: (index == 0).then(|| array![reference("Specimen", &uuid::<15>(member, 0))]),
        result: results,
        presentedForm: (index == 1).then(|| array![object! {
            contentType: "text/plain", data: NOTE, title: "Report",
        }]),
    }
}

pub(super) fn document_reference(member: &Member, index: u32) -> Json {
    object! {
        status: "current",
        type: code(LOINC, "34133-9", "Summary of episode note").concept_with_text(),
        category: array![object! {
            coding: array![code("http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "").coding()],
        }],
        subject: reference("Patient", &member.patient_id()),
        date: format!("{}T10:00:00Z", date(later(epoch(), 500 + index))),
        content: array![object! {
            attachment: object! {
                contentType: "text/plain",
                data: (index == 0).then_some(NOTE),
                url: (index == 1).then(|| format!("Binary/note-{index}")),
                title: "Visit note",
            },
        }],
    }
}

pub(super) fn device(member: &Member, _: u32) -> Json {
    object! {
        udiCarrier: array![object! {
            deviceIdentifier: "00844588003288", carrierHRF: "(01)00844588003288(17)291231",
        }],
        status: "active",
        lotNumber: "SANDBOX-1",
        type: code(SNOMED, "257327003", "Knee joint prosthesis").concept_with_text(),
        patient: reference("Patient", &member.patient_id()),
    }
}

pub(super) fn specimen(member: &Member, index: u32) -> Json {
    object! {
        status: "available",
        type: code(SNOMED, if index == 0 { "119297000" } else { "122575003" }, "").concept(),
        subject: reference("Patient", &member.patient_id()),
        collection: object! { collectedDateTime: format!("{}T07:30:00-05:00", date(later(epoch(), 150 * index))) },
    }
}

pub(super) fn questionnaire_response(member: &Member, _: u32) -> Json {
    object! {
        questionnaire: "http://loinc.org/q/55757-9",
        status: "completed",
        subject: reference("Patient", &member.patient_id()),
        authored: "2023-05-05T10:00:00Z",
        item: array![
            object! {
                linkId: "1",
                text: "Little interest or pleasure in doing things",
                answer: array![object! { valueCoding: code(LOINC, "LA6568-5", "Not at all").coding() }],
            },
            object! {
                linkId: "2",
                text: "Score",
                item: array![object! { linkId: "2.1", answer: array![object! { valueInteger: 0u32 }] }],
            },
        ],
    }
}

pub(super) fn provenance(member: &Member, index: u32) -> Json {
    let target = match index {
        0 => reference("Patient", &member.patient_id()),
        1 => reference("Condition", &slug::<'c'>(member, 0)),
        2 => reference("ExplanationOfBenefit", &super::eob::id(member, 0)),
        _ => reference("Observation", &slug::<'o'>(member, 0)),
    };
    object! {
        target: array![target],
        recorded: format!("{}T06:00:00.000Z", date(later(epoch(), 700 + index))),
        agent: array![object! {
            type: PROVENANCE_AUTHOR.concept(),
            who: reference("Organization", &organization_id(member.payer())),
        }],
    }
}
