//! The platforms that the payer can imitate.
//!
//! A platform is data: its addresses, its types, and a list of rules. Each rule has the fact that it
//! imitates, and how certain that fact is. Few places interpret the rules: the consent page and the token
//! endpoint (`oauth`), searches and pages (`server`). They never ask for a platform by its name.

mod consult;
mod platforms;
mod refusal;
mod rule;
pub(super) mod search;

pub(super) use rule::{Base, Client, Paging, Rule};

use rule::{Paths, Ruleset};
use std::str::FromStr;

/// A platform that the payer imitates.
#[derive(Clone, Copy)]
pub struct Like(&'static Ruleset);

/// A name that no platform has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown platform {0:?}")]
pub struct UnknownLike(String);

impl Like {
    /// All platforms; the default one comes first.
    pub fn all() -> impl Iterator<Item = Like> {
        platforms::ALL.iter().map(|ruleset| Like(ruleset))
    }

    /// The platform's name, as `--like` takes it.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The name of the organization or product whose rules these are.
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// The preset of `payersync init` for the platform; the default platform has none.
    pub fn preset(self) -> Option<&'static str> {
        self.0.preset
    }

    /// The settings that the preset needs, by name.
    pub fn settings(self) -> &'static [(&'static str, &'static str)] {
        self.0.settings
    }

    /// The facts that the platform's rules imitate, each with its certainty.
    ///
    /// A certainty is DOC (the operator's documents), OBS (observed), 3P (a third party's statement) or INF
    /// (inferred).
    pub fn facts(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.0.rules.iter().map(|fact| (fact.certainty, fact.text))
    }

    /// Whether the client must authenticate with a signature, so that its key has to be registered.
    pub fn wants_key(self) -> bool {
        self.client() == Client::Assertion
    }

    /// Whether the platform needs no token.
    pub fn is_open(self) -> bool {
        self.has(|rule| matches!(rule, Rule::Open))
    }

    /// Further origins that the server uses in its links; the client's configuration must name them.
    pub fn other_origins(self) -> Vec<&'static str> {
        self.next_origin().into_iter().collect()
    }

    /// Whether the platform serves the type.
    pub(super) fn serves(self, name: &str) -> bool {
        self.base(name).is_some()
    }

    /// The path of the FHIR base that has the type.
    pub(super) fn base(self, name: &str) -> Option<&'static str> {
        self.0.paths.fhir.iter().find(|base| base.holds(name)).map(|base| base.path)
    }

    pub(super) fn paths(self) -> &'static Paths {
        &self.0.paths
    }

    fn rules(self) -> impl Iterator<Item = &'static Rule> {
        self.0.rules.iter().map(|fact| &fact.rule)
    }

    fn has(self, is_it: impl Fn(&Rule) -> bool) -> bool {
        self.rules().any(is_it)
    }

    fn find<T>(self, what: impl Fn(&'static Rule) -> Option<T>) -> Option<T> {
        self.rules().find_map(what)
    }
}

impl Default for Like {
    fn default() -> Like {
        Like(&platforms::ONE_UP)
    }
}

impl std::fmt::Debug for Like {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Like({})", self.0.name)
    }
}

impl FromStr for Like {
    type Err = UnknownLike;

    fn from_str(name: &str) -> Result<Like, UnknownLike> {
        Like::all().find(|like| like.name() == name).ok_or_else(|| UnknownLike(name.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_a_name_of_its_own_and_says_what_it_plays() {
        for like in Like::all() {
            let name = like.name();
            assert_eq!(name.parse::<Like>().unwrap().name(), name);
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            assert!(!like.title().is_empty(), "{name}");
            assert!(!like.paths().fhir.is_empty(), "{name}");
            for (certainty, text) in like.facts() {
                assert!(["DOC", "OBS", "3P", "INF", "OBS/3P", "DOC/OBS"].contains(&certainty));
                assert!(!text.is_empty() && !text.ends_with('.'), "{name}: {text}");
            }
        }
        assert_eq!("nobody".parse::<Like>().unwrap_err(), UnknownLike("nobody".to_string()));
    }
}
