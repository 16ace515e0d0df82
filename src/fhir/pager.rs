//! Follows links from page to page, without ever leaving the origin or going in a circle.
//!
//! A `next` link is opaque: its parameters are never read or changed. It is only resolved against the page
//! that has it, and compared with the URLs that were asked for already.

use super::{
    bundle::{Bundle, SearchMode},
    last_link::{Behind, behind},
    next_link::{Next, UnusableNext},
    search_rule::is_everything,
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

/// The number of pages in a row without an entry after which a walk is given up.
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
    /// Whether a link of an earlier page led to the first one, so that the server does link pages.
    is_linked: bool,
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
        /// The origin that the walk is at.
        expected: Origin,
        /// The origin that the link leads to.
        found: String,
    },
    /// The link leads to a page that was asked for already.
    #[error("the next page is one that was asked for already")]
    Loop,
    /// There were too many empty pages in a row.
    #[error("{MAX_EMPTY_PAGES} pages in a row had no entry and named a next page")]
    OnlyEmptyPages,
    /// The link is not a URL.
    #[error("the next page's link is not a URL")]
    NotAUrl,
    /// A `next` link names no URL, or a link may be a `next` link.
    #[error("{0}, so it is not certain that this is the last page")]
    Unusable(#[from] UnusableNext),
    /// The first page may be cut, and without links or a total nothing tells whether it is the last.
    #[error(
        "the page holds as many resources as were asked for, or a round number of them, and has neither \
         links nor a total, so it is not certain that this is the last page"
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
    /// A link to one of the `proxied` origins is taken for a link to the walk's own origin: some servers
    /// behind a proxy write links with their internal host name.
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
            is_linked: false,
            empty_pages: 0,
        };
        pager.ask(first);
        Ok(pager)
    }

    /// Begins at a URL that a page of an earlier run linked to.
    ///
    /// # Errors
    /// The URL has no origin.
    pub fn resumed(first: &Url, proxied: &[Origin]) -> Result<Pager, OriginError> {
        Ok(Pager { is_linked: true, ..Pager::new(first, proxied)? })
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
    /// A link must not be followed, or the first page may be cut and has no links at all.
    pub fn last(&mut self, page: &Url, bundle: &Bundle) -> Result<Option<LastPage>, PagingError> {
        if self.asked.len() == 1 && !self.is_linked && may_be_cut(page, bundle) {
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

/// Whether a page has as many matches as `_count` asked for, or as a server may send at most, and nothing
/// that tells whether there are more.
///
/// Some servers page by an offset that their answers never name (Humana's samples have no links), and some
/// send fewer than asked for. Such limits are round numbers.
fn may_be_cut(page: &Url, bundle: &Bundle) -> bool {
    let asked = |name: &str| page.query_pairs().find(|(key, _)| key == name);
    let count: Option<usize> = asked("_count").and_then(|(_, count)| count.parse().ok());
    let matches = matches(bundle);
    let is_full = count == Some(matches);
    // A Patient's $everything comes on one page at many servers, however long it is.
    let is_round = matches >= 10
        && matches.is_multiple_of(5)
        && !is_everything(page)
        && count.is_none_or(|count| count > matches);
    bundle.total.is_none()
        && bundle.self_link.is_none()
        && bundle.last.is_none()
        && asked("_id").is_none()
        && (is_full || is_round)
}

/// The number of resources on a page that the search has found.
fn matches(bundle: &Bundle) -> usize {
    bundle.entries.iter().filter(|entry| entry.mode == SearchMode::Match).count()
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
#[path = "pager_tests.rs"]
mod tests;
