//! Parses the comment at the beginning of a mart's definition: its question, its grain, its columns.

use crate::warehouse::Mart;

/// The description of a mart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MartDescription {
    /// The question that the mart answers: the first line of the comment.
    pub(super) question: String,
    /// The lines before the columns, including the question.
    pub(super) lines: Vec<String>,
    /// Name and meaning of each column.
    pub(super) columns: Vec<(String, String)>,
}

impl MartDescription {
    /// Parses the comment: paragraphs, then a line per column; indented lines continue the line above.
    pub(super) fn of(mart: &Mart) -> MartDescription {
        let mut told = MartDescription::default();
        for line in mart.sql.lines().map_while(|line| line.strip_prefix("--")) {
            let text = line.trim();
            let is_indented = line.starts_with("    ");
            match (named_column(text), told.columns.last_mut()) {
                (_, Some((_, what))) if is_indented => *what = format!("{what} {text}"),
                (Some((name, what)), _) => told.columns.push((name.to_owned(), what.to_owned())),
                (None, _) => told.lines.push(text.to_owned()),
            }
        }
        told.question = told.lines.first().cloned().unwrap_or_default();
        told
    }

    /// The grain, such as `one row per claim`.
    pub(super) fn grain(&self) -> String {
        let start = self.lines.iter().position(|line| line.starts_with("Grain: "));
        let paragraph = self.lines.iter().skip(start.unwrap_or(self.lines.len()));
        let text: Vec<&str> =
            paragraph.take_while(|line| !line.is_empty()).map(String::as_str).collect();
        let text = text.join(" ");
        let text = text.strip_prefix("Grain: ").unwrap_or(&text);
        let end = text.find(". ").or_else(|| text.find("; ")).unwrap_or(text.len());
        text[..end].trim_end_matches('.').to_owned()
    }
}

/// Splits a line into a column's name and, after at least two spaces, its meaning.
fn named_column(line: &str) -> Option<(&str, &str)> {
    let (name, what) = line.split_once("  ")?;
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_name && !name.is_empty()).then(|| (name, what.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_read_as_question_grain_and_columns() {
        let sql = "-- What for? Use it.\n--\n-- Grain: one row per claim that stands\n-- today. More of it.\n--\n\
                   -- claim_id      the claim,\n--               by its id\n-- net_amount    money\nCREATE TABLE t (x);";
        let told = MartDescription::of(&Mart { name: "t".into(), sql: sql.into() });
        assert_eq!(told.question, "What for? Use it.");
        assert_eq!(told.grain(), "one row per claim that stands today");
        let columns = [("claim_id", "the claim, by its id"), ("net_amount", "money")];
        assert_eq!(told.columns, columns.map(|(name, what)| (name.to_owned(), what.to_owned())));
    }
}
