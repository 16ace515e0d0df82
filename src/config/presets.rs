//! Presets: for each plan with known endpoints and rules, a section of the configuration to start from.
//!
//! A preset names the source of its facts, when they were checked, and its limits. A value that differs
//! from one customer to the next is written as `@name@`.

use super::TEMPLATE;
use std::collections::BTreeMap;

/// The line of the template at which its own sections of plans begin.
const PLANS: &str = "# One section per health plan.";

macro_rules! presets {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../config/plans/", $name, ".toml")))),*]
    };
}

const TEXTS: &[(&str, &str)] = presets! {
    "acentra-sandbox" "aetna-sandbox" "amerihealth-caritas" "athena" "bcbs-nc" "bcbs-sc" "bluebutton"
    "bluebutton-sandbox" "carin-minimum" "cerner" "cigna" "cigna-sandbox" "elevance" "epic-sandbox" "flexpa"
    "hapi" "humana" "humana-sandbox" "inferno" "kaiser" "medicaid-ut" "safhir" "smart-launcher" "uhc" "uhc-sandbox" "va-sandbox"
};

/// A plan with known endpoints and rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The preset's name, which is also the name of its section.
    pub name: &'static str,
    /// The name of the payer, for people.
    pub title: &'static str,
    /// The source of the preset's facts: documented, observed, or a third party.
    pub certainty: &'static str,
    /// When the facts were checked (`YYYY-MM`).
    pub as_of: &'static str,
    /// The known limits of the preset or its plan.
    pub missing: Option<&'static str>,
    /// The placeholders that must be set, each with its meaning.
    pub settings: Vec<(&'static str, &'static str)>,
    section: &'static str,
}

/// Why a preset cannot be made a section of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// There is no such preset.
    #[error("there is no preset {0}")]
    Unknown(String),
    /// A placeholder has no value.
    #[error("preset {preset} needs `--set {key}=…`: {what}")]
    NotSet {
        /// The preset.
        preset: &'static str,
        /// The placeholder.
        key: &'static str,
        /// The meaning of the placeholder.
        what: &'static str,
    },
    /// The preset has no such placeholder.
    #[error("preset {preset} has no setting {key}")]
    NothingToSet {
        /// The preset.
        preset: &'static str,
        /// The key that was given.
        key: String,
    },
    /// The value has characters that a URL would change.
    #[error("{key} may have letters, digits, '.', '_' and '-' only")]
    Value {
        /// The placeholder.
        key: String,
    },
}

/// All presets, sorted by name.
pub fn presets() -> Vec<Preset> {
    TEXTS.iter().map(|(name, text)| read(name, text)).collect()
}

fn read(name: &'static str, text: &'static str) -> Preset {
    let head = || text.lines().map_while(|line| line.strip_prefix("# "));
    let said = |key: &str| head().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    let setting = |line: &'static str| line.strip_prefix("set ")?.split_once(": ");
    Preset {
        name,
        title: said("title").unwrap_or_default(),
        certainty: said("certainty").unwrap_or_default(),
        as_of: said("as of").unwrap_or_default(),
        missing: said("missing"),
        settings: head().filter_map(setting).collect(),
        section: text,
    }
}

impl Preset {
    /// The preset with a name.
    ///
    /// # Errors
    /// No preset has that name.
    pub fn named(name: &str) -> Result<Preset, PresetError> {
        let unknown = || PresetError::Unknown(name.to_owned());
        presets().into_iter().find(|preset| preset.name == name).ok_or_else(unknown)
    }

    /// The preset's section, with these values for its placeholders.
    ///
    /// # Errors
    /// A value is missing, its name is unknown to the preset, or it has characters that a URL would
    /// change.
    pub fn section(&self, values: &BTreeMap<String, String>) -> Result<String, PresetError> {
        let preset = self.name;
        for (key, value) in values {
            if !self.settings.iter().any(|(known, _)| known == key) {
                return Err(PresetError::NothingToSet { preset, key: key.clone() });
            }
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if value.is_empty() || !value.chars().all(is_plain) {
                return Err(PresetError::Value { key: key.clone() });
            }
        }
        let mut section = self.section.to_owned();
        for (key, what) in &self.settings {
            let value = values.get(*key).ok_or(PresetError::NotSet { preset, key, what })?;
            section = section.replace(&format!("@{key}@"), value);
        }
        Ok(section)
    }

