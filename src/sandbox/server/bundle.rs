//! A searchset Bundle before it is written, so that faults can still change it.
//!
//! The order of the members is the one recorded from the payer: type, total, entry, link; in an
//! entry fullUrl, search, resource.

use super::search::{Page, Search};
use crate::sandbox::{
    faults::fault::Fault,
    members::json::{Json, object},
    state::State,
};

/// One Bundle.
pub(crate) struct Bundle {
    pub(crate) kind: Option<&'static str>,
    pub(crate) total: Option<u64>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) self_url: Option<String>,
    pub(crate) next: Option<String>,
    pub(crate) prior: Option<String>,
    /// JSON in place of the links.
    pub(crate) link: Option<String>,
}

/// One entry; the resource is text, as it will be sent.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) full_url: Option<String>,
    pub(crate) mode: &'static str,
    pub(crate) resource: Option<String>,
}

impl Bundle {
    pub(crate) fn new(state: &State, search: &Search, page: &Page) -> Bundle {
        let base = format!("{}/r4/{}", state.origin, search.entry.name);
        let entries = page
            .indexes
            .iter()
            .map(|index| Entry::matching(&base, &page.record.id(*index), page.record.text(*index)))
            .collect();
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
        Bundle {
            kind: Some("searchset"),
            total: Some(page.total.into()),
            entries,
            self_url: links
                .then(|| with_query(&base, &search.pairs.encode_without(&ignored).finish())),
            next: page.next_after.as_deref().map(cursor),
            prior: page.prior_after.as_deref().map(cursor).filter(|_| links),
            link: None,
        }
    }
}

impl Entry {
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
        // FHIR has no empty arrays: a page without entries has no member `entry`.
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
        let links: Vec<Json> =
            [link("self", &self.self_url), link("next", &self.next), link("prior", &self.prior)]
                .into_iter()
                .flatten()
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
