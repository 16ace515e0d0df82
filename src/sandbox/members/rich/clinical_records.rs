//! The types of documents and objects, with all elements.

use super::{
    element::{body_site, hl7_list, ordinal, snomed},
    turn::Rich,
};
use crate::sandbox::members::{
    element::{FHIR, HL7, LOINC, code, coding, concept, hl7, quantity},
    json::{Json, array, object},
};

pub(super) fn diagnostic_report(rich: &Rich, resource: &mut Json) {
    if rich.turn % 2 == 1 {
        resource.choose("effective", "Period", rich.period(110));
    }
    resource.set("performer", rich.each_of("Practitioner PractitionerRole Organization CareTeam"));
    resource.append("presentedForm", vec![rich.attachment()]);
    resource.add(object! {
        basedOn: array![rich.to("ServiceRequest")],
        encounter: rich.to("Encounter"),
        resultsInterpreter: rich.each_of("Practitioner PractitionerRole Organization CareTeam"),
        specimen: array![rich.to("Specimen")],
        imagingStudy: array![rich.to("ImagingStudy")],
        media: array![object! { comment: "Photograph of the plate", link: rich.to("Media") }],
        presentedForm: array![rich.attachment()],
        conclusion: "Within the usual range",
        conclusionCode: array![snomed("281900007", "No abnormality detected")],
    });
}

/// The extension for the person who attests a document, for which R5 has an element.
const ATTESTER: &str =
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-DocumentReference.attester";

fn attestation_mode() -> Json {
    concept("http://hl7.org/fhir/composition-attestation-mode", "professional")
}

pub(super) fn document_reference(rich: &Rich, resource: &mut Json) {
    resource.add(object! {
        masterIdentifier: object! { system: "urn:ietf:rfc:3986", value: "urn:oid:2.16.840.1.113883.3.7" },
        docStatus: "final",
        author: rich.each_of(
            "Practitioner PractitionerRole Organization Device Patient RelatedPerson"
        ),
        authenticator: rich.one_of("Practitioner PractitionerRole Organization"),
        custodian: rich.to("Organization"),
        extension: array![object! {
            url: ATTESTER,
            extension: array![
                object! { url: "mode", valueCodeableConcept: attestation_mode() },
                object! { url: "time", valueDateTime: rich.moment(501) },
                object! { url: "party", valueReference: rich.one_of("Practitioner Patient Organization") },
            ],
        }],
        relatesTo: array![object! { code: "appends", target: rich.to("DocumentReference") }],
        description: "What was said at the visit",
        securityLabel: hl7_list("v3-Confidentiality", "N"),
        content: array![object! {
            attachment: object! { language: "en-US", size: 21u32, creation: rich.moment(500), url: "Binary/note" },
            format: coding("http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode", "urn:ihe:iti:xds:2017:mimeTypeSufficient", "mimeType Sufficient"),
        }],
        context: object! {
            encounter: array![rich.to("Encounter")],
            event: hl7_list("v3-ActCode", "ACCTRECEIVABLE"),
            period: rich.period(500),
            facilityType: snomed("83891005", "Solo practice private office"),
            practiceSetting: snomed("408443003", "General medical practice"),
            sourcePatientInfo: rich.to("Patient"),
            related: array![rich.to("Observation")],
        },
    });
}

pub(super) fn device(rich: &Rich, resource: &mut Json) {
    resource.add(object! {
        definition: rich.to("DeviceDefinition"),
        udiCarrier: array![object! {
            issuer: "http://hl7.org/fhir/NamingSystem/gs1",
            jurisdiction: "http://hl7.org/fhir/NamingSystem/fda-udi",
            carrierAIDC: "AQAwMDg0NDU4ODAwMzI4OA==",
            entryType: "barcode",
        }],
        statusReason: hl7_list("device-status-reason", "online"),
        distinctIdentifier: "SANDBOX-DISTINCT-1",
        manufacturer: "Sandbox Devices",
        manufactureDate: rich.moment(1),
        expirationDate: rich.moment(3000),
        serialNumber: "SN-0007",
        deviceName: array![object! { name: "Sandbox Knee", type: "user-friendly-name" }],
        modelNumber: "K-7",
        partNumber: "K-7-1",
        specialization: array![object! {
            systemType: snomed("272265001", "Bone prosthesis"), version: "2",
        }],
        version: array![object! {
            type: hl7("device-version-type", "firmware"),
            component: object! { system: "https://sandbox.example/component", value: "main" },
            value: "1.4",
        }],
        property: array![object! {
            type: snomed("246115007", "Size"),
            valueQuantity: array![quantity("7", "cm")],
            valueCode: array![snomed("255509001", "Large")],
        }],
        owner: rich.to("Organization"),
        contact: array![object! { system: "phone", value: "555-0177" }],
        location: rich.to("Location"),
        url: "https://sandbox.example/devices/7",
        safety: array![snomed("82515001", "Safe")],
        parent: rich.to("Device"),
    });
}

