//! The types of care done and planned, with all elements.

use super::{
    element::{body_site, hl7_list, ratio, snomed},
    turn::Rich,
};
use crate::sandbox::members::{
    element::{HL7, coding, hl7, quantity},
    json::{Json, array, object},
};

pub(super) fn encounter(rich: &Rich, resource: &mut Json) {
    let class = |code: &str| coding(&format!("{HL7}/v3-ActCode"), code, "emergency");
    resource.add(object! {
        statusHistory: array![object! { status: "arrived", period: rich.period(10) }],
        class: object! { display: "ambulatory" },
        classHistory: array![object! { class: class("EMER"), period: rich.period(10) }],
        serviceType: hl7("service-type", "124"),
        priority: hl7("v3-ActPriority", "R"),
        basedOn: array![rich.to("ServiceRequest")],
        episodeOfCare: array![rich.to("EpisodeOfCare")],
        appointment: array![rich.to("Appointment")],
        account: array![rich.to("Account")],
        participant: array![
            object! { period: rich.period(10) },
            object! {
                type: hl7_list("v3-ParticipationType", "ESC"),
                individual: rich.one_of("RelatedPerson PractitionerRole"),
                period: rich.period(10),
            },
        ],
        length: quantity("30", "min"),
        reasonReference: rich.each_of("Condition Procedure Observation ImmunizationRecommendation"),
        diagnosis: array![object! {
            condition: rich.one_of("Condition Procedure"),
            use: hl7("diagnosis-role", "AD"),
            rank: 1u32,
        }],
        hospitalization: object! {
            preAdmissionIdentifier: object! { system: "https://sandbox.example/pre", value: "PRE-1" },
            origin: rich.one_of("Location Organization"),
            admitSource: hl7("admit-source", "emd"),
            reAdmission: hl7("v2-0092", "R"),
            dietPreference: hl7_list("diet", "vegetarian"),
            specialCourtesy: hl7_list("v3-EncounterSpecialCourtesy", "NRM"),
            specialArrangement: hl7_list("encounter-special-arrangements", "wheel"),
            destination: rich.one_of("Organization Location"),
            dischargeDisposition: hl7("discharge-disposition", "home"),
        },
        location: array![object! {
            status: "completed",
            physicalType: hl7("location-physical-type", "ro"),
            period: rich.period(10),
        }],
        partOf: rich.to("Encounter"),
    });
    if rich.turn % 2 == 1 {
        resource.set("type", array![snomed("185349003", "Encounter for check up")]);
    }
    if rich.turn >= 4 {
        reverse(resource, "participant");
    }
    // The first visit cannot be part of itself.
    if rich.turn < 3 {
        resource.set("partOf", Json::Absent);
    }
}

/// Moves the last element of a list to the front, since the main table shows only the first.
fn reverse(resource: &mut Json, name: &str) {
    if let Some(list) = resource.get_mut(name) {
        list.elements_mut().reverse();
    }
}

pub(super) fn procedure(rich: &Rich, resource: &mut Json) {
    match rich.turn % 4 {
        0 => resource.choose("performed", "Age", quantity("70", "a")),
        1 => {
            let range = super::element::range("69", "71", "a");
            resource.choose("performed", "Range", range);
        }
        2 => resource.choose("performed", "String", "in the winter of 2021"),
        _ => {}
    }
    resource.add(object! {
        instantiatesCanonical: array!["https://sandbox.example/plan/colonoscopy"],
        instantiatesUri: array!["https://sandbox.example/protocols/7"],
        basedOn: array![rich.to("ServiceRequest")],
        partOf: array![rich.to("Procedure"), rich.to("Observation")],
        statusReason: hl7("v3-ActReason", "PATREQ"),
        category: snomed("103693007", "Diagnostic procedure"),
        recorder: rich.one_of("Practitioner PractitionerRole Patient RelatedPerson"),
        asserter: rich.one_of("RelatedPerson Patient PractitionerRole Practitioner"),
        performer: array![
            object! {
                function: snomed("28229004", "Optometrist"),
                onBehalfOf: rich.to("Organization"),
            },
            object! {
                actor: rich.one_of("PractitionerRole Organization Patient RelatedPerson Device"),
            },
        ],
        location: rich.to("Location"),
        reasonCode: array![snomed("429087003", "History of malignant neoplasm of breast")],
        reasonReference: rich.each_of("Condition Observation Procedure DiagnosticReport DocumentReference"),
        bodySite: array![body_site()],
        outcome: snomed("385669000", "Successful"),
        report: rich.each_of("DiagnosticReport DocumentReference"),
        complication: array![snomed("131148009", "Bleeding")],
        complicationDetail: array![rich.to("Condition")],
        followUp: array![snomed("18949003", "Change of dressing")],
        focalDevice: array![object! { action: hl7("device-action", "implanted"), manipulated: rich.to("Device") }],
        usedReference: rich.each_of("Device Medication"),
        usedCode: array![snomed("39802000", "Tongue blade")],
    });
    if rich.turn >= 4 {
        reverse(resource, "performer");
    }
}

