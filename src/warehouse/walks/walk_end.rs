//! The end of a walk.

use super::{
    tally::Tally,
    type_state::{Advance, Totals},
    walk_finish::WalkFinish,
};

/// The end of a walk that reached its last page.
#[derive(Debug, Clone)]
pub(crate) struct WalkEnd {
    /// The ledger's entry for the walk, unless more resources are absent than the shrink limit allows.
    pub(crate) finish: WalkFinish,
    /// The sums over the walk's pages.
    pub(crate) tally: Tally,
    /// Whether the walk saw the whole type.
    pub(crate) sees_all: bool,
    /// Whether all resources that the walk did not meet count as absent: the walk saw the whole type, and every
    /// entry could be taken in.
    pub(crate) finds_absences: bool,
    /// The instant that is entered for resources that the walk did not meet, by the server's clock or ours,
    /// whichever is earlier (RFC 3339).
    pub(crate) missed_at: String,
    /// The same instant, but by the later of the two clocks; it is used if no earlier walk missed the
    /// resource.
    pub(crate) missed_since: String,
    /// Whether these instants are in doubt. If so, this walk and another one never count as days apart.
    pub(crate) is_doubted: bool,
    /// Whether open rejects that this walk did not meet again are settled.
    pub(crate) settles_rejects: bool,
    /// The new state of the type if the walk is complete; `None` for a walk over a part.
    pub(crate) advance: Option<Advance>,
    /// Whether the resources that the walk saw are stored for a pass in a later run.
    pub(crate) keeps_pass: bool,
    /// The pass before this walk, over the same part of the type.
    pub(crate) before: Option<i64>,
    /// If the walk is over a part: the walk over the whole type to which it belongs.
    pub(crate) round: Option<i64>,
    /// Whether the resources of the walk's part are stored for a later run's walk over the whole type.
    pub(crate) keeps_part: bool,
    /// What the walk has shown about the server's totals.
    pub(crate) totals: Option<Totals>,
    /// The largest share of live resources that may be absent at once, in percent.
    pub(crate) shrink_limit_percent: u8,
}
