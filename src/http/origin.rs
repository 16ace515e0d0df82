//! Where a token may go: scheme, host and port, and nothing else of a URL.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

/// The scheme, host and port of a URL (RFC 6454, section 4).
///
/// Two URLs with the same origin may differ in every other part. The default port of a scheme
/// and its explicit form are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Scheme {
    Http,
    Https,
}

/// A text or URL that has no origin a request could be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an http(s) origin, expected something like https://api.example.com")]
pub struct OriginError;

impl Origin {
    /// The origin of `url`, which must be http or https.
    pub fn of(url: &Url) -> Result<Self, OriginError> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(OriginError),
        };
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) => Ok(Self { scheme, host: host.into(), port }),
            _ => Err(OriginError),
        }
    }

    /// Whether two URLs have an origin, and the same one.
    pub fn are_same(one: &Url, other: &Url) -> bool {
        matches!((Self::of(one), Self::of(other)), (Ok(one), Ok(other)) if one == other)
    }

    /// Whether requests to this origin stay on this machine.
    pub fn is_loopback(&self) -> bool {
        match Host::parse(&self.host) {
            Ok(Host::Domain(name)) => name == "localhost",
            Ok(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Ok(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            Err(_) => false,
        }
    }

    /// Whether a request to this origin is safe from readers on its way: it has TLS or stays on this machine.
    pub fn is_protected(&self) -> bool {
        self.scheme == Scheme::Https || self.is_loopback()
    }

    /// The host name or address, IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default_port) = match self.scheme {
            Scheme::Http => ("http", 80),
            Scheme::Https => ("https", 443),
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default_port { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::of(&Url::parse(text).map_err(|_| OriginError)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn path_query_userinfo_and_default_port_do_not_matter() {
        let expected = origin("https://api.example.com");
        assert_eq!(origin("https://user:pw@API.example.com:443/r4/Patient?x=1#f"), expected);
        assert_eq!(expected.to_string(), "https://api.example.com");
    }

    #[test]
    fn scheme_host_and_port_each_make_another_origin() {
        let mine = origin("https://api.example.com");
        for foreign in [
            "http://api.example.com",
            "https://api.example.com:8443",
            "https://api.example.com.evil.test",
            "https://example.com",
            "https://api.example.com@evil.test",
        ] {
            assert_ne!(origin(foreign), mine, "{foreign}");
        }
    }

    #[test]
    fn display_round_trips() {
        for text in ["https://h", "http://127.0.0.1:8080", "http://[::1]:9", "https://h:444"] {
            assert_eq!(origin(text).to_string(), text);
        }
    }

    #[test]
    fn only_tls_or_this_machine_is_protected() {
        for protected in [
            "https://h",
            "http://localhost:1",
            "http://127.9.9.9",
            "http://[::1]",
            "https://10.1.1.1",
        ] {
            assert!(origin(protected).is_protected(), "{protected}");
        }
        for open in ["http://h", "http://10.0.0.1", "http://localhost.evil.test", "http://[::2]"] {
            assert!(!origin(open).is_protected(), "{open}");
        }
    }

    #[test]
    fn other_schemes_have_no_origin() {
        for text in ["ftp://h/", "file:///etc/passwd", "data:,x", "urn:uuid:1", "h", ""] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
