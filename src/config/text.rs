//! Reads the text of payersync.toml, or reports the place of the mistake.

use super::{error::ConfigError, file::File};
use crate::alike::most_alike;
use std::path::Path;

/// The lines of `[notify]` and its tables, which may be valid even if other lines are not TOML.
pub(super) fn notify_alone(text: &str) -> String {
    let mut is_notify = false;
    let mut alone = String::new();
    for line in text.lines() {
        if let Some(head) = line.trim_start().strip_prefix('[') {
            let name = head.split(['.', ']']).next().unwrap_or_default().trim();
            is_notify = matches!(name, "notify" | "\"notify\"" | "'notify'");
        }
        if is_notify {
            alone += line;
            alone.push('\n');
        }
    }
    alone
}

/// serde's message in plain words. It leaves out the value in the file, which may be a misplaced secret.
///
/// For an unknown key serde lists every key of the section; only the key that was probably meant is kept.
fn plainly(message: &str, is_section: bool) -> String {
    if let Some(rest) = message.strip_prefix("unknown field `")
        && let Some((unknown, known)) = rest.split_once("`, expected ")
    {
        let alike = most_alike(unknown, known.split('`').skip(1).step_by(2));
        return match (alike, is_section) {
            (Some(known), false) => format!("unknown key {unknown}; did you mean {known}?"),
            (Some(known), true) => format!("unknown section [{unknown}]; did you mean [{known}]?"),
            (None, false) => {
                format!("unknown key {unknown}; docs/configuration.md lists the keys")
            }
            (None, true) => {
                format!("unknown section [{unknown}]; docs/configuration.md lists the sections")
            }
        };
    }
    // The value that serde repeats may hold any text; the last words are serde's own.
    if message.starts_with("unknown variant `")
        && let Some((_, known)) = message.rsplit_once("`, expected ")
    {
        return format!("this must be {}", known.replace('`', "\""));
    }
    if message.contains(WITHOUT_SCHEME) {
        return "this is not a URL: it must begin with https://".to_owned();
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
        (_, Some((found, why))) if found.starts_with("string ") => format!(
            "this is not a URL: \
            {why}"
        ),
        (_, Some((found, _))) if found.contains('-') => "this is below 0".to_owned(),
        (_, Some((found, "u32" | "u64" | "usize"))) if found.starts_with("integer") => {
            "this number is too large".to_owned()
        }
        (_, Some((_, expected))) => format!("this must be {}", wanted(expected)),
        // An invalid URL: the message has a reason, and the value, which is not shown.
        _ => match message.split_once(": \"") {
            Some((why, _)) => format!("this is not a URL: {why}"),
            None => message.to_owned(),
        },
    }
}

/// The message of the url crate for a text such as `api.example.com`.
const WITHOUT_SCHEME: &str = "relative URL without a base";

/// Types that accept several kinds of values, with the message that names these kinds.
const UNTAGGED: [(&str, &str); 3] = [
    ("enum HeaderText", "this must be a text, { env = \"NAME\" } or { file = \"NAME\" }"),
    ("enum Audience", "this must be true, false or a text"),
    ("enum OneOrMore", "this must be a text or a list of texts"),
];

/// The kind of the value that was found, from words such as `string "x"`.
fn kind(found: &str) -> &'static str {
    match found.split([' ', ',']).next().unwrap_or_default() {
        "string" => "a text",
        "integer" => "a whole number",
        "floating" => "a number with a decimal point",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        _ => "a value of another kind",
    }
}

/// The kind of value that is needed, from serde's words.
fn wanted(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list of texts such as [\"a\", \"b\"]",
        "a string" | "path string" => "a text",
        "a boolean" => "true or false",
        "a map" => "a table",
        "u8" => "a whole number from 0 to 255",
        "u32" | "u64" | "usize" => "a whole number",
        "a nonzero u32" | "a nonzero usize" => "a whole number above 0",
        other => other,
    }
}

/// The message with the name of the key, which serde leaves out if the value is wrong, and toml if the key
/// is there twice.
///
/// `before` is the text before the mistake on its line, `from` the text from the mistake on.
fn with_key(message: String, before: &str, from: &str) -> String {
    if message.starts_with("this ") {
        let name = before.split_once('=').and_then(|(name, _)| bare_key(name));
        return name.map(|name| format!("{name}: {message}")).unwrap_or(message);
    }
    if message == "duplicate key" {
        let name = from.split(['=', ']', '\n']).next().and_then(bare_key);
        return name.map(|name| format!("{message} {name}")).unwrap_or(message);
    }
    message
}

/// A key without quotes. Any other text may be a part of a value, which is not shown.
fn bare_key(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!text.is_empty() && text.chars().all(is_bare)).then_some(text)
}

pub(super) fn parse(path: &Path, text: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let on_line = before.rsplit('\n').next().unwrap_or_default();
        let message = plainly(error.message(), on_line.trim() == "[");
        let from = text.get(before.len()..).unwrap_or_default();
        ConfigError::Syntax {
            path: path.into(),
            line: before.matches('\n').count() + 1,
            column: on_line.chars().count() + 1,
            message: with_key(message, on_line, from),
        }
    })
}
