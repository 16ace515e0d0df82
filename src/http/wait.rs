//! How long a server asks to wait, wherever it says so: `Retry-After`, `X-Retry-After`, or the headers
//! that count the requests of a window.
//!
//! Sources: RFC 9110, section 10.2.3; draft-ietf-httpapi-ratelimit-headers (03: `RateLimit-Reset`; 07:
//! `RateLimit: limit=10, remaining=0, reset=30`; 08: `RateLimit: "default";r=0;t=30`). `X-RateLimit-Reset`
//! has no specification: servers send seconds from now, or the instant in seconds or milliseconds of the
//! Unix time.

use super::retry_after::retry_after;
use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// The header that Flexpa sends in place of `Retry-After` while its first import runs.
const X_RETRY_AFTER: &str = "x-retry-after";
/// Statuses by which a server says that it gets too many requests.
const TOO_MUCH: [u16; 2] = [429, 503];
/// Numbers from here on are instants in seconds: a wait of so many seconds would last thirty years.
const FIRST_INSTANT_SECONDS: f64 = 1e9;
/// Numbers from here on are instants in milliseconds.
const FIRST_INSTANT_MILLISECONDS: f64 = 1e12;

/// The wait that an answer names, with `now` by the server's clock.
pub(super) fn wait(headers: &HeaderMap, status: u16, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = text(RETRY_AFTER.as_str()).or_else(|| text(X_RETRY_AFTER));
    if let Some(asked) = asked.and_then(|value| retry_after(value, now)) {
        return Some(asked);
    }
    // The headers that count come with every answer. If the window still has room, the server refuses for
    // another reason.
    let is_over = |remaining: Option<&str>| match remaining
        .and_then(|text| text.trim().parse::<f64>().ok())
    {
        Some(remaining) => TOO_MUCH.contains(&status) && remaining < 1.0,
        None => status == 429,
    };
    let window = text("ratelimit").map(Window::of).unwrap_or_default();
    let told = [
        (text("ratelimit-reset"), text("ratelimit-remaining")),
        (window.reset, window.remaining),
        (text("x-ratelimit-reset"), text("x-ratelimit-remaining")),
    ];
    told.into_iter()
        .find_map(|(value, remaining)| reset(value?, now).filter(|_| is_over(remaining)))
}

/// What the header `RateLimit` says of a window of requests.
#[derive(Default)]
struct Window<'a> {
    /// When the window begins anew.
    reset: Option<&'a str>,
    /// The number of requests that the window still has room for.
    remaining: Option<&'a str>,
}

impl<'a> Window<'a> {
    /// Reads a window such as `limit=10, remaining=0, reset=30` or `"burst";r=0;t=30`. Of several windows,
    /// reads the one that is full.
    fn of(value: &'a str) -> Window<'a> {
        fn find<'a>(text: &'a str, between: &[char], names: [&str; 2]) -> Option<&'a str> {
            let mut parts = text.split(between).map(str::trim);
            let value = |part: &'a str| {
                let (name, value) = part.split_once('=')?;
                names.contains(&name.trim()).then_some(value.trim())
            };
            parts.find_map(value)
        }
        let whole = |text| Window {
            reset: find(text, &[',', ';'], ["reset", "t"]),
            remaining: find(text, &[',', ';'], ["remaining", "r"]),
        };
        let mut windows = value.split(',').map(whole);
        windows
            .find(|window| window.remaining == Some("0") && window.reset.is_some())
            .unwrap_or(whole(value))
    }
}

/// When a window of requests begins anew.
fn reset(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    match value.trim().parse::<f64>() {
        Ok(number) if number >= FIRST_INSTANT_SECONDS => {
            let seconds = match number >= FIRST_INSTANT_MILLISECONDS {
                true => number / 1000.0,
                false => number,
            };
            let from_now = seconds - now.timestamp_millis() as f64 / 1000.0;
            Some(Duration::try_from_secs_f64(from_now.max(0.0)).unwrap_or(Duration::MAX))
        }
        _ => retry_after(value, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn waits(headers: &[(&'static str, &str)], status: u16) -> Option<f64> {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let headers = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        wait(&headers.collect(), status, now).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_way_to_say_it_is_understood() {
        for (name, value, seconds) in [
            ("retry-after", "7", Some(7.0)),
            ("x-retry-after", "7", Some(7.0)),
            ("ratelimit-reset", "30", Some(30.0)),
            ("ratelimit", "limit=100, remaining=0, reset=50", Some(50.0)),
            ("ratelimit", "\"default\";r=0;t=1.5", Some(1.5)),
            ("ratelimit", "\"day\";r=90;t=80000, \"burst\";r=0;t=2", Some(2.0)),
            ("ratelimit", "\"day\";r=90;t=80000", None),
            ("x-ratelimit-reset", "12", Some(12.0)),
            ("x-ratelimit-reset", "1800000042", Some(42.0)),
            ("x-ratelimit-reset", "1800000042500", Some(42.5)),
            ("x-ratelimit-reset", "1700000000", Some(0.0)),
            ("x-ratelimit-reset", "Fri, 15 Jan 2027 08:00:09 GMT", Some(9.0)),
            ("x-ratelimit-reset", "soon", None),
            ("x-ratelimit-remaining", "0", None),
            ("ratelimit", "100", None),
        ] {
            assert_eq!(waits(&[(name, value)], 429), seconds, "{name}: {value}");
        }
    }

    #[test]
    fn what_a_server_asks_for_goes_before_what_it_counts() {
        let headers =
            [("retry-after", "3"), ("ratelimit-reset", "60"), ("x-ratelimit-reset", "90")];
        assert_eq!(waits(&headers, 429), Some(3.0));
        assert_eq!(waits(&headers[1..], 429), Some(60.0));
        // The headers that count come with other answers, too, and then ask for no wait.
        assert_eq!(waits(&headers[1..], 200), None);
        assert_eq!(waits(&headers[1..], 500), None);
        assert_eq!(waits(&[("retry-after", "x"), ("ratelimit-reset", "60")], 429), Some(60.0));
    }

    #[test]
    fn a_window_that_is_not_over_asks_for_nothing() {
        let hour = ("x-ratelimit-reset", "3600");
        for (remaining, status, seconds) in [
            (Some("0"), 429, Some(3600.0)),
            (Some("0"), 503, Some(3600.0)),
            (Some("41"), 429, None),
            (Some("41"), 503, None),
            (None, 429, Some(3600.0)),
            // A 503 without a count comes from a server that is down, not from a limit.
            (None, 503, None),
        ] {
            let remaining = remaining.map(|number| ("x-ratelimit-remaining", number));
            let headers: Vec<_> = [hour].into_iter().chain(remaining).collect();
            assert_eq!(waits(&headers, status), seconds, "{remaining:?} {status}");
        }
    }

    #[test]
    fn nothing_that_a_server_sends_overflows() {
        for value in ["1e300", "-1", "NaN", "inf", "-inf", "99999999999999999999999", ""] {
            let _ = waits(&[("x-ratelimit-reset", value)], 429);
        }
        assert_eq!(
            waits(&[("x-ratelimit-reset", "1e300")], 429),
            Some(Duration::MAX.as_secs_f64())
        );
    }
}
