//! `payersync notify --test`: sends a test alert on every channel.

use super::{failure::Failure, system, told::tell};
use crate::{clock::Clock, config::Settings, exit_code::ExitCode, notify::Notifier};
use std::path::Path;

/// Sends a test alert on every channel, and reports which channels worked.
pub(super) async fn run(folder: &Path) -> Result<ExitCode, Failure> {
    let settings = Settings::load(folder)?;
    let Some(notifier) = notifier(&settings) else {
        return Err(Failure::misuse("[notify] in payersync.toml names nobody to tell")
            .hint("set command, webhook, mail_to or ping there"));
    };
    let mut code = ExitCode::Complete;
    for (key, result) in notifier.test(Clock::system().now()).await {
        match result {
            Ok(()) => tell(&format!("notify.{key}: delivered")),
            Err(problem) => {
                tell(&problem);
                code = ExitCode::Unreachable;
            }
        }
    }
    Ok(code)
}

/// The notifier; `None` if `[notify]` names no channel.
pub(super) fn notifier(settings: &Settings) -> Option<Notifier> {
    Notifier::new(settings, system::host())
}
