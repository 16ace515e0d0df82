//! One pass through a type's pages, which are stored in their order.
//!
//! The next page is asked for before the present one is unpacked. After a page that surely brings something
//! new, the pass goes on without waiting for the writer. So network, processor and disk work at the same
//! time.

mod ahead;
mod end;
mod onward;
mod paths;
mod shorter;
mod store;
mod unsound;

use self::ahead::{Ahead, Stored};
use super::{
    ages::Ages,
    ending::{
        Ending, Position, Remedy, another_patient, clock_went_back, filter_ignored, interrupted,
        lost_way, no_progress, refused, request_limit, wrong_path,
    },
    page_request::PageRequest,
    walk_clock::WalkClock,
};
use crate::{
    clock,
    fhir::{
        FetchError, LonePage, Outcome, Page, Pager, PagingError, instant, is_everything,
        left_out_of_self_link, patient_of_self_link,
    },
    http::SafeUrl,
    monitor::Event,
    outcome::{Reason, WalkKind, WalkState},
    sync::{
        clocks::Reading,
        context::WalkContext,
        decide::order::{WalkFrom, WalkOrder},
        report::WalkReport,
    },
    warehouse::{
        Cursor, Tally, WalkCounters, WalkFinish, WalkKey, WalkStart, WarehouseError,
        was_forbidden_before,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use onward::Onward;
use paths::Paths;
use url::Url;

/// The pass is given up after this many pages in a row that have entries but bring no resource new to the
/// pass.
const MAX_STALE_PAGES: u32 = 3;
/// The pass is given up after this many pages in a row, with or without entries, that bring no resource new
/// to it.
const MAX_HOLLOW_PAGES: u32 = 100;
/// Both limits for a Patient's `$everything`: resources of other types come with it, and may come first.
const MAX_OTHER_PAGES: u32 = 2000;
/// How far the clocks of a plan's servers may differ.
const CLOCKS_OF_A_PLAN: TimeDelta = TimeDelta::hours(1);
/// A cursor is given up after this many runs that got nothing at its page.
const MAX_CURSOR_FAILURES: u32 = 2;

/// The outcome of a pass.
pub(super) struct PassReport {
    pub(crate) report: WalkReport,
    /// The way in which another walk may get further than the pass.
    pub(super) remedy: Option<Remedy>,
    /// The pass's row in the ledger.
    pub(crate) walk_id: i64,
    /// A pass of an earlier run whose notes were brought back for this pass.
    pub(crate) kept: Option<i64>,
}

/// One pass through a type's pages.
pub(super) struct Pass<'a> {
    context: &'a WalkContext,
    order: &'a WalkOrder,
    key: WalkKey,
    counters: WalkCounters,
    tally: Tally,
    /// Pages that were sent to the writer and are not known to be stored.
    ahead: Ahead,
    /// The cursor that the pass goes on from.
    resumes: Option<Cursor>,
    /// The pass before this one. This pass is compared with it.
    before: Option<i64>,
    /// The pass of this run before `before`.
    second_before: Option<i64>,
    /// Whether the pass before this one was made in an earlier run.
    is_before_older: bool,
    /// The instant since which an incremental walk asks for changes.
    since: Option<DateTime<Utc>>,
    clock: WalkClock,
    /// The clocks, as the first answer of this run has shown them.
    clocks: Option<Reading>,
    /// How old the pages of the pass are.
    ages: Ages,
    paths: Paths,
    failure: Option<Outcome>,
    /// Resources about another patient than the connection's.
    strangers: u64,
}

impl Pass<'_> {
    /// Makes a pass, after the other `passes` of this run, and enters it in the ledger.
    pub(crate) async fn run(
        context: &WalkContext,
        order: &WalkOrder,
        from: &WalkFrom,
        passes: &[i64],
    ) -> Result<PassReport, WarehouseError> {
        let (url, resumes, since) = match from {
            WalkFrom::Start => (&order.start, None, None),
            WalkFrom::Since(increment) => (&increment.url, None, Some(increment.since)),
            WalkFrom::Cursor(cursor, url) => {
                let since = cursor.since.as_deref().and_then(instant);
                (url, Some(Cursor::clone(cursor)), since)
            }
        };
        let clock =
            WalkClock::new(context.clock.now(), resumes.as_ref(), context.allowance.is_limited());
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
            resumes: resumes.clone(),
            proved_for: Some(order.proved_for.clone()),
        };
        let (key, left) = context.warehouse.start_walk(start).await?;
        // A pass of this run is better evidence than one of an earlier run.
        let mut latest = passes.iter().rev().copied();
        let (before, second_before) = (latest.next(), latest.next());
        let is_before_older = before.is_none();
        let before = before.or(left.pass.filter(|_| context.allowance.is_limited()));
        let tally = resumes.as_ref().map(|cursor| cursor.tally).unwrap_or_default();
        let mut pass = Pass {
            context,
            order,
            key,
            counters: WalkCounters::default(),
            tally: Tally { distinct: left.distinct, ..tally },
            ahead: Ahead::default(),
            resumes,
            before,
            second_before,
            is_before_older,
            since,
            clock,
            clocks: None,
            ages: Ages::default(),
            paths: Paths::new(&order.start),
            failure: None,
            strangers: 0,
        };
        context.monitor.event(Event::WalkStarted {
            connection: &context.connection.name,
            resource_type: &order.resource_type,
            pages_before: pass.pages_before(),
        });
        let (finish, remedy) = match pass.pages(url.clone()).await? {
            Ending::LastPage => pass.end().await?,
            Ending::Open(finish) => (pass.abandon(finish).await?, None),
            Ending::Lost(finish, remedy) => (pass.abandon(finish).await?, Some(remedy)),
        };
        let report = WalkReport {
            resource_type: order.resource_type.clone(),
            finish,
            counters: pass.counters,
        };
        Ok(PassReport { report, remedy, walk_id: pass.key.walk_id, kept: left.pass })
    }

    /// Pages stored by earlier runs of the walk.
    fn pages_before(&self) -> u64 {
        self.resumes.as_ref().map_or(0, |cursor| cursor.pages)
    }

    /// Enters the end of a pass that did not come to a last page.
    async fn abandon(&self, mut finish: WalkFinish) -> Result<WalkFinish, WarehouseError> {
        if finish.state == WalkState::Incomplete {
            finish.failed_page = Some(self.pages_before() + self.counters.pages + 1);
        }
        let (key, counters) = (self.key.clone(), self.counters.clone());
        self.context.warehouse.abandon_walk(key, finish.clone(), counters).await?;
        Ok(finish)
    }

    async fn pages(&mut self, first: Url) -> Result<Ending, WarehouseError> {
        let ending = self.follow(first).await?;
        self.settle().await?;
        Ok(ending)
    }

    async fn follow(&mut self, first: Url) -> Result<Ending, WarehouseError> {
        let begin = if self.resumes.is_some() { Pager::resumed } else { Pager::new };
        let Ok(mut pager) = begin(&first, &self.context.proxied_origins) else {
            let detail = "the plan's fhir_url is not an http(s) URL".to_owned();
            return Ok(Ending::Open(WalkFinish::incomplete(Reason::NoUrl, detail)));
        };
        if !self.context.allowance.take() {
            return Ok(Ending::Open(request_limit()));
        }
        let (most_stale, most_hollow) = match is_everything(&self.order.start) {
            true => (MAX_OTHER_PAGES, MAX_OTHER_PAGES),
            false => (MAX_STALE_PAGES, MAX_HOLLOW_PAGES),
        };
        let mut asked = first;
        let mut pending = self.ask(asked.clone());
        let mut came_by = Onward::End;
        loop {
            let arrived = tokio::select! {
                arrived = pending.arrived() => arrived,
                // A stop does not wait for a request to a slow or throttling server.
                () = self.context.stop.asked() => return Ok(Ending::Open(interrupted())),
            };
            let Ok((result, effort)) = arrived else {
                let detail = "the request ended unexpectedly".to_owned();
                return Ok(Ending::Open(WalkFinish::incomplete(Reason::Bug, detail)));
            };
            self.counters.add_effort(&effort.into());
            if matches!(came_by, Onward::Last(_)) {
                // What a page that was named as the last one means depends on all pages before it.
                self.settle().await?;
            }
            if let Some(ending) = came_by.end(result.as_ref(), &self.tally) {
                return Ok(ending);
            }
            let page = match result {
                Ok(page) => page,
                Err(error) => match self.paths.instead(&asked, &error) {
                    Some(url) if self.context.allowance.take() => {
                        (pending, asked) = (self.ask(url.clone()), url);
                        continue;
                    }
                    Some(_) => return Ok(Ending::Open(request_limit())),
                    None => {
                        self.settle().await?;
                        return self.refused(&error).await;
                    }
                },
            };
            self.paths.came(&asked);
            let now = self.context.clock.now();
            self.ages.add(now, page.date, page.age);
            if self.clocks.is_none() {
                let reading = self.context.clocks.read(now, page.date);
                let is_start = self.position().is_start();
                self.clock.first_page(page.date, reading.believed, is_start);
                self.clocks = Some(reading);
                if let Some(behind) = self.clock_went_back(page.date) {
                    return Ok(Ending::Lost(clock_went_back(behind), Remedy::BeginAgain));
                }
            }
            if let Some(finish) = self.somebody_elses(&page) {
                return Ok(Ending::Open(finish));
            }
            let onward = Onward::of(&page, &mut pager);
            let place = |url: Option<&Url>| url.map(|url| self.paths.of_link(url));
            let next_url = place(onward.as_ref().ok().and_then(Onward::next));
            let following_url = place(onward.as_ref().ok().and_then(Onward::url));
            // Without an allowance for it the next page is left to the next run.
            let allowed = following_url.is_none() || self.context.allowance.take();
            let following =
                following_url.filter(|_| allowed).map(|url| (self.ask(url.clone()), url));
            let lone = match &onward {
                Err(PagingError::Unlinked) => LonePage::of(&page),
                _ => None,
            };
            if let Stored::FilterIgnored(why) = self.store(page, next_url).await? {
                return self.downgrade(why).await;
            }
            if let Some(lone) = lone {
                match self.is_last(lone).await {
                    Ok(true) => return Ok(Ending::LastPage),
                    Ok(false) => {}
                    Err(finish) => return Ok(Ending::Open(*finish)),
                }
            }
            match (onward, following) {
                (Err(error), _) => return Ok(lost_way(&error)),
                (Ok(Onward::End), _) => return Ok(Ending::LastPage),
                (Ok(_), _) if self.tally.stale_pages >= most_stale => {
                    return Ok(Ending::Open(no_progress(self.tally.stale_pages)));
                }
                (Ok(_), _) if self.tally.hollow_pages >= most_hollow => {
                    return Ok(Ending::Open(no_progress(self.tally.hollow_pages)));
                }
                (Ok(onward), Some(following)) if !self.context.stop.is_asked() => {
                    ((pending, asked), came_by) = (following, onward);
                }
                (Ok(_), _) if !allowed => return Ok(Ending::Open(request_limit())),
                (Ok(_), _) => return Ok(Ending::Open(interrupted())),
            }
        }
    }

    /// Ends the pass at a page that could not be fetched.
    ///
    /// A cursor that brought nothing in two runs is given up. It stays stored until a walk from the first
    /// page has stored a page.
    async fn refused(&self, error: &FetchError) -> Result<Ending, WarehouseError> {
        let (order, connection) = (self.order, &self.context.connection);
        // At a cursor's page, the plan may have forgotten the search.
        let is_at_cursor = self.resumes.is_some() && self.pages_sent() == 0;
        if !is_at_cursor && self.paths.is_lost(error) {
            return Ok(Ending::Open(wrong_path(error)));
        }
        let is_known = order.listed_before || self.context.answered.knows(&order.start);
        let verdict = (is_known, error.is_blocked() && !self.was_refused_before()?);
        let ending = refused(error, &self.position(), order, verdict, connection);
        let (Ending::Open(finish), Some(cursor), 0) = (&ending, &self.resumes, self.counters.pages)
        else {
            return Ok(ending);
        };
        if finish.reason.is_some_and(Reason::is_without_token) {
            return Ok(ending);
        }
        self.context.warehouse.note_cursor_failure(self.key.walk_id).await?;
        Ok(match cursor.failures + 1 >= MAX_CURSOR_FAILURES {
            true => Ending::Lost(finish.clone(), Remedy::BeginAgain),
            false => ending,
        })
    }

    /// Whether the plan, or a gateway in front of it, refused the type by a 403 in an earlier run, too.
    fn was_refused_before(&self) -> Result<bool, WarehouseError> {
        let of_type = (self.key.connection_id, self.key.resource_type.as_str());
        let (reader, run_id) = (self.context.warehouse.reader(), self.context.run_id);
        reader.read(|connection| was_forbidden_before(connection, of_type, run_id))
    }

    /// Refuses a whole page if the page answers a search for another patient.
    fn somebody_elses(&self, page: &Page) -> Option<WalkFinish> {
        let link = page.bundle.self_link.as_deref()?;
        let (name, bases) = (&self.order.resource_type, &self.context.bases);
        let patient = patient_of_self_link(&page.url, link, name, bases)?;
        self.context.whose.excludes(&patient).then(|| another_patient(patient))
    }

    /// By how much the answer's `Date` lies before a change that the plan has sent already, if the plan's
    /// clock went back.
    ///
    /// What changed since the clock went back may be dated before the instant asked for. Closing rounds
    /// between parts are not checked: they ask for what changed in this run.
    fn clock_went_back(&self, date: Option<DateTime<Utc>>) -> Option<TimeDelta> {
        let since = self.since.filter(|_| self.order.window.is_none())?;
        let overlap = TimeDelta::from_std(self.context.overlap).ok()?;
        let behind = since.checked_add_signed(overlap)?.signed_duration_since(date?);
        (behind > CLOCKS_OF_A_PLAN).then_some(behind)
    }

    /// The parameters that the server did not search by, as its first page tells. Later pages are asked for
    /// by the server's own links.
    fn left_out(&self, page: &Page) -> Option<String> {
        let link = page.bundle.self_link.as_deref()?;
        self.position().is_start().then(|| left_out_of_self_link(&page.url, link).join(", "))
    }

    fn position(&self) -> Position {
        Position { pages_before: self.pages_before(), pages: self.pages_sent() }
    }

    /// Notes that the plan ignores `_lastUpdated` for this type, which is then walked in full.
    async fn downgrade(&self, why: &'static str) -> Result<Ending, WarehouseError> {
        self.context.ignores_last_updated(&self.order.resource_type, why).await?;
        Ok(filter_ignored(why))
    }

    fn ask(&self, url: Url) -> PageRequest {
        PageRequest::send(self.context, &self.order.resource_type, url)
    }
}
