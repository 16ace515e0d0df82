//! One pass over one type: page after page, each committed before the walk goes on.
//!
//! The next page is asked for before the present one is unpacked, so network, processor and disk
//! work at the same time while one walk holds at most two pages.

use super::{
    plan::{WalkFrom, WalkOrder},
    report::WalkReport,
    stop::Stop,
    unpack::{Unpacked, unpack},
};
use crate::{
    clock::Clock,
    fhir::{Effort, FetchError, FhirClient, Outcome, Page, Pager, PagingError},
    http::{Retry, SafeUrl},
    monitor::{Event, Monitor},
    warehouse::{
        ConnectionRow, Cursor, PageWrite, WalkCounters, WalkEnd, WalkFinish, WalkKey, WalkStart,
        Warehouse, WarehouseError,
    },
};
use std::sync::Arc;
use tokio::{sync::Semaphore, task::JoinHandle};
use url::Url;

/// What the walks of one connection share.
#[derive(Clone)]
pub(super) struct WalkContext {
    pub(super) run_id: i64,
    pub(super) connection: Arc<ConnectionRow>,
    pub(super) client: FhirClient,
    pub(super) warehouse: Arc<Warehouse>,
    pub(super) monitor: Arc<dyn Monitor>,
    pub(super) clock: Clock,
    pub(super) stop: Stop,
    /// Pages that may be unpacked at once: one per core.
    pub(super) workers: Arc<Semaphore>,
    pub(super) shrink_limit_percent: u8,
}

/// How a walk ended.
enum Ending {
    /// In the ledger already, with the last page.
    Committed(WalkFinish),
    /// Still to be entered.
    Open(WalkFinish),
    /// The server no longer knows the page that the walk was at.
    CursorLost(WalkFinish),
}

/// Walks one type to its end, or as far as it goes.
///
/// A lost cursor restarts the type once: pages stored already cost a hash each, no write.
pub(super) async fn walk(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<WalkReport, WarehouseError> {
    let (mut report, cursor_lost) = Walk::run(context, order, &order.from).await?;
    if cursor_lost && !context.stop.is_asked() {
        let first = report.counters;
        (report, _) = Walk::run(context, order, &WalkFrom::Start).await?;
        report.counters.requests += first.requests;
        report.counters.retries += first.retries;
        report.counters.rows_written += first.rows_written;
        report.counters.resources_new += first.resources_new;
        report.counters.resources_changed += first.resources_changed;
    }
    context.monitor.event(Event::WalkFinished {
        connection: &context.connection.name,
        resource_type: &order.resource_type,
        state: report.finish.state,
        detail: report.finish.detail.as_deref(),
        resources_seen: report.counters.resources_seen,
    });
    Ok(report)
}

struct Walk<'a> {
    context: &'a WalkContext,
    order: &'a WalkOrder,
    key: WalkKey,
    counters: WalkCounters,
    pages_before: u64,
    seen_before: u64,
    failure: Option<Outcome>,
    unreachable: bool,
}

