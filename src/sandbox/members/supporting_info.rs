//! The supportingInfo of the CARIN guide, for each kind of claim.

use super::claim::{Claim, Kind};
use super::codes::{ADMISSION_TYPE, DISCHARGE_STATUS, DRGS, MS_DRG, POINT_OF_ORIGIN, TYPE_OF_BILL};
use super::element::{concept, date, later, object_quantity};
use super::json::{Json, object};

const CATEGORY: &str = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType";
const NCPDP: &str = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBNCPDP";

/// All supporting information of the claim, numbered from 1.
pub(super) fn supporting_info(claim: &Claim, index: u32) -> Json {
    let mut list = vec![entry("clmrecvddate", "timingDate", date(later(claim.end, 1)).into())];
    match claim.kind {
        Kind::Inpatient => {
            let stay = object! { start: date(claim.start), end: date(claim.end) };
            list.push(entry("admissionperiod", "timingPeriod", stay));
            list.push(coded("pointoforigin", POINT_OF_ORIGIN, "1"));
            list.push(coded("admtype", ADMISSION_TYPE, "1"));
            list.push(coded("discharge-status", DISCHARGE_STATUS, "01"));
            list.push(coded("typeofbill", TYPE_OF_BILL, "0111"));
            list.push(coded("drg", MS_DRG, DRGS[index as usize % DRGS.len()]));
        }
        Kind::Outpatient => {
            list.push(coded("typeofbill", TYPE_OF_BILL, "0131"));
            list.push(coded("pointoforigin", POINT_OF_ORIGIN, "1"));
        }
        Kind::Pharmacy => pharmacy(claim, index, &mut list),
        Kind::Professional | Kind::Oral => {
            list.push(coded("performingnetworkcontractingstatus", CONTRACTING, contracting(claim)));
        }
    }
    list.push(coded("billingnetworkcontractingstatus", CONTRACTING, contracting(claim)));
    for (position, info) in list.iter_mut().enumerate() {
        info.set("sequence", position + 1);
    }
    list.into()
}

const CONTRACTING: &str = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBPayerAdjudicationStatus";

fn contracting(claim: &Claim) -> &'static str {
    if claim.in_network { "contracted" } else { "noncontracted" }
}

fn pharmacy(claim: &Claim, index: u32, list: &mut Vec<Json>) {
    let days = if index.is_multiple_of(2) { 30 } else { 90 };
    list.push(entry("dayssupply", "valueQuantity", object_quantity(days)));
    list.push(entry("refillnum", "valueQuantity", object_quantity(claim.drug % 4)));
    list.push(coded("dawcode", NCPDP, "0"));
    list.push(coded("brandgenericindicator", NCPDP, if claim.drug == 4 { "3" } else { "2" }));
    list.push(coded("rxorigincode", NCPDP, "3"));
    list.push(coded("compoundcode", NCPDP, "1"));
}

fn entry(category: &str, member: &str, value: Json) -> Json {
    let mut info = object! { sequence: 0u32, category: concept(CATEGORY, category) };
    info.set(member, value);
    info
}

fn coded(category: &str, system: &str, code: &str) -> Json {
    object! { sequence: 0u32, category: concept(CATEGORY, category), code: concept(system, code) }
}
