//! The FHIR data types that resources consist of: concepts, references, periods, money.
//!
//! No resource is made here; the generators do that.

use super::json::{Json, array, object};
use chrono::{Days, NaiveDate};

/// The placeholder for the server's own origin in absolute references.
pub(in crate::sandbox) const ORIGIN: &str = "https://api.sandbox.example";

pub(super) const FHIR: &str = "http://hl7.org/fhir/StructureDefinition";
pub(super) const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition";
pub(super) const CARIN: &str = "http://hl7.org/fhir/us/carin-bb/StructureDefinition";
pub(super) const CARIN_CODES: &str = "http://hl7.org/fhir/us/carin-bb/CodeSystem";
pub(super) const HL7: &str = "http://terminology.hl7.org/CodeSystem";
pub(super) const NPI: &str = "http://hl7.org/fhir/sid/us-npi";
pub(super) const ICD10: &str = "http://hl7.org/fhir/sid/icd-10-cm";
pub(super) const CPT: &str = "http://www.ama-assn.org/go/cpt";
pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const SNOMED: &str = "http://snomed.info/sct";
pub(super) const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub(super) const NDC: &str = "http://hl7.org/fhir/sid/ndc";
pub(super) const UCUM: &str = "http://unitsofmeasure.org";

/// US dollars in cents; written with two decimals, as payers do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::sandbox) struct Cents(pub i64);

impl Cents {
    /// This percentage of the amount, rounded towards zero.
    pub(super) fn percent(self, percent: u32) -> Cents {
        Cents(self.0 * i64::from(percent) / 100)
    }

    pub(super) fn value(self) -> Json {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        Json::Number(format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100))
    }

    pub(super) fn money(self) -> Json {
        object! { value: self.value(), currency: "USD" }
    }
}

/// A code with its system. The display is empty if the code system's licence demands it (CPT).
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub(super) system: &'static str,
    pub(super) code: &'static str,
    pub(super) display: &'static str,
}

pub(super) const fn code(system: &'static str, code: &'static str, display: &'static str) -> Code {
    Code { system, code, display }
}

impl Code {
    pub(super) fn coding(self) -> Json {
        coding(self.system, self.code, self.display)
    }

    pub(super) fn concept(self) -> Json {
        object! { coding: array![self.coding()] }
    }

    pub(super) fn concept_with_text(self) -> Json {
        let text = (!self.display.is_empty()).then_some(self.display);
        object! { coding: array![self.coding()], text: text }
    }
}

pub(super) fn coding(system: &str, code: &str, display: &str) -> Json {
    let display = (!display.is_empty()).then_some(display);
    object! { system: system, code: code, display: display }
}

pub(super) fn concept(system: &str, code: &str) -> Json {
    object! { coding: array![coding(system, code, "")] }
}

/// A code of the CARIN guide, in its code system of this name.
pub(super) fn carin(system: &str, code: &str) -> Json {
    concept(&format!("{CARIN_CODES}/{system}"), code)
}

/// A code of HL7's terminology site.
pub(super) fn hl7(system: &str, code: &str) -> Json {
    concept(&format!("{HL7}/{system}"), code)
}

pub(super) fn reference(resource_type: &str, id: &str) -> Json {
    object! { reference: format!("{resource_type}/{id}") }
}

pub(super) fn named_reference(resource_type: &str, id: &str, display: &str) -> Json {
    object! { reference: format!("{resource_type}/{id}"), display: display }
}

pub(super) fn period(start: NaiveDate, end: Option<NaiveDate>) -> Json {
    object! { start: date(start), end: end.map(date) }
}

pub(super) fn date(day: NaiveDate) -> String {
    day.format("%Y-%m-%d").to_string()
}

pub(super) fn later(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_add_days(Days::new(u64::from(days))).unwrap_or(day)
}

/// The first day of all synthetic histories.
///
/// It is fixed, so that the bytes do not depend on the day of the request.
pub(super) fn epoch() -> NaiveDate {
    NaiveDate::from_ymd_opt(2021, 1, 4).unwrap_or(NaiveDate::MIN)
}

pub(super) fn quantity(value: &str, unit: &str) -> Json {
    object! { value: Json::number(value), unit: unit, system: UCUM, code: unit }
}

/// A count without a unit.
pub(super) fn object_quantity(value: u32) -> Json {
    object! { value: value }
}

/// An identifier with a type code, from HL7's table v2-0203 or from CARIN's own.
pub(super) fn identifier(kind: &str, system: &str, value: &str) -> Json {
    let table = match kind {
        "um" | "uc" | "payerid" | "naiccode" | "pat" => format!("{CARIN_CODES}/C4BBIdentifierType"),
        _ => format!("{HL7}/v2-0203"),
    };
    object! { type: concept(&table, kind), system: system, value: value }
}

pub(super) fn address(line: &str, city: &str, state: &str, zip: &str) -> Json {
    object! {
        type: "physical", line: array![line], city: city, state: state, postalCode: zip, country: "US"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_their_trailing_zeros() {
        assert_eq!(Cents(2500).value(), Json::number("25.00"));
        assert_eq!(Cents(-5).value(), Json::number("-0.05"));
        assert_eq!(Cents(1_250_000).value(), Json::number("12500.00"));
    }
}
