//! An access token that is bound to the origin where it may be sent.

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{Origin, SecretsInPlay};

/// An access token bound to the origin it was issued for.
///
/// The client compares the origin before it opens a connection. `Debug` shows the origin only.
#[derive(Clone, Debug)]
pub struct Bearer {
    token: SecretString,
    origin: Origin,
    secrets: SecretsInPlay,
}

impl Bearer {
    /// Binds `token` to `origin`; it is never sent elsewhere.
    ///
    /// The answers are masked: the token and `secrets` do not appear in them.
    pub fn new(token: SecretString, origin: Origin, secrets: SecretsInPlay) -> Self {
        secrets.learn([token.expose_secret()]);
        Self { token, origin, secrets }
    }

    /// The only origin this token is sent to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether this is the given token.
    pub fn carries(&self, token: &SecretString) -> bool {
        self.token.expose_secret() == token.expose_secret()
    }

    /// Whether the other bearer has the same token.
    pub fn is_same(&self, other: &Bearer) -> bool {
        self.carries(&other.token)
    }

    pub(super) fn may_go_to(&self, url: &Url) -> bool {
        Origin::of(url).is_ok_and(|origin| origin == self.origin)
    }

    pub(super) fn header_text(&self) -> String {
        format!("Bearer {}", self.token.expose_secret())
    }

    /// Masks this token and the other `secrets`, wherever a server repeats them in `body`.
    pub(super) fn mask(&self, body: Bytes) -> Bytes {
        self.secrets.mask(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_token() {
        let bearer =
            Bearer::new("tok-123".into(), "https://h".parse().unwrap(), Default::default());
        let debug = format!("{bearer:?}");
        assert!(!debug.contains("tok-123"), "{debug}");
    }

    #[test]
    fn it_may_go_only_to_its_own_origin() {
        let bearer = Bearer::new("t".into(), "https://h".parse().unwrap(), Default::default());
        assert!(bearer.may_go_to(&Url::parse("https://h:443/r4/Patient").unwrap()));
        for foreign in ["http://h/", "https://h.evil.test/", "https://h:444/", "data:,h"] {
            assert!(!bearer.may_go_to(&Url::parse(foreign).unwrap()), "{foreign}");
        }
    }
}
