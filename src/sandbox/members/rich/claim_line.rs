//! The parts of claim lines and their adjudications, with all elements.

use super::{
    element::{body_site, home_address, snomed},
    turn::Rich,
};
use crate::sandbox::members::{
    claim::Amounts,
    codes::{DRUGS, MODIFIER, MODIFIERS, PLACE_OF_SERVICE, REVENUE},
    element::{CARIN_CODES, CPT, Cents, NDC, carin, coding, concept, hl7, quantity},
    json::{Json, array, object},
};

const PDEX: &str = "http://hl7.org/fhir/us/davinci-pdex/StructureDefinition";
const PAS: &str = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition";
const HCPCS: &str = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets";

/// The categories that the guides allow and this payer rarely sends, for a line or a claim.
pub(super) fn rare_amounts(amounts: &Amounts) -> Vec<Json> {
    let local = |code: &str| concept("https://sandbox.example/adjudication", code);
    let entry =
        |category: Json, cents: Cents| object! { category: category, amount: cents.money() };
    vec![
        entry(local("allowedamount"), amounts.eligible),
        entry(hl7("adjudication", "benefit"), amounts.paid()),
        entry(hl7("adjudication", "tax"), Cents(0)),
        entry(carin("C4BBAdjudication", "paidbypatient"), amounts.copay),
        entry(carin("C4BBAdjudication", "drugcost"), Cents(0)),
    ]
}

/// All categories of an adjudication, for something that costs `cents`.
pub(super) fn all_amounts(rich: &Rich, cents: Cents) -> Vec<Json> {
    let amounts = Amounts {
        submitted: cents,
        eligible: cents.percent(80),
        discount: cents.percent(20),
        copay: cents.percent(10),
        member_liability: cents.percent(10),
        paid_to_provider: cents.percent(70),
        ..Amounts::default()
    };
    adjudications(rich, &amounts)
}

fn adjudications(rich: &Rich, amounts: &Amounts) -> Vec<Json> {
    let mut list = vec![decision(rich)];
    for (category, cents) in crate::sandbox::members::adjudication::categories(amounts) {
        list.push(object! { category: category, amount: cents.money() });
    }
    list.extend(rare_amounts(amounts));
    list.extend(networks());
    list
}

/// Adjudications with the network status of each party, and with the reason of a denial.
pub(super) fn networks() -> Vec<Json> {
    let entry = |code: &str, reason: &str| {
        object! {
            category: object! {
                coding: array![
                    coding(&format!("{CARIN_CODES}/C4BBAdjudicationDiscriminator"), code, ""),
                    coding(&format!("{CARIN_CODES}/C4BBPayerAdjudicationStatus"), reason, ""),
                ],
            },
            reason: carin("C4BBPayerAdjudicationStatus", reason),
            value: Json::number("1"),
        }
    };
    vec![
        entry("benefitpaymentstatus", "innetwork"),
        entry("billingnetworkstatus", "innetwork"),
        entry("renderingnetworkstatus", "innetwork"),
        object! {
            category: carin("C4BBAdjudicationDiscriminator", "denialreason"),
            reason: crate::sandbox::members::codes::FINAL_DENIAL.concept(),
        },
    ]
}

/// A reviewer's decision, and when it was made.
pub(super) fn decision(rich: &Rich) -> Json {
    let action = object! {
        url: format!("{PDEX}/extension-reviewAction"),
        extension: array![
            object! { url: "number", valueString: format!("AUTH-{}", rich.turn) },
            object! { url: "reasonCode", valueCodeableConcept: concept("https://codesystem.x12.org/external/886", "0A") },
            object! {
                url: format!("{PDEX}/extension-reviewActionCode"),
                valueCodeableConcept: object! {
                    coding: array![coding("https://codesystem.x12.org/005010/306", "A1", "Certified in total")],
                },
            },
        ],
    };
    let when = object! { url: format!("{PDEX}/base-ext-when-adjudicated"), valueDateTime: rich.moment(20) };
    object! {
        extension: array![action, when],
        category: carin("C4BBAdjudicationDiscriminator", "allowedunits"),
        reason: carin("C4BBPayerAdjudicationStatus", "other"),
        value: Json::number("1"),
    }
}

