//! Ends a pass whose last page was sound: judges the pass and enters its end in the ledger.

use super::{Pass, unsound::Consent};
use crate::{
    clock,
    outcome::{Reason, WalkState},
    plural,
    sync::{
        clocks::Dated,
        walk::{
            ending::{Remedy, finally, left_out, patient_changed, server_reported},
            judge::{Judgement, Shown, judge},
        },
    },
    warehouse::{
        Advance, Agreement, WalkEnd, WalkFinish, WarehouseError, brought_late, outdated, seen_last,
    },
};
use chrono::{DateTime, Utc};

impl Pass<'_> {
    /// Ends a pass whose last page was sound.
    pub(super) async fn end(&mut self) -> Result<(WalkFinish, Option<Remedy>), WarehouseError> {
        let is_full = self.since.is_none() && self.order.window.is_none();
        let holds_some = self.order.resource_type == "Patient" || self.order.listed_before;
        let is_seen = self.context.whose.is_seen();
        let is_changed = is_full && holds_some && self.strangers > 0 && !is_seen;
        let is_doubted = self.clocks.as_ref().is_some_and(|clocks| clocks.is_doubted);
        let clocks = self.clocks.as_mut().and_then(|clocks| clocks.warning.take());
        let consent = self.consent().await;
        let judgement = match &self.failure {
            // Nothing that came in this run is about the Patient whose data is held.
            _ if is_changed => Err(patient_changed(&self.context.connection)),
            Some(outcome) => Err(server_reported(outcome)),
            None => match self.unsound(consent) {
                Some(finish) => Err(finish),
                None => Ok(self.judge().await?),
            },
        };
        let missing = match &judgement {
            Ok(Judgement::Settled { .. }) => self.missing().await?,
            _ => 0,
        };
        let (finish, totals, remedy) = match judgement {
            Err(finish) => (finish, None, None),
            Ok(_) if missing > 0 => (left_out(missing), None, Some(Remedy::BeginAgain)),
            Ok(Judgement::Settled { totals, warning }) => {
                let older = self.older().await?;
                let note = self.order.note.clone();
                let parts: Vec<String> =
                    warning.into_iter().chain(note).chain(clocks).chain(older).collect();
                let warning = (!parts.is_empty()).then(|| parts.join("; "));
                let is_empty = is_full && self.tally.matches + self.tally.rejected == 0;
                let finish = self.order.extent.complete(warning, is_empty);
                (finish, totals.filter(|_| is_full), None)
            }
            Ok(Judgement::Short(reason, detail)) => {
                // A search for changes that never adds up must not keep the type incomplete.
                let is_of_changes = self.since.is_some() && self.order.window.is_none();
                (finally(reason, detail), None, is_of_changes.then_some(Remedy::BeginAgain))
            }
            Ok(Judgement::Doubtful(why)) => {
                let detail = format!("its pages moved while they were fetched: {why}");
                (finally(Reason::PagesMoved, detail), None, Some(Remedy::PassAgain))
            }
        };
        let sees_all = is_full && !self.order.extent.is_part && consent == Consent::Same;
        let is_resumed_with_rejects = self.pages_before() > 0 && self.tally.rejected > 0;
        let end = WalkEnd {
            finish,
            tally: self.tally,
            sees_all,
            finds_absences: sees_all && self.tally.rejected == 0,
            is_doubted,
            // If requests are limited, the pass that may agree with this one ends on another night.
            keeps_pass: remedy == Some(Remedy::PassAgain) && self.context.allowance.is_limited(),
            before: self.before,
            round: self.context.round,
            // A resource that could not be taken in may be one that a later run would take for missing.
            keeps_part: self.context.allowance.is_limited() && self.tally.rejected == 0,
            missed_at: self.dated(|dated| dated.earliest),
            missed_since: self.dated(|dated| dated.latest),
            settles_rejects: is_full && !is_resumed_with_rejects,
            advance: self.order.window.is_none().then(|| Advance {
                watermark: self.clock.watermark(),
                full: sees_all,
                proves: is_full,
            }),
            totals,
            shrink_limit_percent: self.context.shrink_limit_percent,
        };
        let (key, counters) = (self.key.clone(), self.counters.clone());
        let finish = self.context.warehouse.end_walk(key, end, counters).await?;
        if sees_all && finish.state == WalkState::Complete {
            self.distrust_if_late().await?;
        }
        Ok((finish, remedy))
    }

    /// How many stored resources are missing from an answer to `_lastUpdated` that must hold them.
    ///
    /// Returns 0 if a resource was rejected, since it may be one of them. It also returns 0 if the consent
    /// may hide them, or if only a part of the type is asked for.
    async fn missing(&self) -> Result<u64, WarehouseError> {
        let is_part = self.order.extent.is_part || self.order.window.is_some();
        match self.since {
            Some(since) if self.tally.rejected == 0 && !is_part => {
                self.context.warehouse.note_left_out(self.key.clone(), since).await
            }
            _ => Ok(0),
        }
    }

    /// Notes that the server does not honour `_lastUpdated`, if a full walk brings changes that the last walk
    /// over changes missed. The server's index may stand still, for example.
    async fn distrust_if_late(&self) -> Result<(), WarehouseError> {
        if self.counters.resources_new + self.counters.resources_changed == 0 {
            return Ok(());
        }
        let (key, reader) = (&self.key, self.context.warehouse.reader());
        if reader.read(|connection| brought_late(connection, key))? > 0 {
            let why = "its search for changes missed changed resources that a full walk found";
            self.context.ignores_last_updated(&key.resource_type, why).await?;
        }
        Ok(())
    }

    /// The note about versions older than the stored ones. The stored ones stay until a full walk in
    /// another run brings the older ones again.
    async fn older(&self) -> Result<Option<String>, WarehouseError> {
        if self.counters.resources_older == 0 {
            return Ok(None);
        }
        let (key, reader) = (&self.key, self.context.warehouse.reader());
        let count = reader.read(|connection| outdated(connection, key))?;
        Ok((count > 0).then(|| {
            format!(
                "{} came in an older version than the stored one, and the stored one stays; the \
                 next run asks for the whole type, and takes the older version if it comes again",
                plural::count(count, "resource")
            )
        }))
    }

    /// The date of this walk, for comparing it with another walk that must be days apart.
    fn dated(&self, of: impl Fn(&Dated) -> DateTime<Utc>) -> String {
        clock::text(self.clocks.as_ref().map_or(self.clock.started(), |it| of(&it.dated)))
    }

    async fn judge(&self) -> Result<Judgement, WarehouseError> {
        let agreement = self.agreement_with(self.before).await?;
        // With few requests there may be one pass a night. Then an earlier night's pass is enough: servers
        // rarely err alike on two nights.
        let agrees_with_both = agreement.resources
            && match self.second_before {
                None => self.is_before_older,
                before => self.agreement_with(before).await?.resources,
            };
        Ok(judge(Shown {
            tally: &self.tally,
            pages: self.pages_before() + self.counters.pages,
            totals: self.order.totals,
            strict_totals: self.context.strict_totals,
            is_resumed: self.pages_before() > 0,
            agreement,
            agrees_with_both,
            is_unchanged: self.counters.resources_new + self.counters.resources_changed == 0,
            is_less_than_before: self.is_less_than_before()?,
        }))
    }

    /// Whether a full walk brought less than the one before it, though the plan declares more.
    fn is_less_than_before(&self) -> Result<bool, WarehouseError> {
        let is_full = self.since.is_none() && self.order.window.is_none();
        if !is_full || self.tally.total_gap().is_none_or(|gap| gap <= 0) {
            return Ok(false);
        }
        let before = self.context.warehouse.reader().read(|it| seen_last(it, &self.key))?;
        Ok(before.is_some_and(|before| self.tally.distinct + self.tally.rejected < before))
    }

    async fn agreement_with(&self, pass: Option<i64>) -> Result<Agreement, WarehouseError> {
        match pass {
            Some(pass) => self.context.warehouse.saw_the_same(pass, self.key.walk_id).await,
            None => Ok(Agreement::default()),
        }
    }
}
