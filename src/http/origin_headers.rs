//! Headers from the configuration, for one origin alone.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Origin, SecretsInPlay};

/// Headers that go along with each request to one origin, and to no other.
///
/// `Debug` shows the names and no value.
#[derive(Clone)]
pub struct OriginHeaders {
    origin: Origin,
    headers: HeaderMap,
    secrets: SecretsInPlay,
}

impl OriginHeaders {
    /// Makes a set without headers, for one origin.
    pub fn new(origin: Origin) -> OriginHeaders {
        OriginHeaders { origin, headers: HeaderMap::new(), secrets: SecretsInPlay::default() }
    }

    /// Whether a text is the name of a header that a caller may set. Headers that say who asks, for
    /// what, and how the body is sent are the client's own.
    pub fn is_free(name: &str) -> bool {
        const TAKEN: [&str; 11] = [
            "accept",
            "accept-encoding",
            "authorization",
            "connection",
            "content-length",
            "cookie",
            "expect",
            "host",
            "proxy-authorization",
            "te",
            "transfer-encoding",
        ];
        let lower = name.to_ascii_lowercase();
        HeaderName::from_bytes(lower.as_bytes()).is_ok() && !TAKEN.contains(&&*lower)
    }

    /// Whether a text can be sent in a header.
    pub fn is_value(text: &str) -> bool {
        HeaderValue::from_str(text).is_ok()
    }

    /// Adds a header, unless its name or value cannot be sent. A secret value is masked in answers.
    #[must_use]
    pub fn with(mut self, name: &str, value: &SecretString, is_secret: bool) -> OriginHeaders {
        let text = value.expose_secret();
        if let (Ok(name), Ok(mut value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(text))
        {
            value.set_sensitive(is_secret);
            self.headers.insert(name, value);
            self.secrets.learn(is_secret.then_some(text));
        }
        self
    }

    /// The only origin these headers are sent to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn may_go_to(&self, url: &Url) -> bool {
        Origin::of(url).is_ok_and(|origin| origin == self.origin)
    }

    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    pub(super) fn mask(&self, body: Bytes) -> Bytes {
        self.secrets.mask(body)
    }
}

impl std::fmt::Debug for OriginHeaders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.keys().map(HeaderName::as_str).collect();
        f.debug_struct("OriginHeaders")
            .field("origin", &self.origin)
            .field("names", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_decide_who_asks_for_what_are_taken_and_debug_shows_no_value() {
        for taken in ["Authorization", "HOST", "cookie", "accept", "", "a b", "a:"] {
            assert!(!OriginHeaders::is_free(taken), "{taken}");
        }
        assert!(OriginHeaders::is_free("Ocp-Apim-Subscription-Key"));
        let headers = OriginHeaders::new("https://h".parse().unwrap());
        let headers = headers.with("x-key", &"s3cret-of-headers".into(), true);
        assert!(!format!("{headers:?}").contains("s3cret"), "{headers:?}");
        assert!(headers.may_go_to(&Url::parse("https://h:443/r4").unwrap()));
        assert!(!headers.may_go_to(&Url::parse("https://h:444/r4").unwrap()));
    }
}
