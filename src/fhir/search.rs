//! The first URL of a walk. Source: FHIR R4, RESTful search; 1upHealth "Pagination" (`_count`).

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use std::borrow::Cow;
use url::Url;

/// The search for a whole type: `{base}/{type}?_count={page_size}`; a `page_size` of 0 leaves out `_count`.
///
/// A Patient Access token is limited to its member already, so no patient parameter is sent unless a
/// [rule](super::SearchRule) or the plan's refusal asks for it.
pub fn type_search(base: &Url, resource_type: &str, page_size: u32) -> Url {
    let mut url = under(base, resource_type);
    if page_size > 0 {
        url.query_pairs_mut().append_pair("_count", &page_size.to_string());
    }
    url
}

/// A search without its `_count`; `None` if it has no `_count`.
pub fn without_count(search: &Url) -> Option<Url> {
    let is_count = |(name, _): &(Cow<'_, str>, Cow<'_, str>)| name == "_count";
    search.query_pairs().find(is_count)?;
    let kept: Vec<_> = search.query_pairs().filter(|pair| !is_count(pair)).collect();
    let mut url = search.clone();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
    Some(url)
}

/// A search limited to resources that changed at or after an instant (FHIR R4, search, `_lastUpdated`).
pub fn changed_since(search: &Url, since: DateTime<Utc>) -> Url {
    let mut url = search.clone();
    let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
    url.query_pairs_mut().append_pair("_lastUpdated", &format!("ge{since}"));
    url
}

/// A search limited to the days from `from` until before `to`; either end may be open (FHIR R4, search, date
/// prefixes).
///
/// The search has `lt` with the day after the last one, not `le` with the last one: a server that reads a
/// date as its midnight would leave out the events of the last day.
pub fn on_days(
    search: &Url,
    parameter: &str,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
) -> Url {
    let mut url = search.clone();
    for (prefix, day) in [("ge", from), ("lt", to)] {
        if let Some(day) = day {
            url.query_pairs_mut().append_pair(parameter, &format!("{prefix}{day}"));
        }
    }
    url
}

/// A path below the FHIR base, whether the base ends in a slash or not.
pub(super) fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    let joined = format!("{}/{path}", url.path().trim_end_matches('/'));
    url.set_path(&joined);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_may_end_in_a_slash() {
        for base in ["https://api.x.test/r4", "https://api.x.test/r4/"] {
            let url = type_search(&Url::parse(base).unwrap(), "Coverage", 100);
            assert_eq!(url.as_str(), "https://api.x.test/r4/Coverage?_count=100");
            let url = type_search(&Url::parse(base).unwrap(), "Coverage", 0);
            assert_eq!(url.as_str(), "https://api.x.test/r4/Coverage");
            assert_eq!(without_count(&url), None);
        }
    }

    #[test]
    fn a_search_without_count_keeps_all_else() {
        for (search, expected) in [
            ("?_count=10", ""),
            ("?patient=7&_count=10&category=a%2Cb", "?patient=7&category=a%2Cb"),
            ("?_count=10&_count=20&_sort=date", "?_sort=date"),
        ] {
            let url = |query| Url::parse(&format!("https://api.x.test/r4/Goal{query}")).unwrap();
            assert_eq!(without_count(&url(search)), Some(url(expected)), "{search}");
        }
    }
}
