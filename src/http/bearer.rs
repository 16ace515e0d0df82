//! An access token that knows where it may be sent.

use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Origin;

/// Shorter tokens could be words of the data; no server issues them.
const SHORTEST_MASKED: usize = 16;

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

    /// `body` with this token masked wherever a server repeats it, also with escaped slashes.
    ///
    /// What a server says is kept: its errors in the ledger, its resources in tables. A token that
    /// it repeats must not be kept with them.
    pub(super) fn mask(&self, body: Bytes) -> Bytes {
        let token = self.token.expose_secret();
        if token.len() < SHORTEST_MASKED {
            return body;
        }
        let escaped = token.replace('/', "\\/");
        let forms = [Some(token), (escaped != token).then_some(escaped.as_str())];
        let mut masked: Option<Vec<u8>> = None;
        for form in forms.into_iter().flatten().map(str::as_bytes) {
            let is_form = |found: &[u8]| found[0] == form[0] && found == form;
            let windows = body.windows(form.len()).enumerate();
            for (start, _) in windows.filter(|(_, found)| is_form(found)) {
                let bytes = masked.get_or_insert_with(|| body.to_vec());
                bytes[start..start + form.len()].fill(b'*');
            }
        }
        masked.map_or(body, Bytes::from)
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
    fn a_token_that_a_server_repeats_is_masked() {
        let bearer = Bearer::new("abc/0123456789-xyz".into(), "https://h".parse().unwrap());
        let mask = |text: &str| bearer.mask(Bytes::copy_from_slice(text.as_bytes()));
        let stars = "*".repeat(18);
        assert_eq!(mask("abc/0123456789-xyz"), stars);
        assert_eq!(
            mask(r#"{"a":"token abc/0123456789-xyz","b":"abc\/0123456789-xyz"}"#),
            format!(r#"{{"a":"token {stars}","b":"{stars}*"}}"#)
        );
        assert_eq!(mask("abc/0123456789-xy"), "abc/0123456789-xy");
    }

    #[test]
    fn a_short_token_may_be_a_word_of_the_data() {
        let bearer = Bearer::new("female".into(), "https://h".parse().unwrap());
        assert_eq!(bearer.mask(Bytes::from_static(b"female")), "female");
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
