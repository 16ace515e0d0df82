//! An answer, of any status.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use url::Url;

use super::{SafeUrl, mark::without_mark};

/// An answer with its whole body in memory; a caller gets the last one of its attempts.
///
/// `Debug` shows neither body nor location: both may hold patient data.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The URL that answered, after redirects; relative links are relative to it.
    pub url: Url,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// How long the server asks to wait, from `Retry-After` or a header like it.
    pub retry_after: Option<Duration>,
    /// The server's clock, from the `Date` header.
    pub date: Option<DateTime<Utc>>,
    /// How long ago the plan gave the answer, if a cache sent it (`Age`, RFC 9111, section 5.1).
    pub age: Option<Duration>,
    /// The `Location` header of a redirect that was not followed.
    pub location: Option<String>,
    /// The `Link` headers (RFC 8288), separated by commas.
    pub link: Option<String>,
    /// The body, decompressed.
    pub body: Bytes,
    /// Attempts made, at least 1.
    pub attempts: u32,
}

impl Response {
    /// Whether the status is 2xx and the body whole: 206 brings only a part, though no part was asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status) && self.status != 206
    }

    /// The same answer without a byte order mark.
    pub(crate) fn without_mark(self) -> Self {
        Self { body: self.body.slice_ref(without_mark(&self.body)), ..self }
    }

    /// Whether this is a 429 whose body asks to come back later, and the wait is longer than `most`.
    pub(super) fn waits_longer(&self, most: Duration, is_for_later: fn(&[u8]) -> bool) -> bool {
        let is_long = self.retry_after.is_some_and(|wait| wait > most);
        is_long && self.status == 429 && is_for_later(&self.body)
    }

    /// The same answer with secrets masked in all of its texts.
    ///
    /// Each text may be stored: the next link and the URL that it is relative to become a cursor.
    pub(super) fn masked(self, mask: &dyn Fn(Bytes) -> Bytes) -> Self {
        let text = |text: String| String::from_utf8_lossy(&mask(text.into())).into_owned();
        // The asterisks of a mask are allowed in every part of a URL that a server can choose.
        let url = Url::parse(&text(self.url.to_string())).unwrap_or(self.url);
        Self {
            url,
            content_type: self.content_type.map(text),
            location: self.location.map(text),
            link: self.link.map(text),
            body: mask(self.body),
            ..self
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("url", &SafeUrl::from(&self.url))
            .field("content_type", &self.content_type)
            .field("body_bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
