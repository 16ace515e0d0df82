//! The decision for a type: a walk with everything that it needs, or why no walk is made.

use super::{
    asked::Extent,
    attempt::Attempt,
    part::{Part, query_of},
};
use crate::{
    fhir::{for_patient, is_everything, needs_patient},
    http::Origin,
    outcome::{Reason, WalkState},
    warehouse::{Cursor, Totals, WalkFinish, WalkWindow},
};
use chrono::{DateTime, Utc};
use url::Url;

/// One type's part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The type is walked.
    Walk(Box<WalkOrder>),
    /// The type is not walked; the ledger says why.
    Skip {
        /// FHIR resource type.
        resource_type: String,
        /// The ledger's entry for the type.
        finish: WalkFinish,
    },
}

impl Step {
    /// FHIR resource type.
    pub fn resource_type(&self) -> &str {
        match self {
            Step::Walk(order) => &order.resource_type,
            Step::Skip { resource_type, .. } => resource_type,
        }
    }

    /// The type and its gap, if the consent withholds the type or a part of it; `None` otherwise.
    pub(super) fn into_gap(self) -> Option<(String, WalkFinish)> {
        let (resource_type, finish) = match self {
            Step::Walk(order) if order.extent.is_uncovered => return None,
            Step::Walk(order) => (order.resource_type, *order.extent.gap?),
            Step::Skip { resource_type, finish } => (resource_type, finish),
        };
        let is_ours = matches!(finish.reason, Some(Reason::NotGranted | Reason::NotRequested));
        is_ours.then_some((resource_type, finish))
    }

    /// Whether the step only says again that a type is not asked for. Such a step is not entered in the
    /// ledger, so that a night on which nothing changed writes nothing.
    pub(crate) fn is_left_again(&self, left: &[String]) -> bool {
        matches!(self, Step::Skip { resource_type, finish }
            if finish.state == WalkState::Skipped
                && finish.reason == Some(Reason::NotAsked)
                && left.contains(resource_type))
    }
}

/// A walk to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkOrder {
    /// FHIR resource type.
    pub resource_type: String,
    /// Whether a refusal is a failure, since every plan serves the type; otherwise plans just differ.
    pub required: bool,
    /// Whether the plan has listed this type before; a refusal now is an error.
    pub listed_before: bool,
    /// Whether the walk begins anew and uses nothing of earlier runs.
    pub anew: bool,
    /// Where the walk begins.
    pub from: WalkFrom,
    /// The first page of the whole type or window, for a walk that must begin anew.
    pub start: Url,
    /// The part of the type that is walked; `None` if the whole type is walked.
    pub window: Option<WalkWindow>,
    /// Searches that together cover the type; if there are none, `start` covers the whole type.
    pub parts: Vec<Part>,
    /// Whether `_lastUpdated` may be tried, and the server declares it for the type, was never seen to ignore
    /// it and has not refused it lately.
    pub can_ask_for_changes: bool,
    /// Other searches of the type, each to be tried if the plan refuses those before it.
    pub otherwise: Vec<Attempt>,
    /// A note for the ledger's entry of the walk, if the walk is complete.
    pub note: Option<String>,
    /// A walk over changes, made before a full walk that takes several runs.
    pub beside: Option<Box<WalkFrom>>,
    /// What earlier walks have shown of the server's totals.
    pub totals: Totals,
    /// How much of the type the walk can see.
    pub extent: Extent,
    /// A fingerprint of the base, search and consent that the walk is made with.
    pub proved_for: String,
}

impl WalkOrder {
    /// The queries by which the type is searched, with `{patient}` for the patient's id; empty: no query.
    pub fn queries(&self) -> Vec<String> {
        if !self.parts.is_empty() {
            return self.parts.iter().map(|part| part.query.clone()).collect();
        }
        if is_everything(&self.start) {
            return vec!["$everything".to_owned()];
        }
        let query = query_of(&self.start);
        if query.is_empty() { Vec::new() } else { vec![query] }
    }

    /// Whether a cursor's walk is made with the same base, search and consent.
    pub(crate) fn is_of(&self, cursor: &Cursor) -> bool {
        cursor.proved_for.as_ref() == Some(&self.proved_for)
    }

    /// The order with the patient's id in its searches; `None` if a search needs the id and it is unknown.
    pub(crate) fn for_patient(&self, patient: Option<&str>) -> Option<WalkOrder> {
        let named = |url: &Url| match (needs_patient(url), patient) {
            (false, _) => Some(url.clone()),
            (true, patient) => patient.map(|patient| for_patient(url, patient)),
        };
        let from = |from: &WalkFrom| {
            Some(match from {
                WalkFrom::Since(increment) => {
                    WalkFrom::Since(Increment { url: named(&increment.url)?, ..increment.clone() })
                }
                from => from.clone(),
            })
        };
        let part = |part: &Part| Some(Part { start: named(&part.start)?, ..part.clone() });
        let parts = |parts: &[Part]| parts.iter().map(part).collect::<Option<_>>();
        let attempt = |one: &Attempt| {
            let (start, parts) = (named(&one.start)?, parts(&one.parts)?);
            Some(Attempt { start, parts, ..one.clone() })
        };
        Some(WalkOrder {
            start: named(&self.start)?,
            from: from(&self.from)?,
            beside: match &self.beside {
                Some(beside) => Some(Box::new(from(beside)?)),
                None => None,
            },
            parts: parts(&self.parts)?,
            otherwise: self.otherwise.iter().filter_map(attempt).collect(),
            ..self.clone()
        })
    }
}

/// Where a walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkFrom {
    /// At the first page of the whole type.
    Start,
    /// At the first page of the changes.
    Since(Increment),
    /// At the page after the last one stored.
    Cursor(Box<Cursor>, Url),
}

impl WalkFrom {
    /// Where a cursor leads, for a walk that begins at `start`.
    ///
    /// `None` if the cursor is of another origin: another configuration of the plan made it.
    pub(crate) fn cursor(cursor: Cursor, start: &Url) -> Option<WalkFrom> {
        let url = Url::parse(&cursor.next_url).ok()?;
        Origin::are_same(&url, start).then(|| WalkFrom::Cursor(Box::new(cursor), url))
    }
}

/// The search for changes of an incremental walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Increment {
    /// Everything that changed at or after this instant.
    pub since: DateTime<Utc>,
    /// The first page.
    pub url: Url,
    /// Whether the server has yet to show that it honours `_lastUpdated`.
    pub probe: bool,
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
