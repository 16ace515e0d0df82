//! The facts about a connection before its first page is asked for.

use crate::{
    fhir::{Capability, RequiredTypes, SearchRules},
    warehouse::{Cursor, HeldType, TypeState},
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, time::Duration};
use url::Url;

/// The facts that the walks of a run are decided by.
#[derive(Debug, Clone)]
pub struct PlanInput<'a> {
    /// The connection's name, for the commands that people are told to type.
    pub connection: &'a str,
    /// The plan's name, for the same commands.
    pub plan: &'a str,
    /// The plan's FHIR base.
    pub base: &'a Url,
    /// FHIR bases of types that have one of their own.
    pub type_bases: &'a BTreeMap<String, Url>,
    /// `_count` of every search; 0 sends no `_count`.
    pub page_size: u32,
    /// Whether `_lastUpdated` may be tried.
    pub last_updated: bool,
    /// How the plan wants its types searched for.
    pub search: &'a SearchRules,
    /// Types named in the configuration, `*` for all that payersync knows and all that are declared; empty:
    /// all that payersync knows.
    pub configured_types: &'a [String],
    /// Types whose refusal is a failure.
    pub required: &'a RequiredTypes,
    /// Types named on the command line; empty: all configured.
    pub asked_types: &'a [String],
    /// The plan's capabilities; `None` if it declares nothing usable.
    pub capability: Option<&'a Capability>,
    /// Scopes granted.
    pub scope: Option<&'a str>,
    /// Scopes that the configuration requests.
    pub requested_scope: Option<&'a str>,
    /// Types that were walked and have live resources.
    pub held: &'a [HeldType],
    /// Types for which the plan could not be asked the last time.
    pub waiting: &'a [String],
    /// When the member consented last (RFC 3339).
    pub consented_at: Option<&'a str>,
    /// Unfinished walks.
    pub cursors: &'a [Cursor],
    /// The state of each type.
    pub states: &'a [TypeState],
    /// Begin every walk anew, over the whole type.
    pub full: bool,
    /// How long a type may go without a full walk, which alone finds deletions.
    pub full_walk_every: Duration,
    /// How far an incremental walk reaches back before the watermark.
    pub overlap: Duration,
    /// The present instant.
    pub now: DateTime<Utc>,
}

impl PlanInput<'_> {
    /// The FHIR base of a type.
    pub(crate) fn base_of(&self, name: &str) -> &Url {
        self.type_bases.get(name).unwrap_or(self.base)
    }
}