pub(super) fn specimen(rich: &Rich, resource: &mut Json) {
    let even = rich.turn.is_multiple_of(2);
    if !even && let Some(collection) = resource.get_mut("collection") {
        collection.choose("collected", "Period", rich.period(150));
    }
    resource.add(object! {
        accessionIdentifier: object! { system: "https://sandbox.example/accession", value: "A-7" },
        receivedTime: rich.moment(151),
        parent: array![rich.to("Specimen")],
        request: array![rich.to("ServiceRequest")],
        collection: object! {
            collector: rich.one_of("Practitioner PractitionerRole"),
            duration: quantity("5", "min"),
            quantity: quantity("10", "mL"),
            method: snomed("129300006", "Puncture - action"),
            bodySite: body_site(),
            fastingStatusCodeableConcept: even.then(|| hl7("v2-0916", "F")),
            fastingStatusDuration: (!even).then(|| quantity("8", "h")),
        },
        processing: array![object! {
            description: "Spun down",
            procedure: hl7("v2-0373", "CENT"),
            additive: array![rich.to("Substance")],
            timeDateTime: even.then(|| rich.moment(151)),
            timePeriod: (!even).then(|| rich.period(151)),
        }],
        container: array![object! {
            identifier: array![object! { system: "https://sandbox.example/tube", value: "T-7" }],
            description: "Red cap tube",
            type: snomed("702281005", "Evacuated blood collection tube"),
            capacity: quantity("10", "mL"),
            specimenQuantity: quantity("9", "mL"),
            additiveCodeableConcept: even.then(|| hl7("v2-0371", "HEP")),
            additiveReference: (!even).then(|| rich.to("Substance")),
        }],
        condition: hl7_list("v2-0493", "COOL"),
    });
}

pub(super) fn questionnaire_response(rich: &Rich, resource: &mut Json) {
    let mut more = quantity("3", "h");
    more.set("comparator", ">");
    let mut often = coding(LOINC, "LA6571-9", "Nearly every day");
    often.append("extension", vec![ordinal("3")]);
    let answers = [
        ("Coding", often),
        ("String", "Mostly in the morning".into()),
        ("Boolean", true.into()),
        ("Decimal", Json::number("1.5")),
        ("Date", rich.day(80).into()),
        ("DateTime", rich.moment(80).into()),
        ("Time", "07:00:00".into()),
        ("Uri", "https://sandbox.example/diary".into()),
        ("Quantity", more),
        ("Attachment", rich.attachment()),
        ("Reference", rich.to("Observation")),
    ];
    let item = |(number, (kind, value)): (usize, (&str, Json))| {
        let mut answer = object! {};
        answer.set(&format!("value{kind}"), value);
        object! {
            linkId: format!("{}", number + 3),
            definition: "https://sandbox.example/definition/sleep",
            text: "Tell us more",
            answer: array![answer],
        }
    };
    resource.append("item", answers.into_iter().enumerate().map(item).collect());
    resource.add(object! {
        _questionnaire: object! { extension: array![
            object! { url: "http://hl7.org/fhir/StructureDefinition/display", valueString: "Mood questionnaire" },
            object! {
                url: "http://hl7.org/fhir/us/core/StructureDefinition/us-core-extension-questionnaire-uri",
                valueUri: "https://sandbox.example/questionnaires/mood",
            },
        ] },
        basedOn: array![rich.to("CarePlan")],
        partOf: array![rich.to("Observation")],
        encounter: rich.to("Encounter"),
        author: rich.one_of(
            "Practitioner PractitionerRole Organization Patient RelatedPerson Device"
        ),
        source: rich.one_of("Patient Practitioner PractitionerRole RelatedPerson"),
    });
}

pub(super) fn provenance(rich: &Rich, resource: &mut Json) {
    let everybody =
        "Practitioner PractitionerRole Patient RelatedPerson CareTeam Device Organization";
    let even = rich.turn.is_multiple_of(2);
    let mut agents: Vec<Json> = everybody
        .split(' ')
        .map(|name| {
            object! {
                type: hl7("provenance-participant-type", "author"),
                role: hl7_list("v3-ParticipationType", "INF"),
                who: rich.to(name),
                onBehalfOf: rich.to(name),
            }
        })
        .collect();
    let first = rich.turn as usize % agents.len();
    agents.rotate_left(first);
    resource.set("agent", agents);
    let mut part = rich.to("Coverage");
    part.append(
        "extension",
        vec![object! { url: format!("{FHIR}/targetElement"), valueUri: "payor-1" }],
    );
    resource.append("target", vec![part]);
    resource.add(object! {
        occurredDateTime: even.then(|| rich.moment(700)),
        occurredPeriod: (!even).then(|| rich.period(700)),
        policy: array!["https://sandbox.example/policy/sharing"],
        location: rich.to("Location"),
        reason: hl7_list("v3-ActReason", "TREAT"),
        activity: object! {
            coding: array![coding(&format!("{HL7}/v3-DataOperation"), "CREATE", "create")],
        },
        entity: array![object! {
            role: "source",
            what: rich.to("DocumentReference"),
            agent: array![object! { who: rich.to("Organization") }],
        }],
        signature: everybody.split(' ').map(|name| object! {
            type: array![code("urn:iso-astm:E1762-95:2013", "1.2.840.10065.1.12.1.1", "Author's Signature").coding()],
            when: format!("{}T09:30:00.000Z", rich.day(701)),
            who: rich.to(name),
            onBehalfOf: rich.to("Organization"),
            targetFormat: "application/fhir+json",
            sigFormat: "application/jose",
            data: "c2FuZGJveA==",
        }).collect::<Vec<_>>(),
    });
}
