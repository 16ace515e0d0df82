//! The statements of a mart's file.

use crate::warehouse::tables::table::Mart;

/// The statements of a mart, without their comments: those that create it, and those that fill it.
pub(super) fn statements(sql: &str) -> (Vec<String>, Vec<String>) {
    let code: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    code.join("\n")
        .split(";\n")
        .map(|statement| statement.trim().trim_end_matches(';').to_owned())
        .filter(|statement| !statement.is_empty())
        .partition(|statement| statement.starts_with("CREATE "))
}

/// Whether a mart is a view.
pub(super) fn is_view(mart: &Mart) -> bool {
    statements(&mart.sql).0.iter().any(|create| create.starts_with("CREATE VIEW"))
}

/// The statement that creates a mart which is a view; `None` for a table.
pub(crate) fn creates_view(mart: &Mart) -> Option<String> {
    statements(&mart.sql).0.into_iter().find(|create| create.starts_with("CREATE VIEW"))
}
