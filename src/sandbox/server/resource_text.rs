//! Changes the text of a resource.
//!
//! The sandbox's resources begin with type, id and meta, in this order. So these members are found without
//! parsing, and all other bytes stay as they are.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Replaces the text between the first `start` and the following `end` by `new`.
pub(crate) fn replace(text: &mut String, start: &str, end: &str, new: &str) {
    if let Some((from, to)) = between(text, start, end) {
        text.replace_range(from..to, new);
    }
}

/// Removes the text from the first `start` to the following `end`, including both.
pub(crate) fn remove(text: &mut String, start: &str, end: &str) {
    if let Some((from, to)) = between(text, start, end) {
        text.replace_range(from - start.len()..to + end.len(), "");
    }
}

fn between(text: &str, start: &str, end: &str) -> Option<(usize, usize)> {
    let from = text.find(start)? + start.len();
    Some((from, from + text[from..].find(end)?))
}

/// Adds a member at the end of the object.
pub(crate) fn append_member(text: &mut String, member: &str) {
    if text.pop().is_some() {
        text.push(',');
        text.push_str(member);
        text.push('}');
    }
}

/// Turns the resource into an older version with other content.
pub(crate) fn make_older(text: &mut String) {
    if let Some((from, to)) = between(text, "\"versionId\":\"", "\"")
        && let Ok(number) = text[from..to].parse::<u64>()
    {
        text.replace_range(from..to, &number.saturating_sub(1).to_string());
    }
    if let Some((from, to)) = between(text, "\"lastUpdated\":\"", "\"")
        && let Ok(moment) = text[from..to].parse::<DateTime<Utc>>()
    {
        let before = moment - Duration::seconds(1);
        text.replace_range(from..to, &before.to_rfc3339_opts(SecondsFormat::Millis, true));
    }
    append_member(text, "\"language\":\"x-older\"");
}

/// Writes the resource differently without changing its meaning: other member order, spaces and escapes.
pub(crate) fn respell(text: &mut String, turn: u64) {
    let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(text) else { return };
    let mut members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\" : {}", value.get().replace('/', "\\/")))
        .collect();
    let first = usize::try_from(turn).unwrap_or_default() % members.len().max(1);
    members.rotate_left(first);
    *text = format!("{{ {}\n}}", members.join(",\n  "));
}

/// Adds a version to every reference to a resource on a server.
pub(crate) fn version_references(text: &mut String) {
    const START: &str = "\"reference\":\"";
    let mut pieces = text.split(START);
    let mut versioned = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        let (reference, rest) = piece.split_once('"').unwrap_or((piece, ""));
        versioned.push_str(START);
        versioned.push_str(reference);
        let is_placed = reference.contains('/') && !reference.starts_with(['#', 'u']);
        if is_placed && !reference.contains("/_history/") {
            versioned.push_str("/_history/1");
        }
        versioned.push('"');
        versioned.push_str(rest);
    }
    *text = versioned;
}
