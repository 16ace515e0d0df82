//! `payersync run`: syncs on schedule, and keeps grants alive in between, until told to stop.
//!
//! The home's lock is held all the time, so that no other run writes meanwhile. On SIGHUP the configuration
//! is read again. On SIGTERM or SIGINT the page under way is committed or given up, and the process ends
//! within ten seconds with exit code 0; a token refresh under way is stored first. The outcome of each run
//! is in its summary line and in the ledger.

mod beginning;
mod blocking;
mod daemon;
mod news;
#[cfg(test)]
mod reload_tests;
#[cfg(test)]
mod week;

use super::{failure::Failure, home, lock, progress, progress::Style, shard, stop_signal, tell};
use crate::{cli::RunArgs, clock::Clock, config::Settings, exit_code::ExitCode, sync::Stop};
use chrono::{DateTime, Utc};
use daemon::Daemon;
use std::{path::Path, time::Duration};
use tokio::time::timeout;

/// The longest sleep.
///
/// After it, a new connection, a renewed consent or a corrected clock is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// The time that a run has to end once it is asked to stop.
const END_OF_RUN: Duration = Duration::from_secs(7);

/// Runs until the process is told to stop.
pub(super) async fn run(folder: &Path, args: &RunArgs, style: Style) -> Result<ExitCode, Failure> {
    // This comes first: without a handler, SIGHUP ends the process.
    let mut hangup = Hangup::listen()?;
    let settings = Settings::load(folder)?.of_shard(shard::chosen(&args.shard)?);
    let _lock = lock::take(folder, "run")?;
    let monitor = progress::monitor(style);
    let http = home::http(&settings)?;
    let warehouse = home::warehouse(&settings, &*monitor)?;
    let mut connections = warehouse.connections()?;
    connections.retain(|row| row.plan.is_some());
    let others = shard::keep(settings.shard, &mut connections);
    shard::tell_others(settings.shard, others);
    warehouse.close();
    let stop = stop_signal::listen_for_daemon();
    let mut daemon = Daemon::new(settings, http, monitor, Clock::system(), stop.clone())?;
    beginning::tell_start(&daemon, &connections).await;
    work(&mut daemon, &stop, &mut hangup).await;
    end(daemon).await;
    Ok(ExitCode::Complete)
}

async fn work(daemon: &mut Daemon, stop: &Stop, hangup: &mut Hangup) {
    let mut trouble = None;
    while !stop.is_asked() {
        let wake_at = match daemon.begin().await {
            Ok(wake_at) => {
                trouble = None;
                wake_at
            }
            Err(failure) => {
                // The same error every minute would bury all other messages.
                let text = format!("{failure:?}");
                if trouble.as_ref() != Some(&text) {
                    failure.tell();
                    daemon.notify_of(failure.code());
                    trouble = Some(text);
                }
                None
            }
        };
        tokio::select! {
            () = stop.asked() => {}
            () = tokio::time::sleep(pause(wake_at, Clock::system().now())) => {}
            () = hangup.received() => reload(daemon).await,
            Some(news) = daemon.news() => news.tell(),
        }
    }
}

/// The time to sleep until `wake_at`, but never longer than the longest sleep.
fn pause(wake_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    let until = |at: DateTime<Utc>| (at - now).to_std().unwrap_or_default();
    wake_at.map_or(LONGEST_SLEEP, until).min(LONGEST_SLEEP)
}

async fn reload(daemon: &mut Daemon) {
    match daemon.reload() {
        Ok(()) => {
            tell("Configuration read again; it is in force from the next run on");
            beginning::tell_unknown_names(daemon).await;
        }
        Err(failure) => {
            failure.tell();
            tell("The previous configuration stays in force");
        }
    }
}

/// Waits a while for the work under way to end.
async fn end(mut daemon: Daemon) {
    let drained = timeout(END_OF_RUN, async {
        while let Some(news) = daemon.news().await {
            news.tell();
        }
    });
    if drained.await.is_err() && daemon.is_running() {
        tell(
            "The run did not stop in time; committed pages are kept, and the next run goes on from them",
        );
    }
}

/// Listens to SIGHUP, on systems that have it.
struct Hangup(#[cfg(unix)] tokio::signal::unix::Signal);

impl Hangup {
    #[cfg(unix)]
    fn listen() -> Result<Hangup, Failure> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
            .map(Hangup)
            .map_err(|error| Failure::file("cannot listen for signals", error, "try again"))
    }

    #[cfg(unix)]
    async fn received(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    #[cfg(not(unix))]
    fn listen() -> Result<Hangup, Failure> {
        Ok(Hangup())
    }

    #[cfg(not(unix))]
    async fn received(&mut self) {
        std::future::pending::<()>().await;
    }
}
