//! `[production_access]`: answers that `payersync production-access` writes into its papers.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The operator's answers; an empty one is not given yet.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ProductionAccess {
    /// The application's name.
    pub application: String,
    /// The company or person that runs the application.
    pub operator: String,
    /// The postal address.
    pub address: String,
    /// Who signs the e-mails.
    pub sender: String,
    /// What the application does for a member, and with which data.
    pub description: String,
    /// Who uses the application, and for what.
    pub personas: String,
    /// What the data is used for, as the privacy policy says it.
    pub purpose: String,
    /// Where members write to.
    pub support_email: String,
    /// Whom to tell of a weakness.
    pub security_contact: String,
    /// Where the privacy policy is published.
    pub privacy_policy_url: String,
    /// Where the terms of service are published.
    pub terms_url: String,
    /// Direct to consumers, or an intermediary.
    pub audience: String,
    /// What the application costs and who pays.
    pub cost: String,
    /// Whether 1upHealth can use a test instance, and how.
    pub test_instance: String,
    /// Whether answers and contact may be shared with health plans.
    pub sharing: String,
    /// One customer of 1upHealth, or all plans.
    pub plans_wanted: String,
}

impl ProductionAccess {
    /// The answers that are given, by their keys.
    pub fn given(&self) -> BTreeMap<String, String> {
        let texts = self.fields().into_iter();
        texts
            .map(|(key, text)| (key, text.trim().to_owned()))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }

    /// Every key that the section may have.
    pub fn keys() -> Vec<String> {
        ProductionAccess::default().fields().into_keys().collect()
    }

    fn fields(&self) -> BTreeMap<String, String> {
        // A struct whose fields are all texts can be read as a map of texts.
        let fields = serde_json::to_value(self).and_then(serde_json::from_value);
        fields.unwrap_or_default()
    }
}
