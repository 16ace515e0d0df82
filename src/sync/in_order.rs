//! Runs jobs in parallel, and returns their results in order. A job that panics ends no other job.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc};
use tokio::{
    sync::Semaphore,
    task::{Id, JoinSet},
};
use tracing::Instrument;

/// A job that ended by a panic. The panic's message went to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

/// Runs jobs, `at_once` at a time, and returns their results in the order of the jobs.
///
/// A job begins when a place is free and all jobs before it have begun. With one place, they run one after
/// the other. Dropping the future drops the jobs.
pub(super) async fn in_order<T: Send + 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static, IntoIter: Send>,
    at_once: usize,
) -> Vec<Result<T, Panicked>> {
    let mut jobs = jobs.into_iter();
    let places = Arc::new(Semaphore::new(at_once.max(1)));
    let mut running = JoinSet::new();
    let mut positions: HashMap<Id, usize> = HashMap::new();
    for position in 0.. {
        // The place is taken here: tasks that wait for one would get it in the order of their first poll,
        // which is arbitrary. The semaphore is never closed, so a place always comes.
        let place = Arc::clone(&places).acquire_owned().await.ok();
        // The job is made only now: ten thousand waiting jobs would take a gigabyte. As a trait object it is
        // compiled once, and not for each place in the runtime that polls it.
        let Some(job) = jobs.next() else { break };
        let job: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(job);
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

/// Runs several lanes of jobs in parallel, `at_once` jobs of each lane at a time. A slow lane holds up no
/// other.
///
/// Returns the results lane by lane.
pub(super) async fn in_lanes<T: Send + 'static, J: Future<Output = T> + Send + 'static>(
    lanes: impl IntoIterator<Item = impl Iterator<Item = J> + Send + 'static>,
    at_once: usize,
) -> Vec<Result<T, Panicked>> {
    let mut running = JoinSet::new();
    for (number, lane) in lanes.into_iter().enumerate() {
        let work = async move { (number, in_order(lane, at_once).await) };
        running.spawn(work.in_current_span());
    }
    let mut results: Vec<Vec<Result<T, Panicked>>> = Vec::new();
    results.resize_with(running.len(), Vec::new);
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok((number, of_lane)) => results[number] = of_lane,
            // A job's panic is a result. Any other panic in a lane is a bug of the run.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lane_that_is_slow_holds_up_no_other() {
        let slow_may_end = Arc::new(Semaphore::new(0));
        let ended = Arc::new(std::sync::Mutex::new(Vec::new()));
        let lanes = (0..3usize).map(|lane| {
            let (slow_may_end, ended) = (Arc::clone(&slow_may_end), Arc::clone(&ended));
            (0..4usize).map(move |job| {
                let (slow_may_end, ended) = (Arc::clone(&slow_may_end), Arc::clone(&ended));
                async move {
                    if lane == 0 {
                        // Waits until every job of the other lanes has ended.
                        slow_may_end.acquire_many(8).await.unwrap().forget();
                        slow_may_end.add_permits(8);
                    } else {
                        slow_may_end.add_permits(1);
                    }
                    ended.lock().unwrap().push(lane);
                    (lane, job)
                }
            })
        });
        let results = in_lanes(lanes, 1).await;
        let in_order: Vec<_> =
            (0..3).flat_map(|lane| (0..4).map(move |job| Ok((lane, job)))).collect();
        assert_eq!(results, in_order);
        assert_eq!(ended.lock().unwrap()[8..], [0, 0, 0, 0]);
    }

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
