//! From page to page, without ever leaving the origin or going in a circle.
//!
//! A `next` link is opaque: its parameters are never read or changed. It is only resolved against
//! the page it stands on and compared with what has been asked for already.

use super::{
    bundle::{Bundle, Entry, SearchMode},
    last_link::{Behind, behind},
    next_link::{Next, UnusableNext},
};
use crate::{
    http::{Origin, OriginError},
    r4::is_r4_type,
};
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};
use url::Url;

/// Pages without an entry, in a row, after which a walk is given up.
const MAX_EMPTY_PAGES: u32 = 100;

/// Follows the links of one walk.
pub struct Pager {
    origin: Origin,
    /// The resource type at the end of the first URL's path.
    resource_type: Option<String>,
    /// Origins by which the server calls itself behind a proxy, as configured.
    proxied: Vec<Origin>,
    hasher: RandomState,
    asked: HashSet<u64>,
    empty_pages: u32,
}

/// The last page, named by an earlier page that has no link to the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPage {
    /// The URL of the last page.
    pub url: Url,
    /// Whether the last page is the next page; if not, there may be others before it.
    pub is_next: bool,
}

/// Why a page's `next` is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PagingError {
    /// The link leads to another origin. Nothing was sent there.
    #[error("the next page is at {found}, but the plan is at {expected}; nothing was sent there")]
    ForeignOrigin {
        /// Where the walk is.
        expected: Origin,
        /// Where the link leads.
        found: String,
    },
    /// The link leads to a page that was asked for already.
    #[error("the next page is one that was asked for already")]
    Loop,
    /// There were too many empty pages in a row.
    #[error("{MAX_EMPTY_PAGES} pages in a row had no entry and named a next one")]
    OnlyEmptyPages,
    /// The link is no URL.
    #[error("the next page's link is not a URL")]
    NotAUrl,
    /// A `next` link names no URL, or a link may be a `next` link.
    #[error("{0}, so it is not certain that this is the last page")]
    Unusable(#[from] UnusableNext),
    /// The first page is full, and without links or a total nothing tells whether it is the last.
    #[error(
        "the page holds as many resources as were asked for, and has neither links nor a total, so it \
         is not certain that this is the last page"
    )]
    Unlinked,
    /// Several links lead to different pages.
    #[error("the page names different next pages")]
    Ambiguous,
    /// The link leads to a search of other resources.
    #[error("the link to the next page leads to another resource type")]
    OtherType,
}

impl Pager {
    /// Begins at a URL, which counts as asked for.
    ///
    /// A link to one of the `proxied` origins is taken for a link to the walk's own: some servers
    /// behind a proxy name the host that they know themselves by.
    ///
    /// # Errors
    /// The URL has no origin.
    pub fn new(first: &Url, proxied: &[Origin]) -> Result<Pager, OriginError> {
        let mut pager = Pager {
            origin: Origin::of(first)?,
            resource_type: type_of(first).map(str::to_owned),
            proxied: proxied.to_vec(),
            hasher: RandomState::new(),
            asked: HashSet::new(),
            empty_pages: 0,
        };
        pager.ask(first);
        Ok(pager)
    }

    /// Where the page's links to the next page lead; `None` on the last page.
    ///
    /// # Errors
    /// A link cannot or must not be followed, or links lead to different pages.
    pub fn follow(&mut self, page: &Url, next: &Next) -> Result<Option<Url>, PagingError> {
        let links = match next {
            Next::None => return Ok(None),
            Next::Unusable(why) => return Err((*why).into()),
            Next::Links(links) => links,
        };
        let mut found = None;
        for link in links {
            let url = self.resolve(page, link)?;
            if found.as_ref().is_some_and(|found| *found != url) {
                return Err(PagingError::Ambiguous);
            }
            found = Some(url);
        }
        match found {
            Some(url) if !self.ask(&url) => Err(PagingError::Loop),
            found => Ok(found),
        }
    }