pub(super) fn care_plan(rich: &Rich, resource: &mut Json) {
    let pick = rich.turn % 3;
    resource.add(object! {
        instantiatesCanonical: array!["https://sandbox.example/plan/walking"],
        instantiatesUri: array!["https://sandbox.example/protocols/8"],
        basedOn: array![rich.to("CarePlan")],
        replaces: array![rich.to("CarePlan")],
        partOf: array![rich.to("CarePlan")],
        title: "Walking plan",
        description: "More movement in small steps",
        encounter: rich.to("Encounter"),
        period: rich.period(20),
        created: rich.day(20),
        author: rich.one_of("Practitioner PractitionerRole Organization Patient Device RelatedPerson CareTeam"),
        contributor: rich.each_of("Practitioner Organization Patient"),
        careTeam: array![rich.to("CareTeam")],
        addresses: array![rich.to("Condition")],
        supportingInfo: array![rich.to("Observation")],
        activity: array![
            object! {
                outcomeCodeableConcept: array![snomed("385669000", "Successful")],
                outcomeReference: array![rich.to("Observation")],
                progress: array![object! { time: rich.moment(50), text: "Twenty minutes a day" }],
                detail: object! {
                    kind: "ServiceRequest",
                    instantiatesCanonical: array!["https://sandbox.example/plan/steps"],
                    reasonCode: array![snomed("414916001", "Obesity")],
                    reasonReference: array![rich.one_of("Condition Observation")],
                    goal: array![rich.to("Goal")],
                    statusReason: hl7("v3-ActReason", "PATREQ"),
                    doNotPerform: false,
                    scheduledTiming: (pick == 0).then(|| rich.timing()),
                    scheduledPeriod: (pick == 1).then(|| rich.period(30)),
                    scheduledString: (pick == 2).then_some("Every other day"),
                    location: rich.to("Location"),
                    performer: array![rich.one_of(
                        "Practitioner PractitionerRole Organization Patient RelatedPerson CareTeam"
                    )],
                    productCodeableConcept: (pick != 1).then(|| snomed("360006004", "Walking stick")),
                    productReference: (pick == 1).then(|| rich.to("Medication")),
                    dailyAmount: quantity("30", "min"),
                    quantity: quantity("10", "{steps}"),
                    description: "A walk around the block",
                },
            },
            object! {
                reference: rich.one_of("Appointment MedicationRequest ServiceRequest Task RequestGroup"),
            },
        ],
    });
}

pub(super) fn care_team(rich: &Rich, resource: &mut Json) {
    resource.add(object! {
        category: array![object! { coding: array![coding("http://loinc.org", "LA27976-2", "Encounter-focused care team")] }],
        encounter: rich.to("Encounter"),
        period: rich.period(15),
        participant: array![
            object! { onBehalfOf: rich.to("Organization"), period: rich.period(15) },
            object! { period: rich.period(15) },
            object! { member: rich.to("PractitionerRole") },
            object! { member: rich.to("Organization") },
            object! { member: rich.to("Patient") },
            object! { member: rich.to("RelatedPerson") },
            object! { member: rich.to("CareTeam") },
        ],
        reasonCode: array![snomed("44054006", "Diabetes mellitus type 2")],
        reasonReference: array![rich.to("Condition")],
        managingOrganization: array![rich.to("Organization")],
        telecom: array![object! { system: "phone", value: "555-0110" }],
    });
}

