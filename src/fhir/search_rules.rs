//! The rules by which a plan's types are searched for, with a default for types without a rule.

use super::{
    resource_type::{RESOURCE_TYPES, is_about_a_member, patient_parameter},
    search_rule::{SearchQuery, SearchRule},
};
use std::collections::BTreeMap;

/// A plan's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchRules {
    /// The rule for each type that has the search parameter `patient` and no rule of its own.
    pub default: Option<SearchRule>,
    /// The rules of single types.
    pub types: BTreeMap<String, SearchRule>,
    /// Whether the server returns everybody's resources, so that a type without a rule is only read.
    names_one_patient: bool,
}

impl SearchRules {
    /// Adds the rules for a server that returns everybody's resources: each search names the patient, and
    /// types without a parameter for the patient are only read. Existing rules stay.
    pub fn name_one_patient(&mut self) {
        for known in RESOURCE_TYPES {
            let parameter = patient_parameter(known.name);
            if self.default.is_some() && parameter == Some("patient") {
                continue;
            }
            let rule = match parameter {
                Some(name) => SearchRule::Queries(vec![SearchQuery::by_patient(name)]),
                None => SearchRule::Read,
            };
            self.types.entry(known.name.to_owned()).or_insert(rule);
        }
        self.names_one_patient = true;
    }

    /// A rule that asks for everybody's resources of a type that is about people: its key, and its query or
    /// `bare`.
    pub fn query_for_everybody(&self) -> Option<(&str, &str)> {
        let default = self.default.iter().map(|rule| ("default", rule));
        let about_people = self.types.iter().filter(|(name, _)| is_about_a_member(name));
        let rules = default.chain(about_people.map(|(name, rule)| (name.as_str(), rule)));
        rules.filter_map(|(key, rule)| Some((key, rule.query_for_everybody()?))).next()
    }

    /// Whether any type is fetched by the Patient's `$everything`.
    pub fn wants_everything(&self) -> bool {
        let wants = |rule: &SearchRule| match rule {
            SearchRule::Queries(queries) => queries.iter().any(SearchQuery::is_everything),
            SearchRule::Bare | SearchRule::Read => false,
        };
        self.default.iter().chain(self.types.values()).any(wants)
    }

    /// The rule for a type. Without a rule (`None`) the run finds out which search works.
    pub fn of(&self, resource_type: &str) -> Option<&SearchRule> {
        let has_patient = || patient_parameter(resource_type) == Some("patient");
        let default = || self.default.as_ref().filter(|_| has_patient());
        let only_read = || self.names_one_patient.then_some(&SearchRule::Read);
        self.types.get(resource_type).or_else(default).or_else(only_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_for_types_that_can_be_searched_by_patient() {
        let by_patient = SearchRule::Queries(vec![SearchQuery::by_patient("patient")]);
        let rules = SearchRules {
            default: Some(by_patient.clone()),
            types: BTreeMap::from([("Goal".to_owned(), SearchRule::Bare)]),
            ..SearchRules::default()
        };
        assert_eq!(rules.of("Condition"), Some(&by_patient));
        assert_eq!(rules.of("Goal"), Some(&SearchRule::Bare));
        for other in ["Patient", "Organization", "Medication"] {
            assert_eq!(rules.of(other), None, "{other}");
        }
    }

    #[test]
    fn a_rule_that_asks_for_everybodys_data_is_found() {
        let rule = |text: &str| SearchRule::parse(&[text.to_owned()]).unwrap();
        let of = |name: &str, text: &str| SearchRules {
            types: BTreeMap::from([(name.to_owned(), rule(text))]),
            ..SearchRules::default()
        };
        for (name, text) in [("Provenance", "bare"), ("Observation", "category=laboratory")] {
            assert_eq!(of(name, text).query_for_everybody(), Some((name, text)));
        }
        for (name, text) in [
            ("Organization", "bare"),
            ("Observation", "patient={patient}&category=laboratory"),
            ("Observation", "subject=Patient/{patient}"),
            ("Coverage", "everything"),
            ("Patient", "read"),
        ] {
            assert_eq!(of(name, text).query_for_everybody(), None, "{name}");
        }
        let bare = SearchRules { default: Some(SearchRule::Bare), ..SearchRules::default() };
        assert_eq!(bare.query_for_everybody(), Some(("default", "bare")));
    }

    #[test]
    fn only_a_rule_that_says_so_wants_everything() {
        let of = |text: &str| SearchRule::parse(&[text.to_owned()]).unwrap();
        for (text, expected) in [
            ("everything", true),
            ("bare", false),
            ("read", false),
            ("patient={patient}&category=laboratory", false),
        ] {
            let types = BTreeMap::from([("Coverage".to_owned(), of(text))]);
            let of_a_type = SearchRules { types, ..SearchRules::default() };
            assert_eq!(of_a_type.wants_everything(), expected, "{text}");
            let by_default = SearchRules { default: Some(of(text)), ..SearchRules::default() };
            assert_eq!(by_default.wants_everything(), expected, "{text}");
        }
        assert!(!SearchRules::default().wants_everything());
    }

    #[test]
    fn where_nobody_is_told_apart_a_type_without_a_rule_is_only_read() {
        let mut rules = SearchRules::default();
        assert_eq!(rules.of("Account"), None);
        rules.name_one_patient();
        assert_eq!(rules.of("Account"), Some(&SearchRule::Read));
    }
}
