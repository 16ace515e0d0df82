//! The CapabilityStatement: which types a server says it can search. Source: FHIR R4,
//! CapabilityStatement.rest.resource.

use super::{
    first::First,
    resource_type::{other_patient_parameter, patient_parameter},
};
use crate::{http::without_mark, reference::is_type_name};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The types and searches that a server declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Each type that can be searched, with whether `_lastUpdated` is declared for it.
    searchable: BTreeMap<String, bool>,
    /// Each type that can be read by id but not searched.
    only_readable: BTreeSet<String>,
    /// Whether `$everything` is declared for Patient.
    has_everything: bool,
    /// Each type that is declared only by a base where the type is not asked for.
    elsewhere: BTreeSet<String>,
    /// Each type that another base declares as well, besides the base where the type is asked for.
    twice: BTreeSet<String>,
    /// Each type that is declared to be searched by its other parameter for the patient alone.
    by_other_alone: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(default)]
    rest: First<RawRest, 10>,
}

#[derive(Deserialize)]
struct RawRest {
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    resource: First<RawResource, 1000>,
    #[serde(default, rename = "searchParam")]
    parameters: First<RawParameter, 1000>,
    #[serde(default)]
    operation: First<RawOperation, 1000>,
}

#[derive(Deserialize)]
struct RawOperation {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    definition: Option<String>,
}

impl RawOperation {
    /// Whether the operation is a Patient's `$everything`, by its name or its definition.
    fn is_everything(&self, of_patient: bool) -> bool {
        let name = self.name.as_deref().unwrap_or_default().trim_start_matches('$');
        let definition = self.definition.as_deref().unwrap_or_default();
        of_patient && name.eq_ignore_ascii_case("everything")
            || definition.ends_with("/Patient-everything")
    }
}

