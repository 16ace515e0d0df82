//! The requests that a caller can make.

use std::fmt;

use secrecy::SecretString;
use tokio::sync::watch;
use url::Url;

use super::{Bearer, BodyFormat, Cookies, OriginHeaders, Retry};

/// A GET request.
pub struct Get<'a> {
    /// The URL to send the request to; https, or http on this machine.
    pub url: &'a Url,
    /// The `Accept` header.
    pub accept: &'a str,
    /// The token to authorize with, if any; its origin must be the URL's.
    pub bearer: Option<&'a Bearer>,
    /// More headers, if any; their origin must be the URL's.
    pub headers: Option<&'a OriginHeaders>,
    /// The cookies to send, and the place for those that the answer sets, if any.
    pub cookies: Option<&'a Cookies>,
    /// Largest answer in bytes, if that is less than the client's own limit.
    pub limit_bytes: Option<usize>,
    /// Whether the answer may be a file of any type, a gzip file included.
    pub is_file: bool,
    /// Whether the body of a 429 asks to come back much later. If so, a wait longer than `max_delay` is left
    /// to the next run. [`never`](super::never) if no server says so.
    pub is_for_later: fn(&[u8]) -> bool,
    /// Told before each wait; [`silently`](super::silently) if nobody listens.
    pub on_retry: &'a (dyn Fn(&Retry) + Send + Sync),
}

impl<'a> Get<'a> {
    /// A request without a token, cookies or more headers, whose answer may be of any size.
    pub fn new(url: &'a Url, accept: &'a str) -> Get<'a> {
        Get {
            url,
            accept,
            bearer: None,
            headers: None,
            cookies: None,
            limit_bytes: None,
            is_file: false,
            is_for_later: never,
            on_retry: &silently,
        }
    }
}

/// What the body of a successful answer was read as.
#[derive(Debug)]
pub enum Reading<T> {
    /// Asking again would bring the same.
    Final(T),
    /// The body is cut short, or a login page. The request is repeated as after a failed attempt; after the
    /// last attempt, the value that was read counts.
    AskAgain(T),
}

/// A POST request with form fields.
pub struct PostForm<'a> {
    /// The URL to send the form to; https, or http on this machine.
    pub url: &'a Url,
    /// The form, in order; values may be secret and are never shown.
    pub fields: &'a [(&'a str, &'a str)],
    /// How the fields are written.
    pub format: BodyFormat,
    /// One more field, made anew for each attempt, such as an assertion that a server takes only once.
    pub fresh: &'a (dyn Fn() -> Option<(&'static str, SecretString)> + Send + Sync),
    /// User and password of HTTP Basic authentication, sent as given (RFC 7617).
    pub basic: Option<(&'a str, &'a SecretString)>,
    /// Whether the request may be repeated although the server may have acted on it.
    ///
    /// If false, only a connection that could not be made is tried again.
    pub retry: bool,
    /// Becomes true when failed attempts are no longer repeated, such as at the program's end. An attempt
    /// under way continues.
    pub give_up: Option<watch::Receiver<bool>>,
    /// Told before each wait; [`silently`](super::silently) if nobody listens.
    pub on_retry: &'a (dyn Fn(&Retry) + Send + Sync),
}

/// A POST request with a text.
pub struct PostText<'a> {
    /// The URL to send the text to; https, or http on this machine. A redirect is not followed.
    pub url: &'a Url,
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// More headers, if any; their origin must be the URL's.
    pub headers: Option<&'a OriginHeaders>,
    /// The body.
    pub text: String,
}

/// Adds no field: the `fresh` of a form that every attempt repeats as it is.
pub fn nothing_fresh() -> Option<(&'static str, SecretString)> {
    None
}

/// Ignores a retry: the `on_retry` of a caller that reports nothing.
pub fn silently(_: &Retry) {}

/// Always false, as the `is_for_later` of a caller that waits after every 429.
pub fn never(_: &[u8]) -> bool {
    false
}

impl fmt::Debug for Get<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Get({})", super::SafeUrl::from(self.url))
    }
}

impl fmt::Debug for PostText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostText({})", super::SafeUrl::from(self.url))
    }
}

impl fmt::Debug for PostForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostForm({})", super::SafeUrl::from(self.url))
    }
}
