//! SIGINT and SIGTERM: ask a run to finish its page, commit and end.

use super::tell;
use crate::sync::{Stop, StopHandle};
use std::time::Duration;

/// Turns the first signal, or the end of a time limit, into a request to stop.
pub(super) fn listen(limit: Option<Duration>) -> Stop {
    listen_and_say("Stopping: committed pages stay, and the next run goes on there", limit)
}

/// Like `listen`, with the message that is shown when the request comes.
pub(super) fn listen_and_say(words: &'static str, limit: Option<Duration>) -> Stop {
    let (handle, stop) = Stop::new();
    let signalled = signalled();
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
fn signalled() -> impl Future<Output = bool> {
    use tokio::signal::unix::{SignalKind, signal};
    // The signals are registered here and not in the future: one may come before the future is polled.
    let armed = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    async move {
        let [Ok(mut interrupt), Ok(mut terminate)] = armed else { return false };
        tokio::select! {
            _ = interrupt.recv() => true,
            _ = terminate.recv() => true,
        }
    }
}

#[cfg(not(unix))]
async fn signalled() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}
