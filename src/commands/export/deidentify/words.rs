//! Words that stay in columns that hold a code or, where a sender gives none, its text.

use std::{collections::HashSet, sync::LazyLock};

/// Units of UCUM that are in use, and the words that senders write for them, one a line.
const UNITS: &str = include_str!("units.txt");

/// What a claim is of: FHIR's claim types.
pub(super) const CLAIM_KINDS: &[&str] =
    &["institutional", "oral", "pharmacy", "professional", "vision"];
/// What an institutional claim is of: codes of CARIN and of FHIR, and those that Medicare's are told as.
pub(super) const CLAIM_SUB_KINDS: &[&str] = &[
    "emergency",
    "hha",
    "hospice",
    "inpatient",
    "inpatient-facility",
    "ortho",
    "outpatient",
    "outpatient-facility",
    "snf",
];
/// Why a claim was sent, or that a diagnosis is a condition.
pub(super) const SOURCES: &[&str] = &["claim", "condition", "predetermination", "preauthorization"];
/// What a diagnosis is for its claim, by FHIR and CARIN, and categories of conditions.
pub(super) const ROLES: &[&str] = &[
    "admitting",
    "clinical",
    "death-diagnosis",
    "differential",
    "discharge",
    "encounter-diagnosis",
    "externalcauseofinjury",
    "health-concern",
    "laboratory",
    "nursing",
    "other",
    "patientreasonforvisit",
    "prenatal",
    "principal",
    "problem-list-item",
    "radiology",
    "remote",
    "retrospective",
    "sdoh",
    "secondary",
    "self",
];
/// Categories of conditions, by FHIR and US Core.
pub(super) const CATEGORIES: &[&str] =
    &["death-diagnosis", "encounter-diagnosis", "health-concern", "problem-list-item", "sdoh"];
/// What a member is to the subscriber, by FHIR and X12.
pub(super) const RELATIONS: &[&str] = &[
    "01", "18", "19", "20", "21", "53", "child", "common", "g8", "injured", "other", "parent",
    "self", "spouse",
];

/// Whether it is a unit in use, in whatever case its letters are.
pub(super) fn is_unit(text: &str) -> bool {
    static KNOWN: LazyLock<HashSet<String>> =
        LazyLock::new(|| UNITS.lines().map(str::to_ascii_lowercase).collect());
    KNOWN.contains(&text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_units_in_use_are_units() {
        for unit in ["mg", "mL", "ML", "Tablet", "a", "years", "10*3/uL", "mm[Hg]", "%", "{score}"]
        {
            assert!(is_unit(unit), "{unit}");
        }
        for text in ["", "Zyxdoe", "Zyxdoe-555-12-3456", "617-555-0100"] {
            assert!(!is_unit(text), "{text}");
        }
    }
}
