//! Messages to a person on stderr.

use super::{json_lines, quiet, show, terminal};
use crate::sync::Report;

/// Prints a message on stderr; if the log is JSON, as a line of JSON.
pub(super) fn tell(line: &str) {
    if quiet::holds(line) {
        return;
    }
    if json_lines::are_wanted() {
        return tracing::info!(name: "told", target: json_lines::TOLD, "{line}");
    }
    // Further lines of a message are indented by four.
    let screen = terminal::told_width().unwrap_or(usize::MAX);
    terminal::told(&show::wrap(line, screen.saturating_sub(4), 0));
}

/// Prints a warning, which `--quiet` does not drop; if the log is JSON, as a line of the level WARN.
pub(super) fn warn(line: &str) {
    let line = format!("Warning: {line}");
    if quiet::keeps(&line) {
        return;
    }
    if json_lines::are_wanted() {
        return tracing::warn!(name: "told", target: json_lines::TOLD, "{line}");
    }
    tell(&line);
}

/// Prints the outcome of a run on one line; if the log is JSON, the numbers are fields.
pub(super) fn tell_summary(report: &Report) {
    let summary = report.summary();
    if quiet::is_begun() || !json_lines::are_wanted() {
        return tell(&summary);
    }
    let totals = report.totals();
    tracing::info!(
        name: "run_finished",
        target: json_lines::TOLD,
        run_id = report.run_id,
        exit_code = report.exit_code() as u8,
        interrupted = report.interrupted,
        connections = report.connections.len(),
        pages = totals.pages,
        resources_seen = totals.resources_seen,
        resources_new = totals.resources_new,
        resources_changed = totals.resources_changed,
        resources_deleted = totals.resources_deleted,
        resources_rejected = totals.resources_rejected,
        rows_written = totals.rows_written,
        requests = totals.requests,
        retries = totals.retries,
        elapsed_ms = report.elapsed.as_millis() as u64,
        "{summary}"
    );
}
