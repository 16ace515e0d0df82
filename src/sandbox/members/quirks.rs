//! The oddities of real payers' resources.
//!
//! Each line names one ExplanationOfBenefit, by its index in each member's record, and its oddity. All of
//! them were seen in payers' published samples or recorded traffic. Resources that break FHIR itself (no
//! id, another type) come only from faults.

use super::codes::RESTRICTED;
use super::element::{ORIGIN, reference};
use super::json::{Json, array, object};
use super::member::{Member, practitioner_id};

/// A function that makes a resource odd.
pub(super) type Quirk = fn(&Member, &mut Json);

/// The index of each odd ExplanationOfBenefit, and its oddity.
pub(super) const CLAIM_QUIRKS: [(u32, Quirk); 17] = [
    (0, security_labels),
    (3, impossible_date),
    (4, created_before_service),
    (5, duplicate_sequence),
    (8, versioned_references),
    (9, no_items),
    (18, related_to_itself_and_to_nothing),
    (19, extensions_instead_of_values),
    (20, absolute_references),
    (21, contained_provider),
    (22, identifier_only_provider),
    (23, display_only_insurer),
    (24, long_numbers),
    (25, bare_word_reference),
    (26, absent_provider),
    (29, no_items),
    (30, partial_dates),
];

/// Makes the resource odd if it is one of these.
pub(super) fn apply(resource_type: &str, member: &Member, number: u32, resource: &mut Json) {
    if resource_type == "ExplanationOfBenefit" {
        for (_, quirk) in CLAIM_QUIRKS.iter().filter(|(index, _)| *index == number) {
            quirk(member, resource);
        }
    }
}

fn security_labels(_: &Member, resource: &mut Json) {
    if let Some(meta) = resource.get_mut("meta") {
        meta.set("security", RESTRICTED.map(|label| label.coding()).to_vec());
    }
}

fn impossible_date(_: &Member, resource: &mut Json) {
    if let Some(period) = resource.get_mut("billablePeriod") {
        period.set("end", "2021-02-30");
    }
}

fn created_before_service(_: &Member, resource: &mut Json) {
    resource.set("created", "2020-03-16");
}

fn duplicate_sequence(_: &Member, resource: &mut Json) {
    let list = resource.get_mut("supportingInfo");
    for info in list.map_or(&mut [][..], Json::elements_mut) {
        info.set("sequence", 1u32);
    }
}

fn versioned_references(member: &Member, resource: &mut Json) {
    let versioned = format!("Patient/{}/_history/2", member.patient_id());
    resource.set("patient", object! { reference: versioned });
}

fn absolute_references(member: &Member, resource: &mut Json) {
    let absolute = format!("{}/r4/Patient/{}", ORIGIN, member.patient_id());
    resource.set("patient", object! { reference: absolute });
}

fn contained_provider(_: &Member, resource: &mut Json) {
    let contained = object! {
        resourceType: "Organization", id: "provider-1", active: true, name: "Contained Clinic",
    };
    resource.set("contained", array![contained]);
    resource.set("provider", object! { reference: "#provider-1" });
}

fn identifier_only_provider(_: &Member, resource: &mut Json) {
    let npi = object! { system: super::element::NPI, value: practitioner_id(1) };
    resource.set("provider", object! { type: "Practitioner", identifier: npi });
}

fn display_only_insurer(_: &Member, resource: &mut Json) {
    resource.set("insurer", object! { display: "Sandbox Health Plan" });
}

fn bare_word_reference(_: &Member, resource: &mut Json) {
    resource.set("insurer", object! { reference: "Medicare" });
}

fn absent_provider(_: &Member, resource: &mut Json) {
    resource.set("provider", object! { extension: array![data_absent("unknown")] });
}

fn no_items(_: &Member, resource: &mut Json) {
    resource.set("item", Json::Absent);
}

fn related_to_itself_and_to_nothing(member: &Member, resource: &mut Json) {
    let link = |code: &str, id: String| {
        object! {
            relationship: super::element::hl7("ex-relatedclaimrelationship", code),
            reference: object! { value: format!("ExplanationOfBenefit/{id}") },
        }
    };
    let own = super::eob::id(member, 18);
    resource.set(
        "related",
        array![link("prior", own), link("replacedby", "5921309000002".to_string())],
    );
}

/// One payer sends only the extensions of status, created and the careTeam sequence, not their values.
fn extensions_instead_of_values(_: &Member, resource: &mut Json) {
    let absent = || object! { extension: array![data_absent("unknown")] };
    resource.set("status", Json::Absent);
    resource.set("created", Json::Absent);
    resource.set("_status", absent());
    resource.set("_created", absent());
    let list = resource.get_mut("careTeam");
    for participant in list.map_or(&mut [][..], Json::elements_mut) {
        participant.set("sequence", Json::Absent);
        participant.set("_sequence", absent());
    }
}

fn long_numbers(_: &Member, resource: &mut Json) {
    let list = resource.get_mut("item");
    if let Some(first) = list.map_or(&mut [][..], Json::elements_mut).first_mut() {
        first.set("factor", Json::number("1E-22"));
        first.set("quantity", object! { value: Json::number("0.33333333333333333333333") });
    }
}

fn partial_dates(member: &Member, resource: &mut Json) {
    resource.set("billablePeriod", object! { start: "2023", end: "2023-07" });
    resource.set("enterer", reference("Practitioner", &practitioner_id(member.number % 9)));
}

fn data_absent(code: &str) -> Json {
    object! {
        url: "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
        valueCode: code,
    }
}
