//! A searchset Bundle before it is written, so that faults can still change it.
//!
//! The order of its members is the one recorded from the payer: type, total, entry, link. In an entry it is
//! fullUrl, search, resource.

use super::{
    record::Record,
    search::{Page, Search},
};
use crate::sandbox::{
    faults::fault::Fault,
    members::{
        entry,
        json::{Json, array, object},
    },
    state::State,
};

/// A Bundle.
pub(crate) struct Bundle {
    pub(crate) kind: Option<&'static str>,
    pub(crate) total: Option<u64>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) self_url: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) prior: Option<String>,
    /// The links with further relations.
    more_links: Vec<(&'static str, String)>,
    /// JSON text that replaces the links.
    pub(crate) link: Option<String>,
}

/// An entry; the resource is text, as it will be sent.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) full_url: Option<String>,
    pub(crate) mode: &'static str,
    pub(crate) resource: Option<String>,
}

impl Bundle {
    pub(crate) fn new(state: &State, search: &Search, page: &Page) -> Bundle {
        let like = state.options.like;
        let base = format!("{}/{}", state.base_url(search.entry.name), search.entry.name);
        let matching =
            |index: &u32| Entry::matching(&base, &page.record.id(*index), page.record.text(*index));
        let repeated = page.last_of_prior.filter(|_| like.repeats_across_pages());
        let mut entries: Vec<Entry> = repeated.iter().chain(&page.indexes).map(matching).collect();
        entries.extend(revincluded(state, search, &entries));
        if like.has_outcome_entry() {
            entries.push(Entry::outcome());
        }
        let faults = [(Fault::IgnoresLastUpdated, "_lastUpdated"), (Fault::CountIgnored, "_count")];
        let ignored: Vec<&str> = faults
            .into_iter()
            .filter(|(fault, _)| state.has(*fault))
            .map(|(_, name)| name)
            .collect();
        let cursor = |after: &str| {
            let mut dropped = vec!["_after", "_skip", "_hop", "_ct"];
            dropped.extend(&ignored);
            let mut query = search.pairs.encode_without(&dropped);
            if !after.is_empty() {
                query.append_pair("_after", after);
            }
            with_query(&base, &query.finish())
        };
        let links = !page.whole;
        if like.links_always() {
            let at = |from| with_query(&base, &like.query_from(&search.pairs, from));
            let mut more_links = Vec::new();
            if like.has_more_links() {
                more_links.push(("first", at(0)));
                if page.start > 0 {
                    more_links.push(("previous", at(page.start.saturating_sub(search.count))));
                }
                let last = page.total.saturating_sub(1) / search.count * search.count;
                more_links.push(("last", at(last)));
            }
            let here = match page.start {
                0 => with_query(&base, &search.pairs.encode_without(&ignored).finish()),
                start => at(start),
            };
            let elsewhere = |url: String| match like.next_origin() {
                Some(origin) => url.replacen(&state.origin, origin, 1),
                None => url,
            };
            return Bundle {
                kind: Some("searchset"),
                total: Some(page.total.into()).filter(|_| !like.has_no_total()),
                entries,
                self_url: Some(here),
                next: page.next_start.map(at).map(elsewhere),
                prior: None,
                more_links,
                link: None,
            };
        }
        Bundle {
            kind: Some("searchset"),
            total: Some(page.total.into()),
            more_links: Vec::new(),
            entries,
            self_url: links
                .then(|| with_query(&base, &search.pairs.encode_without(&ignored).finish())),
            next: page.next_after.as_deref().map(cursor),
            prior: page.prior_after.as_deref().map(cursor).filter(|_| links),
            link: None,
        }
    }
}

