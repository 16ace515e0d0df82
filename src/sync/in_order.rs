//! Jobs in parallel, their results in order. A job that panics takes no other along.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc};
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
/// Each begins when a place is free and all before it have begun: one at a time, they run in their
/// order. Dropping the future drops the jobs.
pub(super) async fn in_order<T: Send + 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
    at_once: usize,
) -> Vec<Result<T, Panicked>> {
    let places = Arc::new(Semaphore::new(at_once.max(1)));
    let mut running = JoinSet::new();
    let mut positions: HashMap<Id, usize> = HashMap::new();
    // As trait objects they are compiled once, and not for each place in the runtime that polls them.
    let jobs: Vec<Pin<Box<dyn Future<Output = T> + Send>>> =
        jobs.into_iter().map(|job| Box::pin(job) as _).collect();
    for (position, job) in jobs.into_iter().enumerate() {
        // Taken here: tasks that wait for a place get it in the order in which they were first
        // polled, and that is any. Never closed, so a place always comes.
        let place = Arc::clone(&places).acquire_owned().await.ok();
        let work = async move {
            let _place = place;
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

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_at_a_time_jobs_begin_in_their_order() {
        let begun = Arc::new(std::sync::Mutex::new(Vec::new()));
        let job = |number: usize| {
            let begun = Arc::clone(&begun);
            async move {
                begun.lock().unwrap().push(number);
                tokio::task::yield_now().await;
            }
        };
        in_order((0..50).map(job), 1).await;
        assert_eq!(*begun.lock().unwrap(), (0..50).collect::<Vec<_>>());
    }

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
