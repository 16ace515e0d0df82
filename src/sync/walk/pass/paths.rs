//! Links that lead to another path than the walk's own, as behind a gateway that adds or strips a part.
//!
//! Such a link is followed as it is. If the plan refuses it before any page has come from there, the same
//! search is asked for under the walk's own path, once. If that works, later links are also followed under
//! that path.

use crate::fhir::FetchError;
use url::Url;

/// What is known of links to another path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewhere {
    Unknown,
    /// A page came from another path.
    Works,
    /// The plan knows nothing there, and the walk's own path is being tried.
    Tried,
    /// Pages come from the walk's own path instead.
    Replaced,
}

/// The paths of a pass.
#[derive(Debug)]
pub(super) struct Paths {
    own: Url,
    elsewhere: Elsewhere,
}

impl Paths {
    /// The paths of a walk that begins at `start`.
    pub(super) fn new(start: &Url) -> Paths {
        Paths { own: start.clone(), elsewhere: Elsewhere::Unknown }
    }

    /// The URL by which a link's page is asked for.
    pub(super) fn of_link(&self, url: &Url) -> Url {
        match self.elsewhere {
            Elsewhere::Replaced if self.is_elsewhere(url) => self.at_own_path(url),
            _ => url.clone(),
        }
    }

    /// Notes that a page came from a URL.
    pub(super) fn came(&mut self, asked: &Url) {
        self.elsewhere = match self.elsewhere {
            Elsewhere::Unknown if self.is_elsewhere(asked) => Elsewhere::Works,
            Elsewhere::Tried => Elsewhere::Replaced,
            known => known,
        };
    }

    /// The URL to ask in place of a link that was refused, if the walk's own path was not tried yet.
    pub(super) fn instead(&mut self, asked: &Url, error: &FetchError) -> Option<Url> {
        let is_untried = self.elsewhere == Elsewhere::Unknown;
        (is_unknown(error) && is_untried && self.is_elsewhere(asked)).then(|| {
            self.elsewhere = Elsewhere::Tried;
            self.at_own_path(asked)
        })
    }

    /// Whether the plan knew the page neither where the link leads nor under the walk's own path.
    ///
    /// A gateway that refuses both may do so for a while, as a firewall does if requests come too fast.
    pub(super) fn is_lost(&self, error: &FetchError) -> bool {
        is_unknown(error) && !error.is_blocked() && self.elsewhere == Elsewhere::Tried
    }

    /// Whether a URL searches the same type under another path.
    fn is_elsewhere(&self, url: &Url) -> bool {
        let (own, other) = (parts(&self.own), parts(url));
        own.last() == other.last() && own != other
    }

    fn at_own_path(&self, url: &Url) -> Url {
        let mut moved = url.clone();
        moved.set_path(self.own.path());
        moved
    }
}

/// Whether the plan knows nothing at this path; gateways say so by several statuses.
///
/// A token that is refused, a consent that is over and a plan that throttles say nothing about the path.
fn is_unknown(error: &FetchError) -> bool {
    matches!(error.status(), Some(400 | 403 | 404 | 405 | 410)) && !error.is_grant_gone()
}

/// The parts of a path in lower case, since some servers write them in another case.
fn parts(url: &Url) -> Vec<String> {
    let path = url.path().to_ascii_lowercase();
    path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::SafeUrl;

    #[test]
    fn a_gateway_that_refuses_a_page_has_it_asked_for_at_the_own_path_and_loses_no_link() {
        let url = |text: &str| Url::parse(text).unwrap();
        let refused = |is_web_page| FetchError::Status {
            status: 403,
            url: SafeUrl::from(&url("https://x.test/r4/Coverage")),
            outcome: None,
            grant_gone: false,
            brings_resource: false,
            is_web_page,
            is_open: false,
        };
        for is_web_page in [false, true] {
            let error = refused(is_web_page);
            let mut paths = Paths::new(&url("https://x.test/gateway/r4/Coverage"));
            assert!(paths.instead(&url("https://x.test/r4/Coverage?p=2"), &error).is_some());
            assert_eq!(paths.is_lost(&error), !is_web_page);
        }
    }

    #[test]
    fn another_path_is_one_that_searches_the_same_type() {
        let url = |text: &str| Url::parse(text).unwrap();
        let paths = Paths::new(&url("https://x.test/gateway/r4/Coverage?_count=10"));
        for (link, is_elsewhere) in [
            ("https://x.test/r4/Coverage?p=2", true),
            ("https://x.test/other/gateway/r4/Coverage?p=2", true),
            ("https://x.test/gateway/r4/Coverage?p=2", false),
            ("https://x.test/Gateway/R4/coverage/?p=2", false),
            // A session of a search, and pages that are no searches.
            ("https://x.test/gateway/r4?_getpages=7", false),
            ("https://x.test/r4/Bundle?p=2", false),
        ] {
            assert_eq!(paths.is_elsewhere(&url(link)), is_elsewhere, "{link}");
        }
        let moved = paths.at_own_path(&url("https://x.test/r4/Coverage?p=2"));
        assert_eq!(moved.as_str(), "https://x.test/gateway/r4/Coverage?p=2");
    }
}
