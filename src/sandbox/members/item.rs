//! The lines of a claim.

use super::adjudication;
use super::claim::{Claim, Kind, Line};
use super::codes::{
    DENTAL, DRUGS, MODIFIER, MODIFIERS, PLACE_OF_SERVICE, REVENUE, REVENUE_CODES, SERVICES,
};
use super::element::{Code, concept, date, object_quantity};
use super::json::{Json, array, object};

/// All lines of the claim; `index` determines which optional elements they have.
pub(super) fn items(claim: &Claim, index: u32) -> Json {
    claim
        .lines
        .iter()
        .enumerate()
        .map(|(position, line)| item(claim, line, position as u32, index))
        .collect::<Vec<_>>()
        .into()
}

fn item(claim: &Claim, line: &Line, position: u32, index: u32) -> Json {
    let hospital = matches!(claim.kind, Kind::Inpatient | Kind::Outpatient);
    let denied = line.amounts.noncovered.0 != 0;
    let service = service(claim.kind, line.code, claim.drug);
    let span = claim.kind == Kind::Inpatient && position == 0;
    let tooth = claim.kind == Kind::Oral;
    object! {
        sequence: position + 1,
        careTeamSequence: array![1u32],
        diagnosisSequence: (claim.kind != Kind::Pharmacy).then(|| array![1u32]),
        procedureSequence: (claim.kind == Kind::Inpatient && position == 1).then(|| array![1u32]),
        informationSequence: (position == 0).then(|| array![1u32]),
        revenue: hospital.then(|| {
            concept(REVENUE, REVENUE_CODES[line.code as usize % REVENUE_CODES.len()])
        }),
        productOrService: service.concept_with_text(),
        modifier: line.code.is_multiple_of(3).then(|| {
            array![concept(MODIFIER, MODIFIERS[line.code as usize % MODIFIERS.len()])]
        }),
        servicedDate: (!span).then(|| date(line.day)),
        servicedPeriod: span.then(|| object! { start: date(claim.start), end: date(claim.end) }),
        locationCodeableConcept: (!hospital && claim.kind != Kind::Pharmacy)
            .then(|| concept(PLACE_OF_SERVICE, if line.code.is_multiple_of(4) { "22" } else { "11" })),
        quantity: object_quantity(line.quantity),
        unitPrice: line.unit_price().money(),
        net: line.amounts.submitted.money(),
        bodySite: tooth.then(|| concept("http://terminology.hl7.org/CodeSystem/ex-tooth", &format!("{}", 11 + line.code % 8))),
        subSite: tooth.then(|| array![concept("http://terminology.hl7.org/CodeSystem/FDI-surface", "O")]),
        noteNumber: denied.then(|| array![1u32]),
        adjudication: adjudication::of_line(claim, &line.amounts, index % 7 == 3),
        detail: (index % 10 == 4 && position == 0).then(|| detail(claim, line)),
    }
}

/// The details of a line, down to the part of a device or kit.
fn detail(claim: &Claim, line: &Line) -> Json {
    array![object! {
        sequence: 1u32,
        productOrService: service(claim.kind, line.code + 1, claim.drug).concept(),
        quantity: object_quantity(1),
        net: line.amounts.submitted.money(),
        adjudication: array![object! {
            category: super::element::hl7("adjudication", "submitted"),
            amount: line.amounts.submitted.money(),
        }],
        subDetail: array![object! {
            sequence: 1u32,
            productOrService: service(claim.kind, line.code + 2, claim.drug).concept(),
        }],
    }]
}

pub(super) fn service(kind: Kind, code: u32, drug: u32) -> Code {
    match kind {
        Kind::Oral => DENTAL[code as usize % DENTAL.len()],
        Kind::Pharmacy => DRUGS[drug as usize % DRUGS.len()].package,
        _ => SERVICES[code as usize % SERVICES.len()],
    }
}
