//! Jobs in parallel, their results in order. A job that panics takes no other along.

use std::{collections::HashMap, future::Future, sync::Arc};
use tokio::{
    sync::Semaphore,
    task::{Id, JoinSet},
};
use tracing::Instrument;

/// A job ended by a panic; what it said went to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

/// Runs jobs, so many at once; returns their results in the order of the jobs.
///
/// Dropping the future drops the jobs.
pub(super) async fn in_order<T: Send + 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
    at_once: usize,
) -> Vec<Result<T, Panicked>> {
    let places = Arc::new(Semaphore::new(at_once.max(1)));
    let mut running = JoinSet::new();
    let mut positions: HashMap<Id, usize> = HashMap::new();
    for (position, job) in jobs.into_iter().enumerate() {
        let places = Arc::clone(&places);
        let work = async move {
            // Never closed, so a place always comes.
            let _place = places.acquire_owned().await.ok();
            job.await
        };
        positions.insert(running.spawn(work.in_current_span()).id(), position);
    }
    let mut results: Vec<Result<T, Panicked>> = Vec::new();
    results.resize_with(positions.len(), || Err(Panicked));
    while let Some(finished) = running.join_next_with_id().await {
        let (id, result) = match finished {
            Ok((id, value)) => (id, Ok(value)),
            Err(error) => (error.id(), Err(Panicked)),
        };
        if let Some(position) = positions.get(&id) {
            results[*position] = result;
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn results_come_in_order_and_a_panic_is_one_of_them() {
        let job = |number: usize| async move {
            for _ in number..5 {
                tokio::task::yield_now().await;
            }
            assert_ne!(number, 2, "this one is meant to panic");
            number
        };
        let results = in_order((0..5).map(job), 3).await;
        assert_eq!(results, [Ok(0), Ok(1), Err(Panicked), Ok(3), Ok(4)]);
    }
}
