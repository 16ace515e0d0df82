//! Which types a plan must serve.

use super::resource_type::find;

/// The types whose refusal is a failure and not a difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredTypes {
    /// As the configuration names them; `None`: those that every plan serves.
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
