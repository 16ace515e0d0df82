//! Reads the rules by which a plan's types are searched for.

use super::file::{Grant, Plan};
use crate::fhir::{SearchRule, SearchRules, is_r4_type, resource_type, similar_r4_type};

/// The path of a key within the section, and the problem with it.
type Problem = (String, String);

/// The search rules of a plan's section.
///
/// # Errors
/// A text is not a rule; a rule is for no type; or the search would ask for everybody's data, at a server
/// that does not tell its users apart.
pub(super) fn search_rules(plan: &Plan, required: &[String]) -> Result<SearchRules, Problem> {
    let mut rules = SearchRules::default();
    for (name, texts) in &plan.search {
        let key = || format!("search.{name}");
        let rule = SearchRule::parse(texts.texts()).map_err(|error| (key(), error.to_string()))?;
        if name == "default" {
            rules.default = Some(rule);
        } else if is_r4_type(name) {
            rules.types.insert(name.clone(), rule);
        } else {
            let meant = similar_r4_type(name);
            let meant = meant.map_or(String::new(), |known| format!("; did you mean {known}?"));
            return Err((key(), format!("is for no resource type of FHIR R4{meant}")));
        }
    }
    if plan.grant == Grant::None && !plan.dependants {
        name_one_patient(&mut rules, &plan.types, required)?;
    }
    Ok(rules)
}

/// Makes each search name the patient, at a server without tokens.
fn name_one_patient(
    rules: &mut SearchRules,
    types: &[String],
    required: &[String],
) -> Result<(), Problem> {
    if let Some((name, query)) = rules.query_for_everybody() {
        let problem = format!(
            "is {query:?}, which names no patient: without tokens the server sends everybody's data; \
             add patient={{patient}}"
        );
        return Err((format!("search.{name}"), problem));
    }
    let has_rule = |name: &str| rules.of(name).is_some() || resource_type(name).is_some();
    for (key, names) in [("types", types), ("required", required)] {
        if let Some(name) = names.iter().find(|name| !has_rule(name)) {
            let problem = format!(
                "names {name}, which needs a rule in search: without a rule everybody's data is asked \
                 for"
            );
            return Err((key.to_owned(), problem));
        }
    }
    rules.name_one_patient();
    Ok(())
}
