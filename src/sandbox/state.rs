//! What all requests share: the options, the grants, the log, the faults.
//!
//! Holds no member data but the texts that were sent lately; all else is computed per page.

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

/// One request the sandbox answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// GET, POST …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query as it was sent, without the question mark; empty when there was none.
    pub query: String,
    /// Whether it carried `Authorization: Bearer`.
    pub had_bearer: bool,
    /// The status it was answered with. A broken connection counts with what was meant.
    pub status: u16,
    /// When it came.
    pub at: Instant,
}

/// The name under which walks are counted among the attempts.
const WALKS: &str = "walks";
/// The walk whose cursors have expired, kept there as well.
const EXPIRED_WALK: &str = "expired walk";
/// Whether the pages have moved, kept there as well.
const MOVED: &str = "moved";

type ChangesByIndex = BTreeMap<u32, Change>;

/// Everything behind the routes.
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
    /// The ids of assertions that were used.
    assertions: Mutex<HashSet<String>>,
    /// By member and type.
    changes: Mutex<HashMap<(u32, &'static str), ChangesByIndex>>,
}

/// Who came to the other origin.
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
        };
        population.member(number)
    }

    /// Where a type is, without a slash at the end.
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

    /// Replaces the faults; those that act a number of times start counting anew.
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

    /// How often this was asked before, by this member; then counts one more.
    pub(super) fn attempt(&self, member: u32, what: &'static str) -> u32 {
        let mut attempts = lock(&self.attempts);
        let count = attempts.entry((member, what)).or_insert(0);
        *count += 1;
        *count - 1
    }

    /// A new walk of this member: what acts a number of times per walk counts anew.
    pub(super) fn begin_walk(&self, member: u32) {
        lock(&self.attempts).retain(|(owner, what), _| {
            *owner != member || [WALKS, EXPIRED_WALK, MOVED].contains(what)
        });
        self.attempt(member, WALKS);
    }

    /// How many walks this member's connections began.
    pub(super) fn walks(&self, member: u32) -> u32 {
        lock(&self.attempts).get(&(member, WALKS)).copied().unwrap_or(0)
    }

    /// Whether the cursors of that walk have expired: those of the first that asks have.
    pub(super) fn has_expired(&self, member: u32, walk: u32) -> bool {
        *lock(&self.attempts).entry((member, EXPIRED_WALK)).or_insert(walk) == walk
    }

    /// Whether this member's pages have moved.
    pub(super) fn have_moved(&self, member: u32) -> bool {
        lock(&self.attempts).contains_key(&(member, MOVED))
    }

    /// Moves this member's pages; false where they have moved before.
    pub(super) fn move_once(&self, member: u32) -> bool {
        self.attempt(member, MOVED) == 0
    }

    /// What changed on one shelf since it was generated.
    pub(super) fn changes(&self, member: u32, name: &'static str) -> ChangesByIndex {
        lock(&self.changes).get(&(member, name)).cloned().unwrap_or_default()
    }

    pub(super) fn withdraw(&self, member: u32, name: &'static str, index: u32) {
        let mut changes = lock(&self.changes);
        changes.entry((member, name)).or_default().insert(index, Change::Withdrawn);
    }

    /// Changes a resource's content once more; a withdrawn one comes back with it.
    pub(super) fn amend(&self, member: u32, name: &'static str, index: u32, now: DateTime<Utc>) {
        let mut changes = lock(&self.changes);
        let shelf = changes.entry((member, name)).or_default();
        let times = match shelf.get(&index) {
            Some(Change::Amended(times, _)) => times + 1,
            _ => 1,
        };
        shelf.insert(index, Change::Amended(times, now));
    }

    /// Whether an assertion is used for the first time.
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
