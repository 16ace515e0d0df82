//! Which of a claim's other amounts gave an amount that has several sources.

use crate::commands::asked::Row;

/// The marts whose rows have the sources beside the amount.
const MARTS: [&str; 3] = ["claim", "claim_current", "claim_line"];

/// An amount without its unit, and the sums that may give it: the first of which the payer stated a
/// part. Source: the choices in `warehouse/tables/marts/amounts/chosen.rs`; a claim whose lines state different
/// kinds has a sum of several, of which nothing is said.
const SOURCES: [(&str, [&[&str]; 3]); 2] = [
    ("plan_paid", [&["payment"], &["paid_to_provider", "paid_to_patient"], &["benefit"]]),
    (
        "member_cost_share",
        [&["member_liability"], &["deductible", "copay", "coinsurance"], &["paid_by_patient"]],
    ),
];

/// Names the columns that gave a column its value; `None` for every other column, and where they do
/// not add up to it.
pub(super) fn note(mart: &str, column: &str, row: Row<'_>) -> Option<String> {
    let (amount, unit) = column.rsplit_once('_')?;
    let (_, sums) = SOURCES.iter().find(|(name, _)| *name == amount)?;
    let value = row.value(column).as_f64().filter(|_| MARTS.contains(&mart))?;
    let stated = sums.iter().find_map(|names| {
        let columns = names.iter().map(|name| format!("{name}_{unit}"));
        let stated: Vec<(String, f64)> =
            columns.filter_map(|name| row.value(&name).as_f64().map(|part| (name, part))).collect();
        (!stated.is_empty()).then_some(stated)
    })?;
    let sum: f64 = stated.iter().map(|(_, part)| part).sum();
    if (sum - value).abs() > 1e-5 {
        return None;
    }
    let names: Vec<String> = stated.into_iter().map(|(name, _)| name).collect();
    Some(format!("In this row {column} is {}", names.join(" + ")))
}
