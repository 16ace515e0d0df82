//! Temporary tables that several marts read, made once for all of them.

use super::statements::{is_view, statements};
use crate::warehouse::tables::table::Mart;
use std::collections::BTreeSet;

/// All steps, in the order in which they run; Rust fills the tables of the first and the third.
pub(super) const ALL: [&str; 8] = [
    include_str!("../../../../config/mart_steps/scope.sql"),
    include_str!("../../../../config/mart_steps/duplicate.sql"),
    include_str!("../../../../config/mart_steps/amount.sql"),
    include_str!("../../../../config/mart_steps/breakdown.sql"),
    include_str!("../../../../config/mart_steps/party.sql"),
    include_str!("../../../../config/mart_steps/line_code.sql"),
    include_str!("../../../../config/mart_steps/line_performer.sql"),
    include_str!("../../../../config/mart_steps/diagnosis_role.sql"),
];

/// The steps that these marts need, themselves or through another step.
///
/// A mart needs a step if its SQL names a table of the step, as `temp.table`.
pub(super) fn needed_by<'a>(marts: impl Iterator<Item = &'a Mart>) -> Vec<&'static str> {
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for mart in marts.filter(|mart| !is_view(mart)) {
        statements(&mart.sql).1.iter().for_each(|fill| wanted.extend(tables_named(fill)));
    }
    let mut needed: Vec<&'static str> = Vec::new();
    for (at, step) in ALL.iter().enumerate().rev() {
        if at == 0 || wanted.iter().any(|table| fills(step, table)) {
            wanted.extend(tables_named(step));
            needed.push(step);
        }
    }
    needed.reverse();
    needed
}

fn tables_named(sql: &str) -> impl Iterator<Item = String> + '_ {
    let is_part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    sql.split("temp.")
        .skip(1)
        .map(move |rest| rest.chars().take_while(|c| is_part_of_name(*c)).collect())
}

/// Whether a step creates a table of this name.
pub(super) fn creates(step: &str, name: &str) -> bool {
    step.lines().any(|line| {
        let rest = line.strip_prefix("CREATE TEMP TABLE ").and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with([' ', '(']))
    })
}

/// Whether a step inserts rows into a table of this name.
fn fills(step: &str, name: &str) -> bool {
    let into = format!("INTO temp.{name}\n");
    creates(step, name) || step.contains(&into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::tables::table::embedded_marts;

    fn needed(names: &[&str]) -> Vec<usize> {
        let marts: Vec<Mart> =
            embedded_marts().filter(|mart| names.contains(&mart.name.as_str())).collect();
        assert_eq!(marts.len(), names.len());
        let place = |step: &str| ALL.iter().position(|known| *known == step).unwrap();
        needed_by(marts.iter()).into_iter().map(place).collect()
    }

    #[test]
    fn a_step_is_worked_out_for_whoever_reads_its_tables() {
        assert_eq!(needed(&["member"]), [0]);
        assert_eq!(needed(&["coverage_span"]), [0, 1]);
        assert_eq!(needed(&["claim"]), [0, 1, 2, 4, 7]);
        let every: Vec<Mart> = embedded_marts().collect();
        assert_eq!(needed_by(every.iter()), ALL);
    }

    #[test]
    fn every_table_of_a_step_is_named_as_temporary() {
        let texts =
            embedded_marts().filter(|mart| !is_view(mart)).flat_map(|mart| statements(&mart.sql).1);
        let rust = [include_str!("lineage/tables.rs"), include_str!("amounts/read.rs")];
        let steps = ALL.iter().chain(&rust).map(|step| (*step).to_owned());
        for text in texts.chain(steps) {
            for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
                let words: Vec<&str> = line.split_whitespace().collect();
                for pair in
                    words.windows(2).filter(|pair| ["FROM", "JOIN", "INTO"].contains(&pair[0]))
                {
                    let is_of_a_step = ALL.iter().any(|step| creates(step, pair[1]));
                    assert!(!is_of_a_step, "{line}");
                }
            }
        }
    }
}
