//! Plans that do not honour `_lastUpdated`, or not any more: what they leave out is noticed, and
//! found in the same run.

use crate::support::{Asked, Home, Reply, Scripted, bundle};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

const TYPE: &str = "Condition";
/// The day of the changes between the first night and the second.
const NEWS: &str = "2026-03-01T08:00:00Z";

/// What the plan holds: content and date by id.
type Held = BTreeMap<String, (u32, String)>;

fn condition(id: &str, (content, date): &(u32, String)) -> String {
    format!(
        "{{\"resourceType\":\"{TYPE}\",\"id\":\"{id}\",\"meta\":{{\"lastUpdated\":\"{date}\"}},\
          \"recordedDate\":\"2020-01-01\",\"code\":{{\"text\":\"{content}\"}}}}"
    )
}

/// Forty-five conditions of the days of January and February.
fn forty_five() -> Held {
    let date =
        |number: u32| format!("2026-{:02}-{:02}T08:00:00Z", 1 + number / 25, 1 + number % 25);
    (0..45).map(|number| (format!("c{number:02}"), (0, date(number)))).collect()
}

/// Which of the dates, in their order, an answer to a search for changes holds.
type Filter = fn(&str, &str) -> bool;

#[derive(Clone)]
struct Plan {
    held: Arc<Mutex<Held>>,
    filter: Arc<Mutex<(Filter, usize)>>,
}

impl Plan {
    fn new() -> Plan {
        let honest: Filter = |date, since| date >= since;
        Plan {
            held: Arc::new(Mutex::new(forty_five())),
            filter: Arc::new(Mutex::new((honest, usize::MAX))),
        }
    }

    fn start(&self) -> Scripted {
        let plan = self.clone();
        Scripted::start(&[TYPE], move |asked| plan.answer(asked))
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let held = self.held.lock().unwrap();
        if let Some(id) = &asked.id {
            return held.get(id).map_or((404, "{}".to_owned()), |it| (200, condition(id, it)));
        }
        let (filter, most) = *self.filter.lock().unwrap();
        let since = asked.query.get("_lastUpdated").map(|bound| bound.trim_start_matches("ge"));
        let found: Vec<String> = held
            .iter()
            .filter(|(_, (_, date))| since.is_none_or(|since| filter(date, since)))
            .take(since.map_or(usize::MAX, |_| most))
            .map(|(id, it)| condition(id, it))
            .collect();
        let from = asked.number("from");
        let bound = since.map(|since| format!("&_lastUpdated=ge{since}")).unwrap_or_default();
        let next = (from + 10 < found.len())
            .then(|| format!("{}/{TYPE}?_count=10&from={}{bound}", asked.base, from + 10));
        let page: Vec<String> = found.iter().skip(from).take(10).cloned().collect();
        bundle(&page, Some(found.len()), next)
    }

    fn change(&self, id: &str, content: u32, date: &str) {
        self.held.lock().unwrap().insert(id.to_owned(), (content, date.to_owned()));
    }

    fn lie(&self, filter: Filter, most: usize) {
        *self.filter.lock().unwrap() = (filter, most);
    }

    fn truth(&self) -> Vec<String> {
        self.held.lock().unwrap().iter().map(|(id, it)| condition(id, it)).collect()
    }
}

fn stored(home: &Home) -> Vec<String> {
    home.rows("SELECT json FROM resource WHERE deleted_at IS NULL ORDER BY resource_id").concat()
}

/// How the walks of the latest run ended.
fn walks(home: &Home) -> Vec<Vec<String>> {
    home.rows(
        "SELECT mode, state, reason FROM sync_walk WHERE mode <> 'window'
         AND run_id = (SELECT max(id) FROM sync_run) ORDER BY id",
    )
}

fn support(home: &Home) -> String {
    home.value("SELECT last_updated_support FROM completeness")
}

const COMPLETE_FULL: [&str; 3] = ["full", "complete", ""];
const COMPLETE_CHANGES: [&str; 3] = ["incremental", "complete", ""];
const LEFT_OUT: [&str; 3] = ["incremental", "incomplete", "last_updated_ignored"];

/// What a plan does in place of what it is asked for.
const LIES: [(&str, Filter, usize); 7] = [
    ("nothing at all", |_, _| false, usize::MAX),
    ("the same instant", |date, since| date == since, usize::MAX),
    ("the same day", |date, since| date[..10] == since[..10], usize::MAX),
    ("the first one", |date, since| date >= since, 1),
    ("the first two", |date, since| date >= since, 2),
    ("an index that stands still", |date, since| date >= since && date < NEWS, usize::MAX),
    ("two days late", |date, since| date >= since && date > "2026-03-02", usize::MAX),
];

