//! Where a reference leads: to a resource of the plan's own server, or somewhere else. Pure.
//!
//! An id means nothing without the server that gave it: `Patient/1` of another server is another
//! person. Source: FHIR R4, references (2.3.0) and resolving references in Bundles (2.36.4.1).

mod full_urls;

pub use full_urls::FullUrls;
use url::Url;

/// Where a reference leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination<'a> {
    /// To a resource of this server; a version is left off.
    Here {
        /// FHIR resource type.
        resource_type: &'a str,
        /// The resource's id, exactly as written.
        id: &'a str,
    },
    /// To a resource contained in the same resource; an empty id is the containing resource itself.
    Contained {
        /// The id within `contained`.
        id: &'a str,
    },
    /// To another server.
    Elsewhere {
        /// FHIR resource type, if the URL ends like that of a resource.
        resource_type: Option<&'a str>,
    },
    /// Nothing tells: a search, a bare word, a URN that the Bundle does not resolve.
    Unknown,
}

/// The FHIR base URLs of one server: the configured one and its aliases. For a resource of a Bundle they
/// also have the Bundle's `fullUrl`s.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerBases {
    bases: Vec<Base>,
    bundle: FullUrls,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    host: String,
    /// `None`: the default port of the scheme.
    port: Option<u16>,
    /// Without a slash at either end.
    path: String,
}

impl ServerBases {
    /// The same bases, seen from a resource that came in this Bundle.
    pub fn within(&self, bundle: FullUrls) -> ServerBases {
        ServerBases { bases: self.bases.clone(), bundle }
    }

    /// Type and id of the resource of this server that a reference names.
    ///
    /// If the bases are those within a Bundle, the Bundle's `fullUrl`s resolve the reference, too.
    pub fn here<'a>(&'a self, reference: &'a str) -> Option<(&'a str, &'a str)> {
        match self.resolve(reference, &self.bundle) {
            Destination::Here { resource_type, id } => Some((resource_type, id)),
            _ => None,
        }
    }

    /// Type and id of the resource of this server that has an identifier, if the bases know it.
    pub fn identified(&self, system: &str, value: &str) -> Option<(&str, &str)> {
        self.bundle.identified(system, value)
    }

    /// The bases as one line, for keeping: host, port and path of each.
    pub fn to_text(&self) -> String {
        let text = |Base { host, port, path }: &Base| match port {
            Some(port) => format!("{host}:{port}/{path}"),
            None => format!("{host}/{path}"),
        };
        self.bases.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    /// The bases that [`ServerBases::to_text`] wrote.
    pub fn from_text(text: &str) -> ServerBases {
        let base = |text: &str| {
            let (authority, path) = text.split_once('/')?;
            // The colons of an IPv6 address stand in brackets.
            let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
            let (host, port) = match port {
                Some((host, port)) => (host, Some(port.parse().ok()?)),
                None => (authority, None),
            };
            Some(Base { host: host.to_owned(), port, path: path.to_owned() })
        };
        let bases = text.split(' ').filter_map(base).collect();
        ServerBases { bases, ..ServerBases::default() }
    }

    /// The base that requests go to, and the URLs by which the server calls itself behind a proxy.
    ///
    /// An alias without a path of its own has the path of the base.
    pub fn new(base: &Url, aliases: &[Url]) -> ServerBases {
        let path = |url: &Url| url.path().trim_matches('/').to_owned();
        let mut bases = Vec::new();
        for url in std::iter::once(base).chain(aliases) {
            let Some(host) = url.host_str() else { continue };
            let own = path(url);
            let path = if own.is_empty() { path(base) } else { own };
            bases.push(Base { host: host.to_owned(), port: url.port(), path });
        }
        ServerBases { bases, ..ServerBases::default() }
    }

    /// The id in `named`, which is the id of a Patient or a reference to a Patient.
    pub fn patient_id(&self, named: &str) -> String {
        match self.resolve(named, &FullUrls::default()) {
            Destination::Here { resource_type: "Patient", id } => id.to_owned(),
            _ => named.to_owned(),
        }
    }

    /// Where a reference in a resource of `bundle` leads.
    ///
    /// The scheme does not matter (behind a proxy many servers write `http`), nor do the case of
    /// the host and of the base's path. Everything after the base is compared as written.
    pub fn resolve<'a>(&self, reference: &'a str, bundle: &'a FullUrls) -> Destination<'a> {
        if let Some(id) = reference.strip_prefix('#') {
            return Destination::Contained { id };
        }
        let whole = reference.split_once("/_history/").map_or(reference, |(whole, _)| whole);
        if let Some((resource_type, id)) = bundle.get(whole) {
            return Destination::Here { resource_type, id };
        }
        let Some((scheme, rest)) = reference.split_once("://") else {
            return match literal(reference.trim_start_matches('/')) {
                Some((resource_type, id)) => Destination::Here { resource_type, id },
                None => Destination::Unknown,
            };
        };
        match self.below(scheme, rest) {
            Some(path) => match literal(path) {
                Some((resource_type, id)) => Destination::Here { resource_type, id },
                None => Destination::Unknown,
            },
            None => {
                let path = rest.split_once('/').map_or("", |(_, path)| path);
                Destination::Elsewhere { resource_type: last_type(path) }
            }
        }
    }

    /// The part of an absolute URL below one of the bases, as written. If a base is below another one, the
    /// longer base counts.
    fn below<'a>(&self, scheme: &str, rest: &'a str) -> Option<&'a str> {
        let default_port = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => 443,
            _ if scheme.eq_ignore_ascii_case("http") => 80,
            _ => return None,
        };
        let (authority, path) = rest.split_once('/')?;
        let below = self.bases.iter().filter_map(|base| {
            let port = strip_prefix_ignoring_case(authority, &base.host)?;
            let port = match port.strip_prefix(':') {
                Some(port) => Some(port.parse().ok()?).filter(|port| *port != default_port),
                None => port.is_empty().then_some(None)?,
            };
            let below = strip_prefix_ignoring_case(path, &base.path)?;
            let is_below = port == base.port && (base.path.is_empty() || below.starts_with('/'));
            is_below.then(|| below.trim_start_matches('/'))
        });
        below.min_by_key(|path| path.len())
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Type and id of a path below a base: `{type}/{id}`, with or without a version.
fn literal(path: &str) -> Option<(&str, &str)> {
    if path.contains(['#', '?']) {
        return None;
    }
    let mut segments = path.split('/');
    let (resource_type, id) = (segments.next()?, segments.next()?);
    let is_whole = match segments.next() {
        None => true,
        Some("_history") => segments.next().is_some() && segments.next().is_none(),
        Some(_) => false,
    };
    (is_whole && is_type_name(resource_type) && !matches!(id, "" | "." | ".."))
        .then_some((resource_type, id))
}

