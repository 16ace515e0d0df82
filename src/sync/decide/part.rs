//! One of several searches that together cover a type.

use crate::warehouse::WalkWindow;
use url::Url;

/// One of several searches that together cover a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The part's query, as it is configured.
    pub query: String,
    /// The URL of the part's first page.
    pub start: Url,
    /// The fingerprint of a full walk that searches the whole type by this query alone.
    pub alone: String,
}

impl Part {
    /// The window under which its walks are entered in the ledger.
    pub(crate) fn window(&self) -> WalkWindow {
        WalkWindow { parameter: self.query.clone(), from: None, to: None }
    }
}
