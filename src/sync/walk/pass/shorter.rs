//! Whether a server links its pages, where the first page has no links at all.

use super::Pass;
use crate::fhir::Next;
use url::Url;

impl Pass<'_> {
    /// Whether the page for which `shorter` asks has a link to a next page.
    ///
    /// The page that asks for one resource more, and has no link, is then the last. Nothing of the answer is
    /// stored: all of it has come already.
    pub(super) async fn is_linked(&mut self, shorter: Url) -> bool {
        if !self.context.allowance.take() {
            return false;
        }
        let mut request = self.ask(shorter);
        let arrived = tokio::select! {
            arrived = request.arrived() => arrived,
            () = self.context.stop.asked() => return false,
        };
        let Ok((result, effort)) = arrived else { return false };
        self.counters.requests += effort.requests;
        self.counters.retries += effort.retries;
        result.is_ok_and(|page| matches!(page.bundle.next, Next::Links(_)))
    }
}
