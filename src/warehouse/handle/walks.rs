//! Everything a walk writes, from its first page to its end.

use super::Warehouse;
use crate::warehouse::{
    error::WarehouseError,
    walks::{
        cursor,
        everything::{self, MissedAlong},
        finish,
        ledger::{self, Left, WalkStart},
        page::PageWrite,
        page_written::PageWritten,
        parts,
        seen::{self, Agreement},
        walk_counters::WalkCounters,
        walk_end::WalkEnd,
        walk_finish::WalkFinish,
        walk_key::WalkKey,
        writer::OnItsWay,
    },
};
use chrono::{DateTime, Utc};

impl Warehouse {
    /// Enters a walk in the ledger as running; returns its key and what it takes over from earlier runs.
    pub(crate) async fn start_walk(
        &self,
        start: WalkStart,
    ) -> Result<(WalkKey, Left), WarehouseError> {
        let now = self.clock.now();
        self.writer.run(move |connection, _| ledger::start_walk(connection, &start, now)).await
    }

    /// Writes what a walk has counted since it ended.
    pub(crate) async fn update_walk(
        &self,
        walk: WalkKey,
        counters: WalkCounters,
    ) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| ledger::update_counters(connection, walk.walk_id, &counters))
            .await
    }

    /// Ends a walk that did not reach its last page.
    pub(crate) async fn abandon_walk(
        &self,
        walk: WalkKey,
        finish: WalkFinish,
        counters: WalkCounters,
    ) -> Result<(), WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| {
                ledger::abandon_walk(connection, &walk, &finish, &counters, now)
            })
            .await
    }

    pub(crate) async fn write_page(&self, page: PageWrite) -> Result<PageWritten, WarehouseError> {
        self.send_page(page).await?.stored().await
    }

    /// Sends a page to the writer, which stores the pages in the order in which they were sent.
    pub(crate) async fn send_page(&self, page: PageWrite) -> Result<OnItsWay, WarehouseError> {
        self.writer.send_page(page).await
    }

    /// Notes that a run got nothing from the page that a walk's cursor names.
    pub(crate) async fn note_cursor_failure(&self, walk_id: i64) -> Result<(), WarehouseError> {
        self.writer.run(move |connection, _| cursor::note_failure(connection, walk_id)).await
    }

    /// How many different resources the windows of a walk have seen in this run.
    pub(crate) async fn count_seen(&self, walk_id: i64) -> Result<u64, WarehouseError> {
        self.writer.run(move |connection, _| seen::count_seen(connection, walk_id)).await
    }

    /// Ends a walk that reached its last page; returns its entry in the ledger.
    pub(crate) async fn end_walk(
        &self,
        walk: WalkKey,
        end: WalkEnd,
        counters: WalkCounters,
    ) -> Result<WalkFinish, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| finish::end_walk(connection, &walk, end, counters, now))
            .await
    }

    /// Deletes what walks have noted for one run only.
    pub(crate) async fn forget_walks(&self, walks: Vec<i64>) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| {
                walks.iter().try_for_each(|walk_id| seen::forget(connection, *walk_id))
            })
            .await
    }

    /// How far two walks of this run agree.
    pub(crate) async fn saw_the_same(
        &self,
        one: i64,
        other: i64,
    ) -> Result<Agreement, WarehouseError> {
        self.writer.run(move |connection, _| seen::saw_the_same(connection, one, other)).await
    }

    /// Counts a part's resources as seen by the walk `round` over the type.
    ///
    /// The part's complete walk that began at `began` has stored them. Returns false if they were not stored.
    pub(crate) async fn recall_part(
        &self,
        connection_id: i64,
        resource_type: String,
        query: String,
        began: DateTime<Utc>,
        round: i64,
    ) -> Result<bool, WarehouseError> {
        self.writer
            .run(move |connection, _| {
                parts::recall(connection, connection_id, &resource_type, &query, began, round)
            })
            .await
    }

    /// The types that came along with other walks in this run.
    pub(crate) async fn types_that_came_along(
        &self,
        connection_id: i64,
    ) -> Result<Vec<String>, WarehouseError> {
        self.writer
            .run(move |connection, _| everything::types_along(connection, connection_id))
            .await
    }

    /// Enters as absent the resources that came in an earlier `$everything` but not in these walks.
    ///
    /// This is for a type that has no walk of its own.
    pub(crate) async fn enter_missed_along(
        &self,
        walk: WalkKey,
        walks: Vec<i64>,
        shrink_limit_percent: u8,
        now: String,
    ) -> Result<MissedAlong, WarehouseError> {
        self.writer
            .run(move |connection, _| {
                everything::enter_missed(connection, &walk, &walks, shrink_limit_percent, &now)
            })
            .await
    }

    /// Deletes the notes about resources that came along with other walks.
    pub(crate) async fn forget_along(&self, connection_id: i64) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| everything::forget_along(connection, connection_id))
            .await
    }
}
