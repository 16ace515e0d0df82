//! Coverage: two or three periods of enrollment.

use super::element::{
    HL7, coding, date, epoch, hl7, identifier, later, named_reference, reference,
};
use super::json::{Json, array, object};
use super::member::{Member, organization_id};
use super::patient::CARD_SYSTEM;
use super::provider::PAYER_NAMES;

pub(super) fn count(member: &Member) -> u32 {
    if member.number.is_multiple_of(2) { 3 } else { 2 }
}

pub(super) fn id(member: &Member, index: u32) -> String {
    format!("{}-coverage-{}", member.patient_id(), index + 1)
}

pub(super) fn coverage(member: &Member, index: u32) -> Json {
    let identity = member.identity();
    let last = index + 1 == count(member);
    let start = later(epoch(), index * 730);
    let mut rng = member.rng("coverage", index);
    let payer = member.payer();
    let class = |code: &str, value: String, name: Option<&str>| {
        object! { type: hl7("coverage-class", code), value: value, name: name }
    };
    object! {
        identifier: array![identifier("MB", CARD_SYSTEM, &identity.member_id)],
        status: if last { "active" } else { "cancelled" },
        type: object! { coding: array![coding(&format!("{HL7}/v3-ActCode"), if index == 1 { "PPO" } else { "HMO" }, "")] },
        policyHolder: reference("Patient", &member.patient_id()),
        subscriber: reference("Patient", &member.patient_id()),
        subscriberId: &identity.member_id,
        beneficiary: reference("Patient", &member.patient_id()),
        dependent: format!("{:02}", rng.below(4)),
        relationship: hl7("subscriber-relationship", "self"),
        period: object! {
            start: date(start),
            end: (!last).then(|| date(later(start, 729))),
        },
        payor: array![named_reference("Organization", &organization_id(payer), PAYER_NAMES[payer as usize])],
        class: array![
            class("group", format!("G-{}", rng.digits(5)), Some("Synthetic Employers Group")),
            class("plan", format!("P-{}", 100 + index), Some("Sandbox Choice Plan")),
            class("rxbin", format!("610{}", rng.digits(3)), None),
            class("rxpcn", format!("PCN{}", rng.digits(4)), None),
            class("rxgroup", format!("RX{}", rng.digits(4)), None),
            class("rxid", identity.member_id.clone(), None),
        ],
        order: 1u32,
        network: if index == 1 { "Sandbox Preferred Network" } else { "Sandbox Network" },
        costToBeneficiary: array![object! {
            type: hl7("coverage-copay-type", "gpvisit"),
            valueMoney: super::element::Cents(2500).money(),
        }],
    }
}
