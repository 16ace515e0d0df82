//! The relation of a link to its page.
//!
//! Sources: FHIR R4, Bundle.link.relation; IANA's registry of link relations.

/// The relation of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Next,
    Itself,
    Last,
    /// The link surely leads to something other than the next page.
    Other,
    /// The relation may be meant for `next`.
    Unclear,
    /// The relation is a word that is not registered.
    Unknown,
}

/// Registered relations that servers give to pages, besides `next`, `self` and `last`.
const REGISTERED: [&str; 24] = [
    "about",
    "alternate",
    "author",
    "canonical",
    "collection",
    "contents",
    "current",
    "describedby",
    "edit",
    "help",
    "index",
    "item",
    "license",
    "original",
    "profile",
    "related",
    "search",
    "section",
    "service",
    "service-desc",
    "service-doc",
    "type",
    "up",
    "via",
];

/// Parts of unregistered words by which servers name the first, the last and the previous page, and the
/// server itself: `previousPage`, `fhir-base`.
const ELSEWHERE: [&str; 8] = ["prev", "prior", "back", "first", "last", "self", "start", "base"];

fn leads_elsewhere(name: &str) -> bool {
    REGISTERED.contains(&name) || ELSEWHERE.iter().any(|part| name.contains(part))
}

impl Relation {
    /// A relation in the spellings that servers use: any case, as a URI, several in one text.
    pub(super) fn of(text: &str) -> Relation {
        let words = text.trim().to_ascii_lowercase();
        let relations: Vec<Relation> = words.split_ascii_whitespace().map(Relation::word).collect();
        let has = |relation| relations.contains(&relation);
        match () {
            () if has(Relation::Next) => Relation::Next,
            () if has(Relation::Unclear) || relations.is_empty() => Relation::Unclear,
            () if has(Relation::Itself) => Relation::Itself,
            () if has(Relation::Last) => Relation::Last,
            () if has(Relation::Unknown) => Relation::Unknown,
            () => Relation::Other,
        }
    }

    fn word(word: &str) -> Relation {
        let last = word.trim_end_matches('/').rsplit(['/', '#', ':', '|']).next();
        // Registered relations are written as URIs of the registry, too.
        let is_registered = word == last.unwrap_or_default()
            || word.starts_with("urn:")
            || ["iana.org/", "hl7.org/"].iter().any(|registry| word.contains(registry));
        match last {
            Some("next") if is_registered => Relation::Next,
            Some("self") if is_registered => Relation::Itself,
            Some("last") if is_registered => Relation::Last,
            _ if word.contains("next") => Relation::Unclear,
            Some(name) if leads_elsewhere(name) => Relation::Other,
            _ => Relation::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Relation;

    #[test]
    fn a_word_that_is_not_registered_is_told_from_those_that_lead_elsewhere() {
        for (text, relation) in [
            ("first", Relation::Other),
            ("Prev", Relation::Other),
            ("previousPage", Relation::Other),
            ("prior", Relation::Other),
            ("fhir-base", Relation::Other),
            ("search", Relation::Other),
            ("https://x.test/rels/up", Relation::Other),
            ("lastPage", Relation::Other),
            // A server's own word, whatever the registry means by it.
            ("https://x.test/rels/last", Relation::Other),
            ("https://x.test/rels/self", Relation::Other),
            ("https://x.test/rels/next", Relation::Unclear),
            ("http://www.iana.org/assignments/relation/last", Relation::Last),
            ("urn:iana:self", Relation::Itself),
            ("following", Relation::Unknown),
            ("more", Relation::Unknown),
            ("nxt", Relation::Unknown),
            ("ｎｅｘｔ", Relation::Unknown),
            (">", Relation::Unknown),
            ("2", Relation::Unknown),
            ("", Relation::Unclear),
            ("nextPage", Relation::Unclear),
            ("self next", Relation::Next),
        ] {
            assert_eq!(Relation::of(text), relation, "{text}");
        }
    }
}
