//! The CapabilityStatement: which types a server says it can search. Source: FHIR R4,
//! CapabilityStatement.rest.resource.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What a server declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Each type that can be searched, with whether `_lastUpdated` is declared for it.
    searchable: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(default)]
    rest: Vec<RawRest>,
}

#[derive(Deserialize)]
struct RawRest {
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    resource: Vec<RawResource>,
    #[serde(default, rename = "searchParam")]
    parameters: Vec<RawParameter>,
}

#[derive(Deserialize)]
struct RawResource {
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    interaction: Vec<RawInteraction>,
    #[serde(default, rename = "searchParam")]
    parameters: Vec<RawParameter>,
}

#[derive(Deserialize)]
struct RawParameter {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct RawInteraction {
    #[serde(default)]
    code: Option<String>,
}

impl Capability {
    /// Reads a CapabilityStatement; `None` when the body is something else or lists no type.
    pub fn parse(body: &[u8]) -> Option<Capability> {
        let raw: Raw = serde_json::from_slice(body).ok()?;
        if raw.resource_type != "CapabilityStatement" {
            return None;
        }
        let dated = |parameters: &[RawParameter]| {
            parameters.iter().any(|parameter| parameter.name.as_deref() == Some("_lastUpdated"))
        };
        let searchable: BTreeMap<String, bool> = raw
            .rest
            .into_iter()
            .filter(|rest| rest.mode.as_deref() != Some("client"))
            .flat_map(|rest| {
                let everywhere = dated(&rest.parameters);
                rest.resource.into_iter().map(move |resource| (resource, everywhere))
            })
            // A type without any interaction listed is a careless statement, not a refusal.
            .filter(|(resource, _)| {
                resource.interaction.is_empty()
                    || resource
                        .interaction
                        .iter()
                        .any(|interaction| interaction.code.as_deref() == Some("search-type"))
            })
            .map(|(resource, everywhere)| {
                let dated = everywhere || dated(&resource.parameters);
                (resource.name, dated)
            })
            .collect();
        (!searchable.is_empty()).then_some(Capability { searchable })
    }

    /// Whether the type can be searched.
    pub fn searches(&self, resource_type: &str) -> bool {
        self.searchable.contains_key(resource_type)
    }

    /// Whether `_lastUpdated` is declared for the type; servers declare it and ignore it, too.
    pub fn declares_last_updated(&self, resource_type: &str) -> bool {
        self.searchable.get(resource_type).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::Capability;

    #[test]
    fn a_type_is_searchable_unless_its_interactions_say_otherwise() {
        let capability = Capability::parse(
            br#"{"resourceType":"CapabilityStatement","rest":[{"mode":"server","resource":[
                {"type":"Patient","interaction":[{"code":"read"},{"code":"search-type"}]},
                {"type":"Coverage"},
                {"type":"Location","interaction":[{"code":"read"}]}]}]}"#,
        )
        .unwrap();
        assert!(capability.searches("Patient"));
        assert!(capability.searches("Coverage"));
        assert!(!capability.searches("Location"));
        assert!(!capability.searches("Goal"));
    }

    #[test]
    fn a_statement_that_lists_nothing_tells_nothing() {
        assert_eq!(Capability::parse(br#"{"resourceType":"CapabilityStatement"}"#), None);
        assert_eq!(Capability::parse(br#"{"message":"Forbidden"}"#), None);
    }
}