#[test]
fn a_plan_that_was_honest_at_first_is_found_out_by_what_it_leaves_out() {
    for (what, filter, most) in LIES {
        let plan = Plan::new();
        let payer = plan.start();
        let home = payer.connected_home(&[TYPE], "");
        home.succeed(&["sync"], what);
        for id in ["c05", "c06", "c30"] {
            plan.change(id, 1, NEWS);
        }
        home.succeed(&["sync"], what);
        assert_eq!(walks(&home), [COMPLETE_CHANGES], "{what}");
        assert_eq!(stored(&home), plan.truth(), "{what}");
        plan.lie(filter, most);
        plan.change("c07", 2, "2026-03-01T09:00:00Z");
        plan.change("new", 2, "2026-03-01T09:00:00Z");
        home.succeed(&["sync"], what);
        assert_eq!(walks(&home), [LEFT_OUT, COMPLETE_FULL], "{what}");
        assert_eq!(stored(&home), plan.truth(), "{what}");
        // Nothing is built on it from then on.
        assert_eq!(support(&home), "ignored", "{what}");
        plan.change("c08", 3, "2026-03-01T10:00:00Z");
        home.succeed(&["sync"], what);
        assert_eq!(walks(&home), [COMPLETE_FULL], "{what}");
        assert_eq!(stored(&home), plan.truth(), "{what}");
        home.succeed(&["verify"], what);
    }
}

#[test]
fn a_plan_that_never_honours_the_date_is_found_out_before_anything_is_left_out() {
    let same_month: Filter = |date, since| date[..7] == since[..7];
    for (what, filter, most) in LIES.into_iter().filter(|(_, _, most)| *most < 9).chain([
        ("nothing at all", LIES[0].1, usize::MAX),
        ("the same day", LIES[2].1, usize::MAX),
        ("the same month", same_month, usize::MAX),
    ]) {
        let plan = Plan::new();
        plan.lie(filter, most);
        let payer = plan.start();
        let home = payer.connected_home(&[TYPE], "");
        home.succeed(&["sync"], what);
        plan.change("c05", 1, NEWS);
        plan.change("new", 1, NEWS);
        for night in ["the second", "the third"] {
            home.succeed(&["sync"], what);
            assert_eq!(stored(&home), plan.truth(), "{what}, {night}");
            assert_eq!(walks(&home).last().unwrap(), &COMPLETE_FULL, "{what}, {night}");
        }
    }
}

#[test]
fn an_index_that_stood_still_from_the_start_is_found_out_by_a_full_walk() {
    let plan = Plan::new();
    let payer = plan.start();
    let home = payer.connected_home(&[TYPE], "");
    plan.lie(|date, since| date >= since && date < NEWS, usize::MAX);
    home.succeed(&["sync"], "the first night");
    plan.change("new", 1, NEWS);
    home.succeed(&["sync"], "nothing that is held is left out");
    assert_eq!(support(&home), "honoured");
    home.succeed(&["sync", "--full"], "a full walk");
    assert_eq!(stored(&home), plan.truth());
    assert_eq!(support(&home), "ignored");
    plan.change("newer", 1, "2026-03-02T08:00:00Z");
    home.succeed(&["sync"], "the next night");
    assert_eq!(stored(&home), plan.truth());
}

#[test]
fn what_is_deleted_since_it_changed_is_no_lie() {
    let plan = Plan::new();
    let payer = plan.start();
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync"], "the first night");
    for id in ["c05", "c06", "c30"] {
        plan.change(id, 1, NEWS);
    }
    home.succeed(&["sync"], "an honest night");
    plan.held.lock().unwrap().remove("c06");
    home.succeed(&["sync"], "a deletion");
    assert_eq!(walks(&home), [LEFT_OUT, COMPLETE_FULL]);
    assert_eq!(stored(&home), plan.truth());
    assert_eq!(support(&home), "honoured");
    plan.change("c07", 2, "2026-03-01T09:00:00Z");
    home.succeed(&["sync"], "changes again");
    assert_eq!(walks(&home), [COMPLETE_CHANGES]);
    assert_eq!(stored(&home), plan.truth());
    // An unchanged night asks once.
    payer.asked();
    home.succeed(&["sync"], "an unchanged night");
    assert_eq!(payer.asked().len(), 1);
}