/// The type at the end of the URL of a resource of another server.
fn last_type(path: &str) -> Option<&str> {
    let path = path.split(['?', '#']).next()?;
    let path = path.split_once("/_history/").map_or(path, |(path, _)| path);
    let mut segments = path.trim_end_matches('/').rsplit('/');
    segments.nth(1).filter(|segment| is_type_name(segment))
}

/// Whether a resource type may have this name, in this version of FHIR or another one.
pub fn is_type_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(base: &str, aliases: &[&str]) -> ServerBases {
        let aliases: Vec<Url> = aliases.iter().map(|text| text.parse().unwrap()).collect();
        ServerBases::new(&base.parse().unwrap(), &aliases)
    }

    const HERE: Destination<'_> = Destination::Here { resource_type: "Location", id: "a-1" };

    #[test]
    fn relative_references_and_those_below_a_base_lead_here() {
        let (bases, none) = (bases("https://api.x.test/r4/", &[]), FullUrls::default());
        for text in [
            "Location/a-1",
            "/Location/a-1",
            "Location/a-1/_history/2",
            "https://api.x.test/r4/Location/a-1",
            "https://API.x.test/R4/Location/a-1",
            "http://api.x.test/r4/Location/a-1",
            "http://api.x.test:80/r4/Location/a-1",
            "https://api.x.test:443/r4//Location/a-1/_history/7",
        ] {
            assert_eq!(bases.resolve(text, &none), HERE, "{text}");
        }
        let odd = Destination::Here { resource_type: "Patient", id: " Ä|b " };
        assert_eq!(bases.resolve("Patient/ Ä|b ", &none), odd);
    }

    #[test]
    fn another_server_is_elsewhere_whatever_its_path() {
        let (bases, none) = (bases("https://api.x.test/r4", &[]), FullUrls::default());
        for text in [
            "https://other.test/r4/Location/a-1",
            "https://api.x.test/dstu2/Location/a-1",
            "https://api.x.test/r4x/Location/a-1",
            "https://api.x.test:8443/r4/Location/a-1/_history/2",
            "https://api.x.test.evil.test/r4/Location/a-1",
            "https://api.x.test@evil.test/r4/Location/a-1",
            "ftp://api.x.test/r4/Location/a-1",
        ] {
            let elsewhere = Destination::Elsewhere { resource_type: Some("Location") };
            assert_eq!(bases.resolve(text, &none), elsewhere, "{text}");
        }
        let unnamed = Destination::Elsewhere { resource_type: None };
        assert_eq!(bases.resolve("https://Location/a-1", &none), unnamed);
        assert_eq!(bases.resolve("https://other.test/r4", &none), unnamed);
    }

    #[test]
    fn what_names_no_resource_is_unknown() {
        let (bases, none) = (bases("https://api.x.test/r4", &[]), FullUrls::default());
        for text in [
            "urn:uuid:0a-1",
            "urn:oid:1.2.3",
            "Location/a-1#x",
            "Location?identifier=1",
            "https://api.x.test/r4/Location?identifier=1",
            "https://api.x.test/r4/",
            "Location/..",
            "Location/",
            "location/1",
            "Location/1/2",
            "a/Location/1",
            "Medicare",
            "",
        ] {
            assert_eq!(bases.resolve(text, &none), Destination::Unknown, "{text}");
        }
        assert_eq!(bases.resolve("#p", &none), Destination::Contained { id: "p" });
    }

    #[test]
    fn an_alias_is_this_server_at_its_own_path_or_at_the_bases() {
        let aliases = ["http://inside.test:8080", "https://proxy.test/fhir/v1"];
        let (bases, none) = (bases("https://api.x.test/r4", &aliases), FullUrls::default());
        assert_eq!(bases.resolve("http://inside.test:8080/r4/Location/a-1", &none), HERE);
        assert_eq!(bases.resolve("https://proxy.test/fhir/v1/Location/a-1", &none), HERE);
        for text in ["https://proxy.test/r4/Location/a-1", "http://inside.test/r4/Location/a-1"] {
            let elsewhere = Destination::Elsewhere { resource_type: Some("Location") };
            assert_eq!(bases.resolve(text, &none), elsewhere, "{text}");
        }
    }

    #[test]
    fn of_two_bases_of_which_one_is_below_the_other_the_longer_one_counts() {
        let none = FullUrls::default();
        let below = ["https://api.x.test/r4/clinical"];
        for bases in
            [bases("https://api.x.test/r4", &below), bases(below[0], &["https://api.x.test/r4"])]
        {
            for text in [
                "https://api.x.test/r4/Location/a-1",
                "https://api.x.test/r4/clinical/Location/a-1",
            ] {
                assert_eq!(bases.resolve(text, &none), HERE, "{text}");
            }
            let unknown = bases.resolve("https://api.x.test/r4/other/Location/a-1", &none);
            assert_eq!(unknown, Destination::Unknown);
        }
    }

    #[test]
    fn a_full_url_of_the_bundle_leads_to_its_resource_unless_two_share_it() {
        let bases = bases("https://api.x.test/r4", &[]);
        let mut bundle = FullUrls::default();
        bundle.note("urn:uuid:0A-1", "Location", "a-1");
        bundle.note("https://other.test/fhir/Location/9", "Location", "a-1");
        bundle.note("urn:uuid:2", "Location", "a-1");
        bundle.note("urn:uuid:2", "Location", "a-2");
        for text in ["urn:uuid:0a-1", "https://other.test/fhir/Location/9/_history/3"] {
            assert_eq!(bases.resolve(text, &bundle), HERE, "{text}");
        }
        assert_eq!(bases.resolve("urn:uuid:2", &bundle), Destination::Unknown);
        let mut named = FullUrls::default();
        for text in ["urn:uuid:0a-1", "urn:uuid:2", "urn:uuid:3", "Location/9"] {
            named.take(&bundle, text);
        }
        let kept = named.to_text();
        assert_eq!(kept, r#"{"urn:uuid:0a-1":"Location/a-1"}"#);
        assert_eq!(FullUrls::from_text(&kept), named);
        assert_eq!(bases.within(named).here("urn:uuid:0A-1"), Some(("Location", "a-1")));
        assert_eq!(bases.here("urn:uuid:0a-1"), None);
    }

    #[test]
    fn bases_are_kept_as_a_line_of_text() {
        for (base, aliases) in [
            ("https://api.x.test/r4", &[][..]),
            ("https://api.x.test:8443/", &["http://10.0.0.1:8080/fhir", "https://y.test"]),
            ("http://[::1]:80/r4", &["http://[::1]:81/"]),
        ] {
            let known = bases(base, aliases);
            assert_eq!(ServerBases::from_text(&known.to_text()), known, "{}", known.to_text());
        }
        assert_eq!(ServerBases::from_text(""), ServerBases::default());
        let none = ServerBases::default();
        assert_eq!(none.here("Patient/1"), Some(("Patient", "1")));
        assert_eq!(none.here("https://api.x.test/r4/Patient/1"), None);
    }
}
