//! Sends pages to the writer, and goes on before they are stored.
//!
//! A page that surely brings the walk something new decides nothing about where the walk goes. So the walk
//! takes the next page while the writer has this one: the two work at once, and waiting pages share a
//! transaction. After any other page, the walk waits until that page and all before it are stored. It also
//! waits if a page brings the same resource as a page on its way: what is new in it can be told only once the
//! earlier page is stored.

use super::{
    Pass,
    ahead::{Sent, Stored},
};
use crate::{
    fhir::{Page, is_everything},
    http::SafeUrl,
    monitor::Event,
    sync::intake::unpack::Unpacked,
    warehouse::{
        Chain, PageCount, PageWrite, PageWritten, Sums, Tally, WalkCounters, WarehouseError,
    },
};
use url::Url;

impl Pass<'_> {
    /// Pages of this run that are stored or on their way.
    pub(super) fn pages_sent(&self) -> u64 {
        self.ahead.sent
    }

    /// Unpacks a page and has it stored.
    pub(super) async fn store(
        &mut self,
        mut page: Page,
        next_url: Option<Url>,
    ) -> Result<Stored, WarehouseError> {
        self.context.answered.note(&self.order.start);
        let is_everything = is_everything(&self.order.start);
        if is_everything {
            let walk = (self.key.walk_id, self.pages_before());
            self.context.along.add_page(&self.order.resource_type, walk, &page.bundle);
            page.bundle.takes_all_along();
        }
        let (total, body) = (page.bundle.total, page.body.clone());
        let url = SafeUrl::from(&page.url).to_string();
        let self_left_out = self.left_out(&page);
        let unpacked = self.unpack(page).await?;
        self.failure = unpacked.failure.or(self.failure.take());
        self.strangers += unpacked.strangers;
        if let Some(why) = self.since.and_then(|since| unpacked.dates.show_no_filter(since)) {
            return Ok(Stored::FilterIgnored(why));
        }
        let mut own = Tally::default();
        self.clock.page(&unpacked.dates.all, self.position().is_start(), &mut own);
        if self.failure.is_some() || self.ages.beyond(self.context.overlap).is_some() {
            own.note_unsound();
        }
        let count = PageCount {
            requests: self.counters.requests,
            retries: self.counters.retries,
            bytes: body.len() as u64,
            resources_seen: unpacked.resources_seen,
            duplicates: unpacked.duplicates,
            // In $everything only resources of the walk's own type count. They show whether a page repeats
            // another one.
            entries: match is_everything {
                true => unpacked.matches + unpacked.rejected,
                false => unpacked.entries,
            },
            matches: unpacked.matches,
            rejected: unpacked.rejected,
            total,
            began: own.began,
            brought_early: own.brought_early,
            brought_late: own.brought_late,
        };
        let bytes = body.len() + unpacked.rows.bytes();
        let may_go_ahead = unpacked.brings_new && next_url.is_some() && !self.ahead.is_off;
        let ahead = self.context.workers.ahead(bytes).filter(|_| may_go_ahead);
        let goes_ahead = ahead.is_some();
        let (counters, tally) = (&self.counters, self.tally);
        let chain =
            self.ahead.chain.get_or_insert_with(|| Chain::new(counters.clone(), tally)).clone();
        let write = PageWrite {
            walk: self.key.clone(),
            round: self.context.round,
            file: None,
            page: self.pages_before() + self.ahead.sent + 1,
            url,
            self_left_out,
            body,
            changed: unpacked.changed,
            unchanged: unpacked.unchanged,
            rejects: unpacked.rejects,
            notes_along: is_everything,
            rows: unpacked.rows,
            answered: Vec::new(),
            next_url: next_url.map(String::from),
            sums: Sums::After(chain, count),
            now: self.context.clock.now(),
            goes_ahead,
            _memory: unpacked.room.shrink_to(bytes).into_iter().chain(ahead).collect(),
        };
        let page = self.context.warehouse.send_page(write).await?;
        let names = unpacked.names.into_iter().collect();
        self.ahead.sent += 1;
        self.ahead.on_their_way.push_back(Sent { page, names });
        if goes_ahead {
            self.settle_what_is_stored()?;
        } else {
            self.settle().await?;
        }
        Ok(Stored::Committed)
    }

    /// Unpacks a page. If a page on its way brings the same resource, that page is stored first.
    async fn unpack(&mut self, page: Page) -> Result<Unpacked, WarehouseError> {
        let resource_type = &self.order.resource_type;
        if self.ahead.on_their_way.is_empty() {
            return self.context.unpack(resource_type, page).await;
        }
        let unpacked = self.context.unpack(resource_type, page.clone()).await?;
        if !self.ahead.bring_any(&unpacked.names) {
            return Ok(unpacked);
        }
        drop(unpacked);
        self.ahead.is_off = true;
        self.settle().await?;
        self.context.unpack(resource_type, page).await
    }

    /// Waits until all pages on their way are stored.
    pub(super) async fn settle(&mut self) -> Result<(), WarehouseError> {
        while let Some(Sent { page, .. }) = self.ahead.on_their_way.pop_front() {
            self.note_stored(page.stored().await?);
        }
        Ok(())
    }

    /// Takes note of the pages that are stored by now.
    fn settle_what_is_stored(&mut self) -> Result<(), WarehouseError> {
        let first = |pass: &mut Self| pass.ahead.on_their_way.front_mut()?.page.stored_by_now();
        while let Some(stored) = first(self) {
            self.ahead.on_their_way.pop_front();
            self.note_stored(stored?);
        }
        Ok(())
    }

    fn note_stored(&mut self, written: PageWritten) {
        // More requests may have been made since the page was sent.
        let (requests, retries) = (self.counters.requests, self.counters.retries);
        self.counters = WalkCounters { requests, retries, ..written.counters };
        self.tally = written.tally;
        self.context.monitor.event(Event::PageStored {
            connection: &self.context.connection.name,
            resource_type: &self.order.resource_type,
            resources_seen: self.tally.matches,
            declared_total: self.counters.declared_total,
        });
    }
}
