//! Fills optional elements of the data types: displays, texts, versions, uses, periods.
//!
//! It recognizes a data type by its members, works from the leaves up, and never replaces anything.
//! Displays are this payer's own words. CPT and CDT codes get none, because their descriptions are
//! licensed.

use crate::sandbox::members::{
    element::{CPT, hl7},
    json::{Json, array, object},
};

const DENTAL: &str = "http://www.ada.org/cdt";
/// The code system of this payer's own codes.
const LOCAL_CODES: &str = "https://sandbox.example/codes";

/// Fills the value and everything in it.
pub(super) fn elaborate(value: &mut Json) {
    descend("", value);
}

fn descend(name: &str, value: &mut Json) {
    match value {
        Json::Array(elements) => elements.iter_mut().for_each(|element| descend(name, element)),
        Json::Object(members) => {
            members.iter_mut().for_each(|(name, value)| descend(name, value));
            fill(name, value);
        }
        _ => {}
    }
}

fn fill(name: &str, value: &mut Json) {
    let is_text = |member: Option<&Json>| matches!(member, Some(Json::Text(_)));
    if matches!(value.get("coding"), Some(Json::Array(_))) {
        concept(value);
    } else if is_text(value.get("reference")) {
        reference(value);
    } else if value.get("family").is_some() {
        value.add(object! {
            use: "official", text: "Name as on file", prefix: array!["Mx."], suffix: array!["Jr."],
            period: since(),
        });
    } else if is_text(value.get("value")) {
        match name {
            "telecom" => value.add(object! { use: "work", rank: 1u32, period: since() }),
            _ if name.to_lowercase().ends_with("identifier") || name == "requisition" => {
                identifier(value);
            }
            _ => {}
        }
    } else if is_text(value.get("postalCode")) {
        let text = "As on file";
        value.add(object! { use: "billing", text: text, district: "Suffolk", period: since() });
    }
}

fn concept(value: &mut Json) {
    let Some(Json::Array(codings)) = value.get_mut("coding") else { return };
    for coding in codings.iter_mut() {
        let licensed = [CPT, DENTAL].map(Json::from);
        let code = match (coding.get("code"), coding.get("system")) {
            (Some(Json::Text(code)), Some(system)) if !licensed.contains(system) => code.clone(),
            _ => continue,
        };
        coding.add(object! { version: "2024", display: words(&code), userSelected: false });
    }
    if codings.len() == 1 {
        let code = match codings[0].get("code") {
            Some(Json::Text(code)) => format!("L-{}", code.to_lowercase()),
            _ => "L-0".to_string(),
        };
        codings
            .push(object! { system: LOCAL_CODES, version: "7", code: code, display: "Local code" });
    }
    let text = match codings[0].get("display") {
        Some(Json::Text(display)) => display.clone(),
        _ => "As billed".to_string(),
    };
    value.add(object! { text: text });
}

/// A code as a text for people: `denial-reason` becomes "Denial reason".
fn words(code: &str) -> String {
    if !code.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return format!("Code {code}");
    }
    let text = code.replace(['-', '_'], " ");
    text[..1].to_uppercase() + &text[1..]
}

fn reference(value: &mut Json) {
    let Some(Json::Text(target)) = value.get("reference") else { return };
    let Some((resource_type, id)) = target.split_once('/') else { return };
    let display = format!("{resource_type} on file");
    let mut kind = hl7("v2-0203", "RI");
    if let Some(Json::Array(codings)) = kind.get_mut("coding") {
        codings.iter_mut().for_each(|coding| coding.set("display", "Resource identifier"));
    }
    let identifier = object! {
        type: kind, system: "https://sandbox.example/record", value: id,
    };
    let resource_type = resource_type.to_string();
    value.add(object! { type: resource_type, identifier: identifier, display: display });
}

fn identifier(value: &mut Json) {
    let mut kind = hl7("v2-0203", "RI");
    concept(&mut kind);
    value.add(object! {
        use: "usual",
        type: kind,
        period: since(),
        assigner: object! { reference: "Organization/1200000005", display: "Sandbox Health Plan" },
    });
}

fn since() -> Json {
    object! { start: "2019-01-01", end: "2029-12-31" }
}
