//! Care done and planned: Encounter, Procedure, CarePlan, CareTeam, Goal, ServiceRequest.

use super::codes::{DIAGNOSES, PROCEDURES, SERVICES};
use super::element::{HL7, SNOMED, code, coding, date, epoch, hl7, later, quantity, reference};
use super::ids::{slug, uuid};
use super::json::{Json, array, object};
use super::member::{Member, location_id, organization_id, practitioner_id};

pub(super) fn encounter(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("encounter", index);
    let day = date(later(epoch(), index * 200 + rng.below(60)));
    let class = if index == 3 { "EMER" } else { "AMB" };
    object! {
        status: "finished",
        class: coding(&format!("{HL7}/v3-ActCode"), class, ""),
        type: array![SERVICES[index as usize % 2].concept()],
        subject: reference("Patient", &member.patient_id()),
        participant: array![object! {
            type: array![hl7("v3-ParticipationType", "PPRF")],
            individual: reference("Practitioner", &practitioner_id(*rng.pick(&member.practitioners()))),
        }],
        period: object! { start: format!("{day}T09:00:00-05:00"), end: format!("{day}T09:30:00-05:00") },
        reasonCode: array![DIAGNOSES[index as usize % DIAGNOSES.len()].concept()],
        location: array![object! {
            location: reference("Location", &location_id(*rng.pick(&member.locations()))),
        }],
        serviceProvider: reference("Organization", &organization_id(*rng.pick(&member.providers()))),
    }
}

pub(super) fn procedure(member: &Member, index: u32) -> Json {
    let mut rng = member.rng("procedure", index);
    let day = later(epoch(), rng.below(1500));
    let performed = date(day);
    object! {
        status: "completed",
        code: PROCEDURES[index as usize % PROCEDURES.len()].concept_with_text(),
        subject: reference("Patient", &member.patient_id()),
        encounter: reference("Encounter", &uuid::<3>(member, index)),
        performedDateTime: (index != 2).then(|| performed.clone()),
        performedPeriod: (index == 2).then(|| object! { start: performed.clone(), end: performed.clone() }),
        performer: array![object! {
            actor: reference("Practitioner", &practitioner_id(*rng.pick(&member.practitioners()))),
        }],
    }
}

pub(super) fn care_plan(member: &Member, index: u32) -> Json {
    object! {
        text: object! {
            status: "generated",
            div: "<div xmlns=\"http://www.w3.org/1999/xhtml\">Walk more</div>",
        },
        status: if index == 0 { "active" } else { "completed" },
        intent: "plan",
        category: array![object! {
            coding: array![coding("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan", "")],
        }],
        subject: reference("Patient", &member.patient_id()),
        period: object! { start: date(later(epoch(), 400 * index)) },
        goal: array![reference("Goal", &uuid::<12>(member, index))],
        activity: array![object! {
            detail: object! {
                status: "in-progress",
                code: code(SNOMED, "226029000", "Exercises education, guidance, and counseling").concept_with_text(),
            },
        }],
    }
}

pub(super) fn care_team(member: &Member, _: u32) -> Json {
    let practitioners = member.practitioners();
    let participant = |number: &u32| {
        object! {
            role: array![code(SNOMED, "446050000", "Primary care physician").concept_with_text()],
            member: reference("Practitioner", &practitioner_id(*number)),
        }
    };
    object! {
        status: "active",
        name: "Care team",
        subject: reference("Patient", &member.patient_id()),
        participant: practitioners.iter().take(2).map(participant).collect::<Vec<_>>(),
    }
}

pub(super) fn goal(member: &Member, index: u32) -> Json {
    object! {
        lifecycleStatus: "active",
        achievementStatus: hl7("goal-achievement", "in-progress"),
        description: object! { text: if index == 0 { "Walk 30 minutes a day" } else { "Lower HbA1c" } },
        subject: reference("Patient", &member.patient_id()),
        startDate: date(later(epoch(), 10)),
        target: array![object! {
            detailQuantity: quantity(if index == 0 { "30" } else { "7.0" }, if index == 0 { "min" } else { "%" }),
            dueDate: date(later(epoch(), 365)),
        }],
    }
}

pub(super) fn service_request(member: &Member, index: u32) -> Json {
    object! {
        status: if index == 2 { "revoked" } else { "completed" },
        intent: "order",
        code: SERVICES[3 + index as usize].concept(),
        subject: reference("Patient", &member.patient_id()),
        authoredOn: format!("{}T10:00:00Z", date(later(epoch(), 300 * index))),
        requester: reference("Practitioner", &practitioner_id(member.practitioners()[0])),
        reasonReference: array![reference("Condition", &slug::<'c'>(member, index))],
    }
}
