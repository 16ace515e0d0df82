//! ExplanationOfBenefit: everything except lines, adjudications and supporting information.

use super::claim::{Claim, Kind, Role};
use super::codes::{DIAGNOSES, INPATIENT_PROCEDURES, PRESENT_ON_ADMISSION};
use super::element::{
    CARIN, Cents, carin, concept, date, hl7, identifier, later, named_reference, period, reference,
};
use super::json::{Json, array, object};
use super::member::{Member, location_id, organization_id, practitioner_id};
use super::provider::{PAYER_NAMES, organization_name, practitioner_name};
use super::{adjudication, coverage, item, supporting_info};

/// An id of 48 hex digits, like those of this payer; it begins with the member's part and then ascends.
///
/// Two of the ids are longer than the 64 characters that FHIR allows.
pub(super) fn id(member: &Member, index: u32) -> String {
    let tail = member.rng("eob-id", index).hex(28);
    let extra = if matches!(index, 8 | 28) { "0123456789abcdef".repeat(2) } else { String::new() };
    format!("{:012x}{index:08x}{tail}{extra}", 0x954b_e10f_0000u64 + u64::from(member.number))
}

/// The whole resource except for type and id; its `meta` has only the profile.
pub(super) fn explanation_of_benefit(member: &Member, index: u32) -> Json {
    let claim = Claim::new(member, index);
    let total = claim.total();
    let preauthorization = claim.role == Role::Preauthorization;
    let denied = total.noncovered != Cents(0);
    let coverage = coverage_at(member, &claim);
    object! {
        meta: meta(claim.kind),
        identifier: array![
            identifier("uc", CLAIM_SYSTEM, &claim_identifier(member, index)),
        ],
        status: if claim.replaced_by.is_some() { "cancelled" } else { "active" },
        type: hl7("claim-type", claim_type(claim.kind)),
        subType: sub_type(claim.kind),
        use: if preauthorization { "preauthorization" } else { "claim" },
        patient: reference("Patient", &member.patient_id()),
        billablePeriod: period(claim.start, Some(claim.end)),
        created: date(claim.created),
        insurer: named_reference(
            "Organization",
            &organization_id(member.payer()),
            PAYER_NAMES[member.payer() as usize],
        ),
        provider: named_reference(
            "Organization",
            &organization_id(claim.organization),
            &organization_name(claim.organization),
        ),
        facility: matches!(claim.kind, Kind::Inpatient | Kind::Outpatient)
            .then(|| reference("Location", &location_id(claim.location))),
        related: related(member, &claim),
        payee: object! {
            type: hl7("payeetype", if claim.in_network { "provider" } else { "subscriber" }),
            party: reference("Organization", &organization_id(claim.organization)),
        },
        preAuthRef: preauthorization.then(|| array![format!("PA-{}", Claim::number(member, index))]),
        outcome: if index % 20 == 19 { "partial" } else { "complete" },
        disposition: if denied { "Processed, part of it denied" } else { "Processed" },
        careTeam: care_team(&claim),
        supportingInfo: supporting_info::supporting_info(&claim, index),
        diagnosis: (claim.kind != Kind::Pharmacy).then(|| diagnoses(&claim)),
        procedure: (claim.kind == Kind::Inpatient).then(|| procedures(&claim, index)),
        precedence: 1u32,
        insurance: array![object! {
            focal: true,
            coverage: reference("Coverage", &coverage),
            preAuthRef: preauthorization.then(|| array![format!("PA-{}", Claim::number(member, index))]),
        }],
        item: item::items(&claim, index),
        addItem: (index == 4).then(|| add_item(&claim)),
        adjudication: adjudication::of_claim(&claim, &total),
        total: adjudication::totals(&total),
        payment: (!preauthorization).then(|| object! {
            type: payment_type(&claim),
            date: date(later(claim.created, 7)),
            amount: total.paid().money(),
        }),
        processNote: denied.then(|| array![object! {
            number: 1u32,
            type: "display",
            text: "A service on this claim is not covered by the plan",
            language: concept("urn:ietf:bcp:47", "en-US"),
        }]),
        benefitPeriod: index.is_multiple_of(8).then(|| period(claim.start, Some(later(claim.start, 364)))),
        benefitBalance: index.is_multiple_of(8).then(|| adjudication::benefit_balance(&total)),
    }
}

/// The meta element; the profile depends on the kind of claim.
fn meta(kind: Kind) -> Json {
    let name = match kind {
        Kind::Inpatient => "Inpatient-Institutional",
        Kind::Outpatient => "Outpatient-Institutional",
        Kind::Professional => "Professional-NonClinician",
        Kind::Pharmacy => "Pharmacy",
        Kind::Oral => "Oral",
    };
    // Newer guides add a version to their profiles, and payers send both forms.
    let version = if kind == Kind::Oral { "|2.0.0" } else { "" };
    object! {
        profile: array![format!("{CARIN}/C4BB-ExplanationOfBenefit-{name}{version}")],
    }
}

