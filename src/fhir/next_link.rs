//! The links from a page to the next one and to the last one: in the Bundle, else in the HTTP header
//! `Link`.
//!
//! A page that says in any words that there is more, and gives no URL to ask for, is never taken
//! for the last page. Sources: FHIR R4, Bundle.link; RFC 8288; IANA's registry of link relations.

use super::{first::First, raw_bundle::string, relation::Relation};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The most links that a page may have; servers send three or four.
const MAX_LINKS: usize = 100;

/// What a page says about the page after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Next {
    /// No link leads on: this is the last page.
    #[default]
    None,
    /// The URLs as written. If there are several, the page has several links to the next page.
    Links(Vec<String>),
    /// A link leads on, or may do so, and cannot be followed.
    Unusable(UnusableNext),
}

/// Why a link to the next page cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableNext {
    /// The relation is `next` and the URL is missing, empty or not text.
    #[error("the link to the next page has no URL")]
    NoUrl,
    /// The relation is missing, is not text, or only resembles `next`.
    #[error("a link of the page has an unclear relation, which may mean `next`")]
    UnclearRelation,
    /// The links of the page are null, a text or too many.
    #[error("the links of the page cannot be read")]
    Unreadable,
    /// The page names a next page under a JSON key that FHIR does not define.
    #[error("the page names a next page under a JSON key that FHIR does not define")]
    OtherMember,
}

/// The links of a Bundle that a walk needs.
#[derive(Debug, Default)]
pub(super) struct PageLinks {
    pub(super) next: Next,
    pub(super) self_link: Option<String>,
    /// The URL of the last page as written; `None` if several are named.
    pub(super) last: Option<String>,
}

#[derive(Deserialize)]
struct RawLink<'a> {
    #[serde(borrow, default)]
    relation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    url: Option<&'a RawValue>,
}

impl PageLinks {
    /// Reads `Bundle.link`, given as JSON.
    pub(super) fn read(json: &str) -> PageLinks {
        let Some(links) = list(json) else {
            let next = Next::Unusable(UnusableNext::Unreadable);
            return PageLinks { next, ..PageLinks::default() };
        };
        let mut found = Found::default();
        for link in links {
            let Ok(link) = serde_json::from_str::<RawLink<'_>>(link.get()) else {
                found.unusable = found.unusable.or(Some(UnusableNext::UnclearRelation));
                continue;
            };
            let relation = link.relation.and_then(text);
            let relation = relation.as_deref().map_or(Relation::Unclear, Relation::of);
            found.add(relation, link.url.and_then(text));
        }
        found.links()
    }

    /// Adds the links of the HTTP header `Link` that the Bundle itself does not have.
    pub(super) fn or_header(self, header: Option<&str>) -> PageLinks {
        let header = header.map(PageLinks::of_header).unwrap_or_default();
        PageLinks {
            next: self.next.or(header.next),
            self_link: self.self_link,
            last: self.last.or(header.last),
        }
    }

    /// Adds an unusable next link if another member than `link` names a next page, and no link does.
    pub(super) fn or_named_otherwise(self, names_next: bool) -> PageLinks {
        match names_next {
            true => {
                let unclear = Next::Unusable(UnusableNext::OtherMember);
                PageLinks { next: self.next.or(unclear), ..self }
            }
            false => self,
        }
    }

    /// Reads the header `Link`; several headers are given as one, separated by commas.
    fn of_header(header: &str) -> PageLinks {
        let mut found = Found::default();
        for part in split(header, ',') {
            let mut pieces = split(part, ';').into_iter();
            let url = pieces
                .next()
                .and_then(|url| url.trim().strip_prefix('<').and_then(|url| url.strip_suffix('>')));
            let mut relation = None;
            let mut is_about_this_page = true;
            for piece in pieces {
                let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
                let value = value.trim().trim_matches('"');
                match name.trim().to_ascii_lowercase().as_str() {
                    // The first relation counts (RFC 8288, section 3.3).
                    "rel" if relation.is_none() => relation = Some(Relation::of(value)),
                    "anchor" => is_about_this_page = false,
                    _ => {}
                }
            }
            // A gateway may add relations of its own, which mean nothing here.
            let relation = relation.filter(|relation| *relation != Relation::Unknown);
            if is_about_this_page {
                found.add(relation.unwrap_or(Relation::Other), url.map(Cow::Borrowed));
            }
        }
        found.links()
    }
}

impl Next {
    /// Whether no link leads on.
    pub fn is_none(&self) -> bool {
        *self == Next::None
    }

    /// The first of the two that has URLs to follow; otherwise the first that is unusable, if any.
    fn or(self, other: Next) -> Next {
        match (self, other) {
            (links @ Next::Links(_), _) | (links, Next::None) => links,
            (_, links @ Next::Links(_)) | (Next::None, links) => links,
            (unusable, Next::Unusable(_)) => unusable,
        }
    }
}