/// A page on its way; the request ends when nobody wants it any more.
struct Pending(JoinHandle<(Result<Page, FetchError>, Effort)>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Walk<'_> {
    async fn run(
        context: &WalkContext,
        order: &WalkOrder,
        from: &WalkFrom,
    ) -> Result<(WalkReport, bool), WarehouseError> {
        let (url, cursor) = match from {
            WalkFrom::Start => (&order.start, None),
            WalkFrom::Cursor(cursor, url) => (url, Some(Cursor::clone(cursor))),
        };
        let pages_before = cursor.as_ref().map_or(0, |cursor| cursor.pages);
        let seen_before = cursor.as_ref().map_or(0, |cursor| cursor.resources_seen);
        let start = WalkStart {
            run_id: context.run_id,
            connection_id: context.connection.id,
            resource_type: order.resource_type.clone(),
            mode: "full",
            first_url: Some(SafeUrl::from(url).to_string()),
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
            failure: None,
            unreachable: false,
        };
        context.monitor.event(Event::WalkStarted {
            connection: &context.connection.name,
            resource_type: &order.resource_type,
            pages_before,
        });
        let (finish, cursor_lost) = match walk.pages(url.clone()).await? {
            Ending::Committed(finish) => (finish, false),
            Ending::Open(finish) => (walk.abandon(finish).await?, false),
            Ending::CursorLost(finish) => (walk.abandon(finish).await?, true),
        };
        let report = WalkReport {
            resource_type: order.resource_type.clone(),
            finish,
            counters: walk.counters,
            unreachable: walk.unreachable,
        };
        Ok((report, cursor_lost))
    }

    /// Enters an end that no page brought along.
    async fn abandon(&self, mut finish: WalkFinish) -> Result<WalkFinish, WarehouseError> {
        if finish.state == "incomplete" {
            finish.failed_page = Some(self.pages_before + self.counters.pages + 1);
        }
        let (key, counters) = (self.key.clone(), self.counters.clone());
        self.context.warehouse.abandon_walk(key, finish.clone(), counters).await?;
        Ok(finish)
    }

    async fn pages(&mut self, first: Url) -> Result<Ending, WarehouseError> {
        let Ok(mut pager) = Pager::new(&first) else {
            let detail = "the plan's fhir_url is not an http(s) URL".to_owned();
            return Ok(Ending::Open(WalkFinish::incomplete("no_url", detail)));
        };
        let mut pending = self.ask(first);
        loop {
            let arrived = tokio::select! {
                arrived = &mut pending.0 => arrived,
                // A request that waits for a slow or throttling server is not waited for.
                () = self.context.stop.asked() => return Ok(Ending::Open(interrupted())),
            };
            let Ok((result, effort)) = arrived else {
                let detail = "the request ended unexpectedly".to_owned();
                return Ok(Ending::Open(WalkFinish::incomplete("bug", detail)));
            };
            self.counters.requests += effort.requests;
            self.counters.retries += effort.retries;
            let page = match result {
                Ok(page) => page,
                Err(error) => return Ok(self.refused(error)),
            };
            let next = self.next(&mut pager, &page);
            let next_url = next.as_ref().ok().cloned().flatten();
            let following = next_url.clone().map(|url| self.ask(url));
            let finish = self.store(page, next_url, next.is_ok()).await?;
            match (next, finish, following) {
                (Err(error), ..) => return Ok(Ending::Open(lost_way(&error))),
                (Ok(_), Some(finish), _) => return Ok(Ending::Committed(finish)),
                (Ok(_), None, Some(following)) if !self.context.stop.is_asked() => {
                    pending = following;
                }
                (Ok(_), None, _) => return Ok(Ending::Open(interrupted())),
            }
        }
    }

    fn ask(&self, url: Url) -> Pending {
        let client = self.context.client.clone();
        let monitor = Arc::clone(&self.context.monitor);
        let connection = Arc::clone(&self.context.connection);
        let resource_type = self.order.resource_type.clone();
        Pending(tokio::spawn(async move {
            let on_retry = |retry: &Retry| {
                monitor.event(Event::Retrying {
                    connection: &connection.name,
                    resource_type: &resource_type,
                    why: &retry.reason.to_string(),
                    delay: retry.wait,
                });
            };
            let mut effort = Effort::default();
            let page = client.page(&url, &mut effort, &on_retry).await;
            (page, effort)
        }))
    }

    fn next(&self, pager: &mut Pager, page: &Page) -> Result<Option<Url>, PagingError> {
        let contents: Vec<&[u8]> =
            page.bundle.entries.iter().map(|entry| &page.body[entry.range.clone()]).collect();
        let Some(link) = &page.bundle.next else { return Ok(None) };
        pager.arrived(&contents)?;
        pager.follow(&page.url, link).map(Some)
    }

    /// Unpacks and commits a page; with the last one the walk itself.
    async fn store(
        &mut self,
        page: Page,
        next_url: Option<Url>,
        next_is_sound: bool,
    ) -> Result<Option<WalkFinish>, WarehouseError> {
        let total = page.bundle.total;
        let is_last = next_url.is_none() && next_is_sound;
        let body = page.body.clone();
        let unpacked = self.unpack(page).await?;
        self.failure = unpacked.failure.or(self.failure.take());
        let mut counters = self.counters.clone();
        counters.pages += 1;
        counters.bytes += body.len() as u64;
        counters.resources_seen += unpacked.resources_seen;
        counters.duplicates += unpacked.duplicates;
        counters.declared_total = total.or(counters.declared_total);
        let end = is_last.then(|| self.end(&counters));
        let write = PageWrite {
            walk: self.key.clone(),
            page: self.pages_before + counters.pages,
            body,
            changed: unpacked.changed,
            unchanged: unpacked.unchanged,
            rejects: unpacked.rejects,
            rows: unpacked.rows,
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
        Ok(written.finish)
    }

    async fn unpack(&self, page: Page) -> Result<Unpacked, WarehouseError> {
        // Never closed, so acquiring cannot fail; without a permit it would only be less fair.
        let permit = Arc::clone(&self.context.workers).acquire_owned().await.ok();
        let warehouse = Arc::clone(&self.context.warehouse);
        let walk_type = self.order.resource_type.clone();
        let connection_id = self.context.connection.id;
        let unpacked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let (reader, catalog) = (warehouse.reader(), warehouse.catalog());
            unpack(&page.body, &page.bundle, &walk_type, connection_id, reader, catalog)
        });
        match unpacked.await {
            Ok(unpacked) => unpacked,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
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
                    "server_reported_error",
                    format!("a page carried an OperationOutcome of the server ({outcome})"),
                )
            },
            None => {
                WalkFinish::complete(counters.declared_total.filter(|total| *total != seen).map(
                    |total| format!("the server declares {total} resources, its pages hold {seen}"),
                ))
            }
        };
        WalkEnd {
            saw_everything: self.pages_before == 0 && self.failure.is_none(),
            finish,
            shrink_limit_percent: self.context.shrink_limit_percent,
        }
    }

    fn refused(&mut self, error: FetchError) -> Ending {
        self.unreachable = error.is_unreachable();
        let is_first_page = self.pages_before + self.counters.pages == 0;
        let resumes = self.pages_before > 0 && self.counters.pages == 0;
        if is_first_page && !self.order.required && matches!(error.status(), Some(403 | 404)) {
            let detail = format!("the plan does not serve it: {error}");
            let mut finish = WalkFinish::not_walked("not_served", error.reason(), detail);
            finish.http_status = error.status();
            finish.server_message = error.server_message();
            return Ending::Open(finish);
        }
        let mut finish = WalkFinish::incomplete(error.reason(), with_sources(&error));
        finish.http_status = error.status();
        finish.server_message = error.server_message();
        finish.hint = hint(&error, &self.context.connection);
        match error.status() {
            Some(404 | 410) if !is_first_page => {
                finish.keep_cursor = false;
                Ending::CursorLost(finish)
            }
            Some(400..=499) if resumes && !matches!(error.status(), Some(401 | 403 | 429)) => {
                finish.keep_cursor = false;
                Ending::CursorLost(finish)
            }
            _ => Ending::Open(finish),
        }
    }
}

