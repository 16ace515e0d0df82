//! The text of payersync.toml → the file as typed, or the place of the mistake.

use super::{error::ConfigError, file::File};
use crate::alike::most_alike;
use std::path::Path;

/// The lines of `[notify]`, up to the next table: they may be sound where others are not TOML.
pub(super) fn notify_alone(text: &str) -> String {
    let is_table = |line: &&str| line.starts_with('[');
    let mut lines =
        text.lines().map(str::trim_start).skip_while(|line| !line.starts_with("[notify]"));
    let head = lines.next().unwrap_or_default();
    let body = lines.take_while(|line| !is_table(line));
    std::iter::once(head).chain(body).fold(String::new(), |text, line| text + line + "\n")
}

/// serde's words for an unknown key list every key of the section: the one that was meant is enough.
fn plainly(message: &str) -> String {
    let mut words = message.split('`');
    let (Some("unknown field "), Some(unknown), Some(", expected one of ")) =
        (words.next(), words.next(), words.next())
    else {
        return message.to_owned();
    };
    match most_alike(unknown, words.step_by(2)) {
        Some(known) => format!("unknown key {unknown}; did you mean {known}?"),
        None => format!("unknown key {unknown}; docs/configuration.md lists the keys"),
    }
}

pub(super) fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        ConfigError::Syntax {
            path: path.into(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1,
            message: plainly(error.message()),
        }
    })
}
