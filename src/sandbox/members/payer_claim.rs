//! Claim and ClaimResponse, which some payers serve in addition to the ExplanationOfBenefit.

use super::claim::Claim;
use super::codes::DIAGNOSES;
use super::element::{Cents, date, hl7, reference};
use super::ids::uuid;
use super::item;
use super::json::{Json, array, object};
use super::member::{Member, organization_id};

pub(super) fn claim(member: &Member, index: u32) -> Json {
    let facts = Claim::new(member, index);
    let total = facts.total();
    let lines: Vec<Json> = facts
        .lines
        .iter()
        .enumerate()
        .map(|(position, line)| {
            object! {
                sequence: position + 1,
                productOrService: item::service(facts.kind, line.code, facts.drug).concept(),
                servicedDate: date(line.day),
                net: line.amounts.submitted.money(),
            }
        })
        .collect();
    object! {
        status: "active",
        type: hl7("claim-type", "institutional"),
        use: "claim",
        patient: reference("Patient", &member.patient_id()),
        created: date(facts.created),
        provider: reference("Organization", &organization_id(facts.organization)),
        priority: hl7("processpriority", "normal"),
        diagnosis: array![object! {
            sequence: 1u32,
            diagnosisCodeableConcept: DIAGNOSES[facts.diagnosis as usize].concept(),
        }],
        insurance: array![object! {
            sequence: 1u32, focal: true,
            coverage: reference("Coverage", &super::coverage::id(member, 0)),
        }],
        item: lines,
        total: total.submitted.money(),
    }
}

pub(super) fn claim_response(member: &Member, index: u32) -> Json {
    let facts = Claim::new(member, index);
    let total = facts.total();
    let amount = |code: &str, cents: Cents| object! { category: hl7("adjudication", code), amount: cents.money() };
    object! {
        status: "active",
        type: hl7("claim-type", "institutional"),
        use: "claim",
        patient: reference("Patient", &member.patient_id()),
        created: date(facts.created),
        insurer: reference("Organization", &organization_id(member.payer())),
        request: reference("Claim", &uuid::<18>(member, index)),
        outcome: "complete",
        total: array![amount("submitted", total.submitted), amount("benefit", total.paid())],
        payment: object! {
            type: hl7("ex-paymenttype", "complete"),
            amount: total.paid().money(),
        },
    }
}