fn interrupted() -> WalkFinish {
    WalkFinish::incomplete("interrupted", "it was asked to stop; the next run goes on here".into())
}

fn lost_way(error: &PagingError) -> WalkFinish {
    let reason = match error {
        PagingError::ForeignOrigin { .. } => "foreign_origin",
        PagingError::Loop => "next_loop",
        PagingError::NoProgress => "no_progress",
        PagingError::OnlyEmptyPages => "only_empty_pages",
        PagingError::NotAUrl => "next_not_a_url",
    };
    WalkFinish { keep_cursor: false, ..WalkFinish::incomplete(reason, error.to_string()) }
}

fn hint(error: &FetchError, connection: &ConnectionRow) -> Option<String> {
    let connect = format!("payersync connect {} --plan {}", connection.name, connection.plan);
    Some(match error.reason() {
        "consent_needed" => format!("`{connect}`"),
        "unauthorized" => {
            format!("the plan refuses a fresh token; if the member withdrew consent, `{connect}`")
        }
        "forbidden" => format!(
            "the plan may refuse requests from outside the US, or the consent may not cover it; `{connect}` asks anew"
        ),
        "throttled" => "lower requests_per_second or requests_per_hour of the plan".to_owned(),
        "not_json" | "not_a_searchset" => {
            "check the plan's fhir_url; if it is right, the plan is at fault and the next run asks again".to_owned()
        }
        _ => return None,
    })
}

/// An error with everything below it, as one sentence.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(below) = source {
        let below_text = below.to_string();
        if !text.contains(&below_text) {
            text = format!("{text}: {below_text}");
        }
        source = below.source();
    }
    text
}
