//! Changes to a resource's text.
//!
//! The sandbox's resources start with type, id and meta, in this order, so that the few members at
//! stake are found without parsing, and all other bytes stay as they are.

/// Puts `new` between the first `start` and the `end` that follows it.
pub(super) fn replace(text: &mut String, start: &str, end: &str, new: &str) {
    if let Some((from, to)) = between(text, start, end) {
        text.replace_range(from..to, new);
    }
}

/// Removes from the first `start` to the `end` that follows it, both included.
pub(super) fn remove(text: &mut String, start: &str, end: &str) {
    if let Some((from, to)) = between(text, start, end) {
        text.replace_range(from - start.len()..to + end.len(), "");
    }
}

fn between(text: &str, start: &str, end: &str) -> Option<(usize, usize)> {
    let from = text.find(start)? + start.len();
    Some((from, from + text[from..].find(end)?))
}

/// Adds a member at the end of the object.
pub(super) fn append_member(text: &mut String, member: &str) {
    if text.pop().is_some() {
        text.push(',');
        text.push_str(member);
        text.push('}');
    }
}