#[test]
fn a_plan_that_went_back_to_a_backup_is_told_and_asked_for_everything_in_the_next_run() {
    let plan = Plan::new();
    let payer = plan.start();
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync"], "the first night");
    let backup = plan.held.lock().unwrap().clone();
    for id in ["c03", "c13", "c23"] {
        plan.change(id, 1, NEWS);
    }
    home.succeed(&["sync", "--full"], "three changes");
    *plan.held.lock().unwrap() = backup;
    home.succeed(&["sync", "--full"], "the backup is back");
    let warning: String = home.value("SELECT warning FROM completeness");
    assert!(warning.contains("3 resources came in an older version"), "{warning}");
    assert_ne!(stored(&home), plan.truth(), "a replica may lag for a night");
    home.succeed(&["sync"], "the backup is back for good");
    assert_eq!(walks(&home), [COMPLETE_FULL]);
    assert_eq!(stored(&home), plan.truth());
    let kept = "SELECT count(*) FROM resource_version WHERE json LIKE '%\"1\"%'";
    assert_eq!(home.value::<i64>(kept), 3, "history keeps the other versions");
    home.succeed(&["verify"], "a plan that went back");
}

#[test]
fn a_change_between_two_pages_is_noticed_under_a_date_header_ahead_of_our_clock() {
    for ahead in [0, 600, 30 * 24 * 3600] {
        let plan = Plan::new();
        let payer = plan.start();
        let home = payer.connected_home(&[TYPE], "");
        home.succeed(&["sync"], "the first night");
        payer.set_clock(ahead);
        let (changing, mut lists) = (plan.clone(), 0);
        payer.play(move |asked| {
            lists += usize::from(asked.id.is_none());
            if lists == 3 {
                let now = chrono::Utc::now() + chrono::Duration::milliseconds(1);
                let now = now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
                changing.change("c01", 1, &now);
                changing.change("c44", 1, &now);
            }
            changing.answer(asked)
        });
        home.succeed(&["sync", "--full"], "two changes under way");
        assert_eq!(stored(&home), plan.truth(), "{ahead} seconds ahead");
        assert_eq!(walks(&home).len(), 2, "{ahead} seconds ahead");
    }
}

/// An answer to a search for changes that declares the total of the whole type.
fn with_the_total_of_all(asked: &Asked, (status, text): Reply) -> Reply {
    let changes = asked.query.contains_key("_lastUpdated").then(|| text.split_once("\"total\":"));
    let Some((before, after)) = changes.flatten() else { return (status, text) };
    let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (status, format!("{before}\"total\":45{after}"))
}

#[test]
fn a_total_that_is_wrong_for_changes_alone_leaves_no_night_incomplete() {
    let plan = Plan::new();
    let payer = plan.start();
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync"], "the first night");
    let answering = plan.clone();
    payer.play(move |asked| with_the_total_of_all(asked, answering.answer(asked)));
    plan.change("c05", 1, NEWS);
    home.succeed(&["sync"], "the second night");
    let mismatch = ["incremental", "incomplete", "total_mismatch"];
    assert_eq!(walks(&home).last().unwrap(), &COMPLETE_FULL);
    assert!(walks(&home).iter().any(|walk| walk == &mismatch), "{:?}", walks(&home));
    assert_eq!(stored(&home), plan.truth());
    assert_eq!(support(&home), "ignored");
    plan.change("c06", 1, NEWS);
    home.succeed(&["sync"], "the third night");
    assert_eq!(walks(&home), [COMPLETE_FULL]);
    assert_eq!(stored(&home), plan.truth());
}

#[test]
fn a_plan_whose_clock_goes_back_is_asked_for_everything_that_night() {
    let hours_ago = |hours: i64| {
        let at = chrono::Utc::now() - chrono::Duration::hours(hours);
        at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    };
    let plan = Plan::new();
    let payer = plan.start();
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync"], "the first night");
    plan.change("c05", 1, &hours_ago(1));
    home.succeed(&["sync"], "a change of today");
    assert_eq!(walks(&home), [COMPLETE_CHANGES]);
    payer.set_clock(-5 * 24 * 3600);
    plan.change("c06", 1, &hours_ago(5 * 24 + 1));
    plan.change("new", 1, &hours_ago(5 * 24 + 1));
    home.succeed(&["sync"], "the clock is five days behind");
    assert_eq!(walks(&home), [["incremental", "incomplete", "stale_answer"], COMPLETE_FULL]);
    assert_eq!(stored(&home), plan.truth());
    plan.change("c07", 1, &hours_ago(5 * 24 + 1));
    home.succeed(&["sync"], "another change by that clock");
    assert_eq!(stored(&home), plan.truth());
}
