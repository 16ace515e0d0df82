//! Formats amounts of the marts, which are in cents.

/// An amount with two decimals and separators, such as `-1,234.50`.
pub(super) fn amount(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    format!("{sign}{}.{:02}", thousands(cents / 100), cents % 100)
}

/// An amount with its currency; `not stated` if the payer sends no such amount.
pub(super) fn stated(cents: Option<i64>, currency: &str) -> String {
    match cents {
        Some(cents) => format!("{} {currency}", amount(cents)).trim_end().to_owned(),
        None => "not stated".to_owned(),
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_are_told_as_an_amount() {
        let told = [0, 5, -150, 123_456, 100_000_000].map(amount);
        assert_eq!(told, ["0.00", "0.05", "-1.50", "1,234.56", "1,000,000.00"]);
        assert_eq!(stated(Some(1), "USD"), "0.01 USD");
        assert_eq!(stated(None, "USD"), "not stated");
    }
}