/// The elements of a line and of each of its parts: product or service, quantity, price.
pub(super) fn priced(rich: &Rich, cents: Cents) -> Json {
    let product = match rich.turn % 3 {
        0 => concept(CPT, "97110"),
        1 => concept(HCPCS, "G0439"),
        _ => DRUGS[0].package.concept(),
    };
    object! {
        revenue: concept(REVENUE, "0420"),
        category: hl7("ex-benefitcategory", "1"),
        productOrService: product,
        modifier: MODIFIERS.map(|modifier| concept(MODIFIER, modifier)).to_vec(),
        programCode: array![hl7("ex-programcode", "none")],
        quantity: quantity("1", "{visit}"),
        unitPrice: cents.money(),
        factor: Json::number("1.0"),
        net: cents.money(),
    }
}

/// Sets where the service was done; the turn decides on the form.
fn set_place(rich: &Rich, line: &mut Json) {
    match rich.turn % 3 {
        0 => line.choose("location", "Address", home_address()),
        1 => line.choose("location", "Reference", rich.to("Location")),
        _ => line.choose("location", "CodeableConcept", concept(PLACE_OF_SERVICE, "11")),
    }
}

/// Adds elements to a submitted line without changing its costs.
pub(super) fn line(rich: &Rich, line: &mut Json) {
    set_place(rich, line);
    line.add(object! {
        careTeamSequence: array![1u32],
        diagnosisSequence: array![1u32],
        procedureSequence: array![1u32],
        informationSequence: array![1u32],
    });
    let mut more = priced(rich, Cents(0));
    for kept in ["productOrService", "net", "unitPrice", "quantity"] {
        more.set(kept, Json::Absent);
    }
    line.add(more);
    if let Some(product) = line.get_mut("productOrService") {
        // The drug given under the procedure code, in Blue Button's form.
        let drug = object! { url: NDC, valueCoding: DRUGS[1].package.coding() };
        product.append("extension", vec![drug]);
    }
    line.add(object! {
        quantity: object! { unit: "{unit}", system: crate::sandbox::members::element::UCUM, code: "{unit}" },
        udi: array![rich.to("Device")],
        bodySite: body_site(),
        subSite: array![snomed("7771000", "Left")],
        encounter: array![rich.to("Encounter")],
    });
    let dates = vec![
        object! { url: format!("{PAS}/extension-itemPreAuthIssueDate"), valueDate: rich.day(18) },
        object! { url: format!("{PAS}/extension-itemPreAuthPeriod"), valuePeriod: rich.period(18) },
    ];
    line.append("extension", dates);
    line.append("extension", super::everywhere::extensions(rich));
}

/// The details of a line, in two levels; the parts add up to the line.
pub(super) fn details(rich: &Rich, line: &Amounts, adjudicated: bool) -> Json {
    let part = |sequence: u32, amounts: &Amounts| {
        let mut part = priced(rich, amounts.submitted);
        part.set("sequence", sequence);
        part.set("udi", array![rich.to("Device")]);
        if adjudicated {
            part.set("noteNumber", array![1u32]);
            part.set("adjudication", adjudications(rich, amounts));
        }
        part
    };
    let parts = [(1, line.halves()[0]), (2, line.halves()[1])].map(|(sequence, amounts)| {
        let mut detail = part(sequence, &amounts);
        detail.set("subDetail", array![part(1, &amounts)]);
        detail
    });
    parts.to_vec().into()
}

/// A line that the payer added without a charge.
///
/// ExplanationOfBenefit and ClaimResponse spell the name of the third sequence differently.
pub(super) fn added_item(rich: &Rich, sub_detail_sequence: &str) -> Json {
    let mut item = priced(rich, Cents(0));
    item.set("revenue", Json::Absent);
    item.set("category", Json::Absent);
    item.set(sub_detail_sequence, array![1u32]);
    set_place(rich, &mut item);
    let even = rich.turn.is_multiple_of(2);
    let mut detail = priced(rich, Cents(0));
    detail.set("revenue", Json::Absent);
    detail.set("category", Json::Absent);
    detail.set("programCode", Json::Absent);
    detail.set("adjudication", all_amounts(rich, Cents(0)));
    detail.set("subDetail", array![detail.clone()]);
    item.add(object! {
        itemSequence: array![1u32],
        detailSequence: array![1u32],
        provider: rich.each_of("Practitioner PractitionerRole Organization"),
        servicedDate: even.then(|| rich.day(10)),
        servicedPeriod: (!even).then(|| rich.period(10)),
        bodySite: body_site(),
        subSite: array![snomed("7771000", "Left")],
        noteNumber: array![1u32],
        adjudication: all_amounts(rich, Cents(0)),
        detail: array![detail],
    });
    item
}
