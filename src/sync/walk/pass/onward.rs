//! Reads from a page where the pass goes on.

use crate::{
    fhir::{FetchError, LastPage, Page, Pager, PagingError},
    sync::walk::ending::{Ending, unlinked},
    warehouse::Tally,
};
use url::Url;

/// Where a pass goes on after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Onward {
    /// Nowhere: it was the last page.
    End,
    Next(Url),
    /// No link leads to the next page, but the page names a last page that comes after it.
    Last(LastPage),
}

impl Onward {
    pub(super) fn of(page: &Page, pager: &mut Pager) -> Result<Onward, PagingError> {
        if page.bundle.next.is_none() {
            let last = pager.last(&page.url, &page.bundle)?;
            return Ok(last.map_or(Onward::End, Onward::Last));
        }
        pager.arrived(page.bundle.entries.is_empty())?;
        let next = pager.follow(&page.url, &page.bundle.next)?;
        Ok(next.map_or(Onward::End, Onward::Next))
    }

    /// The URL of the page to ask for.
    pub(super) fn url(&self) -> Option<&Url> {
        match self {
            Onward::End => None,
            Onward::Next(url) | Onward::Last(LastPage { url, .. }) => Some(url),
        }
    }

    /// The URL of the page to ask for, if that is surely the next page.
    pub(super) fn next(&self) -> Option<&Url> {
        self.url().filter(|_| !self.may_skip())
    }

    fn may_skip(&self) -> bool {
        matches!(self, Onward::Last(LastPage { is_next: false, .. }))
    }

    /// The end of the pass, if the answer at this URL, a page or an error, tells it.
    ///
    /// If the named last page is empty, the link to it counts wrong, and the pass is at its end, unless the
    /// total says that more should have come. If the plan does not know that page, the pass is at its end if
    /// the total says that everything has come. If that page brings something, pages before it may be
    /// missing.
    pub(super) fn end(&self, came: Result<&Page, &FetchError>, tally: &Tally) -> Option<Ending> {
        let is_end = match (self, came) {
            (Onward::Last(_), Ok(page)) if self.may_skip() => {
                let is_empty = page.bundle.entries.is_empty() && page.bundle.next.is_none();
                is_empty && tally.total_gap().is_none_or(|gap| gap == 0)
            }
            (Onward::Last(_), Err(error)) if is_unknown(error) => tally.total_gap() == Some(0),
            _ => return None,
        };
        Some(if is_end { Ending::LastPage } else { Ending::Open(unlinked()) })
    }
}

/// Whether the plan says that there is no such page.
fn is_unknown(error: &FetchError) -> bool {
    !error.is_grant_gone() && matches!(error.status(), Some(400 | 404 | 410 | 416 | 422))
}
