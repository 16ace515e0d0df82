//! What no code is: days, telephone and social security numbers, and addresses of the internet.

use std::net::IpAddr;

/// The shortest text that tells any of these: an address such as 1.1.1.1.
const SHORTEST: usize = 7;
/// Ends of the names of hosts.
const DOMAINS: [&str; 8] = ["com", "edu", "example", "gov", "info", "io", "net", "org"];

/// Whether a day, a telephone number, a social security number or an address is anywhere in it.
pub(super) fn is_telling(text: &str) -> bool {
    if text.len() < SHORTEST {
        return false;
    }
    let runs = runs(text);
    has_day(text)
        || text.parse::<IpAddr>().is_ok()
        || names_host(text)
        || runs.iter().any(|run| is_day_without_marks(run.digits))
        || runs.windows(3).any(is_number_or_day)
        || runs.windows(4).any(is_address)
        || is_local_telephone(text, &runs)
}

/// Digits, and what stands between them and the digits before.
struct Run<'a> {
    before: &'a str,
    digits: &'a str,
}

impl Run<'_> {
    fn number(&self) -> u32 {
        self.digits.parse().unwrap_or(u32::MAX)
    }

    /// Whether it has one digit or two and is a number from 1 on.
    fn is_up_to(&self, most: u32) -> bool {
        self.digits.len() <= 2 && (1..=most).contains(&self.number())
    }

    fn is_year(&self) -> bool {
        self.digits.len() == 4 && (1800..=2199).contains(&self.number())
    }

    fn is_joined(&self) -> bool {
        matches!(self.before, "-" | "/" | "." | ":" | "_" | ")" | ")-" | "+" | "*")
    }
}

fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        runs.push(Run { before, digits });
        rest = after;
    }
    runs
}

/// Whether a day (`YYYY-MM-DD`) is anywhere in it.
fn has_day(text: &str) -> bool {
    text.as_bytes().windows(10).any(|window| {
        window.iter().enumerate().all(|(position, byte)| match position {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    })
}

/// `19500102`, perhaps with a time of day behind it.
fn is_day_without_marks(digits: &str) -> bool {
    let part = |from: usize, to: usize| {
        digits.get(from..to).and_then(|part| part.parse::<u32>().ok()).unwrap_or_default()
    };
    matches!(digits.len(), 8 | 12 | 14)
        && (1900..=2099).contains(&part(0, 4))
        && (1..=12).contains(&part(4, 6))
        && (1..=31).contains(&part(6, 8))
}

/// A social security number, a telephone number with its area, or a day with its parts in any order.
fn is_number_or_day(runs: &[Run<'_>]) -> bool {
    let [one, two, three] = runs else { return false };
    if !two.is_joined() || !three.is_joined() {
        return false;
    }
    let is_month_and_day = |one: &Run<'_>, two: &Run<'_>| {
        (one.is_up_to(12) && two.is_up_to(31)) || (one.is_up_to(31) && two.is_up_to(12))
    };
    let lengths = (one.digits.len(), two.digits.len(), three.digits.len());
    matches!(lengths, (3, 2 | 3, 4))
        || (three.is_year() && is_month_and_day(one, two))
        || (one.is_year() && is_month_and_day(two, three))
        || (two.before == "/" && lengths.2 == 2 && is_month_and_day(one, two))
}

/// Four numbers up to 255 with points between them.
fn is_address(runs: &[Run<'_>]) -> bool {
    runs.iter().all(|run| run.digits.len() <= 3 && run.number() <= 255)
        && runs.iter().skip(1).all(|run| run.before == ".")
}

/// `555-0100`, and nothing else.
fn is_local_telephone(text: &str, runs: &[Run<'_>]) -> bool {
    matches!(runs, [one, two] if one.digits.len() == 3 && two.digits.len() == 4)
        && text.len() == 8
        && runs.iter().skip(1).all(Run::is_joined)
}

/// Whether a part of it is the name of a host, such as `www.x.org`.
fn names_host(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("www.")
        || text
            .split(['/', ':', ','])
            .any(|part| part.rsplit_once('.').is_some_and(|(_, last)| DOMAINS.contains(&last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_numbers_of_persons_and_addresses_are_told_from_codes() {
        for text in [
            "2024-05-01",
            "x2024-05-01T",
            "05/01/2024",
            "5/1/2024",
            "05/01/24",
            "2024/05/01",
            "01.05.2024",
            "19500102",
            "20240501120000",
            "x19500102",
            "192.168.0.1",
            "2001:db8::1",
            "www.x.org/M1",
            "x.org/M1",
            "555-12-3456",
            "Zyxdoe-555-12-3456",
            "617-555-0100",
            "(617)555-0100",
            "+1-617-555-0100",
            "617.555.0100",
            "555-0100",
        ] {
            assert!(is_telling(text), "{text}");
        }
        for code in [
            "E11.9",
            "99213",
            "44054006",
            "397669002",
            "8480-6",
            "30525-0",
            "207Q00000X",
            "00093-0195-01",
            "0093-0195-01",
            "00093019501",
            "1049502",
            "1002-5",
            "not-covered",
        ] {
            assert!(!is_telling(code), "{code}");
        }
    }
}
