//! Attachments: the files that stored resources name, fetched after the walks of a connection.
//!
//! The warehouse lists what is to be fetched, and each answer is committed by itself. So a killed run goes
//! on where it was. A file is requested from the plan's own origin only.

pub(super) mod ending;
pub(super) mod named;

use super::{
    context::WalkContext,
    options::{AttachmentLimits, SyncOptions, Target},
    report::{WalkReport, cut_off},
    walk::ending::{interrupted, request_limit, unavailable},
};
use crate::{
    fhir::{
        ATTACHMENT_TYPES, FetchError, NotFetched, attachment_url, difference, is_hash_of,
        is_no_file, is_of_type, unwrapped,
    },
    http::{Response, Retry},
    monitor::Event,
    outcome::{Reason, WalkKind},
    warehouse::{
        AttachmentFound, PendingAttachment, WalkCounters, WalkFinish, WalkKey, WalkStart,
        WarehouseError, attachment_counts, pending_attachments,
    },
};
use ending::ending;
use named::{enter_named, too_large};

/// FHIR's name for a fetched file. It stands in the ledger where other walks have a resource type.
pub(super) const ATTACHMENT: &str = "Attachment";
/// Failures in a row after which the rest is left to the next run.
const MAX_FAILURES: u32 = 3;

/// Fetches the files that the connection's resources link to, if the plan's configuration asks for that.
///
/// # Errors
/// Only errors of the warehouse: failures of a plan are part of the report.
pub(super) async fn fetch(
    context: &WalkContext,
    target: &Target,
    options: &SyncOptions,
    walks: &mut Vec<WalkReport>,
) -> Result<(), WarehouseError> {
    let is_source = |name: &String| name == "*" || ATTACHMENT_TYPES.contains(&name.as_str());
    if !target.attachments || !options.types.is_empty() && !options.types.iter().any(is_source) {
        return Ok(());
    }
    let start = walk_start(context.run_id, context.connection.id);
    let (key, _) = context.warehouse.start_walk(start).await?;
    let connection = context.connection.name.as_str();
    let started = Event::WalkStarted { connection, resource_type: ATTACHMENT, pages_before: 0 };
    context.monitor.event(started);
    let mut walk = Fetching {
        context,
        target,
        limits: options.attachments,
        key,
        counters: WalkCounters::default(),
        failures: 0,
        stopped: None,
    };
    walk.look_at_resources(options).await?;
    // If the walks had no token or did not reach the plan, requests for attachments would fail, too.
    let hindrance = cut_off(walks.iter());
    walk.stopped = hindrance.map(|walk| WalkFinish { failed_page: None, ..walk.finish.clone() });
    walk.fetch_pending().await?;
    walks.push(walk.finish().await?);
    Ok(())
}

/// The beginning of a walk over attachments.
pub(super) fn walk_start(run_id: i64, connection_id: i64) -> WalkStart {
    WalkStart {
        run_id,
        connection_id,
        resource_type: ATTACHMENT.to_owned(),
        kind: WalkKind::Attachment,
        first_url: None,
        since: None,
        window: None,
        resumes: None,
        proved_for: None,
    }
}

struct Fetching<'a> {
    context: &'a WalkContext,
    target: &'a Target,
    limits: AttachmentLimits,
    key: WalkKey,
    counters: WalkCounters,
    /// Failures since the last answer.
    failures: u32,
    /// Why the walk stopped before the last attachment, if it did.
    stopped: Option<WalkFinish>,
}

