//! The dates in a search by `_lastUpdated` or `service-date` (FHIR R4 search, section 3.1.1.4.7).

use chrono::{DateTime, Datelike as _, Duration, NaiveDate, Utc};

/// One comparison, such as `ge2024-01-01`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    comparison: Comparison,
    /// The first instant of the given date.
    start: DateTime<Utc>,
    /// The first instant after the given date.
    end: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    AtLeast,
    After,
    AtMost,
    Before,
}

impl Bound {
    /// Parses the prefix and the date; `None` if the text is not a date.
    pub(crate) fn parse(text: &str) -> Option<Bound> {
        let (comparison, rest) = match text.get(..2)? {
            "ge" => (Comparison::AtLeast, &text[2..]),
            "gt" => (Comparison::After, &text[2..]),
            "le" => (Comparison::AtMost, &text[2..]),
            "lt" => (Comparison::Before, &text[2..]),
            "eq" => (Comparison::Equal, &text[2..]),
            _ => (Comparison::Equal, text),
        };
        let (start, end) = span(rest)?;
        Some(Bound { comparison, start, end })
    }

    /// Whether the bound holds for any instant of the span `from..=to`.
    pub(crate) fn touches(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        match self.comparison {
            Comparison::Equal => from < self.end && to >= self.start,
            Comparison::AtLeast | Comparison::After => self.holds(to),
            Comparison::AtMost | Comparison::Before => self.holds(from),
        }
    }

    pub(crate) fn holds(&self, moment: DateTime<Utc>) -> bool {
        match self.comparison {
            Comparison::Equal => self.start <= moment && moment < self.end,
            Comparison::AtLeast => moment >= self.start,
            Comparison::After => moment >= self.end,
            Comparison::AtMost => moment < self.end,
            Comparison::Before => moment < self.start,
        }
    }
}

/// The first instant of a date, which may be a year or a month, and the first instant after it.
fn span(text: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    // A plus sign that was not encoded arrives as a space.
    if let Ok(moment) = DateTime::parse_from_rfc3339(&text.replace(' ', "+")) {
        let moment = moment.to_utc();
        let precision =
            if text.contains('.') { Duration::milliseconds(1) } else { Duration::seconds(1) };
        return Some((moment, moment + precision));
    }
    let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some((midnight(day)?, midnight(day.succ_opt()?)?));
    }
    if let Ok(first) = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d") {
        let next = first.checked_add_months(chrono::Months::new(1))?;
        return Some((midnight(first)?, midnight(next)?));
    }
    let first = NaiveDate::parse_from_str(&format!("{text}-01-01"), "%Y-%m-%d").ok()?;
    Some((midnight(first)?, midnight(first.with_year(first.year() + 1)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(bound: &str, moment: &str) -> bool {
        let moment = DateTime::parse_from_rfc3339(moment).unwrap().to_utc();
        Bound::parse(bound).unwrap().holds(moment)
    }

    #[test]
    fn a_day_stands_for_all_of_it() {
        assert!(holds("ge2024-03-06", "2024-03-06T00:00:00Z"));
        assert!(holds("le2024-03-06", "2024-03-06T23:59:59.999Z"));
        assert!(!holds("gt2024-03-06", "2024-03-06T12:00:00Z"));
        assert!(!holds("lt2024-03-06", "2024-03-06T00:00:00Z"));
    }

    #[test]
    fn an_instant_is_compared_with_its_offset() {
        assert!(holds("ge2024-03-06T10:00:00-05:00", "2024-03-06T15:00:00Z"));
        assert!(!holds("gt2024-03-06T15:00:00.500Z", "2024-03-06T15:00:00.500Z"));
    }

    #[test]
    fn partial_dates_are_understood_and_nonsense_is_not() {
        assert!(holds("2024", "2024-12-31T23:00:00Z"));
        assert!(holds("eq2024-02", "2024-02-29T23:00:00Z"));
        assert_eq!(Bound::parse("geyesterday"), None);
    }
}
