//! Finds where a cell's value is in the bytes of a resource.

use super::lines::{Line, lines};
use crate::{
    reference::ServerBases,
    view::{Value, View, json},
};
use serde::Serialize;
use std::{borrow::Cow, ops::Range};

/// The number of lines shown before and after the value.
const AROUND: usize = 4;

/// The value that a definition gives for one cell of a resource.
pub(super) struct Seen {
    /// The value as JSON.
    pub(super) literal: String,
    /// Whether the element has a value of another type than the column's.
    pub(super) is_mistyped: bool,
    /// The value's bytes, if the value is a piece of the resource's text.
    span: Option<Range<usize>>,
    /// Whether the value is an array or an object.
    is_composed: bool,
    /// The bytes of the other values of the row.
    beside: Vec<Range<usize>>,
}

/// The place of a value in a resource.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    /// The element, such as `item[0].net.value`.
    pub(super) element: String,
    /// The first byte of the value in the resource, from 0.
    pub(super) offset: usize,
    /// How many bytes the value has there.
    pub(super) length: usize,
    /// The number of further elements of this name with the same value; the path decides which one counts.
    pub(super) alike: usize,
    /// The lines around the value.
    pub(super) lines: Vec<String>,
    /// The position in `lines` of the line with the value, from 0.
    pub(super) marked: usize,
    /// The number of the first of `lines` within the indented resource, from 1.
    pub(super) first_line: usize,
}

/// Runs the definition over a resource; `None` if the text cannot be read or gives no row of this number.
pub(super) fn see(
    view: &View,
    bases: &ServerBases,
    text: &str,
    row: u64,
    slot: usize,
) -> Option<Seen> {
    let node = json::parse(text.as_bytes(), json::Limits::default()).ok()?;
    let (mut seen, mut number) = (None, 0);
    let run = view.fill_at(bases, &node, &mut |values| {
        if number == row {
            seen = values.get(slot).map(|value| Seen {
                literal: value.to_json(),
                is_mistyped: matches!(value, Value::Mistyped(_)),
                span: span(value, text),
                is_composed: matches!(value, Value::Json(_) | Value::Partial(..)),
                beside: values.iter().filter_map(|value| span(value, text)).collect(),
            });
        }
        number += 1;
    });
    run.ok().and(seen)
}

/// The bytes of a value that is borrowed from the resource's text.
fn span(value: &Value<'_>, text: &str) -> Option<Range<usize>> {
    let (Value::Text(Cow::Borrowed(piece)) | Value::Decimal(Cow::Borrowed(piece))) = value else {
        return None;
    };
    let start = (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let is_within = !piece.is_empty() && start + piece.len() <= text.len();
    is_within.then(|| start..start + piece.len())
}

/// Finds the line of a value: by its bytes, else by the name of the element that the path ends with.
pub(super) fn place(seen: &Seen, path: &str, text: &str) -> Option<Place> {
    let lines = lines(text);
    let holds = |line: &Line, span: &Range<usize>| {
        line.span.start <= span.start && span.end <= line.span.end
    };
    let at = |span: &Range<usize>| lines.iter().position(|line| holds(line, span));
    let (found, span, alike) = match &seen.span {
        Some(span) => (at(span)?, span.clone(), 0),
        None => {
            let beside: Vec<&Line> =
                seen.beside.iter().filter_map(at).map(|at| &lines[at]).collect();
            let mut found = named(seen, path, text, &lines);
            // The other values of the row are usually in the same element, such as `item[1]`.
            let nearness = |at: &usize| nearness(&lines[*at], path, &beside);
            let nearest = found.iter().map(nearness).max();
            found.retain(|at| Some(nearness(at)) == nearest);
            let mut found = found.into_iter();
            let first = found.next()?;
            (first, lines[first].span.clone(), found.count())
        }
    };
    let first = found.saturating_sub(AROUND);
    Some(Place {
        element: lines[found].element.clone(),
        offset: span.start,
        length: span.len(),
        alike,
        marked: found - first,
        first_line: first + 1,
        lines: lines
            .into_iter()
            .skip(first)
            .take(found - first + AROUND + 1)
            .map(|l| l.text)
            .collect(),
    })
}

/// The lines that show this value in an element named like the path's last step. If there are none, those in
/// an element named like the step before, and so on.
fn named(seen: &Seen, path: &str, text: &str, lines: &[Line]) -> Vec<usize> {
    let names = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').rev();
    for name in names.filter(|name| !name.is_empty()) {
        let is_it = |line: &Line| {
            is_named(line.name(), name)
                && (seen.is_composed || same(&text[line.span.clone()], &seen.literal))
        };
        let found: Vec<usize> =
            lines.iter().enumerate().filter(|(_, line)| is_it(line)).map(|(at, _)| at).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Whether an element has the name of a path's step. A choice has its type appended (`valueInteger`).
fn is_named(element: &str, step: &str) -> bool {
    let rest = element.strip_prefix(step);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// The number of the row's other values in the element that this line belongs to.
fn nearness(line: &Line, path: &str, beside: &[&Line]) -> usize {
    match line.element.rsplit_once('.') {
        Some((whole, _)) => {
            let within = format!("{whole}.");
            beside.iter().filter(|other| other.element.starts_with(&within)).count()
        }
        None if path.trim() == line.element => usize::MAX,
        None => 0,
    }
}

/// Whether a token of the resource, without its quotes, equals the value.
fn same(token: &str, literal: &str) -> bool {
    let bare = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    // The resource may use an escape for a character.
    let decoded = || serde_json::from_str::<String>(&format!("\"{token}\"")).ok();
    token == literal
        || bare
            .is_some_and(|_| decoded().is_some() && decoded() == serde_json::from_str(literal).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: &str = r#"{"resourceType":"ViewDefinition","resource":"Patient","status":"active",
        "name":"p","select":[{"column":[{"name":"id","path":"getResourceKey()","type":"id"}]},
        {"forEach":"contact","column":[{"name":"born","path":"%resource.birthDate","type":"date"},
          {"name":"rank","path":"telecom.rank.first()","type":"positiveInt"},
          {"name":"name","path":"name.text","type":"string"},
          {"name":"x","path":"period.x","type":"integer"},
          {"name":"start","path":"period.start","type":"date"}]}]}"#;

    fn placed(row: u64, slot: usize) -> Place {
        let view = View::from_json(VIEW).unwrap();
        let text = r#"{"resourceType":"Patient","id":"a","birthDate":"2000-01-02","contact":[
            {"name":{"text":"x"},"telecom":[{"rank":2}],"period":{"x":1}},
            {"name":{"text":"\u0041"},"telecom":[{"rank":2}],
             "period":{"x":1,"start":"2001"}}]}"#;
        let seen = see(&view, &ServerBases::default(), text, row, slot).unwrap();
        place(&seen, &view.columns[slot].path, text).unwrap()
    }

    #[test]
    fn a_value_is_found_by_its_bytes_or_by_its_name() {
        assert_eq!(placed(0, 0).element, "id");
        let born = placed(1, 1);
        assert_eq!((&*born.element, born.alike, born.length), ("birthDate", 0, 10));
        assert!(born.lines[born.marked].contains("2000-01-02"));
        // A number and an escaped text are not borrowed, so they are found by name. `alike` counts the other
        // elements with the same value.
        assert_eq!((&*placed(1, 2).element, placed(1, 2).alike), ("contact[0].telecom[0].rank", 1));
        assert_eq!((&*placed(1, 4).element, placed(1, 4).alike), ("contact[1].period.x", 0));
        assert_eq!(placed(1, 3).element, "contact[1].name.text");
    }
}