impl Fetching<'_> {
    /// Enters the files that new and changed resources link to, and the data that they carry themselves.
    async fn look_at_resources(&mut self, options: &SyncOptions) -> Result<(), WarehouseError> {
        let (warehouse, connection_id) = (&self.context.warehouse, self.context.connection.id);
        let now = self.context.clock.now();
        let refused_before = options.due_before(now);
        let limit_bytes = self.limits.bytes as u64;
        warehouse.retry_attachments(connection_id, refused_before, limit_bytes).await?;
        self.counters.rows_written +=
            enter_named(warehouse, connection_id, self.limits.bytes).await?;
        Ok(())
    }

    async fn fetch_pending(&mut self) -> Result<(), WarehouseError> {
        let (id, number) = (self.context.connection.id, self.limits.number);
        let pending = self
            .context
            .warehouse
            .reader()
            .read(|connection| pending_attachments(connection, id, number))?;
        for one in pending {
            if self.stopped.is_some() {
                return Ok(());
            }
            let base = self.target.registration.base_of(&one.resource_type);
            let found = match attachment_url(base, &self.context.proxied_origins, &one.url) {
                Ok(url) => self.ask(&one, &url).await,
                Err(why) => Some(AttachmentFound::Missing {
                    reason: match why {
                        NotFetched::ForeignOrigin => Reason::ForeignOrigin.as_str(),
                        NotFetched::NotAUrl => "not_a_url",
                    },
                    http_status: None,
                    limit_bytes: None,
                }),
            };
            let Some(found) = found else { return Ok(()) };
            let (key, counters) = (self.key.clone(), self.counters.clone());
            self.counters =
                self.context.warehouse.enter_attachment(key, one.row, found, counters).await?;
        }
        Ok(())
    }

    /// Sends one request, unless it is time to stop.
    async fn ask(&mut self, one: &PendingAttachment, url: &url::Url) -> Option<AttachmentFound> {
        if self.context.stop.is_asked() {
            self.stopped = Some(interrupted());
            return None;
        }
        if !self.context.allowance.take() {
            self.stopped = Some(request_limit());
            return None;
        }
        let context = self.context;
        let on_retry = |retry: &Retry| {
            context.monitor.event(Event::Retrying {
                connection: &context.connection.name,
                resource_type: ATTACHMENT,
                why: &retry.reason.to_string(),
                delay: retry.wait,
            });
        };
        let (client, content_type) = (context.client.with_own_count(), one.content_type.as_deref());
        let file = client.file(url, content_type, self.limits.bytes, &on_retry);
        let answer = tokio::select! {
            answer = file => Some(answer),
            () = context.stop.asked() => None,
        };
        self.counters.add_effort(&client.effort().into());
        match answer {
            None => {
                self.stopped = Some(interrupted());
                None
            }
            Some(Ok(response)) => {
                self.counters.bytes += response.body.len() as u64;
                Some(self.judge(one, &response))
            }
            Some(Err(error)) => self.refused(&error),
        }
    }

    /// Judges an answer of status 2xx: its bytes are stored, are too large, or are asked for again.
    fn judge(&mut self, one: &PendingAttachment, response: &Response) -> AttachmentFound {
        let received = response.content_type.as_deref();
        // Some servers send a Binary in JSON under another type.
        let binary = unwrapped(&response.body);
        let is_wrapped = binary.is_some();
        let (received_type, bytes) =
            binary.unwrap_or_else(|| (received.map(str::to_owned), response.body.to_vec()));
        let (size, hash) = (one.declared_size, one.declared_hash.as_deref());
        let is_proved = || hash.is_some_and(|hash| is_hash_of(&bytes, hash));
        let fail = |reason| AttachmentFound::Pending { reason, http_status: Some(response.status) };
        // An error and a login page also come with status 2xx.
        let declared = one.content_type.as_deref();
        if !is_of_type(declared, received_type.as_deref())
            || !is_wrapped && is_no_file(declared, received, &bytes) && !is_proved()
        {
            return fail("another_type");
        }
        if bytes.len() > self.limits.bytes {
            return too_large(self.limits.bytes);
        }
        let is_short = size.is_some_and(|declared| (bytes.len() as u64) < declared);
        if is_short && !is_proved() {
            return fail(Reason::CutShort.as_str());
        }
        self.failures = 0;
        let note = difference(&bytes, size, hash);
        AttachmentFound::Stored { bytes, received_type, note }
    }

    fn refused(&mut self, error: &FetchError) -> Option<AttachmentFound> {
        let (reason, http_status) = (error.reason(), error.status());
        if reason.is_without_token() {
            self.stopped = Some(unavailable(error, &self.context.connection));
            return None;
        }
        if reason == Reason::TooLarge {
            return Some(too_large(self.limits.bytes));
        }
        let is_final = matches!(
            reason,
            Reason::NotFound
                | Reason::Gone
                | Reason::Forbidden
                | Reason::Blocked
                | Reason::Unauthorized
        );
        if is_final {
            self.failures = 0;
            let (reason, limit_bytes) = (reason.as_str(), None);
            return Some(AttachmentFound::Missing { reason, http_status, limit_bytes });
        }
        self.failures += 1;
        if self.failures >= MAX_FAILURES || reason == Reason::Throttled {
            self.stopped = Some(unavailable(error, &self.context.connection));
        }
        // The client follows redirects within the origin, so this one leads to another origin.
        let is_redirect = http_status.is_some_and(|status| (300..400).contains(&status));
        let reason = if is_redirect { "redirected" } else { reason.as_str() };
        Some(AttachmentFound::Pending { reason, http_status })
    }

    /// Enters the end of the walk: complete if nothing is left that the next run could fetch.
    async fn finish(self) -> Result<WalkReport, WarehouseError> {
        let id = self.context.connection.id;
        let counts =
            self.context.warehouse.reader().read(|reading| attachment_counts(reading, id))?;
        let finish = ending(&counts, self.stopped);
        let (context, counters) = (self.context, self.counters);
        context.warehouse.abandon_walk(self.key, finish.clone(), counters.clone()).await?;
        context.monitor.event(Event::WalkFinished {
            connection: &context.connection.name,
            resource_type: ATTACHMENT,
            state: finish.state,
            detail: finish.detail.as_deref(),
            resources_seen: 0,
        });
        Ok(WalkReport { resource_type: ATTACHMENT.to_owned(), finish, counters })
    }
}
