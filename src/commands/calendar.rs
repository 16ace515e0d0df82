//! `payersync status --calendar`: when members must consent again, as an iCalendar file (RFC 5545).

use super::{failure::Failure, stdout::print};
use crate::{
    config::Settings,
    exit_code::ExitCode,
    warehouse::{Consent, ReadOnlyWarehouse},
};
use chrono::{DateTime, TimeDelta, Utc};

/// The maximum length of a line in bytes, without its line end; a longer line is folded.
const LINE_BYTES: usize = 75;
/// When the reminder fires: 14 days before the consent ends.
const REMINDER: &str = "-P14D";

/// When a consent ends: on the date that the plan gave, or else the plan's `consent_days` after the consent
/// was given.
pub(super) fn ends_at(settings: &Settings, consent: &Consent) -> Option<DateTime<Utc>> {
    let told = consent.ends_at.as_deref().map(DateTime::parse_from_rfc3339);
    if let Some(Ok(told)) = told {
        return Some(told.to_utc());
    }
    let days = settings.plans.get(&consent.plan)?.consent_days?;
    let given = DateTime::parse_from_rfc3339(&consent.consented_at).ok()?.to_utc();
    given.checked_add_signed(TimeDelta::days(i64::from(days.get())))
}

/// Prints the calendar of the shard's consents whose end is known.
pub(super) fn run(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    now: DateTime<Utc>,
) -> Result<ExitCode, Failure> {
    let consents = warehouse.consents()?;
    let known: Vec<(&Consent, DateTime<Utc>)> = consents
        .iter()
        .filter(|consent| settings.shard.holds(&consent.name))
        .filter_map(|consent| Some((consent, ends_at(settings, consent)?)))
        .collect();
    if known.is_empty() {
        return Err(Failure::misuse("no connection's consent has a known end")
            .hint("set consent_days in the sections of plans whose consents end"));
    }
    print(|out| out.write_all(calendar(&known, now).as_bytes()))?;
    Ok(ExitCode::Complete)
}

fn calendar(ends: &[(&Consent, DateTime<Utc>)], now: DateTime<Utc>) -> String {
    let mut text = String::new();
    let mut line = |content: &str| fold(content, &mut text);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//payersync//consents//EN");
    for (consent, end) in ends {
        let (name, plan) = (escaped(&consent.name), escaped(&consent.plan));
        line("BEGIN:VEVENT");
        // The same UID each time: after a renewed consent, the calendar moves the event.
        line(&format!("UID:{}@payersync", consent.uid));
        line(&format!("DTSTAMP:{}", now.format("%Y%m%dT%H%M%SZ")));
        line(&format!("DTSTART;VALUE=DATE:{}", end.format("%Y%m%d")));
        line(&format!("SUMMARY:{name}: the consent at plan {plan} ends"));
        line(&format!("DESCRIPTION:payersync connect {name} --plan {plan}"));
        line("BEGIN:VALARM");
        line("ACTION:DISPLAY");
        line(&format!("DESCRIPTION:{name} must consent again at plan {plan}"));
        line(&format!("TRIGGER:{REMINDER}"));
        line("END:VALARM");
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    text
}

/// A text value: commas, semicolons and backslashes are escaped, line ends become spaces.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            ',' | ';' | '\\' => escaped.extend(['\\', letter]),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Appends a line, folded into pieces of at most `LINE_BYTES` bytes.
fn fold(content: &str, text: &mut String) {
    let mut length = 0;
    for letter in content.chars() {
        if length + letter.len_utf8() > LINE_BYTES {
            text.push_str("\r\n ");
            length = 1;
        }
        text.push(letter);
        length += letter.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_has_short_lines_and_escapes_what_would_end_a_value() {
        let consent = Consent {
            uid: "0af3".to_owned(),
            name: "zoë".to_owned(),
            plan: "a,b;c\\d\nBEGIN:VEVENT ".to_owned() + &"ü".repeat(60),
            consented_at: "2026-01-01T00:00:00.000Z".to_owned(),
            ends_at: None,
        };
        let end = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let text = calendar(&[(&consent, end)], end);
        assert!(text.ends_with("END:VEVENT\r\nEND:VCALENDAR\r\n"));
        assert!(text.split("\r\n").all(|line| line.len() <= LINE_BYTES), "{text}");
        let unfolded = text.replace("\r\n ", "");
        assert!(!unfolded.replace("\r\n", "").contains(['\r', '\n']));
        assert_eq!(unfolded.matches("\r\nBEGIN:VEVENT").count(), 1);
        assert!(unfolded.contains("\r\nDTSTART;VALUE=DATE:20270115\r\n"), "{unfolded}");
        assert!(
            unfolded.contains("SUMMARY:zoë: the consent at plan a\\,b\\;c\\\\d BEGIN:VEVENT ü")
        );
    }
}
