//! `--quiet`: holds back a command's messages, and drops them if all went well.
//!
//! cron mails everything that a command prints. With `--quiet` it mails only trouble and warnings.

use crate::{cli::Command, exit_code::ExitCode};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lines held back; `None` without `--quiet`.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// Holds back all messages from now on, until [`end`].
pub(super) fn begin() {
    *held() = Some(Vec::new());
}

/// Whether a command's messages can be held back: it ends by itself and asks no questions.
pub(super) fn may_wait(command: &Command) -> bool {
    !matches!(
        command,
        Command::Connect(_)
            | Command::Demo(_)
            | Command::Purge(_)
            | Command::Run(_)
            | Command::Sandbox(_)
    )
}

/// Holds a line back; returns false if lines are not held back.
pub(super) fn holds(line: &str) -> bool {
    let mut held = held();
    held.as_mut().map(|lines| lines.push(line.to_owned())).is_some()
}

/// Whether lines are held back.
pub(super) fn is_begun() -> bool {
    held().is_some()
}

/// Returns the lines to print at the end of the command: all of them if it failed or warned, else none.
pub(super) fn end(code: ExitCode) -> Vec<String> {
    let lines = held().take().unwrap_or_default();
    let is_odd = lines.iter().any(|line| line.starts_with("Warning: "));
    if code != ExitCode::Complete || is_odd { lines } else { Vec::new() }
}

fn held() -> MutexGuard<'static, Option<Vec<String>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}
