//! Condition, AllergyIntolerance and Immunization with all elements.

use super::{
    element::{body_site, hl7_list, range, snomed},
    turn::Rich,
};
use crate::sandbox::members::{
    element::{HL7, hl7, quantity},
    json::{Json, array, object},
};

const ASSERTED_DATE: &str = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate";

/// Sets when something began or ended; the turn decides on the type.
fn choose_moment(rich: &Rich, resource: &mut Json, name: &str) {
    match rich.turn % 4 {
        0 => resource.choose(name, "Age", quantity("68", "a")),
        1 => resource.choose(name, "Period", rich.period(12)),
        2 => resource.choose(name, "Range", range("66", "68", "a")),
        _ => resource.choose(name, "String", "some winters ago"),
    }
}

pub(super) fn condition(rich: &Rich, resource: &mut Json) {
    choose_moment(rich, resource, "onset");
    choose_moment(rich, resource, "abatement");
    let asserted = object! { url: ASSERTED_DATE, valueDateTime: rich.moment(14) };
    resource.append("extension", vec![asserted]);
    let system = crate::sandbox::members::element::SNOMED;
    let finding = object! { system: system, code: "404684003", display: "Clinical finding" };
    if let Some(code) = resource.get_mut("code") {
        code.append("coding", vec![finding]);
    }
    // A condition that has ended is not active.
    resource.set("clinicalStatus", hl7("condition-clinical", "resolved"));
    resource.add(object! {
        severity: snomed("255604002", "Mild"),
        bodySite: array![body_site()],
        encounter: rich.to("Encounter"),
        recorder: rich.one_of("Practitioner PractitionerRole Patient RelatedPerson"),
        asserter: rich.one_of("RelatedPerson Patient PractitionerRole Practitioner"),
        stage: array![object! {
            summary: snomed("786005", "Clinical stage I"),
            assessment: rich.each_of("Observation DiagnosticReport ClinicalImpression"),
            type: snomed("106252000", "Clinical staging"),
        }],
        evidence: array![object! {
            code: array![snomed("169443000", "Preventive procedure")],
            detail: rich.each_of("Observation DiagnosticReport"),
        }],
    });
}

pub(super) fn allergy_intolerance(rich: &Rich, resource: &mut Json) {
    match rich.turn % 5 {
        4 => resource.choose("onset", "DateTime", rich.moment(12)),
        _ => choose_moment(rich, resource, "onset"),
    }
    resource.append("category", vec!["food".into()]);
    resource.add(object! {
        encounter: rich.to("Encounter"),
        recorder: rich.one_of("Practitioner PractitionerRole Patient RelatedPerson"),
        asserter: rich.one_of("RelatedPerson Patient PractitionerRole Practitioner"),
        lastOccurrence: rich.day(800),
        reaction: array![object! {
            substance: snomed("256349002", "Peanut - dietary"),
            description: "Itching within minutes",
            onset: rich.moment(12),
            exposureRoute: snomed("26643006", "Oral route"),
            note: array![object! { text: "Went away by itself" }],
        }],
    });
}

pub(super) fn immunization(rich: &Rich, resource: &mut Json) {
    if rich.turn % 3 == 2 {
        resource.choose("occurrence", "String", "as a child");
    }
    let even = rich.turn.is_multiple_of(2);
    let origin = format!("{HL7}/immunization-origin");
    resource.add(object! {
        statusReason: hl7("v3-ActReason", "IMMUNE"),
        encounter: rich.to("Encounter"),
        recorded: rich.day(33),
        reportOrigin: crate::sandbox::members::element::concept(&origin, "record"),
        location: rich.to("Location"),
        manufacturer: rich.to("Organization"),
        expirationDate: rich.day(900),
        site: hl7("v3-ActSite", "LA"),
        route: hl7("v3-RouteOfAdministration", "IM"),
        doseQuantity: quantity("0.5", "mL"),
        performer: array![object! {
            function: hl7("v2-0443", "AP"),
            actor: rich.one_of("Practitioner PractitionerRole Organization"),
        }],
        reasonCode: array![snomed("429060002", "Procedure to meet occupational requirement")],
        reasonReference: rich.each_of("Condition Observation DiagnosticReport"),
        isSubpotent: true,
        subpotentReason: hl7_list("immunization-subpotent-reason", "coldchainbreak"),
        education: array![object! {
            documentType: "253088698300010311120702",
            reference: "https://sandbox.example/sheets/flu",
            publicationDate: rich.day(1),
            presentationDate: rich.day(33),
        }],
        programEligibility: hl7_list("immunization-program-eligibility", "ineligible"),
        fundingSource: hl7("immunization-funding-source", "private"),
        reaction: array![object! {
            date: rich.moment(34), detail: rich.to("Observation"), reported: true,
        }],
        protocolApplied: array![object! {
            series: "Seasonal",
            authority: rich.to("Organization"),
            targetDisease: array![snomed("6142004", "Influenza")],
            doseNumberPositiveInt: even.then_some(1u32),
            doseNumberString: (!even).then_some("first"),
            seriesDosesPositiveInt: even.then_some(2u32),
            seriesDosesString: (!even).then_some("two"),
        }],
    });
}
