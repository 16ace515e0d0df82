//! `--quiet`: holds back a command's messages, and drops them if all went well.
//!
//! cron mails everything that a command prints. With `--quiet` it mails only trouble and warnings.

use crate::{cli::Command, exit_code::ExitCode};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is held back; `None` without `--quiet`.
static HELD: Mutex<Option<Held>> = Mutex::new(None);

#[derive(Default)]
struct Held {
    lines: Vec<String>,
    /// Whether one of the held lines is a warning.
    warns: bool,
}

/// Holds back all messages from now on, until [`end`].
pub(super) fn begin() {
    *held() = Some(Held::default());
}

/// Whether a command's messages can be held back: the command ends by itself and asks no questions.
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
    held().as_mut().map(|held| held.lines.push(line.to_owned())).is_some()
}

/// As [`holds`], for a warning: because of it, all lines are printed at the end.
pub(super) fn keeps(line: &str) -> bool {
    let mut held = held();
    let hold = |held: &mut Held| {
        held.lines.push(line.to_owned());
        held.warns = true;
    };
    held.as_mut().map(hold).is_some()
}

/// Whether lines are held back.
pub(super) fn is_begun() -> bool {
    held().is_some()
}

/// Returns the lines to print at the end of the command: all of them if it failed or warned, else none.
pub(super) fn end(code: ExitCode) -> Vec<String> {
    let held = held().take().unwrap_or_default();
    if code != ExitCode::Complete || held.warns { held.lines } else { Vec::new() }
}

fn held() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}
