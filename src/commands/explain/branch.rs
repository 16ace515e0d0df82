//! Explains an amount that a mart computes from other amounts of the same row.

use crate::commands::asked::Row;

/// The marts whose rows hold both the computed amount and the amounts that it is computed from.
const MARTS: [&str; 3] = ["claim", "claim_current", "claim_line"];

/// Each computed amount, without its unit, and the sums that it may be, in order of preference.
///
/// The mart takes the first sum of which the payer stated any part.
/// `warehouse/tables/marts/amounts/chosen.rs` defines the order. If the lines of a claim state different
/// kinds of amounts, the claim's amount mixes several sums, and no note is given.
const SOURCES: [(&str, [&[&str]; 3]); 2] = [
    ("plan_paid", [&["payment"], &["paid_to_provider", "paid_to_patient"], &["benefit"]]),
    (
        "member_cost_share",
        [&["member_liability"], &["deductible", "copay", "coinsurance"], &["paid_by_patient"]],
    ),
];

/// A sentence that names the columns from which a column's value was computed.
///
/// `None` for a column that is not computed, and if the named columns do not add up to the value.
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
