//! Reads one type's references: in lists of ids if the server honours such lists, else one by one.
//!
//! A refusal to bring one resource is in doubt until the server brings another one. Refusals that are left at
//! the end of the queue are recorded after a test, if there is a resource to test reads with. So are too many
//! refusals in a row, if the test shows that reads work. If not, the reading ends, and the next run begins
//! with the other resources.

mod doubtful;

use crate::{
    fhir::{FetchError, Page, Referenced, fits_a_list, search_by_id},
    fingerprint::fingerprint,
    http::{Retry, SafeUrl},
    monitor::Event,
    sync::{
        context::WalkContext,
        walk::ending::{interrupted, request_limit, unavailable},
    },
    warehouse::{
        Answered, PageWrite, ReferenceType, Reject, RowBatch, Sums, Tally, Verdict, WalkCounters,
        WalkFinish, WalkKey, WarehouseError, pending_references,
    },
};
use bytes::Bytes;
use std::collections::HashSet;
use url::Url;

/// How far references are followed: to a claim's PractitionerRole, its Organization, and that
/// Organization's parent. References that lead further are counted and not followed.
pub(super) const MAX_DEPTH: u32 = 3;

/// Ids in one search; with ids of 64 characters a URL stays well below 4 kB.
const LIST: usize = 50;
/// Refusals in a row after which a test shows whether the server refuses all reads.
const MAX_REFUSALS: usize = 10;
/// Failures in a row after which the rest is left to the next run.
const MAX_FAILURES: u32 = 3;

/// The reading of one type's references in one run.
pub(crate) struct Reads {
    pub(crate) key: WalkKey,
    pub(crate) counters: WalkCounters,
    /// Why the reading ended before the last reference, if it did.
    pub(crate) stopped: Option<WalkFinish>,
    pub(crate) scanned_to: Option<String>,
    context: WalkContext,
    base: Url,
    /// Whether lists of ids work, where that is known.
    lists: Option<bool>,
    tried: HashSet<String>,
    /// Refusals since the last resource that could be read.
    doubtful: Vec<Answered>,
    /// What the ledger says of a read that a gateway refused.
    blocked: Option<WalkFinish>,
    /// The resource of the type that could be read last.
    last_read: Option<String>,
    failures: u32,
    /// The URL of the answer that was stored last; before that, the FHIR base.
    asked: Url,
}

