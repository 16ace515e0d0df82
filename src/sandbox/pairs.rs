//! The parameters of a query or a form, in the order in which they came.

use std::collections::BTreeMap;
use url::form_urlencoded;

/// Decoded name-value pairs.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(super) fn parse(text: &str) -> Pairs {
        Pairs(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value with this name; an empty value counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(present, _)| present == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// These pairs without the given names.
    pub(super) fn without(&self, names: &[&str]) -> Pairs {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        Pairs(kept.cloned().collect())
    }

    /// The members of a JSON object whose values are texts.
    pub(super) fn from_json(text: &[u8]) -> Option<Pairs> {
        let members: BTreeMap<String, String> = serde_json::from_slice(text).ok()?;
        Some(Pairs(members.into_iter().collect()))
    }

    /// These pairs with one name replaced by another.
    pub(super) fn renamed(mut self, from: &str, to: &str) -> Pairs {
        for (name, _) in &mut self.0 {
            if name == from {
                *name = to.to_string();
            }
        }
        self
    }

    /// These pairs without the given names, encoded as a query.
    pub(super) fn encode_without(
        &self,
        names: &[&str],
    ) -> form_urlencoded::Serializer<'static, String> {
        let mut serializer = form_urlencoded::Serializer::new(String::new());
        serializer.extend_pairs(self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())));
        serializer
    }
}
