//! How a walk ends.

use super::{
    tally::Tally,
    type_state::{Advance, Totals},
    walk_finish::WalkFinish,
};

/// How a walk ends that came to its last page.
#[derive(Debug, Clone)]
pub(crate) struct WalkEnd {
    /// How the walk is entered in the ledger unless the guard holds it back.
    pub(crate) finish: WalkFinish,
    /// What its pages add up to.
    pub(crate) tally: Tally,
    /// Whether it saw the whole type.
    pub(crate) sees_all: bool,
    /// Whether what it did not meet counts as absent: it saw the whole type, and every entry of it
    /// could be read.
    pub(crate) finds_absences: bool,
    /// When it missed what it did not meet, by the earlier clock (RFC 3339).
    pub(crate) missed_at: String,
    /// The same by the later clock: since when it is missed, if no walk before this one missed it.
    pub(crate) missed_since: String,
    /// Whether these instants are in doubt, so that no two walks are days apart by them.
    pub(crate) is_doubted: bool,
    /// Whether open rejects that this walk did not see again are settled.
    pub(crate) settles_rejects: bool,
    /// What it leaves behind when it is complete; a walk over a part leaves nothing.
    pub(crate) advance: Option<Advance>,
    /// Whether what it saw is kept for a pass in a later run.
    pub(crate) keeps_pass: bool,
    /// The pass before it that saw the same part of the type.
    pub(crate) before: Option<i64>,
    /// The walk over the whole type that this one, over a part of it, belongs to.
    pub(crate) round: Option<i64>,
    /// Whether the resources of its part are kept for a later run's walk over the whole type.
    pub(crate) keeps_part: bool,
    /// What it has shown of the server's totals.
    pub(crate) totals: Option<Totals>,
    /// Largest share of the live resources that may be absent at once, in percent.
    pub(crate) shrink_limit_percent: u8,
}
