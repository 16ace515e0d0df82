//! ClaimResponse with all elements.

use super::{claim_line, turn::Rich};
use crate::sandbox::members::{
    claim::Claim,
    element::{Cents, concept, hl7},
    json::{Json, array, object},
};

pub(super) fn claim_response(rich: &Rich, resource: &mut Json) {
    let facts = Claim::new(&rich.member, rich.number);
    let adjudication = || claim_line::all_amounts(rich, Cents(4000));
    let sequenced = |name: &str, inner: Json| {
        let mut part = object! { noteNumber: array![1u32], adjudication: adjudication() };
        part.set(name, 1u32);
        part.add(inner);
        part
    };
    let sub_detail = sequenced("subDetailSequence", object! {});
    let detail = sequenced("detailSequence", object! { subDetail: array![sub_detail] });
    let item = sequenced("itemSequence", object! { detail: array![detail] });
    let mut totals: Vec<Json> = crate::sandbox::members::adjudication::categories(&facts.total())
        .into_iter()
        .skip(1)
        .map(|(category, cents)| object! { category: category, amount: cents.money() })
        .collect();
    let mut rare = claim_line::rare_amounts(&facts.total());
    // The benefit is already among the totals.
    rare.remove(1);
    totals.extend(rare);
    resource.append("total", totals);
    resource.add(object! {
        subType: hl7("ex-claimsubtype", "emergency"),
        requestor: rich.one_of("Practitioner PractitionerRole Organization"),
        disposition: "Processed",
        preAuthRef: "PA-7",
        preAuthPeriod: rich.period(5),
        payeeType: hl7("payeetype", "provider"),
        item: array![item],
        addItem: array![claim_line::added_item(rich, "subdetailSequence")],
        adjudication: adjudication(),
        payment: object! {
            adjustment: Cents(-500).money(),
            adjustmentReason: hl7("payment-adjustment-reason", "a002"),
            date: rich.day(20),
            identifier: object! { system: "https://sandbox.example/check", value: "CHK-7" },
        },
        fundsReserve: hl7("fundsreserve", "provider"),
        formCode: hl7("forms-codes", "1"),
        form: rich.attachment(),
        processNote: array![object! {
            number: 1u32, type: "display", text: "Sent to the provider",
            language: concept("urn:ietf:bcp:47", "en-US"),
        }],
        communicationRequest: array![rich.to("CommunicationRequest")],
        insurance: array![object! {
            sequence: 1u32,
            focal: true,
            coverage: rich.to("Coverage"),
            businessArrangement: "PPO-7",
            claimResponse: rich.to("ClaimResponse"),
        }],
        error: array![object! {
            itemSequence: 1u32,
            detailSequence: 1u32,
            subDetailSequence: 1u32,
            code: hl7("adjudication-error", "a001"),
        }],
    });
}
