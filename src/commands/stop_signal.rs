//! SIGINT, SIGTERM and SIGHUP: ask a command to end in order.
//!
//! A process that such a signal ends at once loses the answer to a refresh under way, and with it the
//! consent. SIGHUP comes when the terminal of a first sync is closed, or when its ssh connection breaks.

use super::{failure::Failure, told::tell};
use crate::{
    exit_code::ExitCode,
    sync::{Stop, StopHandle},
};
use std::{io, thread, time::Duration};
use tokio::sync::oneshot;

/// What is said when a run is asked to stop.
const STOPPING: &str = "Stopping: committed pages stay, and the next run goes on there";

/// Whether SIGHUP asks to stop, too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hangup {
    Stops,
    /// The daemon reads its configuration again.
    IsHeardElsewhere,
}

/// Turns the first signal, or the end of a time limit, into a request to stop.
pub(super) fn listen(limit: Option<Duration>) -> Stop {
    listen_and_say(STOPPING, limit)
}

/// Like `listen`, with the message that is shown when the request comes.
pub(super) fn listen_and_say(words: &'static str, limit: Option<Duration>) -> Stop {
    listen_to(Hangup::Stops, words, limit)
}

/// Like `listen`, for the daemon, to which SIGHUP is no request to stop.
pub(super) fn listen_for_daemon() -> Stop {
    listen_to(Hangup::IsHeardElsewhere, STOPPING, None)
}

/// Runs a command that stores nothing but refreshed tokens, and gives it up at the first signal.
///
/// The refreshes that it began are tasks of their own, which the end of every command waits for.
pub(super) async fn until_signalled(
    command: impl Future<Output = Result<ExitCode, Failure>>,
) -> Result<ExitCode, Failure> {
    let signalled = signalled(Hangup::Stops);
    tokio::select! {
        result = command => result,
        true = signalled => {
            tell("Stopping: tokens that are being refreshed are stored first");
            Ok(ExitCode::Incomplete)
        }
    }
}

/// Reads a line; `None` if a request to stop comes first.
///
/// The thread that reads ends with the line or with the process: nothing else ends a read of a terminal.
pub(super) async fn line_or_stop(
    read: impl FnOnce() -> io::Result<String> + Send + 'static,
    stop: &Stop,
) -> io::Result<Option<String>> {
    let (ours, theirs) = oneshot::channel();
    // The line is of no use any more if nobody waits for it.
    thread::Builder::new().spawn(move || drop(ours.send(read())))?;
    tokio::select! {
        biased;
        () = stop.asked() => Ok(None),
        line = theirs => line.map_err(io::Error::other)?.map(Some),
    }
}

fn listen_to(hangup: Hangup, words: &'static str, limit: Option<Duration>) -> Stop {
    let (handle, stop) = Stop::new();
    let signalled = signalled(hangup);
    tokio::spawn(async move {
        let asked = tokio::select! {
            asked = signalled => asked,
            () = elapsed(limit) => true,
        };
        if asked {
            tell(words);
            handle.ask();
        }
        keep(handle).await;
    });
    stop
}

async fn elapsed(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Keeps the handle as long as the process lives: without it, nobody can ask for a stop.
async fn keep(_handle: StopHandle) {
    std::future::pending::<()>().await;
}

/// Waits for the first signal. As soon as this is called, signals no longer end the process.
#[cfg(unix)]
fn signalled(hangup: Hangup) -> impl Future<Output = bool> {
    use std::{future::poll_fn, task::Poll};
    use tokio::signal::unix::{SignalKind, signal};
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    // What nohup has ignored stays ignored: a handler would undo it.
    if hangup == Hangup::Stops && !hangup_is_ignored() {
        kinds.push(SignalKind::hangup());
    }
    // The signals are registered here and not in the future: one may come before the future is polled.
    let armed: io::Result<Vec<_>> = kinds.into_iter().map(signal).collect();
    async move {
        let Ok(mut armed) = armed else { return false };
        poll_fn(|context| {
            let has_come = armed.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if has_come { Poll::Ready(true) } else { Poll::Pending }
        })
        .await
    }
}

#[cfg(not(unix))]
async fn signalled(_: Hangup) -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}

/// Whether SIGHUP is ignored, as after nohup. Where the system does not tell, it counts as not ignored: a run
/// that stops goes on the next time, and a lost refresh token costs the consent.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores_hangup(&status))
}

/// Reads the mask of ignored signals, of which SIGHUP is the first.
#[cfg(unix)]
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[cfg(unix)]
    #[test]
    fn what_nohup_ignores_is_known_from_the_mask_of_ignored_signals() {
        let status =
            |mask: &str| format!("SigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\nSigCgt:\t1\n");
        assert!(ignores_hangup(&status("0000000000000001")));
        assert!(ignores_hangup(&status("0000000000001007")));
        // A Rust program ignores SIGPIPE, which is the thirteenth.
        assert!(!ignores_hangup(&status("0000000000001000")));
        assert!(!ignores_hangup("Name:\tpayersync\n"));
    }

    #[tokio::test]
    async fn a_request_to_stop_ends_the_wait_for_a_line_that_nobody_types() {
        let (handle, stop) = Stop::new();
        let typed = line_or_stop(|| Ok("ann\n".to_owned()), &stop).await.unwrap();
        assert_eq!(typed.as_deref(), Some("ann\n"));
        let (nobody, types) = channel();
        handle.ask();
        let typed = line_or_stop(move || types.recv().map_err(io::Error::other), &stop).await;
        assert_eq!(typed.unwrap(), None);
        drop(nobody);
    }
}
