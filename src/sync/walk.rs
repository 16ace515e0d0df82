//! One pass over one type: page after page, each committed before the walk goes on.
//!
//! The next page is asked for before the present one is unpacked, so network, processor and disk
//! work at the same time while one walk holds at most two pages.

use super::{
    context::WalkContext,
    ending::{
        Ending, Position, Remedy, another_patient, filter_ignored, interrupted, lost_way, refused,
        request_limit,
    },
    page_request::PageRequest,
    plan::{WalkFrom, WalkOrder},
    probe::prove,
    report::WalkReport,
    unpack::Dates,
    walk_by_date::{unfinished, walk_by_date},
};
use crate::{
    clock,
    fhir::{
        Effort, Outcome, Page, Pager, PagingError, instant, left_out_of_self_link,
        patient_of_self_link,
    },
    http::SafeUrl,
    monitor::Event,
    outcome::{Reason, WalkKind, WalkState},
    warehouse::{
        Advance, Cursor, LastUpdated, PageWrite, WalkCounters, WalkEnd, WalkFinish, WalkKey,
        WalkStart, WarehouseError,
    },
};
use chrono::{DateTime, Utc};
use url::Url;

/// Walks one type to its end, or as far as it goes.
///
/// Where the way on is lost, or what changed cannot be told from the rest, the whole type is
/// walked anew, once: pages stored already cost a hash each, no write. Where the way is lost a
/// second time, or no walk can get further, it is walked by windows of date.
pub(super) async fn walk(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<WalkReport, WarehouseError> {
    let mut effort = Effort::default();
    let from = match &order.from {
        WalkFrom::Since(increment) if increment.probe => {
            prove(context, order, increment, &mut effort).await?
        }
        from => from.clone(),
    };
    let unfinished = match from {
        WalkFrom::Start if order.window.is_none() && !order.anew => unfinished(context, order)?,
        _ => None,
    };
    let (mut report, mut remedy) = match unfinished {
        Some(report) => (report, Some(Remedy::Windows)),
        None => walk_once(context, order, &from).await?,
    };
    let is_anew = matches!(remedy, Some(Remedy::BeginAgain | Remedy::NewCursor));
    if is_anew && !context.stop.is_asked() {
        let first = report.counters;
        (report, remedy) = walk_once(context, order, &WalkFrom::Start).await?;
        report.counters.add_effort(&first);
    }
    let is_hopeless = matches!(remedy, Some(Remedy::NewCursor | Remedy::Windows));
    if is_hopeless && order.window.is_none() && !context.stop.is_asked() {
        report = walk_by_date(context, order, report).await?;
    }
    report.counters.requests += effort.requests;
    report.counters.retries += effort.retries;
    context.monitor.event(Event::WalkFinished {
        connection: &context.connection.name,
        resource_type: &order.resource_type,
        state: report.finish.state,
        detail: report.finish.detail.as_deref(),
        resources_seen: report.counters.resources_seen,
    });
    Ok(report)
}

/// One walk from where it begins, entered in the ledger.
pub(super) async fn walk_once(
    context: &WalkContext,
    order: &WalkOrder,
    from: &WalkFrom,
) -> Result<(WalkReport, Option<Remedy>), WarehouseError> {
    Walk::run(context, order, from).await
}

struct Walk<'a> {
    context: &'a WalkContext,
    order: &'a WalkOrder,
    key: WalkKey,
    counters: WalkCounters,
    pages_before: u64,
    seen_before: u64,
    /// What an incremental walk asks for.
    since: Option<DateTime<Utc>>,
    /// The server's clock at the first page, or ours; of the walk's start where it is resumed.
    started: DateTime<Utc>,
    /// The newest date that a resource gives itself and that has passed.
    newest: Option<DateTime<Utc>>,
    failure: Option<Outcome>,
}

