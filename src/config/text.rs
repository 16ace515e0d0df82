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

/// serde's words, without the value that stands in the file: it may be a secret in the wrong place. Of an
/// unknown key they list every key of the section: the one that was meant is enough.
fn plainly(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field `")
        && let Some((unknown, known)) = rest.split_once("`, expected ")
    {
        return match most_alike(unknown, known.split('`').skip(1).step_by(2)) {
            Some(known) => format!("unknown key {unknown}; did you mean {known}?"),
            None => format!("unknown key {unknown}; docs/configuration.md lists the keys"),
        };
    }
    for (words, plain) in UNTAGGED {
        if message.contains(words) {
            return plain.to_owned();
        }
    }
    let typed = |kind: &str| message.strip_prefix(kind)?.rsplit_once(", expected ");
    match (typed("invalid type: "), typed("invalid value: ")) {
        (Some((found, expected)), _) => {
            format!("this is {}, and must be {}", kind(found), wanted(expected))
        }
        (_, Some((found, why))) if found.starts_with("string ") => format!("this is no URL: {why}"),
        (_, Some((_, expected))) => format!("this must be {}, and is not", wanted(expected)),
        _ => message.to_owned(),
    }
}

/// What the types that take values of several kinds are called, and what they take.
const UNTAGGED: [(&str, &str); 3] = [
    ("enum HeaderText", "this must be a text, { env = \"NAME\" } or { file = \"NAME\" }"),
    ("enum Audience", "this must be true, false or a text"),
    ("enum OneOrMore", "this must be a text or a list of texts"),
];

/// The kind of a value, of words such as `string "x"`.
fn kind(found: &str) -> &'static str {
    match found.split([' ', ',']).next().unwrap_or_default() {
        "string" => "a text",
        "integer" => "a whole number",
        "floating" => "a number with a point",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        _ => "a value of another kind",
    }
}

/// What has to stand there.
fn wanted(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list of texts such as [\"a\", \"b\"]",
        "a string" | "path string" => "a text",
        "a boolean" => "true or false",
        "a map" => "a table",
        "u8" => "a whole number from 0 to 255",
        "u32" | "u64" | "usize" => "a whole number that is not too large",
        "a nonzero u32" | "a nonzero usize" => "a whole number above 0",
        other => other,
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