    /// The last page, if a page without a link to the next one names a later last page that was not asked
    /// for yet.
    ///
    /// # Errors
    /// A link must not be followed, or the first page is full and has no links at all.
    pub fn last(&mut self, page: &Url, bundle: &Bundle) -> Result<Option<LastPage>, PagingError> {
        if self.asked.len() == 1 && is_full_without_links(page, bundle) {
            return Err(PagingError::Unlinked);
        }
        let Some(link) = &bundle.last else { return Ok(None) };
        let self_link = bundle.self_link.as_deref().and_then(|link| resolve(page, link));
        let entries = bundle.entries.len();
        let behind =
            resolve(page, link).and_then(|last| behind(&last, page, self_link.as_ref(), entries));
        let Some(behind) = behind else { return Ok(None) };
        let url = self.resolve(page, link)?;
        let is_new = self.ask(&url);
        Ok(is_new.then_some(LastPage { url, is_next: behind == Behind::Next }))
    }

    /// The URL of a link on the walk's own origin.
    fn resolve(&self, page: &Url, link: &str) -> Result<Url, PagingError> {
        let mut url = resolve(page, link).ok_or(PagingError::NotAUrl)?;
        if Origin::of(&url).is_ok_and(|origin| self.proxied.contains(&origin)) {
            url = at_origin_of(&url, page);
        }
        // Only the token authenticates the walk, and URLs are stored: no password may be in them.
        let is_plain = url.set_username("").is_ok() && url.set_password(None).is_ok();
        match Origin::of(&url) {
            Ok(_) if !is_plain => Err(PagingError::NotAUrl),
            Ok(origin) if origin == self.origin => match (&self.resource_type, type_of(&url)) {
                // A page of a search may have the path of a Bundle.
                (Some(ours), Some(other)) if ours != other && other != "Bundle" => {
                    Err(PagingError::OtherType)
                }
                _ => Ok(url),
            },
            Ok(origin) => Err(PagingError::ForeignOrigin {
                expected: self.origin.clone(),
                found: origin.to_string(),
            }),
            Err(_) => Err(PagingError::NotAUrl),
        }
    }

    /// Notes whether a page was empty.
    ///
    /// # Errors
    /// There were too many empty pages in a row.
    pub fn arrived(&mut self, is_empty: bool) -> Result<(), PagingError> {
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        if self.empty_pages >= MAX_EMPTY_PAGES { Err(PagingError::OnlyEmptyPages) } else { Ok(()) }
    }

    /// Notes a URL; false when it was asked for already. The fragment never reaches the server.
    fn ask(&mut self, url: &Url) -> bool {
        let mut url = url.clone();
        url.set_fragment(None);
        self.asked.insert(self.hasher.hash_one(url.as_str()))
    }
}

/// Whether a page has as many matches as `_count` asked for, and nothing that tells whether there are more.
///
/// Some servers page by an offset that their answers never name (Humana's samples have no links).
fn is_full_without_links(page: &Url, bundle: &Bundle) -> bool {
    let asked = |name: &str| page.query_pairs().find(|(key, _)| key == name);
    let count: Option<usize> = asked("_count").and_then(|(_, count)| count.parse().ok());
    let is_match = |entry: &&Entry| entry.mode == SearchMode::Match;
    bundle.total.is_none()
        && bundle.self_link.is_none()
        && bundle.last.is_none()
        && asked("_id").is_none()
        && count.is_some_and(|count| count == bundle.entries.iter().filter(is_match).count())
}

/// Resolves a link as real servers write it: absolute, relative, or `host/path` without a scheme.
fn resolve(page: &Url, link: &str) -> Option<Url> {
    let link = link.trim();
    if let Some(authority) = authority(page)
        && let Some(rest) = link.strip_prefix(&authority)
        && (rest.is_empty() || rest.starts_with(['/', '?']))
    {
        return Url::parse(&format!("{}://{authority}{rest}", page.scheme())).ok();
    }
    page.join(link).ok()
}

/// The path and query of a URL at the origin of another URL.
fn at_origin_of(url: &Url, origin: &Url) -> Url {
    let mut moved = origin.clone();
    moved.set_path(url.path());
    moved.set_query(url.query());
    moved.set_fragment(None);
    moved
}

