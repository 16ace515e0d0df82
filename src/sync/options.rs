//! The options and targets of a run.

use super::{decide::asked::EVERY_TYPE, stop::Stop};
use crate::{
    auth::{ClientRegistration, ConnectionKey, Tokens},
    clock::Clock,
    exit_code::ExitCode,
    fhir::{RequiredTypes, SearchRules},
    http::{HttpClient, Origin},
    monitor::Monitor,
    reference::ServerBases,
    warehouse::{ConnectionRow, Unasked, Warehouse},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::{sync::Arc, time::Duration};

/// The parts that a run works with: warehouse, HTTP client, tokens, clock.
#[derive(Clone)]
pub struct SyncContext {
    /// The warehouse that everything is stored in.
    pub warehouse: Arc<Warehouse>,
    /// Sends all requests.
    pub http: HttpClient,
    /// Gives out the access tokens.
    pub tokens: Tokens,
    /// Receives the events of the run.
    pub monitor: Arc<dyn Monitor>,
    /// The clock.
    pub clock: Clock,
    /// Tells when the run is to stop.
    pub stop: Stop,
}

/// The key of a connection's tokens. Tokens that are older than those of an earlier run are not used.
pub(crate) fn key_of(connection: &ConnectionRow) -> ConnectionKey {
    ConnectionKey {
        uid: connection.uid.clone(),
        name: connection.name.clone(),
        least_generation: connection.token_generation,
    }
}

/// Connections that could not become targets, for the same reason.
#[derive(Debug, Clone)]
pub struct NotAsked {
    /// How many connections are left out, with those that get no entry in the ledger.
    pub number: usize,
    /// The exit code of what keeps the run from asking them.
    pub exit_code: ExitCode,
    /// What the ledger is to say of them.
    pub entry: Unasked,
}

/// A connection to be synced, with what its plan's configuration says.
#[derive(Debug, Clone)]
pub struct Target {
    /// The connection.
    pub connection: ConnectionRow,
    /// The plan's endpoints and our registration there.
    pub registration: Arc<ClientRegistration>,
    /// `_count` of every search; 0 sends no `_count`.
    pub page_size: u32,
    /// Whether `_lastUpdated` may be tried.
    pub last_updated: bool,
    /// How the plan wants its types searched for.
    pub search: Arc<SearchRules>,
    /// Types walked at once.
    pub concurrency: usize,
    /// Types to ask for; empty: all that payersync knows.
    pub types: Vec<String>,
    /// Types whose refusal is a failure.
    pub required: Arc<RequiredTypes>,
    /// Origins by which the plan's server calls itself behind a proxy.
    pub proxied_origins: Arc<[Origin]>,
    /// The FHIR bases of the plan's server.
    pub bases: Arc<ServerBases>,
    /// Whether the consent covers other people than the member.
    pub dependants: bool,
    /// Whether the files that resources link to are fetched.
    pub attachments: bool,
}

/// Options of a run.
#[derive(Debug, Clone)]
pub struct SyncOptions {
    /// The command, for the ledger.
    pub command: String,
    /// Begin every walk anew instead of at its cursor.
    pub full: bool,
    /// Only these types; empty: all.
    pub types: Vec<String>,
    /// How long a type may go without a full walk, which alone finds deletions.
    pub full_walk_every: Duration,
    /// How far an incremental walk reaches back before the watermark.
    pub overlap: Duration,
    /// Walk by windows of date instead of whole types.
    pub backfill: Option<Backfill>,
    /// How long superseded versions are kept; `None`: for ever.
    pub keep_versions: Option<Duration>,
    /// How long runs that changed nothing and the access log are kept; `None`: for ever.
    pub keep_runs: Option<Duration>,
    /// Whether the end of the run counts which paths no column carries.
    pub count_unmapped_paths: bool,
    /// Page requests that the run may send; `None`: any number.
    pub max_requests: Option<u64>,
    /// Whether the report keeps every walk, not only those that people are told of. This takes memory for
    /// each connection.
    pub keeps_walks: bool,
    /// Connections of each plan synced at once.
    pub connections_in_parallel: usize,
    /// Largest share of a type that may vanish at once, in percent.
    pub shrink_limit_percent: u8,
    /// Whether a `Bundle.total` that does not add up always makes a walk incomplete.
    pub strict_totals: bool,
    /// Bounds of the files that are fetched.
    pub attachments: AttachmentLimits,
}

impl SyncOptions {
    /// Whether no type is left out by its name: no types are named, or a `*` is among them.
    pub fn is_of_all_types(&self) -> bool {
        self.types.is_empty() || self.types.iter().any(|name| name == EVERY_TYPE)
    }

    /// Everything that was asked for before the returned instant is due again.
    pub(super) fn due_before(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        if self.full { now } else { before(now, self.full_walk_every) }
    }
}

/// The instant that lies `time` before `now`.
///
/// If the configuration names more days than the calendar has, the result is the first instant there is.
fn before(now: DateTime<Utc>, time: Duration) -> DateTime<Utc> {
    let time = TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
    now.checked_sub_signed(time).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// The range and windows of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// How many months one window has.
    pub months: u32,
}

/// Bounds of the attachments that a run fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentLimits {
    /// Largest attachment, in bytes.
    pub bytes: usize,
    /// Most attachments that a run asks for, per connection.
    pub number: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_days_than_the_calendar_has_reach_back_to_its_beginning() {
        let now: DateTime<Utc> = "2026-01-08T00:00:00Z".parse().unwrap();
        let days = |days: u64| before(now, Duration::from_secs(days * 24 * 3600));
        assert_eq!(days(7).to_rfc3339(), "2026-01-01T00:00:00+00:00");
        for all in [100_000_000, u64::from(u32::MAX)] {
            assert_eq!(days(all), DateTime::<Utc>::MIN_UTC);
        }
        assert_eq!(before(now, Duration::MAX), DateTime::<Utc>::MIN_UTC);
    }
}
