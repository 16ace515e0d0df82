//! Proofs of deletion: resources that full walks did not meet are read by id.
//!
//! A 404 or 410 proves that a resource is gone. A read that brings the resource refutes that, and the
//! resource is taken in. After any other answer the next run asks again. A 404 or 410 counts only between two
//! reads that bring a resource which is surely there: some plans answer every read with such a status, some
//! only for a while. An answer that a cache has kept does not count.
//!
//! If reads are refused, two full walks, a day apart, that missed the resource prove that it is gone. They
//! also prove it if only the read of this resource fails, between two reads that work: some plans answer
//! status 500 for a resource that they do not know. If a run has too few requests for three reads, the two
//! walks and one read without the resource prove it. A resource that a read brings as another patient's is no
//! longer the connection's.

mod findings;

use self::findings::{Said, is_not_answered, refused, two_walks_agree};
use crate::{
    fhir::{FetchError, Page, Referenced},
    http::{SafeUrl, silently},
    sync::{context::WalkContext, decide::order::WalkOrder},
    warehouse::{
        Absent, Finding, PageWrite, ProofReport, Sums, Tally, WalkCounters, WalkKey,
        WarehouseError, asked_lately, latest_walk, pending_absences, surely_present,
    },
};

/// The most reads for the proofs of one type in one run; the rest is left to the next run.
const MAX_PROOFS: u32 = 500;
/// Reads in a row without an answer, after which the rest is left to the next run.
const MAX_FAILURES: u32 = 3;
/// If no read works: refused reads in a row after which the rest counts as refused.
const MAX_REFUSALS: u32 = 3;
/// The limit [`MAX_REFUSALS`], when the requests of the run are limited.
const MAX_REFUSALS_LIMITED: u32 = 1;
/// After this many answers without the resource, one more read, of a resource that is surely there, confirms
/// them all.
const BELIEVED_AT_ONCE: usize = 10;
/// Requests of a proof by reads: the absent resource, and before and after it one that is surely there.
pub(crate) const READS_OF_A_PROOF: u64 = 3;
/// The number of errors after which one more read shows whether the plan still answers other reads.
const ERRORS_AT_ONCE: usize = 3;
/// The most errors in one run, since each costs several attempts; the resources that come next are asked for
/// first in the next run.
const MAX_ERRORS: usize = 12;

/// Proves or refutes the deletion of absent resources of a type.
pub(crate) async fn prove_absences(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<ProofReport, WarehouseError> {
    // If the consent hides a part of the type, a plan may answer 404 for everything in that part.
    if order.window.is_some() || order.extent.is_part || context.stop.is_asked() {
        return Ok(ProofReport::default());
    }
    prove_type(context, &order.resource_type).await
}

/// Proves or refutes the deletion of absent resources, for a type that the connection sees whole.
///
/// If the plan comes to grant less of the type during the run, nothing is proved any more.
pub(crate) async fn prove_type(
    context: &WalkContext,
    name: &str,
) -> Result<ProofReport, WarehouseError> {
    if context.is_narrowed(name).await {
        return Ok(ProofReport::default());
    }
    let id = context.connection.id;
    // If requests are limited, refused reads are not repeated before another full walk: they would tell
    // nothing new, and would leave other types without requests.
    let with_refused = !context.allowance.is_limited();
    let pending = context
        .warehouse
        .reader()
        .read(|connection| pending_absences(connection, id, name, with_refused, MAX_PROOFS))?;
    let is_few = !context.allowance.has(READS_OF_A_PROOF);
    let pending = match is_few {
        true => first_that_walks_prove(context, name, pending)?,
        false => pending,
    };
    if pending.is_empty() {
        return Ok(ProofReport::default());
    }
    let reader = context.warehouse.reader();
    let latest = reader.read(|connection| latest_walk(connection, id, name))?;
    let Some((key, before)) = latest else { return Ok(ProofReport::default()) };
    let mut proofs =
        Proofs { context, key, counters: before.clone(), refuted: 0, unproved: Vec::new() };
    match is_few {
        true => proofs.beside_two_walks(pending).await?,
        false => proofs.all(pending).await?,
    }
    let Proofs { key, counters, refuted, .. } = proofs;
    context.warehouse.forget_walks(vec![key.walk_id]).await?;
    context.warehouse.update_walk(key, counters.clone()).await?;
    Ok(ProofReport { refuted, counters: Some((before, counters)) })
}

/// At most one resource that two full walks, a day apart, missed; and only in every other run, since the
/// walks need requests, too.
fn first_that_walks_prove(
    context: &WalkContext,
    name: &str,
    pending: Vec<Absent>,
) -> Result<Vec<Absent>, WarehouseError> {
    let id = context.connection.id;
    let reader = context.warehouse.reader();
    let run_id = context.run_id;
    let is_walks_turn = reader.read(|connection| asked_lately(connection, id, name, run_id))?;
    let proved = pending.into_iter().filter(|absent| !is_walks_turn && two_walks_agree(absent));
    Ok(proved.take(1).collect())
}

struct Proofs<'a> {
    context: &'a WalkContext,
    key: WalkKey,
    counters: WalkCounters,
    refuted: u64,
    /// Resources whose reads were answered without the resource since the plan last brought one.
    unproved: Vec<(Absent, Said)>,
}

