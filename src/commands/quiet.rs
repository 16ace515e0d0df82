//! `--quiet`: what is told waits for the end, and goes unsaid where all went well. So cron, which
//! mails whatever a command says, mails trouble and warnings only.

use crate::{cli::Command, exit_code::ExitCode};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lines that wait; `None` if everything is said at once.
static HELD: Mutex<Option<Vec<String>>> = Mutex::new(None);

/// From now on everything that is told waits for [`end`].
pub(super) fn begin() {
    *held() = Some(Vec::new());
}

/// Whether a command's words may wait: it ends by itself, and asks nobody anything.
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

/// Whether the line waits now.
pub(super) fn holds(line: &str) -> bool {
    let mut held = held();
    held.as_mut().map(|lines| lines.push(line.to_owned())).is_some()
}

/// Whether lines wait.
pub(super) fn is_begun() -> bool {
    held().is_some()
}

/// The command has ended: the lines that are to be told after all, since something is wrong, or odd.
pub(super) fn end(code: ExitCode) -> Vec<String> {
    let lines = held().take().unwrap_or_default();
    let is_odd = lines.iter().any(|line| line.starts_with("Warning: "));
    if code != ExitCode::Complete || is_odd { lines } else { Vec::new() }
}

fn held() -> MutexGuard<'static, Option<Vec<String>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}
