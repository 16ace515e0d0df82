//! Converts an amount to cents, by its decimal digits.

/// Amounts from here on are not converted: a double of more than fifteen digits is not exact to the cent,
/// and the sum of a few thousand of them would not fit an integer of SQL.
const TOO_LARGE: f64 = 1e13;

/// The cents of an amount, half a cent rounded away from zero; `None` from ten trillion on.
///
/// The digits are those of the shortest decimal that gives the same double. For an amount of up to
/// fifteen digits these are the digits that were sent. So 1.005 becomes 101 cents, although its double is
/// slightly less than 1.005, and a hundred times that is less than 100.5.
pub(super) fn cents(amount: f64) -> Option<i64> {
    if amount.is_nan() || amount.abs() >= TOO_LARGE {
        return None;
    }
    // The usual case: the double is the nearest to a whole number of cents, so that no text is needed.
    let cents = (amount * 100.0).round();
    if cents.abs() < 1e15 && cents / 100.0 == amount {
        return Some(cents as i64);
    }
    let text = amount.abs().to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digit = |at: usize| part.as_bytes().get(at).map_or(0, |digit| i64::from(digit - b'0'));
    let rest = digit(0) * 10 + digit(1) + i64::from(digit(2) >= 5);
    let cents = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(rest)?;
    Some(if amount < 0.0 { -cents } else { cents })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_cent_goes_away_from_zero_whatever_its_double_is() {
        for (amount, expected) in [
            (1.005, 101),
            (0.285, 29),
            (35.855, 3586),
            (-1.005, -101),
            (2.675, 268),
            (1.115, 112),
            (0.335, 34),
            (0.015, 2),
            (1.1e-2, 1),
            (0.0049, 0),
            (1.004_999, 100),
            (4.35, 435),
            (64.1, 6410),
            (100.0, 10_000),
            (-0.0, 0),
            (1e-300, 0),
            (1_234_567.125, 123_456_713),
            (123_456_789_012.34, 12_345_678_901_234),
            (-9_999_999_999_999.98, -999_999_999_999_998),
        ] {
            assert_eq!(cents(amount), Some(expected), "{amount}");
        }
        for amount in [1e13, -1e13, 9e16, 1e18, 1e300, f64::INFINITY, f64::NAN] {
            assert_eq!(cents(amount), None, "{amount}");
        }
    }
}