/// The resource type at the end of a path.
fn type_of(url: &Url) -> Option<&str> {
    url.path().trim_end_matches('/').rsplit('/').next().filter(|last| is_r4_type(last))
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn follow(pager: &mut Pager, page: &Url, links: &[&str]) -> Result<Url, PagingError> {
        let links = links.iter().map(|link| (*link).to_owned()).collect();
        pager.follow(page, &Next::Links(links)).map(Option::unwrap)
    }

    #[test]
    fn links_are_resolved_against_the_page_they_stand_on() {
        let page = url("https://api.x.test/r4/Coverage?_count=10");
        for (link, expected) in [
            (
                "https://api.x.test/fhir/r4/Coverage?_after=1",
                "https://api.x.test/fhir/r4/Coverage?_after=1",
            ),
            ("?_after=2", "https://api.x.test/r4/Coverage?_after=2"),
            ("Coverage?_after=3", "https://api.x.test/r4/Coverage?_after=3"),
            ("/r4/coverage?_after=4", "https://api.x.test/r4/coverage?_after=4"),
            ("//api.x.test/r4/Coverage?_after=5", "https://api.x.test/r4/Coverage?_after=5"),
            ("api.x.test/r4/Coverage?_after=6", "https://api.x.test/r4/Coverage?_after=6"),
            (
                "https://API.x.test:443/r4/Coverage?_after=7",
                "https://api.x.test/r4/Coverage?_after=7",
            ),
        ] {
            let mut pager = Pager::new(&page, &[]).unwrap();
            assert_eq!(follow(&mut pager, &page, &[link]).unwrap().as_str(), expected, "{link}");
        }
    }

    #[test]
    fn another_origin_is_never_followed() {
        let page = url("https://api.x.test/r4/Coverage");
        for link in [
            "https://evil.test/r4/Coverage?_after=1",
            "http://api.x.test/r4/Coverage?_after=1",
            "https://api.x.test:8443/r4/Coverage?_after=1",
            "//evil.test/r4/Coverage",
            "https://api.x.test@evil.test/",
            "https:\\\\evil.test/",
        ] {
            let error = follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap_err();
            assert!(matches!(error, PagingError::ForeignOrigin { .. }), "{link}: {error:?}");
        }
        for link in ["ftp://api.x.test/", "data:,x", "javascript:alert(1)", "http://"] {
            let error = follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap_err();
            assert_eq!(error, PagingError::NotAUrl, "{link}");
        }
    }

    #[test]
    fn a_password_in_a_link_goes_no_further() {
        let page = url("https://api.x.test/r4/Coverage");
        let link = "https://member:secret@api.x.test/r4/Coverage?_after=1";
        let next = follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap();
        assert_eq!(next.as_str(), "https://api.x.test/r4/Coverage?_after=1");
    }

    #[test]
    fn the_search_of_another_type_is_not_the_next_page() {
        let page = url("https://api.x.test/r4/Coverage");
        for link in ["/r4/Patient?_after=1", "ExplanationOfBenefit", "/r4/Patient/?_after=1"] {
            let error = follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap_err();
            assert_eq!(error, PagingError::OtherType, "{link}");
        }
        for link in ["/r4?_getpages=1", "/r4/Bundle?page=2", "/r4/Patient/7/Coverage?page=2"] {
            follow(&mut Pager::new(&page, &[]).unwrap(), &page, &[link]).unwrap();
        }
        let of_no_type = url("https://api.x.test/r4/page/7");
        let mut pager = Pager::new(&of_no_type, &[]).unwrap();
        follow(&mut pager, &of_no_type, &["/r4/Coverage?page=2"]).unwrap();
    }

    #[test]
    fn a_configured_proxy_is_followed_at_the_walks_own_origin() {
        let page = url("https://api.x.test/r4/Coverage");
        let proxied = ["http://internal:8080".parse().unwrap()];
        let mut pager = Pager::new(&page, &proxied).unwrap();
        let next =
            follow(&mut pager, &page, &["http://internal:8080/r4/Coverage?_after=1"]).unwrap();
        assert_eq!(next.as_str(), "https://api.x.test/r4/Coverage?_after=1");
        let error =
            follow(&mut pager, &page, &["http://internal:8081/r4/Coverage?_after=2"]).unwrap_err();
        assert!(matches!(error, PagingError::ForeignOrigin { .. }));
    }

    #[test]
    fn a_circle_is_noticed_whatever_its_length() {
        let first = url("https://api.x.test/r4/Coverage?_count=10");
        let mut pager = Pager::new(&first, &[]).unwrap();
        let second = follow(&mut pager, &first, &["?_after=1"]).unwrap();
        let third = follow(&mut pager, &second, &["?_after=2"]).unwrap();
        assert_eq!(follow(&mut pager, &third, &["?_after=1"]), Err(PagingError::Loop));
        assert_eq!(follow(&mut pager, &third, &["?_after=2#again"]), Err(PagingError::Loop));
        assert_eq!(follow(&mut pager, &third, &[first.as_str()]), Err(PagingError::Loop));
    }

    #[test]
    fn some_empty_pages_are_passed_and_too_many_in_a_row_are_the_end() {
        let mut pager = Pager::new(&url("https://api.x.test/r4/Coverage"), &[]).unwrap();
        pager.arrived(true).unwrap();
        pager.arrived(false).unwrap();
        let empty = (1..).find(|_| pager.arrived(true).is_err());
        assert_eq!(empty, Some(MAX_EMPTY_PAGES));
    }

    #[test]
    fn a_full_first_page_that_says_nothing_of_others_is_no_last_one() {
        let first = url("https://api.x.test/r4/Coverage?_count=2");
        let of = |members: &str, entries: &str| {
            let text = format!(r#"{{"resourceType":"Bundle"{members},"entry":[{entries}]}}"#);
            Bundle::index(text.as_bytes()).unwrap()
        };
        let last = |page: &str, bundle: &Bundle| {
            Pager::new(&first, &[]).unwrap().last(&url(page), bundle).map(|last| last.is_some())
        };
        const TWO: &str = r#"{"resource":{"id":"a"}},{"resource":{"id":"b"}}"#;
        assert_eq!(last(first.as_str(), &of("", TWO)), Err(PagingError::Unlinked));
        // What is not a match does not fill a page.
        let along =
            r#"{"resource":{"id":"a"}},{"resource":{"id":"b"},"search":{"mode":"include"}}"#;
        assert_eq!(last(first.as_str(), &of("", along)), Ok(false));
        let more = format!(r#"{along},{{"resource":{{"id":"c"}}}}"#);
        assert_eq!(last(first.as_str(), &of("", &more)), Err(PagingError::Unlinked));
        for told in [
            r#","total":2"#,
            r#","link":[{"relation":"self","url":"?_count=2"}]"#,
            r#","link":[{"relation":"last","url":"?_count=2"}]"#,
        ] {
            assert_eq!(last(first.as_str(), &of(told, TWO)), Ok(false), "{told}");
        }
        for page in ["?_count=3", "?_count=1", "?_id=a,b&_count=2", "", "?_count=two"] {
            let page = format!("https://api.x.test/r4/Coverage{page}");
            assert_eq!(last(&page, &of("", TWO)), Ok(false), "{page}");
        }
        // After a link that was followed, the page without a link is the last.
        let mut pager = Pager::new(&first, &[]).unwrap();
        let second = follow(&mut pager, &first, &["?_count=2&_after=b"]).unwrap();
        assert_eq!(pager.last(&second, &of("", TWO)), Ok(None));
    }

    #[test]
    fn several_links_are_followed_where_they_lead_to_one_page() {
        let page = url("https://api.x.test/r4/Coverage?_count=10");
        let mut pager = Pager::new(&page, &[]).unwrap();
        let same = ["?_after=1", "Coverage?_after=1", "https://API.x.test/r4/Coverage?_after=1"];
        let next = follow(&mut pager, &page, &same).unwrap();
        assert_eq!(next.as_str(), "https://api.x.test/r4/Coverage?_after=1");
        let other = ["?_after=2", "?_after=3"];
        assert_eq!(follow(&mut pager, &page, &other), Err(PagingError::Ambiguous));
        let unusable = Next::Unusable(UnusableNext::NoUrl);
        assert_eq!(pager.follow(&page, &unusable), Err(UnusableNext::NoUrl.into()));
        assert_eq!(pager.follow(&page, &Next::None), Ok(None));
    }
}