impl Bundle {
    /// A Bundle with all resources of a member on one page.
    pub(crate) fn of_everything(state: &State, number: u32) -> Bundle {
        let mut entries = Vec::new();
        for entry in state.options.like.types().into_iter().filter_map(entry) {
            let record = Record::new(state, number, entry);
            let base = format!("{}/{}", state.base_url(entry.name), entry.name);
            let there = (0..record.len()).filter(|index| !record.is_withdrawn(*index));
            entries.extend(there.map(|at| Entry::matching(&base, &record.id(at), record.text(at))));
        }
        Bundle {
            kind: Some("searchset"),
            total: Some(entries.len() as u64),
            entries,
            self_url: None,
            next: None,
            prior: None,
            more_links: Vec::new(),
            link: None,
        }
    }
}

/// The resources that are included with the entries of a page, because each refers to one of them.
fn revincluded(state: &State, search: &Search, entries: &[Entry]) -> Vec<Entry> {
    let asked = search.pairs.get("_revinclude").and_then(|value| value.split(':').next());
    let included = asked.filter(|name| state.options.like.revincluded() == Some(*name));
    let Some(entry) = included.and_then(entry) else { return Vec::new() };
    let record = Record::new(state, search.number, entry);
    let base = format!("{}/{}", state.base_url(entry.name), entry.name);
    let names = |text: &str| {
        entries.iter().filter_map(|entry| entry.full_url.as_deref()).any(|url| {
            let mut parts = url.rsplit('/');
            let (id, name) = (parts.next().unwrap_or_default(), search.entry.name);
            text.contains(&format!("\"reference\":\"{name}/{id}\""))
        })
    };
    (0..record.len())
        .map(|index| (index, record.text(index)))
        .filter(|(_, text)| names(text))
        .map(|(index, text)| Entry {
            mode: "include",
            ..Entry::matching(&base, &record.id(index), text)
        })
        .collect()
}

impl Entry {
    /// An entry with an OperationOutcome that reports no problem.
    fn outcome() -> Entry {
        let issue = object! {
            severity: "information",
            code: "informational",
            details: object! { text: "All results are here" },
        };
        let outcome = object! { resourceType: "OperationOutcome", issue: array![issue] };
        Entry { full_url: None, mode: "outcome", resource: Some(outcome.to_string()) }
    }

    pub(crate) fn matching(base: &str, id: &str, resource: String) -> Entry {
        Entry { full_url: Some(format!("{base}/{id}")), mode: "match", resource: Some(resource) }
    }

    fn text(&self) -> String {
        let url = self.full_url.as_ref().map(|url| format!("\"fullUrl\":{},", Json::from(url)));
        let resource = self.resource.as_ref().map(|resource| format!(",\"resource\":{resource}"));
        format!(
            "{{{}\"search\":{{\"mode\":\"{}\"}}{}}}",
            url.unwrap_or_default(),
            self.mode,
            resource.unwrap_or_default()
        )
    }
}

impl std::fmt::Display for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("{\"resourceType\":\"Bundle\"")?;
        if let Some(kind) = self.kind {
            write!(f, ",\"type\":\"{kind}\"")?;
        }
        if let Some(total) = self.total {
            write!(f, ",\"total\":{total}")?;
        }
        // FHIR has no empty arrays: a Bundle without entries has no member `entry`.
        for (position, entry) in self.entries.iter().enumerate() {
            let before = if position == 0 { ",\"entry\":[" } else { "," };
            write!(f, "{before}{}", entry.text())?;
        }
        if !self.entries.is_empty() {
            f.write_str("]")?;
        }
        let link = |relation: &str, url: &Option<String>| {
            url.as_ref().map(|url| object! { relation: relation, url: url })
        };
        let more = self.more_links.iter();
        let more = more.map(|(relation, url)| object! { relation: *relation, url: url });
        let links: Vec<Json> =
            [link("self", &self.self_url), link("next", &self.next), link("prior", &self.prior)]
                .into_iter()
                .flatten()
                .chain(more)
                .collect();
        if let Some(link) = &self.link {
            write!(f, ",\"link\":{link}")?;
        } else if !links.is_empty() {
            write!(f, ",\"link\":{}", Json::from(links))?;
        }
        f.write_str("}")
    }
}

fn with_query(base: &str, query: &str) -> String {
    if query.is_empty() { base.to_string() } else { format!("{base}?{query}") }
}
