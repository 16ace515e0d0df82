//! URLs that can be shown: no ids, no values, no credentials.

use std::fmt;

use crate::r4::is_r4_type;
use url::Url;

const MASK: &str = "…";

/// Segments of paths that can be shown: usual names of APIs, and FHIR's own.
const SEGMENTS: &str = "$everything _history _search api auth authorize connect dstu2 fhir metadata \
    oauth oauth2 patient-access patientaccess r4 register revoke revocation sandbox stu3 token v1 v2 v3";

/// Names of query parameters that can be shown: FHIR's own, and those of searches for a member's data. Their
/// values are never shown.
const PARAMETERS: &str = "_content _count _elements _format _getpages _getpagesoffset _has _id \
    _include _lastUpdated _list _offset _page _profile _query _revinclude _security _since _skip \
    _sort _source _summary _tag _text _total _type authored authoredon beneficiary birthdate \
    category code collected created date effective effective-time encounter family gender given \
    identifier issued name onset-date patient performer period recorded recorded-date service-date \
    start-date status subject target type whenhandedover whenprepared";

/// A URL with everything that may name a person or carry a secret replaced by `…`.
///
/// These parts stay: scheme, host and port; the segments of the path, up to a FHIR type, that FHIR or usual
/// APIs know; and the names of query parameters that FHIR knows. What follows a type (`/Patient/…`), every
/// other segment and name, every query value, user information and the fragment are not even stored: a server
/// writes a `next` URL as it likes, and may put a person's name anywhere in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeUrl(String);

impl From<&Url> for SafeUrl {
    fn from(url: &Url) -> Self {
        let mut text = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        if let Some(port) = url.port() {
            text.push_str(&format!(":{port}"));
        }
        if let Some(segments) = url.path_segments() {
            push_path(&mut text, segments);
        }
        if let Some(query) = url.query() {
            push_query(&mut text, query);
        }
        Self(text)
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn push_path<'a>(text: &mut String, mut segments: impl Iterator<Item = &'a str>) {
    while let Some(segment) = segments.next() {
        let is_type = is_r4_type(segment);
        let is_shown = segment.is_empty() || is_type || is_listed(segment, SEGMENTS);
        text.push('/');
        text.push_str(if is_shown { segment } else { MASK });
        if is_type {
            if segments.next().is_some_and(|rest| !rest.is_empty()) {
                text.push('/');
                text.push_str(MASK);
            }
            return;
        }
    }
}

fn push_query(text: &mut String, query: &str) {
    let mut separator = '?';
    for pair in query.split('&') {
        text.push(separator);
        separator = '&';
        match pair.split_once('=') {
            Some((name, _)) if is_known(name) => {
                text.push_str(name);
                text.push('=');
                text.push_str(MASK);
            }
            _ => text.push_str(MASK),
        }
    }
}

/// Whether a parameter's name may be shown, alone or with a modifier (`name:exact`).
fn is_known(name: &str) -> bool {
    let (name, modifier) = name.split_once(':').unwrap_or((name, "exact"));
    let is_modifier =
        is_listed(modifier, "contains exact iterate missing not") || is_r4_type(modifier);
    is_listed(name, PARAMETERS) && is_modifier
}

/// Whether a list of words has this word; upper and lower case are the same.
fn is_listed(word: &str, list: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        SafeUrl::from(&Url::parse(url).unwrap()).to_string()
    }

    #[test]
    fn ids_values_and_credentials_do_not_show() {
        for (url, expected) in [
            ("https://h/r4/Patient/123", "https://h/r4/Patient/…"),
            ("https://h/r4/Patient/123/$everything", "https://h/r4/Patient/…"),
            ("https://h/r4/Patient/", "https://h/r4/Patient"),
            (
                "https://h:8443/r4/ExplanationOfBenefit?_count=100&patient=77",
                "https://h:8443/r4/ExplanationOfBenefit?_count=…&patient=…",
            ),
            ("https://user:secret@h/oauth2/token", "https://h/oauth2/token"),
            ("https://h/r4?eyJhbGciOi", "https://h/r4?…"),
            ("https://h/pages/9f8e7d6c5b4a/2", "https://h/…/…/…"),
            ("https://h/r4/Smith/John", "https://h/r4/…/…"),
            ("https://h/r4/Patient?smith=1&john:exact=2&name:john=3", "https://h/r4/Patient?…&…&…"),
            (
                "https://h/R4/Patient?_Count=1&patient:Patient=2",
                "https://h/R4/Patient?_Count=…&patient:Patient=…",
            ),
            ("https://h/token#access_token=x", "https://h/token"),
            ("https://h/", "https://h/"),
            ("https://h/r4/Coverage?name:exact=x", "https://h/r4/Coverage?name:exact=…"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }

    #[test]
    fn debug_shows_no_more_than_display() {
        let url = Url::parse("https://u:p@h/r4/Patient/123?token=secret").unwrap();
        let debug = format!("{:?}", SafeUrl::from(&url));
        assert!(!debug.contains("123") && !debug.contains("secret") && !debug.contains("u:p"));
    }
}
