//! Events while the daemon works, and the messages about them.

use crate::{
    commands::{failure::Failure, sync::tell_problems, tell, tell_summary, watch},
    exit_code::ExitCode,
    sync::Report,
};

/// An event of the daemon.
#[derive(Debug)]
pub(super) enum News {
    /// A run ended.
    Run(Report),
    /// A run, or the part of it at one plan, failed.
    Failed {
        /// The connections that were not synced.
        connections: Vec<String>,
        /// Why the connections were not synced.
        failure: Failure,
    },
    /// A grant was refreshed.
    KeptAlive {
        /// The connection's name.
        connection: String,
        /// Whether the attempt before had failed.
        again: bool,
    },
    /// A grant could not be refreshed.
    NotKeptAlive {
        /// The connection's name.
        connection: String,
        /// Why the grant could not be refreshed.
        failure: Failure,
        /// Whether the same failure was reported before.
        is_known: bool,
    },
}

impl News {
    /// Reports the event on stderr.
    pub(super) fn tell(&self) {
        match self {
            News::Run(report) => {
                tell_problems(report);
                tell_summary(report);
            }
            News::Failed { connections, failure } => {
                failure.tell();
                // A run that could ask nobody has named its connections already.
                if !connections.is_empty() {
                    tell(&format!("Not synced: {}", connections.join(", ")));
                }
            }
            News::KeptAlive { connection, again: true } => {
                tell(&format!("Tokens refreshed again: {connection}"));
            }
            News::KeptAlive { connection, again: false } => {
                let connection = connection.as_str();
                tracing::info!(name: "grant_kept_alive", connection, "Grant kept alive");
            }
            News::NotKeptAlive { connection, failure, is_known: false } => {
                failure.tell();
                tell(&format!("Tokens not refreshed: {connection}"));
            }
            News::NotKeptAlive { connection, .. } => {
                let connection = connection.as_str();
                tracing::debug!(name: "grant_not_kept_alive", connection, "Grant still not kept alive");
            }
        }
    }
}

/// The most serious exit code of a run, and the exit code of each connection.
pub(super) fn came_to(news: &[News]) -> (ExitCode, Vec<(String, ExitCode)>) {
    let mut seen = Vec::new();
    let code = news.iter().fold(ExitCode::Complete, |worst, one| match one {
        News::Run(report) => {
            seen.extend(watch::seen(report));
            worst.worst(report.exit_code())
        }
        News::Failed { connections, failure } => {
            seen.extend(watch::unseen(connections, failure.code()));
            worst.worst(failure.code())
        }
        News::KeptAlive { .. } | News::NotKeptAlive { .. } => worst,
    });
    (code, seen)
}
