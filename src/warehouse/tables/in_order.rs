//! Does work on other threads and hands over the results in the order of the items.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

/// How many items a thread takes at once.
const CHUNK: usize = 8;
/// The most chunks per thread that are in work or finished and not taken yet.
const AHEAD: usize = 4;
/// The most threads that help: a few produce all that one writer can take.
const HELPERS: usize = 4;

/// The number of threads that may work beside the thread that takes the results.
pub(in crate::warehouse) fn helpers() -> usize {
    thread::available_parallelism().map_or(0, |cores| (cores.get() - 1).min(HELPERS))
}

/// Works on items on `helpers` other threads, and takes the results on this thread in the items' order.
///
/// With no helpers, all work is done on this thread.
///
/// # Errors
/// The first error that `take` returns; the remaining items are dropped.
pub(in crate::warehouse) fn in_order<T: Send, R: Send, E>(
    helpers: usize,
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let mut items = items.into_iter();
    if helpers == 0 {
        return items.try_for_each(|item| take(work(item)));
    }
    let (give, jobs) = mpsc::channel::<(Vec<T>, mpsc::SyncSender<Vec<R>>)>();
    let jobs = Mutex::new(jobs);
    let help = || {
        let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok((chunk, done)) = next() {
            // The receiver is gone if an earlier result could not be taken.
            let _ = done.send(chunk.into_iter().map(&work).collect());
        }
    };
    thread::scope(|scope| {
        // Moves `give` into this block, so that it is dropped however the block ends; the threads end then.
        let give = give;
        (0..helpers).for_each(|_| drop(scope.spawn(help)));
        let mut waiting = VecDeque::new();
        loop {
            while waiting.len() < AHEAD * helpers && items.len() > 0 {
                let (done, results) = mpsc::sync_channel(1);
                if give.send((items.by_ref().take(CHUNK).collect(), done)).is_ok() {
                    waiting.push_back(results);
                }
            }
            // A thread that panicked gives no results; the panic continues when the scope ends.
            let Some(Ok(results)) = waiting.pop_front().map(|results| results.recv()) else {
                return Ok(());
            };
            results.into_iter().try_for_each(&mut take)?;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_and_the_first_error_ends_it() {
        for helpers in [0, 1, 3] {
            let mut taken = Vec::new();
            let take = |result: u64| {
                taken.push(result);
                if result == 180 { Err("enough") } else { Ok(()) }
            };
            let work = |item: u64| {
                if item.is_multiple_of(7) {
                    thread::yield_now();
                }
                item * 2
            };
            assert_eq!(in_order(helpers, (0..100).collect(), work, take), Err("enough"));
            assert_eq!(taken, (0..=90).map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_of_a_helper_goes_on_here() {
        let work = |item: u64| assert_ne!(item, 3, "broken");
        let _ = in_order(2, (0..10).collect(), work, |()| Ok::<_, ()>(()));
    }
}
