//! An access token that knows where it may be sent.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Origin;

/// An access token bound to the origin it was issued for.
///
/// The client compares the origin before it opens a connection. `Debug` shows the origin only.
#[derive(Clone, Debug)]
pub struct Bearer {
    token: SecretString,
    origin: Origin,
}

impl Bearer {
    /// Binds `token` to `origin`; it is never sent elsewhere.
    pub fn new(token: SecretString, origin: Origin) -> Self {
        Self { token, origin }
    }

    /// The only origin this token is sent to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether this is the given token.
    pub fn carries(&self, token: &SecretString) -> bool {
        self.token.expose_secret() == token.expose_secret()
    }

    pub(super) fn may_go_to(&self, url: &Url) -> bool {
        Origin::of(url).is_ok_and(|origin| origin == self.origin)
    }

    pub(super) fn header_text(&self) -> String {
        format!("Bearer {}", self.token.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_token() {
        let bearer = Bearer::new("tok-123".into(), "https://h".parse().unwrap());
        let debug = format!("{bearer:?}");
        assert!(!debug.contains("tok-123"), "{debug}");
    }

    #[test]
    fn it_may_go_only_to_its_own_origin() {
        let bearer = Bearer::new("t".into(), "https://h".parse().unwrap());
        assert!(bearer.may_go_to(&Url::parse("https://h:443/r4/Patient").unwrap()));
        for foreign in ["http://h/", "https://h.evil.test/", "https://h:444/", "data:,h"] {
            assert!(!bearer.may_go_to(&Url::parse(foreign).unwrap()), "{foreign}");
        }
    }
}