/// What came of storing a page.
enum Stored {
    /// It is committed, with the walk's end when it was the last one.
    Went(Option<WalkFinish>),
    /// It shows that the server does not honour `_lastUpdated`; nothing was stored.
    FilterIgnored(&'static str),
}

impl Walk<'_> {
    async fn run(
        context: &WalkContext,
        order: &WalkOrder,
        from: &WalkFrom,
    ) -> Result<(WalkReport, Option<Remedy>), WarehouseError> {
        let (url, cursor, since) = match from {
            WalkFrom::Start => (&order.start, None, None),
            WalkFrom::Since(increment) => (&increment.url, None, Some(increment.since)),
            WalkFrom::Cursor(cursor, url) => {
                let since = cursor.since.as_deref().and_then(instant);
                (url, Some(Cursor::clone(cursor)), since)
            }
        };
        let now = context.clock.now();
        let started = cursor.as_ref().and_then(|cursor| instant(&cursor.walk_started_at));
        let pages_before = cursor.as_ref().map_or(0, |cursor| cursor.pages);
        let seen_before = cursor.as_ref().map_or(0, |cursor| cursor.resources_seen);
        let start = WalkStart {
            run_id: context.run_id,
            connection_id: context.connection.id,
            resource_type: order.resource_type.clone(),
            kind: match (&order.window, since) {
                (Some(_), _) => WalkKind::Window,
                (None, Some(_)) => WalkKind::Incremental,
                (None, None) => WalkKind::Full,
            },
            first_url: Some(SafeUrl::from(url).to_string()),
            since: since.map(clock::text),
            window: order.window.clone(),
            resumes: cursor,
        };
        let key = context.warehouse.start_walk(start).await?;
        let mut walk = Walk {
            context,
            order,
            key,
            counters: WalkCounters::default(),
            pages_before,
            seen_before,
            since,
            started: started.unwrap_or(now),
            newest: None,
            failure: None,
        };
        context.monitor.event(Event::WalkStarted {
            connection: &context.connection.name,
            resource_type: &order.resource_type,
            pages_before,
        });
        let (finish, remedy) = match walk.pages(url.clone()).await? {
            Ending::Committed(finish) => (finish, None),
            Ending::Open(finish) => (walk.abandon(finish).await?, None),
            Ending::Lost(finish, remedy) => (walk.abandon(finish).await?, Some(remedy)),
        };
        let report = WalkReport {
            resource_type: order.resource_type.clone(),
            finish,
            counters: walk.counters,
        };
        Ok((report, remedy))
    }

    /// Enters an end that no page brought along.
    async fn abandon(&self, mut finish: WalkFinish) -> Result<WalkFinish, WarehouseError> {
        if finish.state == WalkState::Incomplete {
            finish.failed_page = Some(self.pages_before + self.counters.pages + 1);
        }
        let (key, counters) = (self.key.clone(), self.counters.clone());
        self.context.warehouse.abandon_walk(key, finish.clone(), counters).await?;
        Ok(finish)
    }

    async fn pages(&mut self, first: Url) -> Result<Ending, WarehouseError> {
        let Ok(mut pager) = Pager::new(&first, &self.context.proxied_origins) else {
            let detail = "the plan's fhir_url is not an http(s) URL".to_owned();
            return Ok(Ending::Open(WalkFinish::incomplete(Reason::NoUrl, detail)));
        };
        if !self.context.allowance.take() {
            return Ok(Ending::Open(request_limit()));
        }
        let mut pending = self.ask(first);
        loop {
            let arrived = tokio::select! {
                arrived = pending.arrived() => arrived,
                // A request that waits for a slow or throttling server is not waited for.
                () = self.context.stop.asked() => return Ok(Ending::Open(interrupted())),
            };
            let Ok((result, effort)) = arrived else {
                let detail = "the request ended unexpectedly".to_owned();
                return Ok(Ending::Open(WalkFinish::incomplete(Reason::Bug, detail)));
            };
            self.counters.requests += effort.requests;
            self.counters.retries += effort.retries;
            let page = match result {
                Ok(page) => page,
                Err(error) => {
                    let (order, connection) = (self.order, &self.context.connection);
                    return Ok(refused(&error, &self.position(), order, connection));
                }
            };
            if self.position().is_start()
                && let Some(date) = page.date
            {
                self.started = date;
            }
            if let Some(finish) = self.somebody_elses(&page) {
                return Ok(Ending::Open(finish));
            }
            let next = self.next(&mut pager, &page);
            let next_url = next.as_ref().ok().cloned().flatten();
            // Without an allowance for it the next page is left to the next run.
            let allowed = next_url.is_none() || self.context.allowance.take();
            let following = next_url.clone().filter(|_| allowed).map(|url| self.ask(url));
            let stored = self.store(page, next_url, next.is_ok()).await?;
            let finish = match stored {
                Stored::Went(finish) => finish,
                Stored::FilterIgnored(why) => return self.downgrade(why).await,
            };
            match (next, finish, following) {
                (Err(error), ..) => return Ok(Ending::Open(lost_way(&error))),
                (Ok(_), Some(finish), _) => return Ok(Ending::Committed(finish)),
                (Ok(_), None, Some(following)) if !self.context.stop.is_asked() => {
                    pending = following;
                }
                (Ok(_), None, _) if !allowed => return Ok(Ending::Open(request_limit())),
                (Ok(_), None, _) => return Ok(Ending::Open(interrupted())),
            }
        }
    }

    /// A page that answers a search for another patient is refused whole.
    fn somebody_elses(&self, page: &Page) -> Option<WalkFinish> {
        let link = page.bundle.self_link.as_deref()?;
        let patient = patient_of_self_link(&page.url, link, &self.order.resource_type)?;
        self.context.whose.excludes(&patient).then(|| another_patient(patient))
    }

    /// What the server did not search by; later pages are asked for in its own words.
    fn left_out(&self, page: &Page) -> Option<String> {
        let link = page.bundle.self_link.as_deref()?;
        self.position().is_start().then(|| left_out_of_self_link(&page.url, link).join(", "))
    }

