//! The state that all requests share: the options, the grants, the log, the faults.
//!
//! It holds no member data but the texts that were sent recently; everything else is computed for each
//! page.

use super::{
    change::Change,
    faults::fault::Fault,
    members::{Member, Population},
    oauth::grants::{Grants, Lifetimes},
    options::Options,
    server::kept_texts::KeptTexts,
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// A request that the sandbox answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// GET, POST …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as it was sent, without the question mark; empty when there was none.
    pub query: String,
    /// Whether the request had `Authorization: Bearer`.
    pub had_bearer: bool,
    /// The status of the answer; for a broken connection, the status that was intended.
    pub status: u16,
    /// When the request came.
    pub at: Instant,
}

/// The key in `attempts` under which walks are counted.
const WALKS: &str = "walks";
/// The key in `attempts` for the number of the walk whose cursors have expired.
const EXPIRED_WALK: &str = "expired walk";
/// The key in `attempts` that exists once the pages have moved.
const MOVED: &str = "moved";

type ChangesByIndex = BTreeMap<u32, Change>;

/// The state of the running sandbox.
pub(super) struct State {
    pub(super) options: Options,
    pub(super) origin: String,
    pub(super) foreign_origin: String,
    pub(super) foreign: Foreign,
    pub(super) texts: Arc<KeptTexts>,
    faults: RwLock<Vec<Fault>>,
    grants: Mutex<Grants>,
    requests: Mutex<Vec<Request>>,
    attempts: Mutex<HashMap<(u32, &'static str), u32>>,
    reads: AtomicU64,
    /// The ids (`jti`) of the assertions that have been used.
    assertions: Mutex<HashSet<String>>,
    /// The changes by member and type.
    changes: Mutex<HashMap<(u32, &'static str), ChangesByIndex>>,
}

/// Counts the requests at the foreign origin.
#[derive(Default)]
pub(super) struct Foreign {
    pub(super) requests: AtomicU64,
    pub(super) with_authorization: AtomicU64,
}

impl State {
    pub(super) fn new(options: Options, origin: String, foreign_origin: String) -> State {
        State {
            faults: RwLock::new(options.faults.clone()),
            options,
            origin,
            foreign_origin,
            foreign: Foreign::default(),
            texts: Arc::default(),
            grants: Mutex::default(),
            requests: Mutex::default(),
            attempts: Mutex::default(),
            reads: AtomicU64::new(0),
            assertions: Mutex::default(),
            changes: Mutex::default(),
        }
    }

    pub(super) fn member(&self, number: u32) -> Member {
        let population = Population {
            seed: self.options.seed,
            claims_per_member: self.options.claims_per_member,
            unique_ids: self.options.like.is_of_everybody(),
            rich: self.options.rich,
        };
        population.member(number)
    }

    /// The URL of the FHIR base of a type, without a trailing slash.
    pub(super) fn base_url(&self, name: &str) -> String {
        let paths = self.options.like.paths();
        let base = self.options.like.base(name).or(paths.fhir.first().map(|base| base.path));
        format!("{}{}", self.origin, base.unwrap_or_default())
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        self.faults.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.faults.read().unwrap_or_else(PoisonError::into_inner).contains(&fault)
    }

    /// Replaces the faults; faults that act a limited number of times start counting again.
    pub(super) fn set_faults(&self, faults: Vec<Fault>) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
        lock(&self.attempts).clear();
    }

    pub(super) fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.grants)
    }

    pub(super) fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        lock(&self.requests)
    }

    /// Counts an attempt of this member; returns the number of attempts before.
    pub(super) fn attempt(&self, member: u32, what: &'static str) -> u32 {
        let mut attempts = lock(&self.attempts);
        let count = attempts.entry((member, what)).or_insert(0);
        *count += 1;
        *count - 1
    }

    /// Begins a walk of this member; faults that act a limited number of times per walk start counting
    /// again.
    pub(super) fn begin_walk(&self, member: u32) {
        lock(&self.attempts).retain(|(owner, what), _| {
            *owner != member || [WALKS, EXPIRED_WALK, MOVED].contains(what)
        });
        self.attempt(member, WALKS);
    }

    /// The number of walks that this member's connections have begun.
    pub(super) fn walks(&self, member: u32) -> u32 {
        lock(&self.attempts).get(&(member, WALKS)).copied().unwrap_or(0)
    }

    /// Whether the cursors of a walk have expired. They expire for the first walk that asks, and for no
    /// other.
    pub(super) fn has_expired(&self, member: u32, walk: u32) -> bool {
        *lock(&self.attempts).entry((member, EXPIRED_WALK)).or_insert(walk) == walk
    }

    /// Whether this member's pages have moved.
    pub(super) fn have_moved(&self, member: u32) -> bool {
        lock(&self.attempts).contains_key(&(member, MOVED))
    }

    /// Moves this member's pages; returns false if they have moved before.
    pub(super) fn move_once(&self, member: u32) -> bool {
        self.attempt(member, MOVED) == 0
    }

    /// The changes of a member's resources of one type.
    pub(super) fn changes(&self, member: u32, name: &'static str) -> ChangesByIndex {
        lock(&self.changes).get(&(member, name)).cloned().unwrap_or_default()
    }

    pub(super) fn withdraw(&self, member: u32, name: &'static str, index: u32) {
        let mut changes = lock(&self.changes);
        changes.entry((member, name)).or_default().insert(index, Change::Withdrawn);
    }

    /// Changes a resource's content again; a withdrawn resource comes back.
    pub(super) fn amend(&self, member: u32, name: &'static str, index: u32, now: DateTime<Utc>) {
        let mut changes = lock(&self.changes);
        let shelf = changes.entry((member, name)).or_default();
        let times = match shelf.get(&index) {
            Some(Change::Amended(times, _)) => times + 1,
            _ => 1,
        };
        shelf.insert(index, Change::Amended(times, now));
    }

    /// Whether an assertion's id (`jti`) is used for the first time.
    pub(super) fn is_first_use(&self, assertion: &str) -> bool {
        lock(&self.assertions).insert(assertion.to_string())
    }

    /// A number that rises with each call.
    pub(super) fn next_read(&self) -> u64 {
        self.reads.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn lifetimes(&self) -> Lifetimes {
        let short = self.has(Fault::ShortTokens);
        let like = self.options.like;
        let usual = like.access_lifetime().unwrap_or(self.options.access_token_lifetime);
        let access = if short { Duration::from_secs(2) } else { usual };
        let has_none = self.has(Fault::NoRefreshToken) || like.has_no_refresh_token();
        Lifetimes { access, refresh: self.options.refresh_token_lifetime.filter(|_| !has_none) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
