//! How long a server asks to wait (RFC 9110, section 10.2.3).

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};

/// The obsolete forms of a date, after its weekday, which a recipient must read (RFC 9110, section 5.6.7).
///
/// The first is that of RFC 850, the last that of C's `asctime`. Netscape's, with dashes and a whole year, is
/// sent in cookies.
const OBSOLETE: [&str; 3] = ["%d-%b-%y %H:%M:%S GMT", "%d-%b-%Y %H:%M:%S GMT", "%b %d %H:%M:%S %Y"];

/// The instant of an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// A year of two digits is one from 1970 to 2069 (RFC 6265, section 5.1.1). `None` for a year before 1970 or
/// after 9999: calculations with such an instant could overflow.
pub(super) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let obsolete = || {
        let (_, date) = text.split_once([',', ' '])?;
        let read = |form| NaiveDateTime::parse_from_str(date.trim(), form).ok();
        OBSOLETE.into_iter().find_map(read).map(|date| date.and_utc())
    };
    let date = DateTime::parse_from_rfc2822(text).ok().map(|date| date.with_timezone(&Utc));
    let date = date.or_else(obsolete)?;
    let date = date.with_nanosecond(date.nanosecond().min(999_999_999))?;
    (1970..=9999).contains(&date.year()).then_some(date)
}

/// The wait that a `Retry-After` value names, with `now` by the server's clock.
///
/// Seconds may be fractional, as some gateways send them; a date in the past is a wait of zero.
pub(crate) fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    match value.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => {
            Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
        }
        Ok(_) => None,
        Err(_) => Some((http_date(value)? - now).to_std().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> DateTime<Utc> {
        http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap()
    }

    #[test]
    fn seconds_and_dates_are_understood() {
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun, 06-Nov-1994 08:50:07 GMT", Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Thu, 01-Jan-70 00:00:10 GMT", Some(0)),
            ("Sunday, 06-Nov-94", None),
            ("-1", None),
            ("NaN", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now()), seconds.map(Duration::from_secs), "{value:?}");
        }
        assert_eq!(retry_after("1.5", now()), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn an_absurd_wait_does_not_overflow() {
        assert_eq!(retry_after("1e300", now()), Some(Duration::MAX));
        assert_eq!(retry_after("99999999999999999999", now()), Some(Duration::MAX));
    }

    #[test]
    fn a_date_outside_of_four_digits_is_none() {
        for text in [
            "Fri, 31 Dec 262142 23:59:59 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
            "Sat, 01 Jan 0000 00:00:00 GMT",
            "Sun, 06 Nov -1 08:49:37 GMT",
            "Sun, 06-Nov-0094 08:49:37 GMT",
            "Sun, 06-Nov-262142 08:49:37 GMT",
            "Sun Nov  6 08:49:37 262142",
        ] {
            assert_eq!(http_date(text), None, "{text}");
            assert_eq!(retry_after(text, now()), None, "{text}");
        }
        let last = "Fri, 31 Dec 9999 23:59:60 GMT";
        assert!(retry_after(last, now()).is_some_and(|wait| wait.as_secs() > 1 << 32));
    }

    proptest! {
        /// Tries any value that a server may send, at any clock.
        #[test]
        fn nothing_a_server_sends_overflows(
            value in prop_oneof![
                "-?[0-9]{0,20}([.][0-9]{0,20})?(e-?[0-9]{1,4})?",
                "[0-9]{1,2} (Jan|Dec) -?[0-9]{1,8} [0-9]{2}:59:59 (GMT|[+-][0-9]{4})",
                "(Sun|Monday), [0-9]{1,2}-(Jan|Dec)-[0-9]{1,8} [0-9]{2}:59:(59|60) GMT",
                "Sun Jan [ 0-9][0-9] 23:59:59 -?[0-9]{1,8}",
            ],
            seconds in any::<i64>(),
        ) {
            let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
            let seconds = seconds.clamp(first.timestamp(), last.timestamp());
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let wait = retry_after(&value, now);
            let date = http_date(&value);
            prop_assert!(date.is_none_or(|date| (1970..=9999).contains(&date.year())));
            prop_assert!(wait.is_some() || value.parse::<f64>().is_err() || value.starts_with('-'));
        }
    }
}