/// One request.
enum What<'a> {
    List(&'a Url),
    One(&'a Referenced),
    /// A read that shows whether reads work.
    Control(&'a Referenced),
}

impl Reads {
    pub(crate) fn new(
        context: WalkContext,
        base: Url,
        key: WalkKey,
        known: ReferenceType,
    ) -> Reads {
        Reads {
            key,
            counters: WalkCounters::default(),
            stopped: None,
            scanned_to: known.scanned_to,
            context,
            asked: base.clone(),
            base,
            lists: known.batches,
            tried: HashSet::new(),
            doubtful: Vec::new(),
            blocked: None,
            last_read: None,
            failures: 0,
        }
    }

    pub(crate) fn resource_type(&self) -> &str {
        &self.key.resource_type
    }

    /// Reads the queued resources that were not tried in this run; returns false if there are none.
    pub(super) async fn read_pending(&mut self) -> Result<bool, WarehouseError> {
        if self.stopped.is_some() {
            return Ok(false);
        }
        let connection_id = self.context.connection.id;
        let pending = self.context.warehouse.reader().read(|connection| {
            pending_references(connection, connection_id, self.resource_type(), MAX_DEPTH)
        })?;
        let mut ids: Vec<String> =
            pending.into_iter().filter(|id| self.tried.insert(id.clone())).collect();
        if ids.is_empty() {
            return Ok(false);
        }
        ids = self.read_lists(ids).await?;
        for id in ids {
            if self.stopped.is_some() {
                return Ok(true);
            }
            self.read_one(id).await?;
        }
        // A few refusals at the end are about those few resources. If all are refused, the ledger's entry
        // says so of the whole type.
        if self.stopped.is_none() {
            self.confirm_doubtful().await?;
        }
        Ok(true)
    }

    /// Reads in lists as long as that works; returns the ids that must be read one by one.
    async fn read_lists(&mut self, ids: Vec<String>) -> Result<Vec<String>, WarehouseError> {
        let (listable, mut rest): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|id| fits_a_list(id));
        let mut listable = listable.as_slice();
        while self.lists != Some(false) && listable.len() >= 2 && self.stopped.is_none() {
            let (some, left) = listable.split_at(LIST.min(listable.len()));
            rest.extend(self.read_list(some).await?);
            listable = left;
        }
        rest.extend(listable.iter().cloned());
        Ok(rest)
    }

    /// Reads one list; returns the ids that it did not bring.
    ///
    /// The first list proves that the server honours lists, if it brings at least half of what was asked for
    /// and nothing else. A resource that a list leaves out is read by itself. So a server that leaves some
    /// out costs requests, but no resource. Payers name many that they do not serve.
    async fn read_list(&mut self, ids: &[String]) -> Result<Vec<String>, WarehouseError> {
        let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
        let url = search_by_id(&self.base, self.resource_type(), &asked);
        let Some(result) = self.ask(What::List(&url)).await else {
            return Ok(Vec::new());
        };
        let page = match result {
            Ok(page) => page,
            Err(error) => {
                match self.verdict(&error) {
                    Some(Verdict::Later) | None => self.note_failure(&error),
                    // A gateway may refuse the list for its length, or whatever comes for a while.
                    Some(_) if error.is_blocked() => self.lists = Some(false),
                    Some(_) => self.set_lists(false).await?,
                }
                return Ok(ids.to_vec());
            }
        };
        let brought = self.ids_of(&page);
        let only_asked = brought.iter().all(|id| asked.contains(&id.as_str()));
        if !only_asked || (self.lists.is_none() && brought.len() * 2 < asked.len()) {
            self.set_lists(false).await?;
            return Ok(ids.to_vec());
        }
        if self.lists.is_none() {
            self.set_lists(true).await?;
        }
        let missing = ids.iter().filter(|id| !brought.contains(*id)).cloned().collect();
        if !brought.is_empty() {
            self.store(page, brought.into_iter().collect()).await?;
        }
        Ok(missing)
    }

    fn ids_of(&self, page: &Page) -> HashSet<String> {
        let resources = page.bundle.entries.iter().filter_map(|entry| entry.resource.clone());
        resources
            .filter_map(|range| fingerprint(&page.body[range]).ok())
            .filter(|found| found.resource_type == self.resource_type())
            .filter_map(|found| found.id)
            .collect()
    }

    async fn set_lists(&mut self, honoured: bool) -> Result<(), WarehouseError> {
        self.lists = Some(honoured);
        let (id, name) = (self.context.connection.id, self.resource_type().to_owned());
        self.context.warehouse.set_reference_batches(id, name, honoured).await
    }

    async fn read_one(&mut self, id: String) -> Result<(), WarehouseError> {
        let resource =
            Referenced { resource_type: self.resource_type().to_owned(), id: id.clone() };
        let asked = self.ask(What::One(&resource)).await;
        let error = match asked {
            None => return Ok(()),
            Some(Ok(page)) => return self.store(page, vec![id]).await,
            Some(Err(error)) => error,
        };
        let Some(verdict) = self.verdict(&error) else {
            self.stop(&error);
            return Ok(());
        };
        if error.is_blocked() {
            self.blocked = Some(unavailable(&error, &self.context.connection));
        }
        let answered = Answered {
            resource_id: id,
            verdict,
            http_status: error.status(),
            reason: Some(error.reason().as_str()),
        };
        match verdict {
            Verdict::Stored => self.record(vec![answered]).await,
            Verdict::Gone | Verdict::Absent => {
                self.doubtful.push(answered);
                Ok(())
            }
            Verdict::Refused | Verdict::Unreadable => {
                self.doubtful.push(answered);
                let is_refusal =
                    |one: &&Answered| matches!(one.verdict, Verdict::Refused | Verdict::Unreadable);
                match self.doubtful.iter().filter(is_refusal).count() >= MAX_REFUSALS {
                    true => self.settle_refusals(&error).await,
                    false => Ok(()),
                }
            }
            Verdict::Later => {
                self.note_failure(&error);
                self.record(vec![answered]).await
            }
        }
    }

    /// Counts a request that brought no answer; the reading ends after some in a row.
    fn note_failure(&mut self, error: &FetchError) {
        self.failures += 1;
        if self.failures >= MAX_FAILURES {
            self.stop(error);
        }
    }

    fn stop(&mut self, error: &FetchError) {
        self.stopped = Some(unavailable(error, &self.context.connection));
    }

    /// Sends one request, unless it is time to stop.
    async fn ask(&mut self, what: What<'_>) -> Option<Result<Page, FetchError>> {
        if self.context.stop.is_asked() {
            self.stopped = Some(interrupted());
            return None;
        }
        if !self.context.allowance.take() {
            self.stopped = Some(request_limit());
            return None;
        }
        let (context, name) = (self.context.clone(), self.resource_type().to_owned());
        let on_retry = |retry: &Retry| {
            context.monitor.event(Event::Retrying {
                connection: &context.connection.name,
                resource_type: &name,
                why: &retry.reason.to_string(),
                delay: retry.wait,
            });
        };
        let client = context.client.with_own_count();
        let request = async {
            match what {
                What::List(url) => client.page(url, &on_retry).await,
                What::One(resource) => client.read(resource, &on_retry).await,
                What::Control(resource) => client.read_anew(resource, &on_retry).await,
            }
        };
        let result = tokio::select! {
            result = request => Some(result),
            // A stop does not wait for a request to a slow or throttling server.
            () = self.context.stop.asked() => None,
        };
        self.counters.add_effort(&client.effort().into());
        if result.is_none() {
            self.stopped = Some(interrupted());
        }
        result
    }

    /// Stores what was read, with the note that it was read, in one transaction.
    async fn store(&mut self, page: Page, ids: Vec<String>) -> Result<(), WarehouseError> {
        self.failures = 0;
        // An answer that a cache kept does not show that reads work.
        if page.age.is_none_or(|age| age.is_zero()) {
            self.last_read = ids.last().cloned().or(self.last_read.take());
            self.record_doubtful().await?;
        }
        self.asked = page.url.clone();
        let body = page.body.clone();
        let unpacked = self.context.unpack(&self.key.resource_type, page).await?;
        let rejected: HashSet<&str> =
            unpacked.rejects.iter().filter_map(|reject| reject.resource_id.as_deref()).collect();
        let answered = ids
            .into_iter()
            .map(|resource_id| match rejected.contains(resource_id.as_str()) {
                true => Answered {
                    resource_id,
                    verdict: Verdict::Unreadable,
                    http_status: None,
                    reason: Some("rejected"),
                },
                false => Answered {
                    resource_id,
                    verdict: Verdict::Stored,
                    http_status: None,
                    reason: None,
                },
            })
            .collect();
        let mut counters = self.counters.clone();
        counters.pages += 1;
        counters.bytes += body.len() as u64;
        counters.resources_seen += unpacked.resources_seen;
        counters.duplicates += unpacked.duplicates;
        let write = PageWrite {
            changed: unpacked.changed,
            unchanged: unpacked.unchanged,
            rejects: unpacked.rejects,
            notes_along: false,
            rows: unpacked.rows,
            answered,
            ..self.page(body, counters)
        };
        self.counters = self.context.warehouse.write_page(write).await?.counters;
        self.context.monitor.event(Event::PageStored {
            connection: &self.context.connection.name,
            resource_type: self.resource_type(),
            resources_seen: self.counters.resources_seen,
            declared_total: None,
        });
        Ok(())
    }

    /// Enters answers that brought no resource. A resource that cannot be read becomes a reject, once.
    async fn record(&mut self, answered: Vec<Answered>) -> Result<(), WarehouseError> {
        if answered.is_empty() {
            return Ok(());
        }
        let mut body = Vec::new();
        let mut rejects = Vec::new();
        for one in answered.iter().filter(|one| one.verdict == Verdict::Unreadable) {
            let reference = format!("{}/{}", self.resource_type(), one.resource_id);
            let start = body.len();
            body.extend(serde_json::json!({ "reference": reference }).to_string().into_bytes());
            let status = one.http_status.map(|status| format!("with status {status} "));
            rejects.push(Reject {
                resource_id: Some(one.resource_id.clone()),
                is_other_type: false,
                reason: "unreadable",
                detail: format!(
                    "the plan answers a read of it {}and does not send the resource",
                    status.unwrap_or_default()
                ),
                body: start..body.len(),
            });
        }
        let page = self.page(Bytes::from(body), self.counters.clone());
        let write = PageWrite { rejects, answered, ..page };
        self.counters = self.context.warehouse.write_page(write).await?.counters;
        Ok(())
    }

    /// A page with nothing on it yet.
    fn page(&self, body: Bytes, counters: WalkCounters) -> PageWrite {
        PageWrite {
            walk: self.key.clone(),
            round: None,
            file: None,
            page: counters.pages,
            url: SafeUrl::from(&self.asked).to_string(),
            self_left_out: None,
            body,
            changed: Vec::new(),
            unchanged: Vec::new(),
            rejects: Vec::new(),
            notes_along: false,
            rows: RowBatch::default(),
            answered: Vec::new(),
            next_url: None,
            sums: Sums::With(counters, Tally::default()),
            now: self.context.clock.now(),
            goes_ahead: false,
            _memory: Vec::new(),
        }
    }
}
