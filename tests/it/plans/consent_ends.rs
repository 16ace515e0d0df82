//! When members must consent again, where the plan or its `consent_days` tell it.

use crate::support::{Dictated, Faulty, Home, Payer};
use payersync::sandbox::Options;

#[test]
fn the_end_of_a_consent_is_in_status_metrics_and_a_calendar() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with("consent_days = 90\n");
    home.warehouse()
        .execute("UPDATE connection SET consented_at = '2026-01-01T12:00:00.000Z'", [])
        .unwrap();
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("The consent ends on 2026-04-01"), "{status}");
    let json: serde_json::Value =
        serde_json::from_str(&home.run(&["status", "--json"]).stdout).unwrap();
    assert_eq!(json["connections"][0]["consent_ends"], "2026-04-01T12:00:00.000Z");
    let calendar = home.run(&["status", "--calendar"]);
    assert_eq!(calendar.code, 0, "{}", calendar.stderr);
    let lines: Vec<&str> = calendar.stdout.split("\r\n").collect();
    let uid: String = home.value("SELECT uid FROM connection");
    for line in [
        &*format!("UID:{uid}@payersync"),
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
        "DTSTART;VALUE=DATE:20260401",
        "DESCRIPTION:payersync connect john --plan demo",
        "TRIGGER:-P14D",
        "END:VCALENDAR",
    ] {
        assert!(lines.contains(&line), "{line}: {}", calendar.stdout);
    }
    let metrics = home.run(&["status", "--prometheus"]).stdout;
    assert!(
        metrics.contains("payersync_consent_days_left{connection=\"john\",plan=\"demo\"}"),
        "{metrics}"
    );
    // A renewed consent begins anew.
    payer.connect(&home, "john", 0);
    assert!(!home.run(&["status"]).stdout.contains("2026-04-01"));
}

#[test]
fn where_nobody_has_said_how_long_a_consent_lasts_no_end_is_invented() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    assert!(!home.run(&["status"]).stdout.contains("consent ends"));
    let calendar = home.run(&["status", "--calendar"]);
    assert_eq!(calendar.code, 1, "{}", calendar.stdout);
    assert!(calendar.stderr.contains("set consent_days"), "{}", calendar.stderr);
    let zero = Home::new();
    payer.configure(&zero, "consent_days = 0\n");
    let refused = zero.run(&["doctor", "--offline"]);
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    payer.configure(&zero, "consent_days = 90\ngrant = \"client_credentials\"\n");
    let refused = zero.run(&["status"]);
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    assert!(refused.stderr.contains("consent_days is set, but no member"), "{}", refused.stderr);
}

#[test]
fn what_a_plan_tells_of_the_end_goes_before_what_is_configured_and_a_refresh_tells_it_too() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Dictated::start();
    let told = |end: &str| format!(r#","expires_in":1,"access_grant_expiration":"{end}""#);
    payer.script().token = told("2027-09-05 19:17:53Z");
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"1"}"#]);
    let home = payer.home("consent_days = 90\ntypes = [\"Patient\"]\n");
    let end = || home.run(&["status"]).stdout;
    assert!(end().contains("The consent ends on 2027-09-05"), "{}", end());
    payer.script().token = told("2028-01-02T00:00:00+02:00");
    let mut hour = 0;
    let mut sync = || {
        hour += 1;
        faulty.run_at(&home, &["sync"], hour * 3600).code
    };
    assert_eq!(sync(), 0);
    assert!(end().contains("The consent ends on 2028-01-01"), "{}", end());
    // What says nothing, or nothing that can be read, changes nothing.
    for odd in ["", "soon", "9999999-01-01T00:00:00Z"] {
        payer.script().token = told(odd);
        assert_eq!(sync(), 0);
        assert!(end().contains("The consent ends on 2028-01-01"), "{}", end());
    }
    // A new consent that says nothing lasts as long as the configuration says.
    payer.script().token = String::new();
    assert_eq!(payer.connect(&home, &[]).code, 0);
    assert!(end().contains("The consent ends on ") && !end().contains("2028-01-01"), "{}", end());
}

#[test]
fn the_end_that_introspection_tells_is_kept_and_asked_for_of_a_token_that_is_on_disk() {
    let home = Home::new();
    let said = home.run(&["demo", "--like", "epic", "--members", "1", "--claims", "1"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let days: f64 =
        home.value("SELECT julianday(consent_ends_at) - julianday('now') FROM connection");
    assert!((89.0..=90.0).contains(&days), "{days}");
    let status = home.run(&["status"]).stdout;
    assert!(status.contains("The consent ends on "), "{status}");
}
