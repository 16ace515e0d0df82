//! Which types a plan must serve.

use super::resource_type::find;

/// The types that a plan must serve: a refusal is a failure, not a difference between plans.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredTypes {
    /// The types that the configuration names; `None` for the types that every plan serves.
    named: Option<Vec<String>>,
}

impl RequiredTypes {
    /// The types that a configuration names.
    pub fn named(names: Vec<String>) -> RequiredTypes {
        RequiredTypes { named: Some(names) }
    }

    /// Whether a type is required.
    pub fn contains(&self, name: &str) -> bool {
        match &self.named {
            Some(_) => self.is_named(name),
            None => find(name).is_some_and(|known| known.required),
        }
    }

    /// Whether the configuration names a type. A consent that leaves such a type out is a gap.
    pub fn is_named(&self, name: &str) -> bool {
        self.names().iter().any(|named| named == name)
    }

    /// The types that the configuration names.
    pub fn names(&self) -> &[String] {
        self.named.as_deref().unwrap_or_default()
    }
}
