//! Connections shared out to processes that know nothing of each other.

use crate::support::{Home, Outcome, Payer};
use payersync::{
    sandbox::{Options, Request},
    shard::Shard,
};
use std::{
    collections::BTreeSet,
    process::{Child, Stdio},
    time::Duration,
};

const SHARDS: u32 = 4;
const MEMBERS: u32 = 8;

/// A payer, and a home whose members are spread over all shards.
fn spread(more: &str) -> (Payer, Home) {
    let payer =
        Payer::start(Options { members: MEMBERS, claims_per_member: 2, ..Options::default() });
    let home = Home::new();
    payer.configure(&home, more);
    (0..MEMBERS).for_each(|member| payer.connect(&home, &format!("member-{member}"), member));
    (payer, home)
}

fn shards() -> impl Iterator<Item = String> {
    (1..=SHARDS).map(|number| format!("{number}/{SHARDS}"))
}

fn synced(home: &Home) -> BTreeSet<String> {
    let sql = "SELECT DISTINCT connection FROM completeness";
    home.rows(sql).into_iter().flatten().collect()
}

#[test]
fn every_connection_is_synced_by_one_shard_whichever_way_the_shard_is_named() {
    let (_payer, start) = spread("");
    let mut all = BTreeSet::new();
    for (position, shard) in shards().enumerate() {
        let home = start.copy();
        let sync = ["sync", "--type", "Patient"];
        let mut command = match position % 3 {
            0 => home.command(&[&sync[..], &["--shard", &shard]].concat()),
            1 => home.command(&sync),
            _ => home.command(&[&sync[..], &["--shards", "4"]].concat()),
        };
        let index = position.to_string();
        let environment = [("PAYERSYNC_SHARD", shard.as_str()), ("JOB_COMPLETION_INDEX", &index)];
        let (name, value) = environment[position % 3 / 2];
        let output = command.env(name, value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let mine = synced(&home);
        let parsed: Shard = shard.parse().unwrap();
        assert!(mine.iter().all(|name| parsed.holds(name)), "{shard}: {mine:?}");
        let others = MEMBERS as usize - mine.len();
        assert!(said.contains(&format!("{others} connections of this home left")), "{said}");
        // The rest of the home is nobody's here, and does not make its status incomplete.
        let status = home.run(&["status", "--json", "--shard", &shard]);
        assert_eq!(status.code, 0, "{}", status.stderr);
        let told: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        let told = told["connections"].as_array().unwrap().len();
        assert_eq!(told, mine.len(), "{}", status.stdout);
        let plan = home.run(&["plan", "--shard", &shard]);
        assert_eq!((plan.code, plan.stdout.matches(" at plan demo").count()), (0, mine.len()));
        let met = all.len();
        all.extend(mine.clone());
        assert_eq!(all.len(), met + mine.len(), "{shard} synced what another did: {mine:?}");
    }
    assert_eq!(all.len(), MEMBERS as usize);
}

#[test]
fn a_connection_of_another_shard_is_refused_by_name_and_told_whose_it_is() {
    let payer = Payer::small();
    let home = payer.connected_home();
    let owner: Shard = "1/4".parse::<Shard>().unwrap().owner_of("john");
    let other = shards().find(|shard| *shard != owner.to_string()).unwrap();
    let told = format!("john belongs to shard {owner}, not to {other}");
    for command in [&["sync", "john"][..], &["plan", "john"], &["status", "john"]] {
        let refused = home.run(&[command, &["--shard", &other]].concat());
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains(&told), "{}", refused.stderr);
    }
    // These have no flag, since a person names the connection; the environment holds for them, too.
    for command in [
        &["backfill", "john", "--from", "2024-01-01"][..],
        &["get", "Patient", "--connection", "john"],
    ] {
        let refused = Outcome::of(home.command(command).env("PAYERSYNC_SHARD", &other));
        assert_eq!(refused.code, 1, "{command:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(&told), "{command:?}: {}", refused.stderr);
        let mine = owner.to_string();
        let allowed = Outcome::of(home.command(command).env("PAYERSYNC_SHARD", mine));
        assert_ne!(allowed.code, 1, "{command:?}: {}", allowed.stderr);
    }
    home.succeed(&["sync", "john", "--type", "Patient", "--shard", &owner.to_string()], "nothing");
}

#[test]
fn a_shard_without_any_connection_has_nothing_to_do_and_fails_at_nothing() {
    let payer = Payer::small();
    let home = Home::new();
    payer.configure(&home, "");
    // Without a shard it is a mistake that a person wants to know of.
    assert_eq!(home.run(&["sync"]).code, 1);
    for command in [&["sync"][..], &["plan"], &["status"], &["status", "--json"]] {
        let outcome = home.run(&[command, &["--shard", "2/4"]].concat());
        assert_eq!(outcome.code, 0, "{command:?}: {}", outcome.stderr);
        let told = "Shard 2/4: this home has no connection yet";
        assert!(outcome.stderr.contains(told), "{command:?}: {}", outcome.stderr);
        let as_job = home.command(command).env("PAYERSYNC_SHARD", "2/4").output().unwrap();
        assert!(as_job.status.success(), "{command:?}");
    }
    let metrics = home.run(&["status", "--prometheus", "--shard", "2/4"]);
    assert_eq!(metrics.code, 0, "{}", metrics.stderr);
    assert!(metrics.stdout.contains("payersync_status_exit_code 0\n"), "{}", metrics.stdout);
    // A name is still a name.
    let named = home.run(&["sync", "john", "--shard", "2/4"]);
    assert_eq!(named.code, 1, "{}", named.stderr);
}

#[test]
fn a_calendar_of_a_shard_has_the_consents_of_the_shard_alone() {
    let (_payer, home) = spread("consent_days = 90\n");
    for shard in shards() {
        let parsed: Shard = shard.parse().unwrap();
        let calendar = home.run(&["status", "--calendar", "--shard", &shard]);
        assert_eq!(calendar.code, 0, "{shard}: {}", calendar.stderr);
        for name in (0..MEMBERS).map(|member| format!("member-{member}")) {
            let is_told = calendar.stdout.contains(&format!("SUMMARY:{name}:"));
            assert_eq!(is_told, parsed.holds(&name), "{shard}: {}", calendar.stdout);
        }
    }
}

/// The most requests that came within so long.
fn most_within(interval: Duration, requests: &[Request]) -> usize {
    let within = |from: &Request| {
        requests.iter().filter(|it| it.at >= from.at && it.at < from.at + interval).count()
    };
    requests.iter().map(within).max().unwrap_or_default()
}

/// All shards at once, each a process with a home of its own, at a plan with so many requests a second.
fn asked_at_once(per_second: u32, types: &[&str]) -> Vec<Request> {
    let (payer, start) = spread("");
    let configured = std::fs::read_to_string(start.file("payersync.toml")).unwrap();
    let limit = format!("requests_per_second = {per_second}\n");
    let limited = configured.replace("requests_per_second = 1000\n", &limit);
    std::fs::write(start.file("payersync.toml"), limited).unwrap();
    payer.clear_requests();
    let types = types.iter().flat_map(|name| ["--type", name]).collect::<Vec<_>>();
    let mut running: Vec<(Home, Child)> = Vec::new();
    for shard in shards() {
        let home = start.copy();
        let arguments = [&["sync", "--shard", &shard][..], &types].concat();
        let child =
            home.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        running.push((home, child));
    }
    for (_home, mut child) in running {
        assert!(child.wait().unwrap().success());
    }
    payer.requests()
}

#[test]
fn four_shards_at_once_ask_a_plan_no_more_than_one_process_may() {
    // As many requests as a second allows, within a little less than a second: the way to the payer
    // takes each request a different time.
    let interval = Duration::from_millis(900);
    for (per_second, types) in
        [(8, &["Patient", "Coverage", "Organization"][..]), (2, &["Patient"])]
    {
        let requests = asked_at_once(per_second, types);
        // Enough of them that four whole budgets would show.
        assert!(requests.len() > 2 * per_second as usize, "{} requests", requests.len());
        let most = most_within(interval, &requests);
        assert!(most <= per_second as usize, "{most} of {per_second} a second");
    }
}