    fn position(&self) -> Position {
        Position { pages_before: self.pages_before, pages: self.counters.pages }
    }

    /// From now on this type is walked in full.
    async fn downgrade(&self, why: &'static str) -> Result<Ending, WarehouseError> {
        let (id, support) = (self.context.connection.id, LastUpdated::Ignored);
        let name = &self.order.resource_type;
        self.context.warehouse.set_last_updated(id, name, support, Some(why.to_owned())).await?;
        Ok(filter_ignored(why))
    }

    fn ask(&self, url: Url) -> PageRequest {
        PageRequest::send(self.context, &self.order.resource_type, url)
    }

    fn next(&self, pager: &mut Pager, page: &Page) -> Result<Option<Url>, PagingError> {
        let contents: Vec<&[u8]> =
            page.bundle.entries.iter().map(|entry| &page.body[entry.range.clone()]).collect();
        if page.bundle.next.is_none() {
            return Ok(None);
        }
        pager.arrived(&contents)?;
        pager.follow(&page.url, &page.bundle.next)
    }

    /// Unpacks and commits a page; with the last one the walk itself.
    async fn store(
        &mut self,
        page: Page,
        next_url: Option<Url>,
        next_is_sound: bool,
    ) -> Result<Stored, WarehouseError> {
        let total = page.bundle.total;
        let is_last = next_url.is_none() && next_is_sound;
        let body = page.body.clone();
        let url = SafeUrl::from(&page.url).to_string();
        let self_left_out = self.left_out(&page);
        let unpacked = self.context.unpack(&self.order.resource_type, page).await?;
        self.failure = unpacked.failure.or(self.failure.take());
        if let Some(why) = self.filter_ignored(&unpacked.dates) {
            return Ok(Stored::FilterIgnored(why));
        }
        let passed = unpacked.dates.all.iter().filter(|date| **date <= self.started);
        self.newest = self.newest.max(passed.max().copied());
        let mut counters = self.counters.clone();
        counters.pages += 1;
        counters.bytes += body.len() as u64;
        counters.resources_seen += unpacked.resources_seen;
        counters.duplicates += unpacked.duplicates;
        counters.declared_total = total.or(counters.declared_total);
        let end = is_last.then(|| self.end(&counters));
        let write = PageWrite {
            walk: self.key.clone(),
            round: self.context.round,
            page: self.pages_before + counters.pages,
            url,
            self_left_out,
            body,
            changed: unpacked.changed,
            unchanged: unpacked.unchanged,
            rejects: unpacked.rejects,
            rows: unpacked.rows,
            answered: Vec::new(),
            next_url: next_url.map(String::from),
            end,
            counters,
            now: self.context.clock.now(),
        };
        let written = self.context.warehouse.write_page(write).await?;
        self.counters = written.counters;
        self.context.monitor.event(Event::PageStored {
            connection: &self.context.connection.name,
            resource_type: &self.order.resource_type,
            resources_seen: self.seen_before + self.counters.resources_seen,
            declared_total: self.counters.declared_total,
        });
        Ok(Stored::Went(written.finish))
    }

    /// Whether a page of an incremental walk shows that the server did not filter.
    fn filter_ignored(&self, dates: &Dates) -> Option<&'static str> {
        // Servers keep fewer digits than they are asked with.
        let since = self.since? - chrono::Duration::seconds(1);
        if dates.undated {
            Some("it sends resources without a date")
        } else if dates.all.iter().any(|date| *date < since) {
            Some("it sends resources that changed before the instant asked for")
        } else {
            None
        }
    }

    /// How the walk ends with a last page that was sound.
    fn end(&self, counters: &WalkCounters) -> WalkEnd {
        let seen = self.seen_before + counters.resources_seen;
        let finish = match &self.failure {
            Some(outcome) => WalkFinish {
                server_message: outcome.words(),
                keep_cursor: false,
                ..WalkFinish::incomplete(
                    Reason::ServerReportedError,
                    format!("a page carried an OperationOutcome of the server ({outcome})"),
                )
            },
            None => {
                let off = counters.declared_total.filter(|total| *total != seen).map(|total| {
                    format!("the server declares {total} resources, its pages hold {seen}")
                });
                let parts: Vec<String> = off.into_iter().chain(self.order.note.clone()).collect();
                WalkFinish::complete((!parts.is_empty()).then(|| parts.join("; ")))
            }
        };
        // A walk that an earlier run began has not seen what went from its first pages since.
        let saw_everything = self.pages_before == 0
            && self.failure.is_none()
            && self.since.is_none()
            && self.order.window.is_none();
        WalkEnd {
            saw_everything,
            advance: self.order.window.is_none().then(|| Advance {
                // The newest date may be the server's idea of now; its clock when the walk began
                // is the latest moment up to which everything can have been seen.
                watermark: self.newest.map(|newest| clock::text(newest.min(self.started))),
                full: saw_everything,
            }),
            finish,
            shrink_limit_percent: self.context.shrink_limit_percent,
        }
    }
}