/// The links that were read so far, by relation.
#[derive(Default)]
struct Found {
    next: Vec<String>,
    unusable: Option<UnusableNext>,
    itself: Vec<String>,
    last: Vec<String>,
}

impl Found {
    fn add(&mut self, relation: Relation, url: Option<Cow<'_, str>>) {
        let url = url.filter(|url| !url.trim().is_empty());
        match (relation, url) {
            (Relation::Next, Some(url)) => add_once(&mut self.next, url),
            (Relation::Itself, Some(url)) => add_once(&mut self.itself, url),
            (Relation::Last, Some(url)) => add_once(&mut self.last, url),
            (Relation::Next, None) => self.unusable = Some(UnusableNext::NoUrl),
            (Relation::Unclear, _) => {
                self.unusable = self.unusable.or(Some(UnusableNext::UnclearRelation));
            }
            // A link to some page, but nothing tells to which.
            (Relation::Unknown, Some(url)) if url.contains('?') => {
                self.unusable = self.unusable.or(Some(UnusableNext::UnclearRelation));
            }
            (Relation::Itself | Relation::Last, None)
            | (Relation::Other | Relation::Unknown, _) => {}
        }
    }

    fn links(self) -> PageLinks {
        let next = match self.unusable {
            _ if !self.next.is_empty() => Next::Links(self.next),
            Some(why) => Next::Unusable(why),
            None => Next::None,
        };
        PageLinks { next, self_link: only(self.itself), last: only(self.last) }
    }
}

fn add_once(urls: &mut Vec<String>, url: Cow<'_, str>) {
    if !urls.iter().any(|known| *known == *url) {
        urls.push(url.into_owned());
    }
}

/// The only URL; `None` if there are several or none.
fn only(mut urls: Vec<String>) -> Option<String> {
    urls.pop().filter(|_| urls.is_empty())
}

/// The elements of an array; a lone object counts as an array of one element.
fn list(json: &str) -> Option<Vec<&RawValue>> {
    let links = match json.as_bytes().first() {
        Some(b'[') => serde_json::from_str::<First<&RawValue, { MAX_LINKS + 1 }>>(json).ok()?.0,
        Some(b'{') => vec![serde_json::from_str(json).ok()?],
        _ => return None,
    };
    (links.len() <= MAX_LINKS).then_some(links)
}

fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    string(value.get())
}

