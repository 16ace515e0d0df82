//! A plan that refuses to search by `_lastUpdated` once may honour it all the same: it is asked again.

use crate::support::{Asked, Faulty, Home, Reply, Scripted, bundle};
use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

const TYPE: &str = "Condition";
const DAY: i64 = 24 * 3600;

fn condition(id: usize) -> String {
    format!(
        "{{\"resourceType\":\"{TYPE}\",\"id\":\"c{id:02}\",\"meta\":{{\"lastUpdated\":\"2026-01-{:02}T08:00:00Z\"}}}}",
        id + 1
    )
}

fn serve(asked: &Asked) -> Reply {
    let since = asked.query.get("_lastUpdated").map(|bound| &bound[2..12]);
    let is_asked = |json: &String| {
        since.is_none_or(|since| json.split("lastUpdated\":\"").nth(1).unwrap()[..10] >= *since)
    };
    let found: Vec<String> = (0..25).map(condition).filter(is_asked).collect();
    let from = asked.number("from");
    let bound = since.map(|since| format!("&_lastUpdated=ge{since}")).unwrap_or_default();
    let next = (from + 10 < found.len())
        .then(|| format!("{}/{TYPE}?from={}{bound}", asked.base, from + 10));
    let page: Vec<String> = found.iter().skip(from).take(10).cloned().collect();
    bundle(&page, Some(found.len()), next)
}

/// A home after its first night, at a plan that answers searches by date with a status, if not 0.
fn synced() -> (Scripted, Home, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(0));
    let told = Arc::clone(&status);
    let payer = Scripted::start(&[TYPE], move |asked| {
        let status = told.load(Ordering::Relaxed);
        let refuses = status != 0 && asked.query.contains_key("_lastUpdated");
        if refuses { (status, String::new()) } else { serve(asked) }
    });
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync"], "the first night");
    (payer, home, status)
}

fn mode(home: &Home) -> String {
    home.value("SELECT mode FROM sync_walk WHERE state = 'complete' ORDER BY id DESC LIMIT 1")
}

#[test]
fn a_403_says_nothing_of_the_search_and_the_next_night_asks_again() {
    let (_payer, home, status) = synced();
    status.store(403, Ordering::Relaxed);
    home.succeed(&["sync"], "the probe is refused");
    assert_eq!(mode(&home), "full");
    status.store(0, Ordering::Relaxed);
    home.succeed(&["sync"], "the plan is well");
    assert_eq!(mode(&home), "incremental");
}

#[test]
fn a_search_that_is_refused_is_asked_for_again_after_a_week() {
    let Some(faulty) = Faulty::build() else { return };
    let (payer, home, status) = synced();
    status.store(400, Ordering::Relaxed);
    home.succeed(&["sync"], "the probe is refused");
    status.store(0, Ordering::Relaxed);
    payer.asked();
    home.succeed(&["sync"], "the same day");
    assert_eq!(mode(&home), "full");
    assert!(payer.asked().iter().all(|asked| !asked.query.contains_key("_lastUpdated")));
    for (seconds, expected) in [(8 * DAY, "full"), (8 * DAY + 60, "incremental")] {
        let ended = faulty.run_at(&home, &["sync"], seconds);
        assert_eq!(ended.code, 0, "{seconds}: {}", ended.stderr);
        assert_eq!(mode(&home), expected, "{seconds} s later");
    }
}

/// The probe was answered nights ago; a new gateway refuses what the old one honoured.
#[test]
fn a_search_for_changes_that_is_refused_from_now_on_is_a_full_walk_the_same_night() {
    const WEB_PAGE: &str = "<html><head><title>403 Forbidden</title></head></html>";
    for (refusal, body) in [(400, ""), (403, ""), (403, WEB_PAGE)] {
        let (payer, home, _) = synced();
        home.succeed(&["sync"], "the probe is answered");
        assert_eq!(mode(&home), "incremental");
        payer.play(move |asked| match asked.query.contains_key("_lastUpdated") {
            true => (refusal, body.to_owned()),
            false => serve(asked),
        });
        if body == WEB_PAGE {
            // A firewall may refuse whatever comes for a night.
            let blocked = home.run(&["sync"]);
            assert_eq!(blocked.code, 2, "{}", blocked.stderr);
        }
        home.succeed(&["sync"], "refused from now on");
        assert_eq!(mode(&home), "full", "{refusal} {body}");
        payer.asked();
        home.succeed(&["sync"], "the next night");
        assert!(payer.asked().iter().all(|asked| !asked.query.contains_key("_lastUpdated")));
    }
}

/// The full walk must not begin anew, night after night, since nothing can be asked of the changes.
#[test]
fn a_full_walk_over_several_nights_goes_on_while_the_search_for_changes_is_refused() {
    let (_payer, home, status) = synced();
    status.store(403, Ordering::Relaxed);
    let begun = home.run(&["sync", "--full", "--max-requests", "1"]);
    assert_eq!(begun.code, 2, "{}", begun.stderr);
    let mut nights = 0;
    while home.run(&["sync", "--max-requests", "1"]).code != 0 {
        nights += 1;
        assert!(nights < 6, "it never ends");
    }
    assert_eq!(mode(&home), "full");
    let last = "SELECT pages_before FROM sync_walk ORDER BY id DESC LIMIT 1";
    assert_eq!(home.value::<i64>(last), 2, "it went on where it was");
}

/// What is learned beside a full walk saves the refused search of the nights after it.
#[test]
fn a_search_for_changes_that_is_refused_beside_a_full_walk_is_not_asked_for_the_next_night() {
    let (payer, home, status) = synced();
    home.succeed(&["sync"], "the probe is answered");
    status.store(400, Ordering::Relaxed);
    let begun = home.run(&["sync", "--full", "--max-requests", "1"]);
    assert_eq!(begun.code, 2, "{}", begun.stderr);
    payer.asked();
    home.succeed(&["sync"], "the full walk goes on");
    let of_changes = |asked: &Asked| asked.query.contains_key("_lastUpdated");
    assert_eq!(payer.asked().iter().filter(|asked| of_changes(asked)).count(), 1);
    home.succeed(&["sync"], "the next night");
    assert!(!payer.asked().iter().any(of_changes));
}
