//! Shows the progress of a run, to a person or in a log.

use super::{
    show,
    terminal::{on_one_line, told_width},
};
use crate::monitor::{Event, Monitor};
use crate::outcome::WalkState;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Progress bars on a terminal.
    Bars,
    /// Plain log lines.
    Lines,
    /// Log lines in JSON.
    Json,
}

/// The monitor for a style.
pub(super) fn monitor(style: Style) -> Arc<dyn Monitor> {
    match style {
        Style::Bars => Arc::new(Bars::default()),
        Style::Lines => Arc::new(Lines::for_people()),
        Style::Json => Arc::new(Lines::for_machines()),
    }
}

/// The last cause that stopped each connection's walks.
///
/// People are told a cause once, even if it stops the next walks as well.
#[derive(Default)]
struct Stopped(Mutex<HashMap<String, String>>);

impl Stopped {
    /// Whether the cause is new for this connection.
    fn is_new(&self, connection: &str, detail: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = known.insert(connection.to_owned(), detail.to_owned());
        last.is_none_or(|last| last != detail)
    }

    /// Forgets the cause after a successful walk, so that it is reported if it comes back.
    fn forget(&self, connection: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(connection);
    }
}

/// Log lines: one per walk, and one per repeated request.
struct Lines {
    /// The causes that people were told, so that no cause is told twice; `None` for machines, which get a
    /// line per type.
    stopped: Option<Stopped>,
}

impl Lines {
    fn for_people() -> Lines {
        Lines { stopped: Some(Stopped::default()) }
    }

    fn for_machines() -> Lines {
        Lines { stopped: None }
    }
}

impl Monitor for Lines {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::WalkStarted { connection, resource_type, pages_before: 0 } => {
                tracing::debug!(name: "walk_started", connection, resource_type, pages_before = 0_u64, "Walk started");
            }
            Event::WalkStarted { connection, resource_type, pages_before } => {
                tracing::info!(
                    name: "walk_started",
                    connection,
                    resource_type,
                    pages_before,
                    "Walk goes on where it was"
                );
            }
            Event::PageStored { connection, resource_type, resources_seen, declared_total } => {
                tracing::debug!(
                    name: "page_stored",
                    connection,
                    resource_type,
                    resources_seen,
                    declared_total,
                    "Page stored"
                );
            }
            Event::Retrying { connection, resource_type, why, delay } => {
                let delay_ms = delay.as_millis() as u64;
                tracing::warn!(name: "request_repeated", connection, resource_type, why, delay_ms, "Request is repeated");
            }
            Event::WalkFinished { connection, resource_type, state, detail, resources_seen } => {
                match (state, detail) {
                    (WalkState::Complete, _) => {
                        if let Some(stopped) = &self.stopped {
                            stopped.forget(connection);
                        }
                        tracing::info!(
                            name: "walk_finished",
                            connection,
                            resource_type,
                            state = state.as_str(),
                            resources_seen,
                            "Walk finished"
                        );
                    }
                    (WalkState::Incomplete, Some(detail))
                        if self
                            .stopped
                            .as_ref()
                            .is_none_or(|stopped| stopped.is_new(connection, detail)) =>
                    {
                        tracing::warn!(
                            name: "walk_finished",
                            connection,
                            resource_type,
                            state = state.as_str(),
                            detail,
                            "Walk finished"
                        );
                    }
                    (_, detail) => {
                        tracing::debug!(
                            name: "walk_finished",
                            connection,
                            resource_type,
                            state = state.as_str(),
                            detail,
                            "Walk finished"
                        );
                    }
                }
            }
            Event::Rebuilding { table, resources_done, resources_total } => {
                tracing::info!(name: "table_rebuilt", table, resources_done, resources_total, "Table is rebuilt");
            }
        }
    }
}

/// Progress bars: one per walk under way.
#[derive(Default)]
struct Bars {
    all: MultiProgress,
    walks: Mutex<HashMap<String, ProgressBar>>,
    stopped: Stopped,
}

impl Bars {
    fn walks(&self) -> MutexGuard<'_, HashMap<String, ProgressBar>> {
        self.walks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bar(&self, connection: &str, what: &str) -> ProgressBar {
        let name = format!("{connection} {what}");
        self.walks()
            .entry(name.clone())
            .or_insert_with(|| {
                let bar = self.all.add(ProgressBar::new_spinner());
                // The template is a constant; a wrong one would only look plainer.
                let template = "{spinner} {prefix} {pos} {msg}";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.set_prefix(on_one_line(&name).into_owned());
                bar.enable_steady_tick(Duration::from_millis(120));
                bar
            })
            .clone()
    }

    fn end(&self, connection: &str, what: &str, line: Option<String>) {
        if let Some(bar) = self.walks().remove(&format!("{connection} {what}")) {
            bar.finish_and_clear();
        }
        if let Some(line) = line {
            // If the terminal is gone, nobody reads the bars.
            let screen = told_width().unwrap_or(usize::MAX);
            let _ = self.all.println(show::wrap(&on_one_line(&line), screen, 4));
        }
    }
}

impl Monitor for Bars {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::WalkStarted { connection, resource_type, pages_before } => {
                let bar = self.bar(connection, resource_type);
                if pages_before > 0 {
                    bar.set_message(format!("goes on after page {pages_before}"));
                }
            }
            Event::PageStored { connection, resource_type, resources_seen, declared_total } => {
                let bar = self.bar(connection, resource_type);
                bar.set_position(resources_seen);
                let total = declared_total.map(|total| format!("of {total}"));
                bar.set_message(total.unwrap_or_default());
            }
            Event::Retrying { connection, resource_type, why, delay } => {
                let seconds = delay.as_secs_f32();
                let message = format!("waits {seconds:.1}s: {why}");
                let message = on_one_line(&message).into_owned();
                self.bar(connection, resource_type).set_message(message);
            }
            Event::WalkFinished { connection, resource_type, state, detail, resources_seen } => {
                let line = match state {
                    WalkState::Complete => {
                        self.stopped.forget(connection);
                        Some(format!("✓ {connection} {resource_type}: {resources_seen}"))
                    }
                    WalkState::Incomplete => {
                        let detail = detail.unwrap_or_default();
                        let is_new = self.stopped.is_new(connection, detail);
                        is_new.then(|| format!("✗ {connection} {resource_type}: {detail}"))
                    }
                    _ => None,
                };
                self.end(connection, resource_type, line);
            }
            Event::Rebuilding { table, resources_done, resources_total } => {
                let bar = self.bar("rebuild", table);
                bar.set_position(resources_done);
                bar.set_message(format!("of {resources_total}"));
                if resources_done == resources_total {
                    self.end("rebuild", table, None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_per_connection_until_a_walk_comes_through() {
        let stopped = Stopped::default();
        assert!(stopped.is_new("ann", "down"));
        assert!(!stopped.is_new("ann", "down"));
        assert!(stopped.is_new("bob", "down"));
        assert!(stopped.is_new("ann", "status 500"));
        stopped.forget("ann");
        assert!(stopped.is_new("ann", "status 500"));
    }
}
