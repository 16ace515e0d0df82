//! ExplanationOfBenefit, Claim and Coverage with all elements.

use super::{
    claim_line,
    element::{hl7_list, home_address},
    turn::Rich,
};
use crate::sandbox::members::{
    claim::Claim,
    codes::DIAGNOSES,
    element::{Cents, HL7, coding, concept, hl7, identifier, quantity},
    json::{Json, array, object},
};

const PDEX: &str = "http://hl7.org/fhir/us/davinci-pdex/StructureDefinition";
const INFORMATION: &str = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType";

/// Adds the elements that a Claim and its ExplanationOfBenefit have in common.
fn header(rich: &Rich, resource: &mut Json) {
    resource.set("provider", rich.one_of("Practitioner PractitionerRole Organization"));
    resource.add(object! {
        billablePeriod: rich.period(10),
        enterer: rich.one_of("Practitioner PractitionerRole"),
        insurer: rich.to("Organization"),
        facility: rich.to("Location"),
        priority: hl7("processpriority", "normal"),
        fundsReserve: hl7("fundsreserve", "provider"),
        originalPrescription: rich.to("MedicationRequest"),
        payee: object! { type: hl7("payeetype", "provider") },
        referral: rich.to("ServiceRequest"),
        accident: object! {
            date: rich.day(9),
            type: hl7("v3-ActCode", "MVA"),
            locationAddress: (rich.turn % 3 != 1).then(home_address),
            locationReference: (rich.turn % 3 == 1).then(|| rich.to("Location")),
        },
        careTeam: array![
            object! { sequence: 1u32, provider: rich.to("Practitioner"), responsible: true,
                role: hl7("claimcareteamrole", "primary"),
                qualification: hl7("ex-providerqualification", "311405") },
            object! { sequence: 2u32, provider: rich.to("Organization") },
            object! { sequence: 3u32, provider: rich.to("PractitionerRole") },
        ],
        procedure: array![
            object! { sequence: 1u32, type: hl7_list("ex-procedure-type", "primary"), date: rich.day(10),
                procedureCodeableConcept: crate::sandbox::members::codes::INPATIENT_PROCEDURES[0].concept(),
                udi: array![rich.to("Device")] },
            object! { sequence: 2u32, procedureReference: rich.to("Procedure") },
        ],
        diagnosis: array![
            object! {
                sequence: 1u32,
                diagnosisCodeableConcept: DIAGNOSES[0].concept(),
                type: array![hl7("ex-diagnosistype", "principal"), hl7("ex-diagnosistype", "clinical")],
                onAdmission: hl7("ex-diagnosis-on-admission", "y"),
                packageCode: hl7("ex-diagnosisrelatedgroup", "100"),
            },
        ],
    });
    let referenced = object! {
        sequence: 8u32, diagnosisReference: rich.to("Condition"),
        type: hl7_list("ex-diagnosistype", "discharge"),
    };
    let admitting = object! {
        sequence: 9u32, diagnosisCodeableConcept: DIAGNOSES[10].concept(),
        type: hl7_list("ex-diagnosistype", "admitting"),
    };
    resource.append("diagnosis", vec![referenced, admitting]);
    let party = rich.one_of("Practitioner PractitionerRole Patient RelatedPerson Organization");
    if let Some(payee) = resource.get_mut("payee") {
        payee.set("party", party);
    }
}

fn supporting_info(rich: &Rich, reason: &Json) -> Vec<Json> {
    let mut more = quantity("3", "mi");
    more.set("comparator", "<");
    let text = |value: &str| ("String", Json::from(value));
    let entries = [
        ("refillsauthorized", ("Quantity", quantity("3", "{refill}"))),
        ("transportationdistance", ("Quantity", more)),
        ("patientaccountnumber", text("ACC-7")),
        ("medicalrecordnumber", text("MR-7")),
        ("pickuplocation", text("12 Sample Street")),
        ("dropofflocation", text("7 Campus Road")),
        ("servicefacility", ("Reference", rich.one_of("Organization Location"))),
        ("other", ("Boolean", true.into())),
        ("attachment", ("Attachment", rich.attachment())),
        ("info", ("Reference", rich.to("Practitioner"))),
        ("info", ("Reference", rich.to("Observation"))),
        ("info", ("Reference", rich.to("Location"))),
    ];
    let entry = |(position, (category, (kind, value))): (usize, (&str, (&str, Json)))| {
        let mut info = object! {
            sequence: position + 101,
            category: concept(INFORMATION, category),
            code: hl7("ex-revenue-center", "0370"),
            timingDate: rich.day(10),
            reason: reason.clone(),
        };
        info.set(&format!("value{kind}"), value);
        info
    };
    let mut list: Vec<Json> = entries.into_iter().enumerate().map(entry).collect();
    list.push(object! {
        sequence: 120u32, category: concept(INFORMATION, "info"), timingPeriod: rich.period(10),
    });
    list
}

