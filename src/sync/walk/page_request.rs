//! A page request under way, in a task of its own, so that the page before it can be unpacked
//! meanwhile.

use crate::{
    fhir::{Effort, FetchError, Page},
    http::Retry,
    monitor::Event,
    sync::context::WalkContext,
};
use std::sync::Arc;
use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;
use url::Url;

/// The outcome of a page request, with the number of requests that it took.
type Arrived = (Result<Page, FetchError>, Effort);

/// A request for a page, under way; dropping this ends the request.
pub(super) struct PageRequest(JoinHandle<Arrived>);

impl Drop for PageRequest {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl PageRequest {
    /// Asks for a page.
    pub(crate) fn send(context: &WalkContext, resource_type: &str, url: Url) -> PageRequest {
        let client = context.client.with_own_count();
        let monitor = Arc::clone(&context.monitor);
        let connection = Arc::clone(&context.connection);
        let resource_type = resource_type.to_owned();
        let request = async move {
            let on_retry = |retry: &Retry| {
                monitor.event(Event::Retrying {
                    connection: &connection.name,
                    resource_type: &resource_type,
                    why: &retry.reason.to_string(),
                    delay: retry.wait,
                });
            };
            (client.page(&url, &on_retry).await, client.effort())
        };
        PageRequest(tokio::spawn(request.in_current_span()))
    }

    /// Waits for the page. A wait that was given up may be begun again.
    pub(crate) async fn arrived(&mut self) -> Result<Arrived, JoinError> {
        (&mut self.0).await
    }
}
