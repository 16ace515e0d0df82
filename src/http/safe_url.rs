//! URLs that can be shown: no ids, no values, no credentials.

use std::fmt;

use url::Url;

const MASK: &str = "…";

/// A URL with everything that may name a person or carry a secret replaced by `…`.
///
/// Scheme, host, port and the path up to a FHIR type stay, and so do the names of query
/// parameters. What follows a type (`/Patient/…`), every query value, user information and the
/// fragment are not even stored.
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
        text.push('/');
        text.push_str(if is_plain(segment) { segment } else { MASK });
        if is_type(segment) {
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
            // A name is shown only when it looks like one: a cursor may stand there bare.
            Some((name, _)) if is_plain(name) => {
                text.push_str(name);
                text.push('=');
                text.push_str(MASK);
            }
            _ => text.push_str(MASK),
        }
    }
}

/// `Patient`, `ExplanationOfBenefit`: what stands behind it is an id.
fn is_type(segment: &str) -> bool {
    segment.starts_with(|c: char| c.is_ascii_uppercase())
        && segment.chars().all(|c| c.is_ascii_alphabetic())
}

/// Short and nearly without digits. Identifiers and opaque cursors are neither.
fn is_plain(segment: &str) -> bool {
    segment.len() <= 40
        && segment.chars().filter(char::is_ascii_digit).count() <= 3
        && segment.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:$".contains(c))
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
            ("https://h/pages/9f8e7d6c5b4a/2", "https://h/pages/…/2"),
            ("https://h/cb#access_token=x", "https://h/cb"),
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
