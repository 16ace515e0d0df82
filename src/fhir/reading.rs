//! Reads an answer as the kind of resource that was asked for, and tells whether asking again may bring more.

use super::{
    bundle::{Bundle, BundleError},
    outcome::Outcome,
};
use crate::{
    fingerprint::{Fingerprint, fingerprint},
    http::{Reading, Response, without_mark},
};

/// Whether an answer came from a cache. Gateways give the plan's own answers an age of 0.
pub(super) fn is_from_cache(response: &Response) -> bool {
    response.age.is_some_and(|age| !age.is_zero())
}

/// Whether the body of a 429 says that the member's data is still being loaded: the next run asks again.
pub(super) fn is_still_loading(body: &[u8]) -> bool {
    Outcome::parse(body).is_some_and(|outcome| outcome.is_still_loading())
}

/// Reads a page. Most answers that are not a page are asked for again, and may be a page then.
pub(super) fn page_or_final(response: &Response) -> Reading<Result<Bundle, BundleError>> {
    let page = Bundle::of_response(response);
    let is_final = match &page {
        Ok(_) | Err(BundleError::TooManyEntries) => true,
        Err(BundleError::Outcome(outcome)) => !outcome.is_transient(),
        Err(BundleError::NotJson | BundleError::NotASearchset) => false,
    };
    if is_final { Reading::Final(page) } else { Reading::AskAgain(page) }
}

/// Reads a whole body, and tells which resource it is.
pub(super) fn any_resource(response: &Response) -> Reading<Option<Fingerprint>> {
    match fingerprint(without_mark(&response.body)) {
        Ok(found) => Reading::Final(Some(found)),
        Err(_) => Reading::AskAgain(None),
    }
}

/// Takes the answer as it is.
pub(super) fn anything(_: &Response) -> Reading<()> {
    Reading::Final(())
}