/// How a plan answers reads of a type.
enum Reads {
    /// The plan has just brought this resource.
    Work(String),
    /// The plan refuses to return a resource that certainly exists.
    Refused,
    /// No resource is known to exist for certain, so no read was tried.
    Untried,
}

impl Proofs<'_> {
    /// Reads resources that two full walks have missed. Any answer without the resource agrees with the
    /// walks, even if the plan refuses all reads.
    async fn beside_two_walks(&mut self, pending: Vec<Absent>) -> Result<(), WarehouseError> {
        for absent in pending {
            let Some(result) = self.read(&absent.resource_id).await else { break };
            let finding = match result {
                Ok(page) => self.store(page).await?,
                Err(error) if is_not_answered(&error) => Finding::Open(error.status()),
                Err(error) => match (error.says_gone(), error.status()) {
                    // The answer is about something other than this resource.
                    (None, status @ (None | Some(404 | 410))) if !error.is_of_this_one() => {
                        Finding::Open(status)
                    }
                    (_, status) => refused(&absent, false, status),
                },
            };
            self.count_refuted(&absent, finding);
            self.enter(absent.resource_id, finding).await?;
        }
        Ok(())
    }

    async fn all(&mut self, pending: Vec<Absent>) -> Result<(), WarehouseError> {
        let Some(reads) = self.try_reads().await? else { return Ok(()) };
        let (mut failures, mut errors) = (0, 0);
        let (mut refusals, mut refused_with) = (0, None);
        let is_limited = self.context.allowance.is_limited();
        let most = if is_limited { MAX_REFUSALS_LIMITED } else { MAX_REFUSALS };
        let present = match &reads {
            Reads::Work(present) => Some(present.as_str()),
            Reads::Refused | Reads::Untried => None,
        };
        // One request for a read, and one for the confirming read at the end.
        if present.is_some() && !self.context.allowance.has(2) {
            return Ok(());
        }
        // The request for the confirming read is put aside: without it no answer would ever be believed.
        let mut has_last_word = present.is_some() && self.context.allowance.take();
        if present.is_some() && !has_last_word {
            return Ok(());
        }
        for absent in pending {
            if self.context.stop.is_asked() || failures >= MAX_FAILURES || errors >= MAX_ERRORS {
                break;
            }
            let result = match refusals >= most && present.is_none() {
                true => None,
                false => match self.read(&absent.resource_id).await {
                    None => break,
                    some => some,
                },
            };
            let finding = match result {
                Some(Ok(page)) => {
                    let finding = self.store(page).await?;
                    self.count_refuted(&absent, finding);
                    refusals = 0;
                    self.believe(true).await?;
                    finding
                }
                Some(Err(error)) => match (Said::of(&error), &reads) {
                    (Some(said), Reads::Work(_)) => {
                        refusals = 0;
                        errors += usize::from(said.is_an_error());
                        self.unproved.push((absent, said));
                        if let Some(present) = present
                            && self.is_due_for_control()
                        {
                            let is_there = self.is_there(present).await?;
                            self.believe(is_there).await?;
                            has_last_word = is_there && self.context.allowance.take();
                            if !has_last_word {
                                break;
                            }
                        }
                        continue;
                    }
                    // Status 410 itself says that the resource was once there.
                    (Some(Said::Gone(410)), Reads::Untried) => {
                        refusals = 0;
                        Finding::GoneByRead(410)
                    }
                    // The plan refuses what is surely there, and so an error is one more refusal.
                    (Some(said), Reads::Refused) if said.is_an_error() => {
                        errors += 1;
                        said.finding(&absent, true)
                    }
                    _ if is_not_answered(&error) => {
                        failures += 1;
                        Finding::Open(error.status())
                    }
                    // The plan answers, but not about the resource: it refuses reads.
                    _ => {
                        (refusals, refused_with) = (refusals + 1, error.status());
                        let reads_work = present.is_some() && !error.is_of_this_one();
                        refused(&absent, reads_work, refused_with)
                    }
                },
                None => refused(&absent, present.is_some(), refused_with),
            };
            self.enter(absent.resource_id, finding).await?;
        }
        match present.filter(|_| has_last_word) {
            Some(_) if self.unproved.is_empty() => self.context.allowance.give_back(),
            Some(present) => {
                let is_there = self.is_there(present).await?;
                self.believe(is_there).await?;
            }
            None => {}
        }
        Ok(())
    }

    /// Counts a resource that a read has brought for the first time since walks miss it.
    ///
    /// If a read has brought it before, the plan has it and does not list it, and another walk would miss it,
    /// too.
    fn count_refuted(&mut self, absent: &Absent, finding: Finding) {
        self.refuted += u64::from(finding == Finding::Present && !absent.was_brought);
    }

    /// Whether so many resources are unproved that one more read must show whether the plan still answers
    /// other reads.
    fn is_due_for_control(&self) -> bool {
        let errors = self.unproved.iter().filter(|(_, said)| said.is_an_error()).count();
        self.unproved.len() >= BELIEVED_AT_ONCE || errors >= ERRORS_AT_ONCE
    }

    /// If reads work, enters what the answers since the last returned resource say; otherwise these resources
    /// stay open.
    async fn believe(&mut self, reads_work: bool) -> Result<(), WarehouseError> {
        for (absent, said) in std::mem::take(&mut self.unproved) {
            let finding = said.finding(&absent, reads_work);
            self.enter(absent.resource_id, finding).await?;
        }
        Ok(())
    }

    async fn enter(&mut self, id: String, finding: Finding) -> Result<(), WarehouseError> {
        let is_of_sight = matches!(finding, Finding::GoneByRead(_) | Finding::GoneByWalks);
        let finding = match is_of_sight && self.context.is_narrowed(&self.key.resource_type).await {
            true => Finding::Open(None),
            false => finding,
        };
        let (key, counters) = (self.key.clone(), self.counters.clone());
        self.counters = self.context.warehouse.enter_finding(key, id, finding, counters).await?;
        Ok(())
    }

    /// Tests whether the plan brings a resource that is surely there; `None` if it gives no answer now.
    async fn try_reads(&mut self) -> Result<Option<Reads>, WarehouseError> {
        let present = self.surely_present()?;
        let (mut reads, mut is_kept) = (Reads::Untried, false);
        for id in present {
            if !self.context.allowance.take() {
                return Ok(None);
            }
            match self.fetch(&id).await {
                Some(Ok(_)) => return Ok(Some(Reads::Work(id))),
                // A cache answered; a read of another resource may reach the plan.
                Some(Err(FetchError::Kept { .. })) => is_kept = true,
                // The resource may have gone since the walk; a read of another one tells.
                Some(Err(error)) if error.says_gone().is_some() => reads = Reads::Refused,
                Some(Err(error)) if is_not_answered(&error) => return Ok(None),
                Some(Err(_)) => return Ok(Some(Reads::Refused)),
                None => return Ok(None),
            }
        }
        if is_kept && matches!(reads, Reads::Untried) {
            return Ok(None);
        }
        Ok(Some(reads))
    }

    fn surely_present(&self) -> Result<Vec<String>, WarehouseError> {
        let (id, name) = (self.key.connection_id, self.key.resource_type.as_str());
        let reader = self.context.warehouse.reader();
        reader.read(|connection| surely_present(connection, id, name))
    }

    /// Whether the plan still brings a resource that it has brought before. Uses the request that was put
    /// aside.
    ///
    /// If a cache answers, another resource is read.
    async fn is_there(&mut self, id: &str) -> Result<bool, WarehouseError> {
        let is_kept = |answer: &Option<_>| matches!(answer, Some(Err(FetchError::Kept { .. })));
        let mut answer = self.fetch(id).await;
        let others = if is_kept(&answer) { self.surely_present()? } else { Vec::new() };
        for other in others.iter().filter(|other| *other != id) {
            if !is_kept(&answer) {
                break;
            }
            answer = self.read(other).await;
        }
        Ok(matches!(answer, Some(Ok(_))))
    }

    /// Reads a resource; `None` if it is time to stop.
    async fn read(&mut self, id: &str) -> Option<Result<Page, FetchError>> {
        if !self.context.allowance.take() {
            return None;
        }
        self.fetch(id).await
    }

    /// Reads a resource with a request that is already taken from the allowance; `None` if it is time to
    /// stop.
    async fn fetch(&mut self, id: &str) -> Option<Result<Page, FetchError>> {
        let resource =
            Referenced { resource_type: self.key.resource_type.clone(), id: id.to_owned() };
        let client = self.context.client.with_own_count();
        let result = tokio::select! {
            result = client.read_anew(&resource, &silently) => Some(result),
            () = self.context.stop.asked() => None,
        };
        self.counters.add_effort(&client.effort().into());
        let (now, clocks) = (self.context.clock.now(), &self.context.clocks);
        match result {
            Some(Ok(page)) if clocks.is_kept(now, page.date) => {
                Some(Err(FetchError::Kept { url: SafeUrl::from(&page.url) }))
            }
            result => result,
        }
    }

    /// Takes in a resource that a read brought after all, unless it is another patient's by now.
    async fn store(&mut self, page: Page) -> Result<Finding, WarehouseError> {
        let (url, body) = (SafeUrl::from(&page.url).to_string(), page.body.clone());
        let unpacked = self.context.unpack(&self.key.resource_type, page).await?;
        self.counters.resources_seen += unpacked.resources_seen;
        let finding = match unpacked.strangers {
            0 => Finding::Present,
            _ => Finding::AnotherPatients,
        };
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
            notes_along: false,
            rows: unpacked.rows,
            answered: Vec::new(),
            next_url: None,
            sums: Sums::With(self.counters.clone(), Tally::default()),
            now: self.context.clock.now(),
            goes_ahead: false,
            _memory: Vec::new(),
        };
        self.counters = self.context.warehouse.write_page(write).await?.counters;
        Ok(finding)
    }
}
