//! Converts a cell to text.

use crate::warehouse::AnswerCell;

/// The exact value of a cell; NULL is empty.
pub(in crate::commands) fn exact(cell: &AnswerCell<'_>) -> String {
    match cell {
        AnswerCell::Null => String::new(),
        AnswerCell::Integer(value) => value.to_string(),
        AnswerCell::Real(value) => value.to_string(),
        AnswerCell::Text(value) => (*value).to_owned(),
        AnswerCell::Blob(bytes) => base16ct::lower::encode_string(bytes),
    }
}

/// The value as a person reads it: `NULL` as a word, money with its cents.
pub(super) fn readable(column: &str, cell: &AnswerCell<'_>) -> String {
    match cell {
        AnswerCell::Null => "NULL".to_owned(),
        AnswerCell::Real(value) if is_money(column) && is_in_cents(*value) => {
            // Adding 0 turns -0, which a sum may be, into 0.
            format!("{:.2}", value + 0.0)
        }
        cell => exact(cell),
    }
}

/// Words in the names of columns with amounts, in the tables or in a query.
const MONEY: [&str; 15] = [
    "allowed",
    "amount",
    "charged",
    "coinsurance",
    "copay",
    "cost",
    "deductible",
    "liability",
    "owed",
    "owes",
    "paid",
    "price",
    "spend",
    "spent",
    "submitted",
];

/// Whether a column's name, or the expression that it stands for, speaks of an amount.
fn is_money(column: &str) -> bool {
    let column = column.to_ascii_lowercase();
    column.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| MONEY.contains(&word))
}

/// Whether a number is whole cents, apart from the rounding errors of floating-point numbers.
fn is_in_cents(value: f64) -> bool {
    let cents = value * 100.0;
    value.abs() < 1e13 && (cents - cents.round()).abs() < 1e-4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_its_cents_and_nothing_else_is_touched() {
        let real = |column, value| readable(column, &AnswerCell::Real(value));
        assert_eq!(real("sum(plan_paid_amount)", 1234.5), "1234.50");
        assert_eq!(real("AMOUNT", 0.1 + 0.2), "0.30");
        assert_eq!(real("plan_paid", 1_126_652.0), "1126652.00");
        assert_eq!(real("proportion_of_days_unpaid", 0.5), "0.5");
        assert_eq!(real("net_amount", -0.0), "0.00");
        assert_eq!(real("avg(net_amount)", 10.0 / 3.0), "3.3333333333333335");
        assert_eq!(real("quantity", 1234.5), "1234.5");
        assert_eq!(readable("net_amount", &AnswerCell::Integer(12)), "12");
    }

    #[test]
    fn null_is_told_from_nothing() {
        assert_eq!(readable("a", &AnswerCell::Null), "NULL");
        assert_eq!(readable("a", &AnswerCell::Text("")), "");
    }
}