fn claim_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Inpatient | Kind::Outpatient => "institutional",
        Kind::Professional => "professional",
        Kind::Pharmacy => "pharmacy",
        Kind::Oral => "oral",
    }
}

fn sub_type(kind: Kind) -> Option<Json> {
    match kind {
        Kind::Inpatient => Some(carin("C4BBInstitutionalClaimSubType", "inpatient")),
        Kind::Outpatient => Some(carin("C4BBInstitutionalClaimSubType", "outpatient")),
        _ => None,
    }
}

/// The coverage in force on the day of service.
fn coverage_at(member: &Member, claim: &Claim) -> String {
    let years = (claim.start - super::element::epoch()).num_days() / 730;
    coverage::id(member, (years as u32).min(coverage::count(member) - 1))
}

/// The references to the versions before and after this one.
///
/// Payers write them in two ways: by the other version's claim identifier, as the guide demands, or by its
/// literal reference as the value of an identifier, as in this payer's samples. The Claim resources that
/// they also name are not served.
fn related(member: &Member, claim: &Claim) -> Json {
    let link = |relationship: Json, other: u32| {
        let identifier = if claim.kind == Kind::Professional {
            object! { value: format!("ExplanationOfBenefit/{}", id(member, other)) }
        } else {
            object! { system: CLAIM_SYSTEM, value: claim_identifier(member, other) }
        };
        object! {
            claim: reference("Claim", &Claim::number(member, other)),
            relationship: relationship,
            reference: identifier,
        }
    };
    let mut list = Vec::new();
    if let Some(prior) = claim.prior {
        list.push(link(hl7("ex-relatedclaimrelationship", "prior"), prior));
    }
    if let Some(next) = claim.replaced_by {
        list.push(link(carin("C4BBRelatedClaimRelationshipCodes", "replacedby"), next));
    }
    list.into()
}

const CLAIM_SYSTEM: &str = "https://sandbox.example/claim";

/// The identifier that the guide demands for each version (`uc`).
fn claim_identifier(member: &Member, index: u32) -> String {
    format!("{}-{index}", Claim::number(member, index))
}

fn payment_type(claim: &Claim) -> Json {
    let code = match claim.role {
        Role::Reversal => "adjustment",
        _ if claim.total().paid() == Cents(0) => "denied",
        _ => "complete",
    };
    if code == "denied" {
        return carin("C4BBPayerAdjudicationStatus", "denied");
    }
    hl7("ex-paymenttype", code)
}

fn care_team(claim: &Claim) -> Json {
    let practitioner = practitioner_id(claim.practitioner);
    let role = match claim.kind {
        Kind::Inpatient | Kind::Outpatient => carin("C4BBClaimCareTeamRole", "attending"),
        Kind::Pharmacy => carin("C4BBClaimCareTeamRole", "prescribing"),
        Kind::Professional | Kind::Oral => carin("C4BBClaimCareTeamRole", "performing"),
    };
    array![
        object! {
            sequence: 1u32,
            provider: named_reference("Practitioner", &practitioner, &practitioner_name(claim.practitioner)),
            responsible: true,
            role: role,
            qualification: concept(super::codes::TAXONOMY, "207Q00000X"),
        },
        object! {
            sequence: 2u32,
            provider: reference("Organization", &organization_id(claim.organization)),
            role: hl7("claimcareteamrole", "assist"),
        },
    ]
}

fn diagnoses(claim: &Claim) -> Json {
    let principal = claim.diagnosis as usize;
    let on_admission = (claim.kind == Kind::Inpatient).then(|| concept(PRESENT_ON_ADMISSION, "Y"));
    let other = DIAGNOSES[(principal + 1) % DIAGNOSES.len()];
    array![
        object! {
            sequence: 1u32,
            diagnosisCodeableConcept: DIAGNOSES[principal].concept(),
            type: array![hl7("ex-diagnosistype", "principal")],
            onAdmission: on_admission,
        },
        object! {
            sequence: 2u32,
            diagnosisCodeableConcept: other.concept_with_text(),
            type: array![carin("C4BBClaimDiagnosisType", "other"), hl7("ex-diagnosistype", "clinical")],
        },
    ]
}

fn procedures(claim: &Claim, index: u32) -> Json {
    array![object! {
        sequence: 1u32,
        type: array![carin("C4BBClaimProcedureType", "principal")],
        date: date(later(claim.start, 1)),
        procedureCodeableConcept: INPATIENT_PROCEDURES[index as usize % INPATIENT_PROCEDURES.len()].concept(),
    }]
}

/// A line that the payer added for the first submitted line; it costs nothing.
fn add_item(claim: &Claim) -> Json {
    array![object! {
        itemSequence: array![1u32],
        productOrService: concept(super::element::CPT, "99080"),
        servicedDate: date(claim.start),
        net: Cents(0).money(),
        adjudication: array![object! {
            category: hl7("adjudication", "submitted"),
            amount: Cents(0).money(),
        }],
    }]
}
