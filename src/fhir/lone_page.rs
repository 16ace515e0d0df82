//! A first page without links or a total, and the requests that show whether it is the last page.

use super::{
    bundle::{Bundle, Entry, SearchMode},
    client::Page,
};
use std::borrow::Cow;
use url::Url;

/// Parameters by which servers page that never link their pages.
pub const OFFSETS: [&str; 2] = ["_offset", "_skip"];

/// A first page that may be cut, and that has neither links nor a total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LonePage {
    url: Url,
    /// The bytes of the resources that the search has found; at least two.
    matches: Vec<Vec<u8>>,
}

impl LonePage {
    /// Reads a page; `None` if it has fewer than two resources, so that no shorter page can be asked for.
    pub fn of(page: &Page) -> Option<LonePage> {
        let matches = matches(&page.body, &page.bundle);
        (matches.len() >= 2).then(|| LonePage { url: page.url.clone(), matches })
    }

    /// The search for one resource fewer than the page holds.
    ///
    /// If its answer has a link to a next page, the server links pages, and a page without a link is the
    /// last.
    pub fn for_one_fewer(&self) -> Url {
        self.with("_count", true)
    }

    /// The search from the page's last resource on, by one of the [`OFFSETS`].
    pub fn from_its_last(&self, offset: &str) -> Url {
        self.with(offset, false)
    }

    /// Whether the search from the last resource on has brought that resource alone. The server then pages by
    /// the offset, and has nothing after the page.
    pub fn is_ended_by(&self, answer: &Page) -> bool {
        let found = matches(&answer.body, &answer.bundle);
        answer.bundle.next.is_none() && found.len() == 1 && found.last() == self.matches.last()
    }

    /// Whether an answer is the same page again, so that the server does not look at the parameter.
    pub fn is_repeated_by(&self, answer: &Page) -> bool {
        answer.bundle.next.is_none() && matches(&answer.body, &answer.bundle) == self.matches
    }

    /// Whether the page holds exactly as many resources as were asked for.
    pub fn is_as_long_as_asked(&self) -> bool {
        let length = self.matches.len().to_string();
        self.url.query_pairs().any(|(name, value)| name == "_count" && value == length)
    }

    /// The page's search with one less than its length as a parameter.
    fn with(&self, parameter: &str, replaces: bool) -> Url {
        let kept: Vec<(String, String)> = self
            .url
            .query_pairs()
            .filter(|(name, _)| !replaces || name != parameter)
            .map(owned)
            .collect();
        let fewer = (self.matches.len() - 1).to_string();
        let mut url = self.url.clone();
        url.query_pairs_mut().clear().extend_pairs(kept).append_pair(parameter, &fewer);
        url
    }
}

fn owned((name, value): (Cow<'_, str>, Cow<'_, str>)) -> (String, String) {
    (name.into_owned(), value.into_owned())
}

/// The bytes of the resources that the search has found.
fn matches(body: &[u8], bundle: &Bundle) -> Vec<Vec<u8>> {
    let found = bundle.entries.iter().filter(|entry| entry.mode == SearchMode::Match);
    let range = |entry: &Entry| entry.resource.clone().unwrap_or_else(|| entry.range.clone());
    found.map(|entry| body[range(entry)].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str, ids: &[&str], more: &str) -> Page {
        let entries: Vec<String> =
            ids.iter().map(|id| format!(r#"{{"resource":{{"id":"{id}"}}}}"#)).collect();
        let text = format!(r#"{{"resourceType":"Bundle"{more},"entry":[{}]}}"#, entries.join(","));
        let url = format!("https://api.x.test/r4/Goal{query}");
        Page {
            url: url.parse().unwrap(),
            bundle: Bundle::index(text.as_bytes()).unwrap(),
            body: text.into(),
            date: None,
            age: None,
        }
    }

    #[test]
    fn a_shorter_page_and_the_last_resource_of_the_same_search_are_asked_for() {
        for (query, shorter, from_last) in [
            (
                "?_count=3&patient=a%2Cb",
                "?patient=a%2Cb&_count=2",
                "?_count=3&patient=a%2Cb&_skip=2",
            ),
            ("?patient=7", "?patient=7&_count=2", "?patient=7&_skip=2"),
            ("", "?_count=2", "?_skip=2"),
        ] {
            let url = |query: &str| format!("https://api.x.test/r4/Goal{query}");
            let lone = LonePage::of(&page(query, &["a", "b", "c"], "")).unwrap();
            assert_eq!(lone.for_one_fewer().as_str(), url(shorter));
            assert_eq!(lone.from_its_last("_skip").as_str(), url(from_last));
        }
        assert_eq!(LonePage::of(&page("", &["a"], "")), None);
    }

    #[test]
    fn only_the_last_resource_alone_shows_the_end() {
        let lone = LonePage::of(&page("?_count=3", &["a", "b", "c"], "")).unwrap();
        let next = r#","link":[{"relation":"next","url":"?p=2"}]"#;
        for (ids, more, ends, repeats) in [
            (&["c"][..], "", true, false),
            (&["c"], next, false, false),
            (&["a"], "", false, false),
            (&["c", "d", "e"], "", false, false),
            (&[], "", false, false),
            (&["a", "b", "c"], "", false, true),
            (&["a", "b", "c"], next, false, false),
        ] {
            let answer = page("", ids, more);
            assert_eq!(lone.is_ended_by(&answer), ends, "{ids:?} {more}");
            assert_eq!(lone.is_repeated_by(&answer), repeats, "{ids:?} {more}");
        }
        assert!(lone.is_as_long_as_asked());
        let longer = LonePage::of(&page("?_count=9", &["a", "b", "c"], "")).unwrap();
        assert!(!longer.is_as_long_as_asked());
    }
}
