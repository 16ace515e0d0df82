//! Whether a page's link to the last page leads to a later page.
//!
//! Servers write this link in their own way: with parameters that nobody asked for, in another order, or as
//! a link to the page itself. Only numbers are compared, each with the number of the same parameter in the
//! page's own URL or its self link. If nothing can be compared, the link is left alone.

use url::Url;

/// Larger numbers are sessions, dates or identifiers, and no positions.
const MOST: u64 = 10_000_000;
/// Longer URLs, in bytes, are not compared, since each parameter is looked up in the other URLs.
const LONGEST: usize = 8 << 10;

/// What a parameter counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// How many resources a page has.
    Size,
    /// Resources before the page.
    Resources,
    Pages,
    /// The parameter may count pages or resources, or something else.
    Unknown,
}

/// Where the last page is, seen from another page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// The last page is the next page.
    Next,
    /// There may be pages between the two.
    Further,
}

/// How far the last page is after `page`, which has `entries` entries.
///
/// `None` if it is not after that page, or if no number can be compared.
pub(super) fn behind(
    last: &Url,
    page: &Url,
    self_link: Option<&Url>,
    entries: usize,
) -> Option<Behind> {
    let urls = [Some(last), Some(page), self_link].into_iter().flatten();
    if urls.map(|url| url.as_str().len()).any(|length| length > LONGEST) {
        return None;
    }
    let entries = entries as u64;
    let mut found = None;
    for (name, value) in last.query_pairs() {
        let Some((prefix, number)) = numbered(&value) else { continue };
        let values = [Some(page), self_link].into_iter().flatten();
        let values: Vec<String> = values.filter_map(|url| value_of(url, &name)).collect();
        let of_same = |value: &String| {
            numbered(value).filter(|(its, _)| *its == prefix).map(|(_, number)| number)
        };
        let here = values.iter().filter_map(of_same).max();
        let step = match (here, counts(&name)) {
            (_, Counts::Size) => None,
            (Some(here), counts) => {
                number.checked_sub(here).filter(|step| *step > 0).and_then(|step| match counts {
                    // The number may be the position of the last resource.
                    Counts::Resources if step < entries => None,
                    Counts::Resources => Some(step == entries),
                    _ => Some(step == 1),
                })
            }
            (None, _) if !values.is_empty() || !prefix.is_empty() => None,
            // Only the URLs of pages after the first may name a position.
            (None, Counts::Resources) if number > 0 && number >= entries => Some(number == entries),
            // Some servers count from 0.
            (None, Counts::Pages) if number > 1 => Some(false),
            (None, _) => None,
        };
        found = match (found, step) {
            (found, None) => found,
            (None | Some(Behind::Next), Some(true)) => Some(Behind::Next),
            (_, Some(_)) => Some(Behind::Further),
        };
    }
    found
}

fn value_of(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(its, _)| its == name).map(|(_, value)| value.into_owned())
}

/// The number at the end of a value, and the text before it.
fn numbered(value: &str) -> Option<(&str, u64)> {
    let prefix = value.trim_end_matches(|character: char| character.is_ascii_digit());
    let number = value[prefix.len()..].parse().ok()?;
    (number <= MOST).then_some((prefix, number))
}

fn counts(name: &str) -> Counts {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match () {
        () if has(&["count", "size", "limit", "perpage"]) => Counts::Size,
        () if has(&["offset", "skip", "start", "from", "position"]) => Counts::Resources,
        // HAPI's session of a search.
        () if name == "getpages" => Counts::Unknown,
        () if has(&["page"]) || name == "p" => Counts::Pages,
        () if has(&["index"]) => Counts::Resources,
        () => Counts::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far the last page is after a page of ten entries.
    fn between(page: &str, itself: Option<&str>, last: &str) -> Option<Behind> {
        let base = Url::parse("https://x.test/r4/Coverage").unwrap();
        let url = |link: &str| base.join(link).unwrap();
        behind(&url(last), &url(page), itself.map(url).as_ref(), 10)
    }

    #[test]
    fn a_link_without_end_is_not_compared() {
        let long = format!("?page=5{}", "&a=1".repeat(200_000));
        assert_eq!(between("?page=3", None, &long), None);
        assert_eq!(between(&long, Some(&long), "?page=6"), None);
    }

    #[test]
    fn a_last_page_behind_this_one_is_told_by_its_number() {
        for (page, itself, last, expected) in [
            ("?page=3", None, "?page=4", Behind::Next),
            ("?page=3", None, "?page=5", Behind::Further),
            ("?_count=10", Some("?_count=10&page=1"), "?_count=10&page=2", Behind::Next),
            ("?_count=10", Some("?_count=10"), "?page=5&_count=10", Behind::Further),
            ("?_count=10", None, "?page=2", Behind::Further),
            ("?_offset=20", None, "?_offset=30", Behind::Next),
            ("?_offset=20", Some("?_count=10"), "?_offset=40", Behind::Further),
            ("?_count=10", Some("?_count=10&startIndex=0"), "?startIndex=10", Behind::Next),
            ("?_count=10", None, "?_getpages=a-b&_getpagesoffset=60", Behind::Further),
            ("?cursor=p3", None, "?cursor=p5", Behind::Further),
            ("?_ct=aaa&p=2", None, "/other/Coverage?_ct=bbb&p=3", Behind::Next),
        ] {
            assert_eq!(between(page, itself, last), Some(expected), "{page} {last}");
        }
    }

    #[test]
    fn a_calm_server_may_write_its_last_page_as_it_likes() {
        for (page, itself, last) in [
            ("?_count=10", None, "?_count=10"),
            ("?page=5&_count=10", None, "?_count=10&page=5"),
            ("?page=5", Some("?_count=10"), "/R4/Coverage/?_count=10&page=5"),
            // Blue Button.
            (
                "?patient=-20140000008325&_count=10",
                Some("Coverage/?_count=10&_format=json&patient=-20140000008325&startIndex=0"),
                "?_format=json&startIndex=0&_count=10&patient=-20140000008325",
            ),
            ("?_count=10", None, "?_count=50&page=1"),
            ("?_count=10", None, "?page=0"),
            ("?_count=10", None, "?_offset=0"),
            // The position of the last resource; a position before this page.
            ("?_offset=20", None, "?_offset=29"),
            ("?_offset=20", None, "?_offset=15"),
            // Sessions, dates and tokens.
            ("?_count=10", None, "?_getpages=4711&_getpagesoffset=0"),
            ("?_count=10", None, "?page=1764265444123"),
            ("?_ct=A1", None, "?_ct=B7"),
            ("?_count=10", None, "?_page_token=x9"),
            ("?_lastUpdated=ge2026-01-02", None, "?_lastUpdated=ge2026-01-02T00:00:00.000Z"),
            ("?_count=10", None, "?patient=4711"),
            ("?_count=10", None, ""),
        ] {
            assert_eq!(between(page, itself, last), None, "{page} {last}");
        }
    }

    #[test]
    fn an_empty_page_is_before_whatever_has_a_higher_number() {
        let url = |query: &str| Url::parse(&format!("https://x.test/r4/Goal?{query}")).unwrap();
        let from = |page: &str, last: &str| behind(&url(last), &url(page), None, 0);
        assert_eq!(from("_offset=20", "_offset=30"), Some(Behind::Further));
        assert_eq!(from("_offset=20", "_offset=20"), None);
        assert_eq!(from("_count=10", "_offset=0"), None);
    }
}
