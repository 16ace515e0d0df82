//! Elements of many resource types: the source, identifiers, extensions, notes.

use super::{contained, element::snomed, turn::Rich};
use crate::sandbox::members::{
    element::{Cents, SNOMED, coding, quantity},
    json::{Json, array, object},
};

const WITH_CONTAINED_MEDICATION: [&str; 4] =
    ["MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement"];
const WITHOUT_NOTE: [&str; 18] = [
    "Claim",
    "ClaimResponse",
    "Coverage",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "ExplanationOfBenefit",
    "InsurancePlan",
    "Location",
    "Medication",
    "MedicationKnowledge",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Provenance",
    "QuestionnaireResponse",
    "RelatedPerson",
];

/// Adds these elements, as far as the type has them.
pub(super) fn apply(rich: &Rich, resource_type: &str, resource: &mut Json) {
    resource.add(object! { language: "en-US" });
    let profile = format!("https://sandbox.example/profile/{resource_type}");
    if let Some(meta) = resource.get_mut("meta") {
        meta.add(
            object! { source: "https://sandbox.example/core-system", profile: array![profile] },
        );
    }
    match resource_type {
        "Provenance" | "MedicationKnowledge" => {}
        "QuestionnaireResponse" => resource.add(object! { identifier: identifier(rich, "form") }),
        _ => resource.add(object! { identifier: array![identifier(rich, "record")] }),
    }
    if !WITHOUT_NOTE.contains(&resource_type) {
        resource.add(object! { note: notes(rich) });
    }
    resource.append("extension", extensions(rich));
    resource.append("contained", contained::every_type(rich));
    if WITH_CONTAINED_MEDICATION.contains(&resource_type) && rich.number == 2 {
        resource.append("contained", vec![contained::medication()]);
        resource.choose("medication", "Reference", object! { reference: "#drug" });
    }
}

fn identifier(rich: &Rich, what: &str) -> Json {
    let value = format!("{what}-{}", rich.turn);
    object! { system: format!("https://sandbox.example/{what}"), value: value }
}

fn notes(rich: &Rich) -> Json {
    array![
        object! {
            authorString: "Front desk", time: rich.moment(60), text: "Called the member back",
        },
        object! {
            authorReference: rich.to("Practitioner"),
            time: rich.moment(61),
            text: "Discussed with the member",
        },
    ]
}

/// One extension for each type of value.
pub(super) fn extensions(rich: &Rich) -> Vec<Json> {
    let values: [(&str, Json); 16] = [
        ("String", "West region".into()),
        ("Code", "in-force".into()),
        ("Boolean", true.into()),
        ("Integer", (-3).into()),
        ("Decimal", Json::number("0.50")),
        ("Date", rich.day(30).into()),
        ("DateTime", rich.moment(30).into()),
        ("Uri", "urn:sandbox:batch:7".into()),
        ("PositiveInt", 7u32.into()),
        ("Coding", coding(SNOMED, "24484000", "Severe")),
        ("CodeableConcept", snomed("255604002", "Mild")),
        ("Quantity", quantity("2.5", "mi")),
        ("Money", Cents(1250).money()),
        ("Period", rich.period(30)),
        ("Identifier", identifier(rich, "batch")),
        ("Reference", rich.to("Organization")),
    ];
    let extension = |(kind, value): (&str, Json)| {
        let name = kind.to_lowercase();
        let mut one = object! { url: format!("https://sandbox.example/extension/{name}") };
        one.set(&format!("value{kind}"), value);
        one
    };
    values.into_iter().map(extension).collect()
}
