//! The resource types that marts read. A change to any other type leaves every mart as it is.

use std::collections::BTreeSet;

/// The types in alphabetical order; a test compares them with the statements that fill the marts.
const SOURCES: [&str; 11] = [
    "Condition",
    "Coverage",
    "ExplanationOfBenefit",
    "Medication",
    "MedicationDispense",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
];

/// Types that few marts read, directly or through other marts, each with these marts.
///
/// After a change to any other type, all marts of the connection are made anew. The list does not cover a
/// Patient or a Coverage that changes which patients are one person: all marts of the connections concerned
/// are out of date then.
const FEW: [(&str, &[&str]); 6] = [
    (
        "Coverage",
        &["accumulator", "coverage_span", "data_quality", "medical_claim", "pharmacy_claim"],
    ),
    (
        "Medication",
        &[
            "data_quality",
            "medication_adherence",
            "medication_fill",
            "medication_gap",
            "pharmacy_claim",
        ],
    ),
    (
        "MedicationDispense",
        &[
            "data_quality",
            "medication_adherence",
            "medication_fill",
            "medication_gap",
            "pharmacy_claim",
        ],
    ),
    ("Observation", &["lab_result"]),
    (
        "Patient",
        &[
            "accumulator",
            "coverage_span",
            "data_quality",
            "medical_claim",
            "member",
            "pharmacy_claim",
        ],
    ),
    ("Procedure", &["medical_claim", "procedure_occurrence"]),
];

/// Whether a change to a resource of this type can change a row of a mart.
pub(super) fn are_read_from(resource_type: &str) -> bool {
    SOURCES.contains(&resource_type)
}

/// Whether a change to resources of these types can change a row of this mart.
pub(super) fn reads_any(mart: &str, types: &BTreeSet<String>) -> bool {
    types.iter().any(|name| match FEW.iter().find(|(known, _)| known == name) {
        Some((_, marts)) => marts.contains(&mart),
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::tables::marts::{is_view, statements, steps};
    use crate::warehouse::tables::table::{Catalog, Mart, embedded_marts};
    use std::collections::BTreeMap;

    const PERSONS: &str = include_str!("people.rs");
    const LINEAGE: &str = include_str!("lineage/tables.rs");
    const AMOUNTS: &str = include_str!("amounts/read.rs");

    fn words(text: &str) -> BTreeSet<&str> {
        text.lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
            .collect()
    }

    fn types<'a>(catalog: &'a Catalog, words: &BTreeSet<&str>) -> BTreeSet<&'a str> {
        let read = catalog.tables().iter().filter(|table| words.contains(table.name()));
        read.map(|table| table.resource()).collect()
    }

    #[test]
    fn the_types_are_those_of_the_tables_that_the_statements_read() {
        let catalog = Catalog::embedded();
        let rust = [PERSONS, LINEAGE, AMOUNTS];
        let mut texts: Vec<String> =
            steps::ALL.iter().chain(&rust).map(|text| (*text).into()).collect();
        for mart in embedded_marts().filter(|mart| !is_view(mart)) {
            texts.extend(statements(&mart.sql).1);
        }
        let text = texts.join("\n");
        let types = types(&catalog, &words(&text));
        assert_eq!(types.into_iter().collect::<Vec<_>>(), SOURCES);
    }

    /// The names in everything that fills a mart: its own statements, the steps that it needs, and the
    /// marts that it reads.
    fn everything_read(name: &str, marts: &[Mart], seen: &mut BTreeSet<String>) -> String {
        let Some(mart) = marts.iter().find(|mart| mart.name == name) else { return String::new() };
        if !seen.insert(name.to_owned()) {
            return String::new();
        }
        let mut text = statements(&mart.sql).1.join("\n");
        // The relations of claims are computed after the mart `claim`, for other marts, too.
        if name == "claim" || text.contains("temp.lineage") || text.contains("temp.carried") {
            text.push_str(LINEAGE);
        }
        // A step is left out if it only decides, type by type, which copy of a resource counts.
        for step in steps::needed_by([mart].into_iter()).into_iter().skip(1) {
            if !step.contains("INTO temp.duplicate") {
                text.push_str(step);
            }
            if steps::creates(step, "claim_amount") {
                text.push_str(AMOUNTS);
            }
        }
        for word in words(&text).into_iter().map(str::to_owned).collect::<Vec<_>>() {
            text.push_str(&everything_read(&word, marts, seen));
        }
        text
    }

    #[test]
    fn a_type_that_few_marts_read_has_them_all() {
        let catalog = Catalog::embedded();
        let marts: Vec<Mart> = embedded_marts().filter(|mart| !is_view(mart)).collect();
        let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for mart in &marts {
            let text = everything_read(&mart.name, &marts, &mut BTreeSet::new());
            for name in types(&catalog, &words(&text)) {
                found.entry(name).or_default().insert(mart.name.clone());
            }
        }
        for (name, listed) in FEW {
            let missing: Vec<_> =
                found[name].iter().filter(|mart| !listed.contains(&mart.as_str())).collect();
            assert!(missing.is_empty(), "{name}: {missing:?}");
            let one = BTreeSet::from([(*name).to_owned()]);
            assert!(listed.iter().all(|mart| reads_any(mart, &one)));
        }
        let claims = BTreeSet::from(["ExplanationOfBenefit".to_owned()]);
        assert!(marts.iter().all(|mart| reads_any(&mart.name, &claims)));
    }
}
