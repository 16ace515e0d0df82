//! One of several searches that together cover a type.

use crate::warehouse::WalkWindow;
use url::Url;

/// One of several searches that together cover a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The part's query, as it is configured, or as the consent has it.
    pub query: String,
    /// The URL of the part's first page.
    pub start: Url,
    /// The fingerprint of a full walk that searches the whole type by this query alone.
    pub alone: String,
    /// Whether the member's consent names this search. If the consent names the type itself, too, a refusal is
    /// a gap, and no habit of the plan.
    pub is_granted: bool,
}

impl Part {
    /// The window under which its walks are entered in the ledger.
    pub(crate) fn window(&self) -> WalkWindow {
        WalkWindow { parameter: self.query.clone(), from: None, to: None }
    }
}

/// The query of a search as people write it, without the size of its pages; empty for the bare type.
pub(super) fn query_of(start: &Url) -> String {
    let pairs = start.query_pairs().filter(|(name, _)| name != "_count");
    pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}
