//! Metrics and raw requests: for machines and for the curious.

use crate::support::{Home, Payer, Scripted, bundle};
use payersync::sandbox::Options;
use std::fs;

fn synced() -> (Payer, Home) {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    (payer, home)
}

#[test]
fn every_sample_belongs_to_a_family_and_none_names_a_patient() {
    let (payer, home) = synced();
    let shown = home.run(&["status", "--prometheus"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let mut family = "";
    for line in shown.stdout.lines() {
        match line.strip_prefix("# ") {
            Some(comment) => family = comment.split(' ').nth(1).unwrap(),
            None => {
                let name = line.split(['{', ' ']).next().unwrap();
                assert_eq!(name, family, "{line}");
                let value = line.rsplit(' ').next().unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
        }
    }
    let patient = "payersync_complete{connection=\"john\",plan=\"demo\",type=\"Patient\"} 1\n";
    for sample in [
        "payersync_status_exit_code 0\n",
        "payersync_last_run_exit_code 0\n",
        patient,
        "payersync_consent_needed{connection=\"john\",plan=\"demo\"} 0\n",
        "payersync_total_gap{connection=\"john\",plan=\"demo\",type=\"ExplanationOfBenefit\"} 0\n",
        "payersync_absent_resources{connection=\"john\",plan=\"demo\",type=\"Coverage\"} 0\n",
        "payersync_build_info{version=\"0.1.0\"} 1\n",
        "payersync_vault_readable 1\n",
    ] {
        assert!(shown.stdout.contains(sample), "{sample}: {}", shown.stdout);
    }
    let rows: i64 = home.value(
        "SELECT (SELECT count(*) FROM coverage) + (SELECT count(*) FROM coverage_class)
           + (SELECT count(*) FROM coverage_identifier)",
    );
    let value = |name: &str| -> f64 {
        let line = shown.stdout.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(value("payersync_rows{type=\"Coverage\"}") >= rows as f64 && rows > 3);
    let ended = value("payersync_last_run_finished_timestamp_seconds");
    assert!(value("payersync_metrics_written_timestamp_seconds") >= ended);
    assert!(value("payersync_last_run_duration_seconds") >= 0.0);
    let who = payer.identity(0);
    for value in [&who.last_name, &who.member_id] {
        assert!(!shown.stdout.contains(value.as_str()));
    }
    let file = home.file("payersync.prom");
    assert_eq!(home.run(&["status", "--prometheus", file.to_str().unwrap()]).code, 0);
    assert!(fs::read_to_string(&file).unwrap().contains(patient));
    assert!(!home.file("payersync.prom.partial").exists());
}

#[test]
fn get_prints_what_the_plan_sends_and_asks_nobody_else() {
    let (payer, home) = synced();
    let page = home.run(&["get", "Patient", "--connection", "john"]);
    assert_eq!(page.code, 0, "{}", page.stderr);
    let bundle: serde_json::Value = serde_json::from_str(&page.stdout).unwrap();
    assert_eq!(bundle["resourceType"], "Bundle");
    let all = ["get", "ExplanationOfBenefit?_count=5", "--connection", "john", "--paginate"];
    let pages = home.run(&all);
    assert_eq!(pages.code, 0, "{}", pages.stderr);
    let entries: usize = serde_json::Deserializer::from_str(&pages.stdout)
        .into_iter::<serde_json::Value>()
        .map(|page| page.unwrap()["entry"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(entries, payer.resources(0, "ExplanationOfBenefit").len());
    assert_eq!(home.run(&["get", "NoSuchType", "--connection", "john"]).code, 2);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM access_log WHERE command = 'get'"), 3);

    payer.clear_requests();
    let elsewhere = format!("{}/r4/Patient", payer.foreign_origin());
    let refused = home.run(&["get", &elsewhere, "--connection", "john"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("the token is for"), "{}", refused.stderr);
    assert_eq!(payer.foreign_requests(), (0, 0));
}

#[test]
fn get_follows_no_links_that_bring_the_same_again_and_again() {
    let payer = Scripted::start(&["Patient"], |asked| {
        let page = asked.number("page");
        assert!(page < 20, "it goes on for ever");
        let date = format!("2026-01-01T00:00:{page:02}Z");
        let patient = format!(
            "{{\"resourceType\":\"Patient\",\"id\":\"p\",\"meta\":{{\"lastUpdated\":\"{date}\"}}}}"
        );
        let next = format!("{}/Patient?page={}", asked.base, page + 1);
        bundle(&[patient], None, Some(next))
    });
    let home = payer.connected_home(&["Patient"], "");
    let ended = home.run(&["get", "Patient", "--connection", "c", "--paginate"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("3 pages in a row"), "{}", ended.stderr);
}

#[test]
fn the_alerts_and_the_dashboard_ask_for_metrics_that_are_written() {
    let (_payer, home) = synced();
    let shown = home.run(&["status", "--prometheus"]).stdout;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deploy");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let dashboard = read("payersync-dashboard.json");
    let parsed: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(parsed["panels"].as_array().unwrap().len() > 5);
    let alerts = read("payersync-alerts.yml");
    let asked = |line: &&str| line.contains("expr") || line.contains("label_values");
    let lines = alerts.lines().chain(dashboard.lines()).filter(asked);
    let names = lines.flat_map(|line| line.split(|c: char| !c.is_ascii_lowercase() && c != '_'));
    let names: std::collections::BTreeSet<_> =
        names.filter(|word| word.starts_with("payersync_")).collect();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        assert!(shown.contains(&format!("# TYPE {name} ")), "{name} is not written");
    }
}
