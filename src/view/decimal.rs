//! Decimal numbers by their text: exact comparison, exact sums and products.
//!
//! Money must not pass through a binary double. If a result has more than 38 digits there is no result,
//! which is FHIRPath's empty collection. Only quotients are rounded.

use std::cmp::Ordering;

/// The decimal places of a quotient whose digits do not end.
const QUOTIENT_PLACES: i32 = 16;
/// The most decimal places that arithmetic works with.
const MAX_SCALE: i32 = 38;

/// `mantissa / 10^scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: i128,
    scale: i32,
}

impl Decimal {
    /// Reads a JSON number; `None` if it has more than 38 digits.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let parts = Parts::of(text);
        let mut mantissa: i128 = 0;
        for digit in parts.whole.bytes().chain(parts.fraction.bytes()) {
            let digit = i128::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
            mantissa = mantissa.checked_mul(10)?.checked_add(digit)?;
        }
        if parts.negative {
            mantissa = -mantissa;
        }
        let scale = i32::try_from(parts.fraction.len()).ok()?;
        let scale = scale.checked_sub(i32::try_from(parts.exponent).ok()?)?;
        let decimal = Decimal { mantissa, scale: scale.max(0) };
        match scale {
            ..0 => {
                Some(Decimal { mantissa: mantissa.checked_mul(power_of_ten(-scale)?)?, scale: 0 })
            }
            0..=MAX_SCALE => Some(decimal),
            _ => None,
        }
    }

    /// The number moved by half a unit of its last digit, down (`-1`) or up (`1`): a precision boundary.
    pub(crate) fn boundary(self, direction: i128) -> Option<Decimal> {
        let mantissa = self.mantissa.checked_mul(10)?.checked_add(5 * direction)?;
        Some(Decimal { mantissa, scale: self.scale + 1 })
    }

    pub(crate) fn negate(self) -> Option<Decimal> {
        Some(Decimal { mantissa: self.mantissa.checked_neg()?, scale: self.scale })
    }

    pub(crate) fn add(self, other: Decimal) -> Option<Decimal> {
        let (left, right, scale) = self.align(other)?;
        Some(Decimal { mantissa: left.checked_add(right)?, scale })
    }

    pub(crate) fn subtract(self, other: Decimal) -> Option<Decimal> {
        self.add(other.negate()?)
    }

    pub(crate) fn multiply(self, other: Decimal) -> Option<Decimal> {
        let mantissa = self.mantissa.checked_mul(other.mantissa)?;
        let product = Decimal { mantissa, scale: self.scale + other.scale };
        (product.scale <= MAX_SCALE).then_some(product)
    }

    /// The quotient, rounded half away from zero to 16 places; `None` for a division by zero.
    pub(crate) fn divide(self, other: Decimal) -> Option<Decimal> {
        if other.mantissa == 0 {
            return None;
        }
        let shift = QUOTIENT_PLACES - self.scale + other.scale;
        let (numerator, denominator) = if shift >= 0 {
            (self.mantissa.checked_mul(power_of_ten(shift)?)?, other.mantissa)
        } else {
            (self.mantissa, other.mantissa.checked_mul(power_of_ten(-shift)?)?)
        };
        let mut quotient = numerator.checked_div(denominator)?;
        let remainder = numerator.checked_rem(denominator)?;
        if remainder.unsigned_abs() >= denominator.unsigned_abs().div_ceil(2) {
            quotient += if (numerator < 0) == (denominator < 0) { 1 } else { -1 };
        }
        Some(Decimal { mantissa: quotient, scale: QUOTIENT_PLACES }.trimmed())
    }

    fn trimmed(mut self) -> Decimal {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= 1;
        }
        self
    }

    fn align(self, other: Decimal) -> Option<(i128, i128, i32)> {
        let scale = self.scale.max(other.scale);
        let left = self.mantissa.checked_mul(power_of_ten(scale - self.scale)?)?;
        let right = other.mantissa.checked_mul(power_of_ten(scale - other.scale)?)?;
        Some((left, right, scale))
    }

    /// The number without exponent, with all its decimal places.
    pub(crate) fn to_text(self) -> String {
        let places = usize::try_from(self.scale).unwrap_or(0);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.mantissa.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if places == 0 { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

fn power_of_ten(exponent: i32) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(exponent).ok()?)
}