    /// A whole configuration with the preset's section in it.
    ///
    /// # Errors
    /// The same errors as [`Preset::section`].
    pub fn configuration(&self, values: &BTreeMap<String, String>) -> Result<String, PresetError> {
        let general = TEMPLATE.split(PLANS).next().unwrap_or_default();
        Ok(format!("{general}{}", self.section(values)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;
    use std::path::Path;

    fn values(preset: &Preset) -> BTreeMap<String, String> {
        preset.settings.iter().map(|(key, _)| ((*key).to_owned(), "a-1".to_owned())).collect()
    }

    #[test]
    fn each_preset_is_a_configuration_and_says_how_sure_it_is() {
        for preset in presets() {
            let name = preset.name;
            assert!(!preset.title.is_empty(), "{name}");
            assert!(preset.as_of.len() == 7 && preset.as_of.starts_with("20"), "{name}");
            let is_known = ["documented", "observed", "third party"]
                .iter()
                .any(|word| preset.certainty.contains(word));
            assert!(is_known, "{name}: {}", preset.certainty);
            let text = preset.configuration(&values(&preset)).unwrap();
            assert!(!preset.section(&values(&preset)).unwrap().contains('@'), "{name}");
            let settings = Settings::parse(Path::new("/h"), Path::new("p"), &text);
            let settings = settings.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let has_id = text.contains("\nclient_id = ");
            assert_eq!(settings.plans[name].has_placeholder_client_id(), has_id, "{name}");
            let names: Vec<&String> = settings.plans.keys().collect();
            assert_eq!(names, [name]);
        }
    }

    /// The codes of FHIR R4's value sets: MedicationRequest.intent is bound to them, and US Core wants each
    /// Observation to have one of these categories.
    const CODES: [(&str, &str, &[&str]); 2] = [
        (
            "MedicationRequest",
            "intent",
            &[
                "proposal",
                "plan",
                "order",
                "original-order",
                "reflex-order",
                "filler-order",
                "instance-order",
                "option",
            ],
        ),
        (
            "Observation",
            "category",
            &[
                "social-history",
                "vital-signs",
                "imaging",
                "laboratory",
                "procedure",
                "survey",
                "exam",
                "therapy",
                "activity",
            ],
        ),
    ];

    #[test]
    fn a_preset_that_asks_by_code_asks_by_each_code_or_says_what_is_missing() {
        let mut asked = 0;
        for preset in presets() {
            let text = preset.configuration(&values(&preset)).unwrap();
            let settings = Settings::parse(Path::new("/h"), Path::new("p"), &text).unwrap();
            for (resource_type, rule) in &settings.plans[preset.name].search.types {
                for choice in rule.choices() {
                    let known = CODES.iter().find(|(name, parameter, _)| {
                        (name, parameter) == (&resource_type.as_str(), &choice)
                    });
                    asked += 1;
                    match known {
                        Some((.., codes)) => {
                            let left = codes
                                .iter()
                                .filter(|code| !text.contains(&format!("&{choice}={code}\"")));
                            assert_eq!(left.count(), 0, "{} {resource_type}", preset.name);
                        }
                        None => {
                            let missing = preset.missing.unwrap_or_default();
                            assert!(missing.contains(resource_type), "{}", preset.name);
                        }
                    }
                }
            }
        }
        assert_eq!(asked, 3, "athena's MedicationRequest, Epic's Observation and CarePlan");
    }

    #[test]
    fn a_preset_asks_for_a_refresh_token_or_says_what_it_lacks() {
        // Epic decides at registration, and HAPI asks for no consent.
        for preset in presets().iter().filter(|it| !["epic-sandbox", "hapi"].contains(&it.name)) {
            let text = preset.configuration(&values(preset)).unwrap();
            let settings = Settings::parse(Path::new("/h"), Path::new("p"), &text).unwrap();
            let told = match settings.plans[preset.name].scope() {
                Some(scope) if scope.contains("offline_access") => continue,
                Some(_) => "refresh token",
                None => "scopes",
            };
            assert!(preset.missing.unwrap_or_default().contains(told), "{}: {told}", preset.name);
        }
    }

    #[test]
    fn what_has_to_be_set_is_asked_for_and_nothing_else_is_taken() {
        let preset = Preset::named("elevance").unwrap();
        let set = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        assert!(matches!(
            preset.section(&BTreeMap::new()),
            Err(PresetError::NotSet { key: "brand", .. })
        ));
        let section = preset.section(&set("brand", "Wellpoint")).unwrap();
        assert!(section.contains("/registered/Wellpoint/api/v1/fhir\""));
        for value in ["", "a/b", "a\"b", "a b", "..%2f"] {
            let refused = PresetError::Value { key: "brand".to_owned() };
            assert_eq!(preset.section(&set("brand", value)), Err(refused), "{value}");
        }
        assert!(matches!(preset.section(&set("plan", "x")), Err(PresetError::NothingToSet { .. })));
        assert_eq!(Preset::named("none"), Err(PresetError::Unknown("none".to_owned())));
    }
}
