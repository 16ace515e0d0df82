//! Proofs of deletion: what full walks did not meet is read by id.
//!
//! 404 or 410 proves that a resource is gone, the resource itself refutes it and is taken in, and
//! anything else leaves it for the next run. A 404 counts only where the plan has just shown that it
//! answers reads: some answer every read so. Where it refuses reads, two full walks that missed the
//! resource, days apart, prove it.

use super::{context::WalkContext, plan::WalkOrder};
use crate::{
    fhir::{Effort, FetchError, Page, Referenced, instant},
    http::{SafeUrl, silently},
    warehouse::{
        Absent, Finding, PageWrite, Tally, WalkCounters, WalkKey, WarehouseError, latest_walk,
        pending_absences, surely_present,
    },
};

/// Reads for the proofs of one type in one run; the rest is left to the next.
const MAX_PROOFS: u32 = 500;
/// Reads in a row without an answer, after which the rest is left to the next run.
const MAX_FAILURES: u32 = 3;
/// Reads in a row that were refused, where reads do not work, after which the rest counts as refused.
const MAX_REFUSALS: u32 = 3;
/// The same where requests are few.
const MAX_REFUSALS_LIMITED: u32 = 1;
/// How far apart two full walks must be to prove a deletion by themselves.
const WALKS_APART_HOURS: i64 = 24;

/// Proves or refutes what is absent of a type, and adds to the counters what that took; returns how
/// many resources were there after all.
pub(super) async fn prove_absences(
    context: &WalkContext,
    order: &WalkOrder,
    effort: &mut WalkCounters,
) -> Result<u64, WarehouseError> {
    // Where the consent hides a part, a 404 may be all that it says about that part.
    if order.window.is_some() || order.extent.is_part || context.stop.is_asked() {
        return Ok(0);
    }
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    // Before another full walk, to ask again for what was refused would tell nothing new, and where
    // requests are few it would leave other types without any.
    let with_refused = !context.allowance.is_limited();
    let pending = context
        .warehouse
        .reader()
        .read(|connection| pending_absences(connection, id, name, with_refused, MAX_PROOFS))?;
    if pending.is_empty() {
        return Ok(0);
    }
    let reader = context.warehouse.reader();
    let latest = reader.read(|connection| latest_walk(connection, id, name))?;
    let Some((key, before)) = latest else { return Ok(0) };
    let mut proofs = Proofs { context, key, counters: before.clone(), refuted: 0 };
    proofs.all(pending).await?;
    let Proofs { key, counters, refuted, .. } = proofs;
    effort.add_proofs(&before, &counters);
    context.warehouse.forget_walks(vec![key.walk_id]).await?;
    context.warehouse.update_walk(key, counters).await?;
    Ok(refuted)
}

struct Proofs<'a> {
    context: &'a WalkContext,
    key: WalkKey,
    counters: WalkCounters,
    refuted: u64,
}

impl Proofs<'_> {
    async fn all(&mut self, pending: Vec<Absent>) -> Result<(), WarehouseError> {
        let Some(reads_work) = self.try_reads().await? else { return Ok(()) };
        let (mut failures, mut refusals, mut refused_with) = (0, 0, None);
        let is_limited = self.context.allowance.is_limited();
        let most = if is_limited { MAX_REFUSALS_LIMITED } else { MAX_REFUSALS };
        for absent in pending {
            if self.context.stop.is_asked() || failures >= MAX_FAILURES {
                break;
            }
            let result = match refusals >= most && !reads_work {
                true => None,
                false => match self.read(&absent.resource_id).await {
                    None => break,
                    some => some,
                },
            };
            let finding = match result {
                Some(Ok(page)) => {
                    self.store(page).await?;
                    self.refuted += 1;
                    refusals = 0;
                    Finding::Present
                }
                Some(Err(error)) => match error.status() {
                    Some(410) => {
                        refusals = 0;
                        Finding::GoneByRead(410)
                    }
                    Some(404) if reads_work => Finding::GoneByRead(404),
                    status if is_no_answer(&error) => {
                        failures += 1;
                        Finding::Open(status)
                    }
                    // It answers, and not about the resource: reads are refused.
                    status => {
                        (refusals, refused_with) = (refusals + 1, status);
                        refused(&absent, reads_work, status)
                    }
                },
                None => refused(&absent, reads_work, refused_with),
            };
            let (key, id, counters) = (self.key.clone(), absent.resource_id, self.counters.clone());
            self.counters =
                self.context.warehouse.enter_finding(key, id, finding, counters).await?;
        }
        Ok(())
    }

    /// Whether the plan answers a read of a resource that is surely there; `None` where it gives no
    /// answer now.
    async fn try_reads(&mut self) -> Result<Option<bool>, WarehouseError> {
        let (connection_id, name) = (self.key.connection_id, self.key.resource_type.as_str());
        let present = self
            .context
            .warehouse
            .reader()
            .read(|connection| surely_present(connection, connection_id, name))?;
        let Some(present) = present else { return Ok(Some(false)) };
        Ok(match self.read(&present).await {
            Some(Ok(_)) => Some(true),
            Some(Err(error)) if is_no_answer(&error) => None,
            Some(Err(_)) => Some(false),
            None => None,
        })
    }

    /// Reads a resource; `None` where it is time to stop.
    async fn read(&mut self, id: &str) -> Option<Result<Page, FetchError>> {
        if !self.context.allowance.take() {
            return None;
        }
        let resource =
            Referenced { resource_type: self.key.resource_type.clone(), id: id.to_owned() };
        let mut effort = Effort::default();
        let result = tokio::select! {
            result = self.context.client.read(&resource, &mut effort, &silently) => Some(result),
            () = self.context.stop.asked() => None,
        };
        self.counters.requests += effort.requests;
        self.counters.retries += effort.retries;
        result
    }

    /// Takes in a resource that is there after all.
    async fn store(&mut self, page: Page) -> Result<(), WarehouseError> {
        let (url, body) = (SafeUrl::from(&page.url).to_string(), page.body.clone());
        let unpacked = self.context.unpack(&self.key.resource_type, page).await?;
        self.counters.resources_seen += unpacked.resources_seen;
        let write = PageWrite {
            walk: self.key.clone(),
            round: None,
            file: None,
            page: 0,
            url,
            self_left_out: None,
            body,
            changed: unpacked.changed,
            unchanged: unpacked.unchanged,
            rejects: unpacked.rejects,
            rows: unpacked.rows,
            answered: Vec::new(),
            next_url: None,
            counters: self.counters.clone(),
            tally: Tally::default(),
            now: self.context.clock.now(),
        };
        self.counters = self.context.warehouse.write_page(write).await?.counters;
        Ok(())
    }
}

/// What it comes to that a read was refused.
fn refused(absent: &Absent, reads_work: bool, status: Option<u16>) -> Finding {
    match !reads_work && two_walks_agree(absent) {
        true => Finding::GoneByWalks,
        false => Finding::Open(status),
    }
}

/// Whether nothing is known after an error, as after a time-out or without a token.
fn is_no_answer(error: &FetchError) -> bool {
    error.reason().is_without_token()
        || error.is_unreachable()
        || matches!(error.status(), Some(401 | 408 | 425 | 429 | 500..=599))
}

/// Whether the two full walks that missed a resource are far enough apart to prove its deletion.
fn two_walks_agree(absent: &Absent) -> bool {
    let (Some(first), Some(latest)) = (instant(&absent.missed_since), instant(&absent.missed_at))
    else {
        return false;
    };
    latest.signed_duration_since(first) >= chrono::Duration::hours(WALKS_APART_HOURS)
}
