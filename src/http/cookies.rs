//! Cookies for the length of a run. Load balancers use them to keep a client at one server.
//!
//! The cookies belong to one connection and one origin, are kept in memory alone and are never shown. Those
//! of a balancer need no more of RFC 6265 than this module; reqwest's own store would bring four crates into
//! every build.

use super::{Origin, retry_after::http_date};
use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};
use url::Url;

/// The most cookies that are kept, and the most bytes of each: the least that a browser must support
/// (RFC 6265, section 6.1).
const MOST: usize = 50;
const LONGEST: usize = 4096;

/// The cookies that one origin has set for one connection.
///
/// `Debug` shows the origin only.
pub struct Cookies {
    origin: Origin,
    /// By path and name: the value, and whether only TLS may carry it.
    kept: Mutex<BTreeMap<(String, String), (String, bool)>>,
}

impl Cookies {
    /// Keeps cookies of this origin and sends them to no other.
    pub fn new(origin: Origin) -> Cookies {
        Cookies { origin, kept: Mutex::default() }
    }

    /// The `Cookie` header of a request; `None` if there is nothing to send.
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        if Origin::of(url).ok()? != self.origin {
            return None;
        }
        let is_tls = url.scheme() == "https";
        let kept = self.kept();
        let fitting = kept.iter().filter(|((path, _), (_, is_secure))| {
            covers(path, url.path()) && (is_tls || !*is_secure)
        });
        // The longer path goes first (RFC 6265, section 5.4).
        let mut pairs: Vec<_> =
            fitting.map(|((path, name), (value, _))| (path, name, value)).collect();
        pairs.sort_by_key(|(path, ..)| std::cmp::Reverse(path.len()));
        let pairs: Vec<String> =
            pairs.iter().map(|(_, name, value)| format!("{name}={value}")).collect();
        let mut header =
            HeaderValue::from_str(&pairs.join("; ")).ok().filter(|it| !it.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }

    /// Keeps the cookies that an answer sets.
    pub(super) fn learn(&self, url: &Url, headers: &HeaderMap, now: DateTime<Utc>) {
        if Origin::of(url).ok().as_ref() != Some(&self.origin) {
            return;
        }
        for set in headers.get_all(SET_COOKIE) {
            if let Some(set) = set.to_str().ok().filter(|set| set.len() <= LONGEST) {
                self.set(url, set, now);
            }
        }
    }

    fn set(&self, url: &Url, set: &str, now: DateTime<Utc>) {
        let mut parts = set.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() {
            return;
        }
        let (mut path, mut is_secure, mut is_over, mut has_age) = (None, false, false, false);
        for part in parts {
            let (key, text) = part.split_once('=').unwrap_or((part, ""));
            let text = text.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "path" => path = Some(text).filter(|path| path.starts_with('/')),
                "secure" => is_secure = true,
                "max-age" => {
                    has_age = true;
                    is_over = text.parse::<i64>().is_ok_and(|seconds| seconds <= 0);
                }
                "expires" if !has_age => is_over = http_date(text).is_some_and(|end| end <= now),
                // An empty domain is as none (RFC 6265, section 5.2.3).
                "domain" if text.is_empty() => {}
                "domain" if !is_within(url.host_str().unwrap_or_default(), text) => return,
                _ => {}
            }
        }
        let default = url.path().rsplit_once('/').map_or("/", |(folder, _)| folder);
        let path = path.unwrap_or(if default.is_empty() { "/" } else { default });
        let key = (path.to_owned(), name.to_owned());
        let mut kept = self.kept();
        if is_over {
            kept.remove(&key);
        } else if kept.len() < MOST || kept.contains_key(&key) {
            kept.insert(key, (value.to_owned(), is_secure));
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<(String, String), (String, bool)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a cookie's path covers a request's (RFC 6265, section 5.1.4).
fn covers(cookie: &str, request: &str) -> bool {
    request
        .strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

/// Whether a cookie's domain is the host or above it.
fn is_within(host: &str, domain: &str) -> bool {
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cookies").field(&self.origin).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jar() -> Cookies {
        Cookies::new("https://h".parse().unwrap())
    }

    fn sent(jar: &Cookies, url: &str) -> String {
        let header = jar.header(&Url::parse(url).unwrap());
        header.map_or(String::new(), |it| it.to_str().unwrap().to_owned())
    }

    fn set(jar: &Cookies, url: &str, texts: &[&str]) {
        let mut headers = HeaderMap::new();
        for text in texts {
            headers.append(SET_COOKIE, text.parse().unwrap());
        }
        jar.learn(&Url::parse(url).unwrap(), &headers, Utc::now());
    }

    #[test]
    fn cookies_go_back_to_their_origin_and_path_alone() {
        let jar = jar();
        set(
            &jar,
            "https://h/r4/Patient",
            &["a=1; Path=/; Secure; HttpOnly", "b=2", "c=3; path=/x"],
        );
        assert_eq!(sent(&jar, "https://h/r4/Coverage?p=2"), "b=2; a=1");
        assert_eq!(sent(&jar, "https://h/r41"), "a=1");
        for foreign in
            ["https://evil/r4/Patient", "http://h/r4/Patient", "https://h:444/r4/Patient"]
        {
            assert_eq!(sent(&jar, foreign), "", "{foreign}");
        }
        set(&jar, "https://evil/r4/Patient", &["d=4; Path=/"]);
        set(&jar, "https://h/r4/Patient", &["e=5; Domain=evil", "=6", "nothing"]);
        assert_eq!(sent(&jar, "https://h/r4/Patient"), "b=2; a=1");
        assert!(!format!("{jar:?}").contains("a=1"), "{jar:?}");
    }

    #[test]
    fn a_cookie_is_replaced_and_ends_when_the_server_says_so() {
        let jar = jar();
        let url = "https://h/r4/Patient";
        set(
            &jar,
            url,
            &["a=1; Path=/", "b=1; Path=/; Domain=", "c=1; Path=/; Domain=.h", "d=1; Path=/"],
        );
        set(&jar, url, &["a=2; Path=/; Max-Age=60", "b=; Path=/; Max-Age=0"]);
        set(&jar, url, &["c=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]);
        set(&jar, url, &["d=; Path=/; Expires=Thu, 01-Jan-1970 00:00:00 GMT"]);
        assert_eq!(sent(&jar, url), "a=2");
        let many: Vec<String> = (0..100).map(|number| format!("n{number}=1")).collect();
        set(&jar, url, &many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(jar.kept().len(), MOST);
    }
}