/// The parts between separators that stand outside `<…>` and quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut is_url, mut is_quoted) = (false, false);
    text.split(|character| {
        match character {
            '<' if !is_quoted => is_url = true,
            '>' if !is_quoted => is_url = false,
            '"' if !is_url => is_quoted = !is_quoted,
            _ => {}
        }
        character == separator && !is_url && !is_quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(json: &str) -> Next {
        PageLinks::read(json).next
    }

    fn links(urls: &[&str]) -> Next {
        Next::Links(urls.iter().map(|url| (*url).to_owned()).collect())
    }

    #[test]
    fn next_is_followed_in_every_spelling_that_can_only_mean_it() {
        for relation in [
            "next",
            "NEXT",
            "Next",
            " next ",
            "\\tnext\\n",
            "n\\u0065xt",
            "next last",
            "http://www.iana.org/assignments/relation/next",
            "https://www.iana.org/assignments/link-relations/next",
            "http://www.iana.org/assignments/link-relations/link-relations.xhtml#next",
            "http://hl7.org/fhir/CodeSystem/iana-link-relations|next",
            "urn:ietf:params:link-relations:next",
            "URN:iana:NEXT",
        ] {
            let link = format!(r#"{{"relation":"{relation}","url":"?p=2"}}"#);
            assert_eq!(next(&format!("[{link}]")), links(&["?p=2"]), "{relation}");
            // A list of one link, written without brackets.
            assert_eq!(next(&link), links(&["?p=2"]), "{relation}");
        }
    }

    #[test]
    fn a_next_link_that_cannot_be_followed_is_no_last_page() {
        use UnusableNext::{NoUrl, UnclearRelation, Unreadable};
        for (json, why) in [
            (r#"[{"relation":"next"}]"#, NoUrl),
            (r#"[{"relation":"next","url":""}]"#, NoUrl),
            (r#"[{"relation":"next","url":"  "}]"#, NoUrl),
            (r#"[{"relation":"next","url":null}]"#, NoUrl),
            (r#"[{"relation":"next","url":7}]"#, NoUrl),
            (r#"[{"relation":"next","url":["?p=2"]}]"#, NoUrl),
            (r#"[{"relation":"NEXT","href":"?p=2"}]"#, NoUrl),
            (r#"[{"relation":"nextPage","url":"?p=2"}]"#, UnclearRelation),
            (r#"[{"relation":"https://x.test/rels/next","url":"?p=2"}]"#, UnclearRelation),
            (r#"[{"relation":"","url":"?p=2"}]"#, UnclearRelation),
            (r#"[{"relation":null,"url":"?p=2"}]"#, UnclearRelation),
            (r#"[{"relation":["next"],"url":"?p=2"}]"#, UnclearRelation),
            (r#"[{"rel":"next","url":"?p=2"}]"#, UnclearRelation),
            (r#"[{"relation":"following","url":"?p=2"}]"#, UnclearRelation),
            (
                r#"[{"relation":"self","url":"?p=1"},{"relation":">","url":"?p=2"}]"#,
                UnclearRelation,
            ),
            (r#"["?p=2"]"#, UnclearRelation),
            (r#"[null]"#, UnclearRelation),
            ("null", Unreadable),
            (r#""?p=2""#, Unreadable),
            ("7", Unreadable),
        ] {
            assert_eq!(next(json), Next::Unusable(why), "{json}");
        }
        let many = format!("[{}{{}}]", "{},".repeat(MAX_LINKS));
        assert_eq!(next(&many), Next::Unusable(Unreadable));
    }

    #[test]
    fn other_relations_lead_nowhere() {
        let json = r#"[{"relation":"self","url":"?p=1"},{"relation":"first","url":"?"},
            {"relation":"last","url":"?p=9"},{"relation":"Prev"},{"relation":"fhir-base","url":"/"},
            {"relation":"terms","url":"https://x.test/terms"},{"relation":"search","url":"?q"}]"#;
        let read = PageLinks::read(json);
        assert_eq!(read.next, Next::None);
        assert_eq!(read.self_link.as_deref(), Some("?p=1"));
        assert_eq!(read.last.as_deref(), Some("?p=9"));
        let two = r#"[{"relation":"last","url":"?p=8"},{"relation":"LAST","url":"?p=9"}]"#;
        assert_eq!(PageLinks::read(two).last, None);
        assert_eq!(next("[]"), Next::None);
    }

    #[test]
    fn a_usable_link_counts_beside_one_that_is_not() {
        let json = r#"[{"relation":"next","url":""},{"relation":"next","url":"?p=2"},
            {"relation":"NEXT","url":"?p=2"},{"relation":"next","url":"Coverage?p=2"}]"#;
        assert_eq!(next(json), links(&["?p=2", "Coverage?p=2"]));
    }

    #[test]
    fn the_header_names_the_next_page_where_the_bundle_does_not() {
        let of = |header: &str| PageLinks::default().or_header(Some(header)).next;
        for header in [
            r#"<?p=2>; rel="next""#,
            r#"<?p=2>;rel=NEXT"#,
            r#"<?p=0>; rel="self", <?p=2>; title="a, <b>; rel=prev"; rel="last next""#,
            r#"<?p=9>; rel="last",<?p=2> ; REL = "http://www.iana.org/assignments/relation/next""#,
            r#"<?p=2>; rel=next; rel=prev"#,
            r#"<?other=1>; rel="next"; anchor="/other", <?p=2>; rel="next""#,
        ] {
            assert_eq!(of(header), links(&["?p=2"]), "{header}");
        }
        assert_eq!(of(r#"<?a=1,2;3>; rel=next"#), links(&["?a=1,2;3"]));
        assert_eq!(of(r#"<?a=">; rel=next"#), links(&[r#"?a=""#]));
        assert_eq!(of(r#"<?p=2>; rel=next, <?p=3>; rel=next"#), links(&["?p=2", "?p=3"]));
        for header in ["", "<?p=2>", r#"<?p=1>; rel="self""#, "<?p=2>; title=next", ", ;;"] {
            assert_eq!(of(header), Next::None, "{header}");
        }
        let last = PageLinks::default().or_header(Some("<?p=9>; rel=last")).last;
        assert_eq!(last.as_deref(), Some("?p=9"));
        for header in ["<>; rel=next", "?p=2; rel=next", "; rel=next"] {
            assert_eq!(of(header), Next::Unusable(UnusableNext::NoUrl), "{header}");
        }
    }

    #[test]
    fn the_bundle_comes_before_the_header() {
        let header = Some("<?p=3>; rel=next");
        let of = |next: &Next, header| {
            PageLinks { next: next.clone(), ..PageLinks::default() }.or_header(header).next
        };
        assert_eq!(of(&links(&["?p=2"]), header), links(&["?p=2"]));
        let unusable = Next::Unusable(UnusableNext::NoUrl);
        assert_eq!(of(&unusable, header), links(&["?p=3"]));
        assert_eq!(of(&unusable, None), unusable);
        assert_eq!(of(&unusable, Some("<>; rel=next")), unusable);
    }
}
