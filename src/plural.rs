//! Numbers with their nouns.

/// A number with its noun, which gets an s unless the number is one: `1 row`, `0 rows`.
pub(crate) fn count(number: impl TryInto<u64>, noun: &str) -> String {
    // None of our numbers is larger or negative.
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        assert_eq!([count(1_u64, "row"), count(0_u64, "row")], ["1 row", "0 rows"]);
        assert_eq!([count(2_usize, "plan"), count(1_i64, "plan")], ["2 plans", "1 plan"]);
    }
}
