//! Adjudications and totals of a claim: one amount per category.

use super::claim::{Amounts, Claim, Kind};
use super::codes::FINAL_DENIAL;
use super::element::{CARIN_CODES, Cents, HL7, carin, coding, hl7};
use super::json::{Json, array, object};

/// The categories with their amounts, in the order in which payers list them.
pub(super) fn categories(amounts: &Amounts) -> [(Json, Cents); 11] {
    [
        (hl7_category("submitted"), amounts.submitted),
        (hl7_category("eligible"), amounts.eligible),
        (hl7_category("deductible"), amounts.deductible),
        (carin_category("coinsurance"), amounts.coinsurance),
        (hl7_category("copay"), amounts.copay),
        (carin_category("noncovered"), amounts.noncovered),
        (carin_category("discount"), amounts.discount),
        (carin_category("priorpayerpaid"), amounts.prior_payer_paid),
        (carin_category("paidtoprovider"), amounts.paid_to_provider),
        (carin_category("paidtopatient"), amounts.paid_to_patient),
        (carin_category("memberliability"), amounts.member_liability),
    ]
}

fn hl7_category(code: &str) -> Json {
    object! { coding: array![coding(&format!("{HL7}/adjudication"), code, "")] }
}

fn carin_category(code: &str) -> Json {
    object! { coding: array![coding(&format!("{CARIN_CODES}/C4BBAdjudication"), code, "")] }
}

/// The adjudications of one line.
///
/// `obsolete` adds the category `allowed` of the guide's version 0.1.0, which some payers still send.
pub(super) fn of_line(claim: &Claim, amounts: &Amounts, obsolete: bool) -> Json {
    let mut list: Vec<Json> = categories(amounts)
        .into_iter()
        .map(|(category, cents)| object! { category: category, amount: cents.money() })
        .collect();
    if obsolete {
        let category = object! {
            coding: array![coding("http://hl7.org/fhir/us/carin/CodeSystem/carin-bb-adjudication", "allowed", "")],
        };
        list.push(object! { category: category, amount: amounts.eligible.money() });
    }
    if amounts.noncovered != Cents(0) {
        list.push(object! {
            category: carin("C4BBAdjudicationDiscriminator", "denialreason"),
            reason: FINAL_DENIAL.concept(),
        });
    }
    if claim.kind == Kind::Pharmacy || claim.kind == Kind::Professional {
        list.push(object! {
            category: carin("C4BBAdjudicationDiscriminator", "allowedunits"),
            value: Json::number("1"),
        });
    }
    list.push(network_status(claim));
    list.into()
}

/// The adjudications of the whole claim: the amounts for inpatient claims, the network for all claims.
pub(super) fn of_claim(claim: &Claim, total: &Amounts) -> Json {
    let mut list = Vec::new();
    if claim.kind == Kind::Inpatient {
        list.extend(
            categories(total)
                .into_iter()
                .map(|(category, cents)| object! { category: category, amount: cents.money() }),
        );
    }
    list.push(object! {
        category: carin("C4BBAdjudicationDiscriminator", "billingnetworkstatus"),
        reason: carin("C4BBPayerAdjudicationStatus", network(claim)),
    });
    list.into()
}

/// The totals of the claim: each is the sum over its lines.
pub(super) fn totals(total: &Amounts) -> Json {
    categories(total)
        .into_iter()
        .map(|(category, cents)| object! { category: category, amount: cents.money() })
        .collect::<Vec<_>>()
        .into()
}

fn network_status(claim: &Claim) -> Json {
    object! {
        category: carin("C4BBAdjudicationDiscriminator", "benefitpaymentstatus"),
        reason: carin("C4BBPayerAdjudicationStatus", network(claim)),
    }
}

fn network(claim: &Claim) -> &'static str {
    if claim.in_network { "innetwork" } else { "outofnetwork" }
}

/// The limits of the member's benefits, and how much of them is used.
pub(super) fn benefit_balance(total: &Amounts) -> Json {
    array![object! {
        category: hl7("ex-benefitcategory", "1"),
        network: hl7("benefit-network", "in"),
        unit: hl7("benefit-unit", "individual"),
        term: hl7("benefit-term", "annual"),
        financial: array![
            object! {
                type: hl7("benefit-type", "deductible"),
                allowedMoney: Cents(150_000).money(),
                usedMoney: total.deductible.money(),
            },
            object! { type: hl7("benefit-type", "visit"), allowedUnsignedInt: 20u32, usedUnsignedInt: 3u32 },
        ],
    }]
}
