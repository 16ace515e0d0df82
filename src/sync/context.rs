//! The context that the walks of one connection share.

use super::{
    allowance::Allowance,
    along::Along,
    answered::Answered,
    clocks::Clocks,
    intake::{page::Intake, unpack::Unpacked, whose::Whose, workers::Workers},
    options::{SyncContext, SyncOptions, Target, key_of},
    stop::Stop,
};
use crate::{
    clock::Clock,
    fhir::{Effort, FhirClient, Granted, Page, RequiredTypes, granted},
    http::Origin,
    monitor::Monitor,
    reference::ServerBases,
    warehouse::{ConnectionRow, LastUpdated, WalkCounters, WalkFinish, Warehouse, WarehouseError},
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The context that the walks of one connection share.
#[derive(Clone)]
pub(super) struct WalkContext {
    pub(super) run_id: i64,
    pub(super) connection: Arc<ConnectionRow>,
    /// The scope by which the walks were decided, once they are.
    pub(super) scope: Option<String>,
    /// The scope that the plan's configuration asks for.
    pub(super) requested_scope: Option<String>,
    /// Counts the requests that decide the walks. Pages, files and reads by id go through handles that count
    /// for their walk alone.
    pub(super) client: FhirClient,
    pub(super) warehouse: Arc<Warehouse>,
    pub(super) monitor: Arc<dyn Monitor>,
    pub(super) clock: Clock,
    /// The clocks of the run, as far as answers have shown them.
    pub(super) clocks: Clocks,
    pub(super) stop: Stop,
    /// Cores and memory for unpacking pages.
    pub(super) workers: Workers,
    pub(super) shrink_limit_percent: u8,
    /// How far walks over changes reach back before the watermark.
    pub(super) overlap: Duration,
    /// Whether a total that does not add up makes a walk incomplete.
    pub(super) strict_totals: bool,
    /// Origins by which the plan's server calls itself behind a proxy.
    pub(super) proxied_origins: Arc<[Origin]>,
    /// The FHIR bases of the plan's server.
    pub(super) bases: Arc<ServerBases>,
    /// Types whose refusal is a failure.
    pub(super) required: Arc<RequiredTypes>,
    /// Whose data the connection may hold.
    pub(super) whose: Whose,
    /// The id of the walk over a whole type, while its parts or windows are walked one by one.
    pub(super) round: Option<i64>,
    /// Requests that the run may still send, where that is limited.
    pub(super) allowance: Allowance,
    /// Why no other type can be fetched, once a walk has found out: no token, or another patient's data.
    pub(super) no_token: Arc<OnceLock<WalkFinish>>,
    /// Counts of the walks over `$everything`.
    pub(super) along: Along,
    /// The searches that were answered in this run.
    pub(super) answered: Answered,
}

impl From<Effort> for WalkCounters {
    fn from(Effort { requests, retries }: Effort) -> WalkCounters {
        WalkCounters { requests, retries, ..WalkCounters::default() }
    }
}

impl WalkContext {
    /// The context of a connection's walks; limits that the whole run shares are set by the run.
    pub(super) fn new(
        context: &SyncContext,
        run_id: i64,
        target: &Target,
        options: &SyncOptions,
    ) -> WalkContext {
        WalkContext {
            run_id,
            connection: Arc::new(target.connection.clone()),
            scope: None,
            requested_scope: target.registration.scope.clone(),
            client: FhirClient::new(
                context.http.clone(),
                context.tokens.clone(),
                key_of(&target.connection),
                Arc::clone(&target.registration),
                context.clock.clone(),
            ),
            warehouse: Arc::clone(&context.warehouse),
            monitor: Arc::clone(&context.monitor),
            clock: context.clock.clone(),
            clocks: Clocks::new(None),
            stop: context.stop.clone(),
            workers: Workers::new(1),
            shrink_limit_percent: options.shrink_limit_percent,
            overlap: options.overlap,
            strict_totals: options.strict_totals,
            proxied_origins: target.proxied_origins.clone(),
            bases: Arc::clone(&target.bases),
            required: Arc::clone(&target.required),
            whose: Whose::anybody(Arc::clone(&target.bases)),
            round: None,
            allowance: Allowance::default(),
            no_token: Arc::default(),
            along: Along::default(),
            answered: Answered::default(),
        }
    }

    /// The id of the member's Patient, as far as it is known.
    pub(super) fn patient(&self) -> Option<String> {
        let named = || self.connection.patient_id.as_deref().map(|id| self.bases.patient_id(id));
        self.whose.patient().or_else(named)
    }

    /// Whether the plan has granted less of a type, during the run, than when the walks were decided. What the
    /// plan then does not bring may be hidden, and not gone.
    pub(super) async fn is_narrowed(&self, resource_type: &str) -> bool {
        self.narrowed_to(resource_type).await.is_some()
    }

    /// What the consent covers of a type now, if that is less than when the walks were decided.
    pub(super) async fn narrowed_to(&self, resource_type: &str) -> Option<Granted> {
        let scope = self.client.granted_scope().await?;
        let is_less = is_less(self.scope.as_deref(), &scope, resource_type);
        is_less.then(|| granted(Some(&scope), resource_type))
    }

    /// Unpacks a page of a walk over a type, when there is room and a core is free.
    pub(super) async fn unpack(
        &self,
        walk_type: &str,
        page: Page,
    ) -> Result<Unpacked, WarehouseError> {
        let intake = Intake {
            warehouse: Arc::clone(&self.warehouse),
            workers: self.workers.clone(),
            connection_id: self.connection.id,
            whose: self.whose.clone(),
            bases: Arc::clone(&self.bases),
        };
        intake.unpack(walk_type, page.body, page.bundle, None).await
    }

    /// Notes that the plan does not honour `_lastUpdated` for a type, and what has shown that.
    pub(super) async fn ignores_last_updated(
        &self,
        resource_type: &str,
        why: &str,
    ) -> Result<(), WarehouseError> {
        let (id, why) = (self.connection.id, Some(why.to_owned()));
        self.warehouse.set_last_updated(id, resource_type, LastUpdated::Ignored, why).await
    }
}

/// Whether a scope lacks something of a type that the one before it covers.
///
/// A refresh may name the same scopes in another order, or more of them.
fn is_less(before: Option<&str>, now: &str, resource_type: &str) -> bool {
    match (granted(before, resource_type), granted(Some(now), resource_type)) {
        (_, Granted::Whole) | (Granted::Nothing, _) => false,
        (Granted::Part(before), Granted::Part(now)) => before.iter().any(|it| !now.contains(it)),
        (Granted::Whole | Granted::Part(_), _) => true,
        (Granted::ReadOnly, now) => now == Granted::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_narrower_for_the_types_of_which_it_covers_less() {
        let (all, part) = ("patient/*.rs", "patient/Goal.rs patient/Observation.rs?category=a");
        let (ab, ba) = (
            "patient/Observation.rs?category=a patient/Observation.rs?category=b",
            "patient/Observation.rs?category=b patient/Observation.rs?category=a",
        );
        let read_only = "patient/Observation.r";
        for (before, now, name, expected) in [
            (Some(all), part, "Observation", true),
            (Some(all), part, "Condition", true),
            (Some(all), part, "Goal", false),
            (None, part, "Observation", true),
            (Some(part), part, "Observation", false),
            (Some(part), "patient/Observation.rs?category=b", "Observation", true),
            (Some(part), all, "Observation", false),
            (Some(all), "patient/Goal.rs openid patient/*.rs", "Observation", false),
            (Some(ab), ba, "Observation", false),
            (Some(part), ba, "Observation", false),
            (Some(ab), part, "Observation", true),
            (Some(all), read_only, "Observation", true),
            (Some(part), read_only, "Observation", true),
            (Some(read_only), part, "Observation", false),
            (Some(read_only), read_only, "Observation", false),
            (Some(read_only), "patient/Goal.rs", "Observation", true),
            (Some("patient/Goal.rs"), read_only, "Observation", false),
            (Some("patient/Goal.rs"), part, "Observation", false),
        ] {
            assert_eq!(is_less(before, now, name), expected, "{before:?} {now} {name}");
        }
    }
}