/// Compares two JSON numbers by value, whatever their length.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (Parts::of(left), Parts::of(right));
    match (left.sign(), right.sign()) {
        (a, b) if a != b => a.cmp(&b),
        (0, _) => Ordering::Equal,
        (1, _) => left.compare_magnitude(&right),
        _ => right.compare_magnitude(&left),
    }
}

/// The parts of a JSON number.
struct Parts<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    exponent: i64,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Parts<'t> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        // The bound of exponents: a larger one decides any comparison by its sign alone.
        const FAR: i64 = i64::MAX / 4;
        let exponent = exponent.parse().map_or_else(
            |_| if exponent.starts_with('-') { -FAR } else { FAR },
            |value: i64| value.clamp(-FAR, FAR),
        );
        Parts { negative, whole, fraction, exponent }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes()).skip_while(|digit| *digit == b'0')
    }

    fn sign(&self) -> i8 {
        match (self.digits().next(), self.negative) {
            (None, _) => 0,
            (Some(_), true) => -1,
            (Some(_), false) => 1,
        }
    }

    /// The power of ten of the first digit that is not zero, plus one.
    fn magnitude(&self) -> i64 {
        let written = self.whole.len() + self.fraction.len();
        let leading_zeros = written - self.digits().count();
        self.whole.len() as i64 - leading_zeros as i64 + self.exponent
    }

    fn compare_magnitude(&self, other: &Parts<'_>) -> Ordering {
        self.magnitude().cmp(&other.magnitude()).then_with(|| {
            let (mut left, mut right) = (self.digits(), other.digits());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (a, b) => match a.unwrap_or(b'0').cmp(&b.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        different => return different,
                    },
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calculate(
        left: &str,
        operation: fn(Decimal, Decimal) -> Option<Decimal>,
        right: &str,
    ) -> Option<String> {
        let (left, right) = (Decimal::parse(left).unwrap(), Decimal::parse(right).unwrap());
        operation(left, right).map(Decimal::to_text)
    }

    #[test]
    fn tenths_add_up_exactly() {
        assert_eq!(calculate("0.1", Decimal::add, "0.2").as_deref(), Some("0.3"));
        assert_eq!(calculate("25.00", Decimal::subtract, "25.01").as_deref(), Some("-0.01"));
        assert_eq!(calculate("1.50", Decimal::multiply, "-2").as_deref(), Some("-3.00"));
    }

    #[test]
    fn quotients_end_where_they_end() {
        assert_eq!(calculate("3", Decimal::divide, "2").as_deref(), Some("1.5"));
        assert_eq!(calculate("6", Decimal::divide, "3").as_deref(), Some("2"));
        assert_eq!(calculate("1", Decimal::divide, "3").as_deref(), Some("0.3333333333333333"));
        assert_eq!(calculate("2", Decimal::divide, "3").as_deref(), Some("0.6666666666666667"));
        assert_eq!(calculate("-2", Decimal::divide, "3").as_deref(), Some("-0.6666666666666667"));
        assert_eq!(calculate("1", Decimal::divide, "0.00"), None);
    }

    #[test]
    fn numbers_compare_by_value_not_by_text() {
        for (left, right, expected) in [
            ("1", "1.0", Ordering::Equal),
            ("1e2", "100", Ordering::Equal),
            ("-0", "0", Ordering::Equal),
            ("0.10", "0.1", Ordering::Equal),
            ("9", "10", Ordering::Less),
            ("-9", "-10", Ordering::Greater),
            ("1e400", "9e399", Ordering::Greater),
            ("0.1", "0.09", Ordering::Greater),
            ("28.104000000000003", "28.104", Ordering::Greater),
            ("1e99999999999999999999", "1", Ordering::Greater),
        ] {
            assert_eq!(compare(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn too_many_digits_have_no_result() {
        assert_eq!(Decimal::parse(&"9".repeat(40)), None);
        assert_eq!(Decimal::parse("1e-90"), None);
        assert_eq!(Decimal::parse("1e5").map(Decimal::to_text).as_deref(), Some("100000"));
    }
}
