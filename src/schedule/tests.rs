//! Tests of crontab expressions, and of changes between summer and winter time.

use super::*;

fn schedule(expression: &str, zone: &str) -> Schedule {
    Schedule::parse(expression, zone, 0).unwrap()
}

/// The next instants after `start`, each shown in local time.
fn next(expression: &str, zone: &str, start: &str, count: usize) -> Vec<String> {
    let schedule = schedule(expression, zone);
    let mut at: DateTime<Utc> = start.parse().unwrap();
    let mut times = Vec::new();
    for _ in 0..count {
        at = schedule.next_after(at).unwrap();
        times.push(at.with_timezone(&schedule.zone).format("%d %H:%M %Z").to_string());
    }
    times
}

#[test]
fn a_run_in_the_skipped_hour_comes_once_right_after_the_gap() {
    for expression in ["30 2 * * *", "0 2 * * *", "*/15 2 * * *"] {
        let runs = next(expression, "America/New_York", "2026-03-08T05:00:00Z", 1);
        assert_eq!(runs, ["08 03:00 EDT"], "{expression}");
    }
    let runs = next("30 2 * * *", "America/New_York", "2026-03-07T05:00:00Z", 3);
    assert_eq!(runs, ["07 02:30 EST", "08 03:00 EDT", "09 02:30 EDT"]);
    let runs = next("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
    assert_eq!(runs, ["28 02:30 CET", "29 03:00 CEST", "30 02:30 CEST"]);
    let runs = next("0 2,3 * * *", "America/New_York", "2026-03-08T05:00:00Z", 2);
    assert_eq!(runs, ["08 03:00 EDT", "09 02:00 EDT"]);
}

#[test]
fn a_run_in_the_repeated_hour_comes_once() {
    let runs = next("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2);
    assert_eq!(runs, ["01 01:30 EDT", "02 01:30 EST"]);
    let runs = next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
    assert_eq!(runs, ["25 02:30 CEST", "26 02:30 CET"]);
    // The search begins at 01:15 EST, so 01:30 EDT is over.
    let runs = next("30 1 * * *", "America/New_York", "2026-11-01T06:15:00Z", 1);
    assert_eq!(runs, ["02 01:30 EST"]);
}

#[test]
fn a_schedule_of_every_hour_follows_the_hours_as_they_pass() {
    let runs = next("*/30 * * * *", "America/New_York", "2026-11-01T05:00:00Z", 5);
    assert_eq!(
        runs,
        ["01 01:30 EDT", "01 01:00 EST", "01 01:30 EST", "01 02:00 EST", "01 02:30 EST"]
    );
    let runs = next("*/30 * * * *", "America/New_York", "2026-03-08T06:00:00Z", 3);
    assert_eq!(runs, ["08 01:30 EST", "08 03:00 EDT", "08 03:30 EDT"]);
    let runs = next("45 * * * *", "Australia/Lord_Howe", "2026-04-04T13:00:00Z", 3);
    assert_eq!(runs, ["05 00:45 +11", "05 01:45 +11", "05 01:45 +1030"]);
}

#[test]
fn a_day_that_a_zone_leaves_out_is_made_up_for_when_it_is_over() {
    let runs = next("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", 3);
    assert_eq!(runs, ["29 12:00 -10", "31 00:00 +14", "31 12:00 +14"]);
}

#[test]
fn leap_days_come_and_impossible_ones_are_refused() {
    let at = schedule("0 3 29 2 *", "UTC").next_after("2026-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(at, Some("2028-02-29T03:00:00Z".parse().unwrap()));
    assert_eq!(Schedule::parse("0 3 30 2 *", "UTC", 0), Err(ScheduleError::Never));
    assert_eq!(Schedule::parse("0 3 * * *", "Mars/Phobos", 0), Err(ScheduleError::TimeZone));
}

#[test]
fn a_value_out_of_bounds_is_told_with_its_bounds() {
    for (text, told) in [
        ("0 25 * * *", "has the hour \"25\"; hours go from 0 to 23"),
        ("60 3 * * *", "has the minute \"60\"; minutes go from 0 to 59"),
        ("99 0 3 * * *", "has the second \"99\"; seconds go from 0 to 59"),
        ("0 3 32 * 1", "has the day \"32\"; days go from 1 to 31"),
        ("0 3 * 13 *", "has the month \"13\"; months go from 1 to 12"),
        ("0 noon * * *", "has the hour \"noon\"; hours go from 0 to 23"),
    ] {
        let error = Schedule::parse(text, "UTC", 0).unwrap_err().to_string();
        assert_eq!(error, told, "{text}");
    }
}

#[test]
fn a_fraction_of_a_second_does_not_repeat_a_run() {
    let start: DateTime<Utc> = "2026-06-01T03:00:00.250Z".parse().unwrap();
    let next = schedule("0 3 * * *", "UTC").next_after(start);
    assert_eq!(next, Some("2026-06-02T03:00:00Z".parse().unwrap()));
    let next = schedule("* * * * * *", "UTC").next_after(start);
    assert_eq!(next, Some("2026-06-01T03:00:01Z".parse().unwrap()));
}

#[test]
fn jitter_depends_on_connection_and_day_alone_and_stays_within_its_bounds() {
    let schedule = Schedule::parse("0 3 * * *", "America/New_York", 600).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for day in 0..50 {
        let last = DateTime::from_timestamp(1_790_000_000 + day * 86_400, 0).unwrap();
        for key in ["a", "b"] {
            let due = schedule.due_after(last, key).unwrap();
            let delay = due - schedule.next_after(last).unwrap();
            assert!((TimeDelta::zero()..=TimeDelta::seconds(600)).contains(&delay));
            assert_eq!(schedule.due_after(last, key), Some(due));
            seen.insert(delay);
        }
    }
    assert!(seen.len() > 50);
    let schedule = Schedule::parse("* * * * * *", "UTC", 600).unwrap();
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    assert_eq!(schedule.due_after(now, "a"), Some(now + TimeDelta::seconds(1)));
}

proptest::proptest! {
    #[test]
    fn the_next_run_is_always_later_and_none_is_left_out(
        second in 1_700_000_000i64..1_900_000_000, zone in 0usize..5, expression in 0usize..6,
    ) {
        let zones = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"];
        let expressions =
            ["*/20 * * * *", "30 1,2 * * *", "0 3 * * 1", "15 2 1 * 0", "*/7 */2 * * *", "@hourly"];
        let schedule = schedule(expressions[expression], zones[zone]);
        let start = DateTime::from_timestamp(second, 0).unwrap();
        let next = schedule.next_after(start).unwrap();
        proptest::prop_assert!(next > start);
        // From any instant in between, the next one is the same.
        let middle = start + (next - start) / 2;
        proptest::prop_assert_eq!(schedule.next_after(middle), Some(next));
        proptest::prop_assert_eq!(schedule.next_after(next - TimeDelta::seconds(1)), Some(next));
    }
}