#[derive(Deserialize)]
struct RawResource {
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    operation: First<RawOperation, 100>,
    #[serde(default)]
    interaction: First<RawInteraction, 100>,
    #[serde(default, rename = "searchParam")]
    parameters: First<RawParameter, 1000>,
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

/// The FHIR version that a server's statement names; DSTU2 calls its statement Conformance.
///
/// `None` if the body is not a statement, or names no version that can be shown.
pub fn fhir_version(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Statement {
        #[serde(rename = "resourceType")]
        resource_type: String,
        #[serde(rename = "fhirVersion")]
        version: Option<String>,
    }
    let statement: Statement = serde_json::from_slice(without_mark(body)).ok()?;
    let is_plain = |text: &String| {
        (1..=20).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    matches!(statement.resource_type.as_str(), "CapabilityStatement" | "Conformance")
        .then_some(statement.version?)
        .filter(is_plain)
}

impl Capability {
    /// Reads a CapabilityStatement; `None` when the body is something else or lists no type.
    pub fn parse(body: &[u8]) -> Option<Capability> {
        let raw: Raw = serde_json::from_slice(without_mark(body)).ok()?;
        if raw.resource_type != "CapabilityStatement" {
            return None;
        }
        let dated = |parameters: &First<RawParameter, 1000>| {
            parameters.0.iter().any(|parameter| parameter.name.as_deref() == Some("_lastUpdated"))
        };
        let (mut searchable, mut only_readable) = (BTreeMap::new(), BTreeSet::new());
        let mut by_other_alone = BTreeSet::new();
        let mut has_everything = false;
        for rest in raw.rest.0.into_iter().filter(|rest| rest.mode.as_deref() != Some("client")) {
            let everywhere = dated(&rest.parameters);
            has_everything |= rest.operation.0.iter().any(|it| it.is_everything(false));
            // Names get into URLs, the ledger and terminals, so only plain names are taken.
            let types = rest.resource.0.into_iter();
            for resource in types.filter(|resource| is_type_name(&resource.name)) {
                let is_patient = resource.name == "Patient";
                has_everything |=
                    resource.operation.0.iter().any(|it| it.is_everything(is_patient));
                let offers = |code: &str| {
                    let mut offered = resource.interaction.0.iter();
                    offered.any(|interaction| interaction.code.as_deref() == Some(code))
                };
                // A type without any interaction listed is a careless statement, not a refusal. So is a type
                // with a parameter for the patient and no search. Other parameters say nothing: an
                // Organization that is only read may have them, and must still be read by reference.
                let takes_patient =
                    |name: &str| matches!(name, "patient" | "subject" | "beneficiary");
                let has = |test: &dyn Fn(&str) -> bool| {
                    resource.parameters.0.iter().any(|it| it.name.as_deref().is_some_and(test))
                };
                let names_search = has(&takes_patient);
                let other = other_patient_parameter(&resource.name);
                let usual = patient_parameter(&resource.name);
                if other.is_some_and(|other| has(&|name| name == other))
                    && !usual.is_some_and(|usual| has(&|name| name == usual))
                {
                    by_other_alone.insert(resource.name.clone());
                }
                if resource.interaction.0.is_empty() || offers("search-type") || names_search {
                    let dated = everywhere || dated(&resource.parameters);
                    searchable.insert(resource.name, dated);
                } else if offers("read") {
                    only_readable.insert(resource.name);
                }
            }
        }
        let (elsewhere, twice) = (BTreeSet::new(), BTreeSet::new());
        (!searchable.is_empty()).then_some(Capability {
            searchable,
            only_readable,
            has_everything,
            elsewhere,
            twice,
            by_other_alone,
        })
    }

    /// Adds what another base of the plan declares. `is_asked_there` says whether a type is asked for there.
    ///
    /// Some platforms answer the same statement at every base. Such a statement does not show that a type is
    /// at two bases.
    pub(crate) fn add(&mut self, other: &Capability, is_asked_there: impl Fn(&str) -> bool) {
        let is_same = self.types().eq(other.types());
        for name in other.types() {
            let is_known = self.searches(name) || self.only_reads(name);
            if !is_same && (is_known || self.elsewhere.contains(name)) {
                self.twice.insert(name.to_owned());
            }
            if is_asked_there(name) {
                self.elsewhere.remove(name);
                self.only_readable.remove(name);
                self.searchable.remove(name);
                self.by_other_alone.remove(name);
                if other.by_other_alone.contains(name) {
                    self.by_other_alone.insert(name.to_owned());
                }
                match other.searchable.get(name) {
                    Some(dated) => drop(self.searchable.insert(name.to_owned(), *dated)),
                    None => drop(self.only_readable.insert(name.to_owned())),
                }
            } else if !is_known {
                self.elsewhere.insert(name.to_owned());
            }
        }
    }

    /// Every type that the server declares, in alphabetical order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        let here = self.searchable.keys().chain(&self.only_readable);
        let mut types: Vec<&str> = here.chain(&self.elsewhere).map(String::as_str).collect();
        types.sort_unstable();
        types.dedup();
        types.into_iter()
    }

    /// Whether a Patient's `$everything` is declared.
    pub fn has_everything(&self) -> bool {
        self.has_everything
    }

    /// Whether the plan declares the type only at a base where the type is not asked for.
    pub fn is_elsewhere(&self, resource_type: &str) -> bool {
        self.elsewhere.contains(resource_type)
    }

    /// Whether another base of the plan declares the type, too, and is not asked for the type.
    pub fn is_declared_twice(&self, resource_type: &str) -> bool {
        self.twice.contains(resource_type)
    }

    /// Whether the type can be searched.
    pub fn searches(&self, resource_type: &str) -> bool {
        self.searchable.contains_key(resource_type)
    }

    /// Whether the type can be read by id, and not searched.
    pub fn only_reads(&self, resource_type: &str) -> bool {
        self.only_readable.contains(resource_type)
    }

    /// Whether the type is declared to be searched by its other parameter for the patient, such as
    /// `beneficiary`, and not by the usual one.
    pub fn searches_by_other_alone(&self, resource_type: &str) -> bool {
        self.by_other_alone.contains(resource_type)
    }

    /// Whether `_lastUpdated` is declared for the type. Some servers declare the parameter and ignore it.
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
                {"type":"Condition","interaction":[{"code":"read"}],"searchParam":[{"name":"patient"}]},
                {"type":"Device","interaction":[{"code":"read"}],
                 "searchParam":[{"name":"_id"},{"name":"_lastUpdated"},{}]},
                {"type":"Location","interaction":[{"code":"read"}]},
                {"type":"Medication","interaction":[{"code":"read"}],
                 "searchParam":[{"name":"_id"},{"name":"code"}]}]}]}"#,
        )
        .unwrap();
        assert!(capability.searches("Condition") && !capability.only_reads("Condition"));
        assert!(!capability.searches("Device") && capability.only_reads("Device"));
        assert!(!capability.searches("Medication") && capability.only_reads("Medication"));
        assert!(capability.searches("Patient"));
        assert!(capability.searches("Coverage"));
        assert!(!capability.searches("Location") && capability.only_reads("Location"));
        assert!(!capability.only_reads("Patient") && !capability.only_reads("Goal"));
        assert!(!capability.searches("Goal"));
        assert!(!capability.searches_by_other_alone("Coverage"));
    }

    #[test]
    fn a_coverage_may_be_searched_by_beneficiary_alone() {
        for (parameters, expected) in [
            (r#"{"name":"beneficiary"},{"name":"_id"}"#, true),
            (r#"{"name":"beneficiary"},{"name":"patient"}"#, false),
            (r#"{"name":"patient"}"#, false),
        ] {
            let text = format!(
                r#"{{"resourceType":"CapabilityStatement","rest":[{{"resource":[
                   {{"type":"Coverage","searchParam":[{parameters}]}},
                   {{"type":"Goal","searchParam":[{parameters}]}}]}}]}}"#
            );
            let capability = Capability::parse(text.as_bytes()).unwrap();
            assert_eq!(capability.searches_by_other_alone("Coverage"), expected, "{parameters}");
            assert!(!capability.searches_by_other_alone("Goal"), "{parameters}");
        }
    }

    #[test]
    fn a_type_counts_by_the_base_where_it_is_asked_for() {
        let of = |resources: &str| {
            let text = format!(
                r#"{{"resourceType":"CapabilityStatement","rest":[{{"resource":[{resources}]}}]}}"#
            );
            Capability::parse(text.as_bytes()).unwrap()
        };
        let dated = r#""searchParam":[{"name":"_lastUpdated"}]"#;
        let read = r#""interaction":[{"code":"read"}]"#;
        let mut all = of(r#"{"type":"Patient"},{"type":"ExplanationOfBenefit"}"#);
        let clinical = of(&format!(
            r#"{{"type":"Condition",{dated}}},{{"type":"Device",{read}}},{{"type":"Goal",{read}}},
               {{"type":"ExplanationOfBenefit",{dated}}}"#
        ));
        all.add(&clinical, |name| ["Condition", "Goal", "Procedure"].contains(&name));
        assert!(all.searches("Condition") && all.declares_last_updated("Condition"));
        assert!(all.only_reads("Goal") && !all.searches("Procedure"));
        assert!(all.is_elsewhere("Device") && !all.searches("Device") && !all.only_reads("Device"));
        assert!(!all.declares_last_updated("ExplanationOfBenefit"));
        let twice: Vec<&str> = all.types().filter(|name| all.is_declared_twice(name)).collect();
        assert_eq!(twice, ["ExplanationOfBenefit"]);
        let types = ["Condition", "Device", "ExplanationOfBenefit", "Goal", "Patient"];
        assert_eq!(all.types().collect::<Vec<_>>(), types);
        // A platform that answers one statement at every base.
        let mut same = of(r#"{"type":"Patient"},{"type":"Goal"}"#);
        same.add(&same.clone(), |name| name == "Goal");
        assert!(!same.is_declared_twice("Goal") && !same.is_declared_twice("Patient"));
        // A third base, where the Device is asked for.
        all.add(&of(r#"{"type":"Device"}"#), |name| name == "Device");
        assert!(all.searches("Device") && !all.is_elsewhere("Device"));
    }

    #[test]
    fn everything_is_declared_by_its_name_at_patient_or_by_its_definition() {
        let declares = |resource: &str, rest: &str| {
            let text = format!(
                r#"{{"resourceType":"CapabilityStatement","rest":[{{"resource":[{{"type":"Coverage"}},{resource}]{rest}}}]}}"#
            );
            Capability::parse(text.as_bytes()).unwrap().has_everything()
        };
        let named = r#""operation":[{"name":"$everything"}]"#;
        assert!(declares(&format!(r#"{{"type":"Patient",{named}}}"#), ""));
        assert!(!declares(&format!(r#"{{"type":"Encounter",{named}}}"#), ""));
        let defined = r#","operation":[{"definition":"http://hl7.org/fhir/OperationDefinition/Patient-everything"}]"#;
        assert!(declares(r#"{"type":"Patient"}"#, defined));
        assert!(!declares(r#"{"type":"Patient"}"#, ""));
    }

    #[test]
    fn what_cannot_be_the_name_of_a_type_is_passed_over() {
        let long = "A".repeat(65);
        let names =
            ["*", "../admin", "Goal?x=", "goal", "Goal\u{1b}[2J", "", "Göal", &long, "Goal"];
        let types = names.map(|name| serde_json::json!({ "type": name }));
        let statement =
            serde_json::json!({"resourceType":"CapabilityStatement","rest":[{"resource":types}]});
        let capability = Capability::parse(statement.to_string().as_bytes()).unwrap();
        assert_eq!(capability.types().collect::<Vec<_>>(), ["Goal"]);
    }

    #[test]
    fn a_statement_that_lists_nothing_tells_nothing() {
        assert_eq!(Capability::parse(br#"{"resourceType":"CapabilityStatement"}"#), None);
        assert_eq!(Capability::parse(br#"{"message":"Forbidden"}"#), None);
    }
}
