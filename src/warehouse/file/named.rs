//! Whether a text names a connection, and the text without the name: for a purge, which removes the name and
//! nothing else.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, functions::FunctionFlags};

/// Registers the SQL function `names (text, name)`: whether the text has the name.
pub(super) fn register(connection: &Connection) -> Result<(), WarehouseError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("names", 2, flags, |context| {
            let text: Option<String> = context.get(0)?;
            let name: String = context.get(1)?;
            Ok(text.is_some_and(|text| names(&text, &name)))
        })
        .doing("cannot remove the name of a purged connection")
}

/// What stands in a text in place of a removed name.
pub(super) const REMOVED: &str = "…";

/// The text with [`REMOVED`] in every place where [`names`] finds the name.
pub(super) fn without(text: &str, name: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.char_indices() {
        if at >= from && is_named_at(text, at, name) {
            left.push_str(&text[from..at]);
            left.push_str(REMOVED);
            from = at + name.len();
        }
    }
    left.push_str(&text[from..]);
    left
}

/// From this length on, a name counts wherever it stands: `john2024.parquet` names john.
const LONG: usize = 4;

/// Whether the text has the name; a short name only if no letter or digit is before or after it.
///
/// A short name is a part of many words that do not name the connection.
fn names(text: &str, name: &str) -> bool {
    text.char_indices().any(|(at, _)| is_named_at(text, at, name))
}

/// Whether the name stands at this place of the text.
fn is_named_at(text: &str, at: usize, name: &str) -> bool {
    let is_inner = |beside: Option<char>| beside.is_some_and(char::is_alphanumeric);
    text[at..].strip_prefix(name).is_some_and(|behind| {
        name.chars().count() >= LONG
            || !is_inner(text[..at].chars().next_back()) && !is_inner(behind.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_words_and_not_within_words() {
        for text in ["a", "/srv/a/b.prom", "copy-of-a.db", "a_2.csv", "it says \"a\"", "é a"] {
            assert!(names(text, "a"), "{text}");
        }
        for text in ["", "/var/lib/data.prom", "ab", "2a", "éa", "aé"] {
            assert!(!names(text, "a"), "{text}");
        }
        assert!(names("xa-a-a.db", "a-a"), "behind a place where it is within a word");
        assert!(names("/srv/john2024.parquet", "john") && !names("/srv/jo.db", "john"));
    }

    #[test]
    fn a_name_is_taken_out_where_it_is_found_and_the_rest_of_the_text_stays() {
        assert_eq!(without("/backups/mary-2025.db", "mary"), "/backups/…-2025.db");
        assert_eq!(without("/mary/rosemary.db", "mary"), "/…/rose….db");
        assert_eq!(without("/data/a/a-day.db", "a"), "/data/…/…-day.db");
        assert_eq!(without("/srv/bob.db", "mary"), "/srv/bob.db");
        for (text, name) in [("aaaaaaaaa", "aaaa"), ("a a-a a", "a-a"), ("xa-a-a-a", "a-a")] {
            assert!(!names(&without(text, name), name), "{text}");
        }
    }
}