pub(super) fn explanation_of_benefit(rich: &Rich, resource: &mut Json) {
    header(rich, resource);
    let facts = Claim::new(&rich.member, rich.number);
    // Here the reason is a Coding, in a Claim it is a CodeableConcept.
    let reason = coding(&format!("{HL7}/missingtoothreason"), "E", "Extraction");
    resource.append("supportingInfo", supporting_info(rich, &reason));
    let control = identifier("cn", "https://sandbox.example/control", "CN-7");
    resource.append("identifier", vec![control]);
    let mut level = hl7("v2-0007", "A");
    level.add(object! { text: "Urgent" });
    let level = object! { url: format!("{PDEX}/extension-levelOfServiceCode"), valueCodeableConcept: level };
    resource.append("extension", vec![level]);
    let other = crate::sandbox::members::eob::id(&rich.member, super::turn::RICH_CLAIMS[0]);
    let associated = object! {
        claim: object! { reference: format!("ExplanationOfBenefit/{other}") },
        relationship: hl7("ex-relatedclaimrelationship", "associated"),
    };
    resource.append("related", vec![associated]);
    if let Some(Json::Array(lines)) = resource.get_mut("item") {
        for (line, facts) in lines.iter_mut().zip(&facts.lines) {
            line.append("adjudication", claim_line::rare_amounts(&facts.amounts));
        }
        if let (Some(first), Some(facts)) = (lines.first_mut(), facts.lines.first()) {
            claim_line::line(rich, first);
            first.append("adjudication", vec![claim_line::decision(rich)]);
            first.append("adjudication", claim_line::networks());
            first.set("detail", claim_line::details(rich, &facts.amounts, true));
            first.add(object! { noteNumber: array![1u32] });
        }
    }
    resource.append("total", claim_line::rare_amounts(&facts.total()));
    resource.append("adjudication", vec![claim_line::decision(rich)]);
    resource.append("adjudication", claim_line::rare_amounts(&facts.total()));
    resource.append("adjudication", claim_line::networks());
    resource.append("addItem", vec![claim_line::added_item(rich, "subDetailSequence")]);
    resource.add(object! {
        fundsReserveRequested: hl7("fundsreserve", "provider"),
        prescription: rich.one_of("MedicationRequest VisionPrescription"),
        claim: rich.to("Claim"),
        claimResponse: rich.to("ClaimResponse"),
        preAuthRef: array!["PA-7"],
        preAuthRefPeriod: array![rich.period(5)],
        disposition: "Processed",
        formCode: hl7("forms-codes", "1"),
        form: rich.attachment(),
        payment: object! {
            type: hl7("ex-paymenttype", "complete"),
            adjustment: Cents(-500).money(),
            adjustmentReason: hl7("payment-adjustment-reason", "a002"),
            identifier: object! { system: "https://sandbox.example/check", value: "CHK-7" },
        },
        processNote: array![object! {
            number: 1u32, type: "display", text: "Sent to the member",
            language: concept("urn:ietf:bcp:47", "en-US"),
        }],
        benefitPeriod: rich.period(1),
        benefitBalance: array![object! {
            category: hl7("ex-benefitcategory", "1"),
            excluded: false,
            name: "Deductible",
            description: "What the member pays before the plan does",
            network: hl7("benefit-network", "in"),
            unit: hl7("benefit-unit", "individual"),
            term: hl7("benefit-term", "annual"),
            financial: array![object! {
                type: hl7("benefit-type", "room"), allowedString: "shared room",
            }],
        }],
    });
}

/// The claim as the provider submitted it.
pub(super) fn claim(rich: &Rich, resource: &mut Json) {
    header(rich, resource);
    resource.append("supportingInfo", supporting_info(rich, &hl7("missingtoothreason", "E")));
    let related = object! {
        claim: rich.to("Claim"),
        relationship: hl7("ex-relatedclaimrelationship", "associated"),
        reference: object! { system: "https://sandbox.example/claim", value: "C-7" },
    };
    resource.append("related", vec![related]);
    let first = resource.get_mut("item").and_then(|item| item.elements_mut().first_mut());
    let facts = Claim::new(&rich.member, rich.number);
    if let (Some(first), Some(facts)) = (first, facts.lines.first()) {
        claim_line::line(rich, first);
        if rich.turn % 2 == 1 {
            first.choose("serviced", "Period", rich.period(10));
        }
        first.add(object! {
            quantity: object! { value: 1u32 },
            unitPrice: Cents(100).money(),
            detail: claim_line::details(rich, &facts.amounts, false),
        });
        if rich.turn % 3 == 2 {
            let drug = crate::sandbox::members::codes::DRUGS[1].package.concept();
            first.set("productOrService", drug);
        }
    }
    resource.add(object! {
        subType: hl7("ex-claimsubtype", "emergency"),
        prescription: rich.one_of("MedicationRequest VisionPrescription DeviceRequest"),
        insurance: array![object! {
            identifier: object! { system: "https://sandbox.example/claim", value: "C-7" },
            businessArrangement: "PPO-7",
            preAuthRef: array!["PA-7"],
            claimResponse: rich.to("ClaimResponse"),
        }],
    });
}

pub(super) fn coverage(rich: &Rich, resource: &mut Json) {
    resource.set("policyHolder", rich.one_of("Patient RelatedPerson Organization"));
    resource.set("subscriber", rich.one_of("Patient RelatedPerson"));
    let class = |code: &str| {
        object! {
            type: hl7("coverage-class", code), value: format!("{code}-7"), name: "Sandbox tier",
        }
    };
    let classes = ["subgroup", "subplan", "class", "subclass", "sequence"];
    resource.append("class", classes.map(class).to_vec());
    resource.append("payor", vec![rich.to("Patient"), rich.to("RelatedPerson")]);
    let limited = object! {
        type: hl7("coverage-copay-type", "copaypct"),
        valueQuantity: { let mut share = quantity("20", "%"); share.set("comparator", "<="); share },
        exception: array![object! {
            type: hl7("ex-coverage-financial-exception", "retired"), period: rich.period(1),
        }],
    };
    resource.append("costToBeneficiary", vec![limited]);
    resource.add(object! {
        subrogation: false,
        contract: array![rich.to("Contract")],
    });
}