pub(super) fn goal(rich: &Rich, resource: &mut Json) {
    if rich.turn % 2 == 1 {
        resource.choose("start", "CodeableConcept", snomed("32485007", "Hospital admission"));
    }
    let target = |kind: &str, detail: Json| {
        let mut target = object! {
            measure: hl7("goal-measure", "steps"), dueDuration: quantity("8", "wk"),
        };
        target.set(&format!("detail{kind}"), detail);
        target
    };
    let mut more = quantity("30", "min");
    more.set("comparator", ">=");
    resource.append(
        "target",
        vec![
            target("Quantity", more),
            target("Range", super::element::range("6.5", "7.0", "%")),
            target("CodeableConcept", snomed("8517006", "Ex-smoker")),
            target("String", "Sleeps through the night".into()),
            target("Boolean", true.into()),
            target("Integer", 10_000u32.into()),
            target("Ratio", ratio("2", "g", "d")),
        ],
    );
    resource.add(object! {
        category: hl7_list("goal-category", "behavioral"),
        priority: hl7("goal-priority", "high-priority"),
        description: snomed("289169006", "Walks regularly"),
        statusDate: rich.day(70),
        statusReason: "Began a little late",
        expressedBy: rich.one_of("Patient Practitioner PractitionerRole RelatedPerson"),
        addresses: rich.each_of("Condition Observation MedicationStatement ServiceRequest"),
        outcomeCode: array![snomed("385669000", "Successful")],
        outcomeReference: array![rich.to("Observation")],
    });
}

pub(super) fn service_request(rich: &Rich, resource: &mut Json) {
    let pick = rich.turn % 3;
    let requester =
        rich.one_of("PractitionerRole Organization Patient RelatedPerson Device Practitioner");
    resource.set("requester", requester);
    if rich.turn % 2 == 1 {
        resource.set("code", snomed("396550006", "Blood test"));
    }
    resource.append(
        "reasonReference",
        vec![rich.to("Observation"), rich.to("DiagnosticReport"), rich.to("DocumentReference")],
    );
    resource.add(object! {
        instantiatesCanonical: array!["https://sandbox.example/plan/blood-test"],
        instantiatesUri: array!["https://sandbox.example/protocols/9"],
        basedOn: array![rich.to("CarePlan")],
        replaces: array![rich.to("ServiceRequest")],
        requisition: object! { system: "https://sandbox.example/requisition", value: "R-7" },
        category: array![snomed("108252007", "Laboratory procedure")],
        priority: "routine",
        doNotPerform: false,
        orderDetail: array![snomed("47625008", "Intravenous route")],
        quantityQuantity: quantity("1", "{test}"),
        encounter: rich.to("Encounter"),
        occurrenceDateTime: (pick == 0).then(|| rich.moment(31)),
        occurrencePeriod: (pick == 1).then(|| rich.period(31)),
        occurrenceTiming: (pick == 2).then(|| rich.timing()),
        asNeededBoolean: (pick == 0).then_some(true),
        asNeededCodeableConcept: (pick != 0).then(|| snomed("25064002", "Headache")),
        performerType: snomed("159285000", "Medical laboratory technician"),
        performer: rich.each_of(
            "Practitioner PractitionerRole Organization CareTeam Device RelatedPerson"
        ),
        locationCode: hl7_list("v3-RoleCode", "HLAB"),
        locationReference: array![rich.to("Location")],
        reasonCode: array![snomed("271737000", "Anemia")],
        insurance: array![rich.to("Coverage")],
        supportingInfo: array![rich.to("Observation")],
        specimen: array![rich.to("Specimen")],
        bodySite: array![body_site()],
        patientInstruction: "Come with an empty stomach",
        relevantHistory: array![rich.to("Provenance")],
    });
}
