//! The resource types that the marts are made of. A change to any other leaves every mart as it is.

/// In the order of their names; a test holds them against the statements that fill the marts.
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

/// Whether a change to a resource of this type can change a row of a mart.
pub(super) fn are_read_from(resource_type: &str) -> bool {
    SOURCES.contains(&resource_type)
}

#[cfg(test)]
mod tests {
    use super::super::{STEPS, is_view, statements};
    use super::*;
    use crate::warehouse::table::{Catalog, embedded_marts};
    use std::collections::BTreeSet;

    #[test]
    fn the_types_are_those_of_the_tables_that_the_statements_read() {
        let catalog = Catalog::embedded().unwrap();
        let rust = [include_str!("people.rs"), include_str!("lineage/tables.rs")];
        let mut texts: Vec<String> = STEPS.iter().chain(&rust).map(|text| (*text).into()).collect();
        for mart in embedded_marts().filter(|mart| !is_view(mart)) {
            texts.extend(statements(&mart.sql).1);
        }
        let words: BTreeSet<&str> = texts
            .iter()
            .flat_map(|text| text.lines().filter(|line| !line.trim_start().starts_with("--")))
            .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
            .collect();
        let read = catalog.tables().iter().filter(|table| words.contains(table.name()));
        let types: BTreeSet<&str> = read.map(|table| table.view.resource.as_str()).collect();
        assert_eq!(types.into_iter().collect::<Vec<_>>(), SOURCES);
    }
}
