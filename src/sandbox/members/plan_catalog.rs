//! The plan's own catalog: InsurancePlan and, as its formulary, MedicationKnowledge.

use super::codes::DRUGS;
use super::element::{
    Cents, SNOMED, address, code, concept, date, epoch, hl7, identifier, later, named_reference,
    quantity, reference,
};
use super::ids::{slug, uuid};
use super::json::{Json, array, object};
use super::member::{Member, location_id, organization_id};
use super::provider::PAYER_NAMES;

const PRODUCTS: [&str; 2] = ["Sandbox Choice Plan", "Sandbox Saver Plan"];

pub(super) fn insurance_plan(member: &Member, index: u32) -> Json {
    let payer = member.payer();
    let area =
        || array![named_reference("Location", &location_id(member.locations()[0]), "Service area")];
    let network = || {
        array![named_reference("Organization", &organization_id(member.providers()[0]), "Network")]
    };
    let owner =
        || named_reference("Organization", &organization_id(payer), PAYER_NAMES[payer as usize]);
    let product = PRODUCTS[index as usize % PRODUCTS.len()];
    object! {
        identifier: array![identifier("naiccode", "https://sandbox.example/plan", &format!("P-{}", 100 + index))],
        status: "active",
        type: array![hl7("insurance-plan-type", "medical")],
        name: product,
        alias: array![format!("{product} (2021)")],
        period: object! { start: date(epoch()), end: date(later(epoch(), 1825)) },
        ownedBy: owner(),
        administeredBy: owner(),
        coverageArea: area(),
        contact: array![object! {
            purpose: hl7("contactentity-type", "ADMIN"),
            name: object! { text: "Member services", family: "Okafor", given: array!["Robin"] },
            telecom: array![
                object! { system: "phone", value: "555-0150" },
                object! { system: "email", value: "members@sandbox.example" },
                object! { system: "url", value: "https://sandbox.example/members" },
            ],
            address: address("1 Plan Plaza", "Boston", "MA", "02110"),
        }],
        network: network(),
        coverage: array![object! {
            type: hl7("insurance-plan-type", "medical"),
            network: network(),
            benefit: array![
                object! {
                    type: hl7("benefit-type", "visit"),
                    requirement: "With a referral",
                    limit: array![object! {
                        value: quantity("20", "{visit}"), code: hl7("benefit-term", "annual"),
                    }],
                },
            ],
        }],
        plan: array![plan(index, area(), network())],
    }
}

/// The plan's general costs, and the cost of a visit for the member.
fn plan(index: u32, area: Json, network: Json) -> Json {
    let mut at_most = quantity("25", "USD");
    at_most.set("comparator", "<=");
    object! {
        identifier: array![object! {
            system: "https://sandbox.example/plan-tier", value: format!("T-{index}"),
        }],
        type: hl7("insurance-plan-type", "medical"),
        coverageArea: area,
        network: network,
        generalCost: array![object! {
            type: hl7("benefit-term", "month"),
            groupSize: 1u32,
            cost: Cents(31_500).money(),
            comment: "Premium of one member",
        }],
        specificCost: array![object! {
            category: hl7("ex-benefitcategory", "1"),
            benefit: array![object! {
                type: hl7("benefit-type", "visit"),
                cost: array![object! {
                    type: hl7("benefit-type", "copay"),
                    applicability: hl7("applicability", "in-network"),
                    qualifiers: array![hl7("benefit-type", "copay-percent")],
                    value: at_most,
                }],
            }],
        }],
    }
}

/// A drug of the formulary.
pub(super) fn medication_knowledge(member: &Member, index: u32) -> Json {
    let drug = &DRUGS[index as usize % DRUGS.len()];
    let maker =
        || named_reference("Organization", &organization_id(member.providers()[0]), "Maker");
    let characteristic = |kind: &str, name: &str, value: Json| {
        let mut one = object! { type: hl7("medicationknowledge-characteristic", kind) };
        one.set(name, value);
        one
    };
    let strength =
        || object! { numerator: quantity("10", "mg"), denominator: quantity("1", "{tbl}") };
    object! {
        code: object! { coding: array![drug.clinical.coding(), drug.package.coding()], text: drug.clinical.display },
        status: "active",
        manufacturer: maker(),
        doseForm: code(SNOMED, "385055001", "Tablet").concept_with_text(),
        amount: quantity("30", "{tbl}"),
        synonym: array![drug.clinical.display.to_lowercase()],
        relatedMedicationKnowledge: array![object! {
            type: concept("https://sandbox.example/relation", "generic-of"),
            reference: array![reference("MedicationKnowledge", &uuid::<23>(member, 0))],
        }],
        associatedMedication: array![reference("Medication", &slug::<'m'>(member, index))],
        productType: array![hl7("medicationknowledge-product-type", "generic")],
        monograph: array![object! {
            type: concept("https://sandbox.example/monograph", "leaflet"),
            source: if index == 0 {
                reference("DocumentReference", &uuid::<6>(member, 0))
            } else {
                reference("Media", "leaflet-1")
            },
        }],
        ingredient: array![
            object! {
                itemCodeableConcept: drug.clinical.concept(), isActive: true, strength: strength(),
            },
            object! { itemReference: reference("Substance", "starch"), isActive: false },
        ],
        preparationInstruction: "Keep dry",
        intendedRoute: array![code(SNOMED, "26643006", "Oral route").concept_with_text()],
        cost: array![object! {
            type: concept("https://sandbox.example/cost", "list"),
            source: "Price list",
            cost: Cents(1999).money(),
        }],
        monitoringProgram: array![object! {
            type: concept("https://sandbox.example/programme", "refill-check"), name: "Refill check",
        }],
        administrationGuidelines: array![object! {
            dosage: array![object! {
                type: hl7("dose-rate-type", "ordered"), dosage: array![object! { text: "One a day" }],
            }],
        }],
        medicineClassification: array![object! {
            type: concept("https://sandbox.example/classification", "tier"),
            classification: array![concept("https://sandbox.example/tier", "preferred-generic")],
        }],
        packaging: object! {
            type: hl7("medicationknowledge-package-type", "bot"), quantity: quantity("30", "{tbl}"),
        },
        drugCharacteristic: array![
            characteristic("color", "valueCodeableConcept", code(SNOMED, "371251000", "White").concept()),
            characteristic("imprintcd", "valueString", "S 10".into()),
            characteristic("size", "valueQuantity", quantity("7", "mm")),
        ],
        contraindication: array![reference("DetectedIssue", "interaction-1")],
        regulatory: array![object! {
            regulatoryAuthority: maker(),
            substitution: array![object! {
                type: hl7("v3-substanceAdminSubstitution", "G"), allowed: true,
            }],
            schedule: array![object! { schedule: concept("https://sandbox.example/schedule", "not-scheduled") }],
            maxDispense: object! { quantity: quantity("90", "{tbl}"), period: quantity("90", "d") },
        }],
        kinetics: array![object! { halfLifePeriod: quantity("12", "h") }],
    }
}
