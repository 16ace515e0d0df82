//! SIGINT and SIGTERM: finish the page, commit, go.

use super::tell;
use crate::sync::{Stop, StopHandle};
use std::time::Duration;

/// Turns the first signal, or the end of a time limit, into a request to stop.
pub(super) fn listen(limit: Option<Duration>) -> Stop {
    let (handle, stop) = Stop::new();
    tokio::spawn(async move {
        let asked = tokio::select! {
            asked = wait() => asked.is_ok(),
            () = elapsed(limit) => true,
        };
        if asked {
            tell("Stopping: what is committed stays, the next run goes on there");
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

/// The handle lives as long as the process: a dropped one could never ask.
async fn keep(_handle: StopHandle) {
    std::future::pending::<()>().await;
}

#[cfg(unix)]
async fn wait() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn wait() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
