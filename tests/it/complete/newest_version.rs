//! The newest version stands, and the same content is the same, whatever a plan sends.

use crate::support::{Home, Payer, Scripted, bundle};
use payersync::sandbox::{Fault, Options};

const CLAIMS: &str = "ExplanationOfBenefit";
const SYNC: [&str; 6] = ["sync", "--full", "--type", "Patient", "--type", "ExplanationOfBenefit"];

fn sync(home: &Home, payer: &Payer, faults: &[Fault]) -> [i64; 4] {
    payer.set_faults(faults.to_vec());
    home.succeed(&SYNC, &format!("{faults:?}"));
    let row = home.rows(
        "SELECT sum(resources_new), sum(resources_changed), sum(resources_older), sum(rows_written)
         FROM sync_walk WHERE resource_type = 'ExplanationOfBenefit'
         AND run_id = (SELECT max(id) FROM sync_run)",
    );
    [0, 1, 2, 3].map(|column| row[0][column].parse().unwrap())
}

fn is_true(home: &Home, payer: &Payer) -> bool {
    let mut stored = home
        .rows("SELECT json FROM resource WHERE resource_type = 'ExplanationOfBenefit'")
        .concat();
    let mut truth = payer.resources(0, CLAIMS);
    stored.sort();
    truth.sort();
    stored == truth
}

fn history(home: &Home) -> Vec<Vec<String>> {
    home.rows("SELECT json ->> 'language', valid_from = valid_to FROM resource_version")
}

#[test]
fn an_older_version_goes_to_history_once_and_the_newer_one_stays() {
    for fault in [Fault::OlderDuplicate, Fault::OlderAcrossPages] {
        let payer = Payer::start(Options::plain());
        let home = payer.connected_home();
        assert_eq!(sync(&home, &payer, &[fault])[..2], [40, 0], "{fault}");
        assert!(is_true(&home, &payer), "{fault}");
        assert_eq!(history(&home), [["x-older", "1"]], "{fault}");
        let before = home.digest();
        assert_eq!(sync(&home, &payer, &[fault])[..2], [0, 0], "{fault}");
        assert_eq!(history(&home), [["x-older", "1"]], "{fault}");
        assert_eq!(home.digest(), before, "{fault}");
        home.succeed(&["verify"], "older versions");
    }
}

#[test]
fn a_replica_that_lags_for_a_night_changes_nothing() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    assert_eq!(sync(&home, &payer, &[]), [40, 0, 0, sync_rows(&home)]);
    for _ in 0..3 {
        assert_eq!(sync(&home, &payer, &[Fault::LaggingReplica]), [0, 0, 1, 0]);
        assert!(is_true(&home, &payer));
        assert_eq!(sync(&home, &payer, &[]), [0, 0, 0, 0]);
    }
    assert_eq!(history(&home), [["x-older", "1"]]);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource_outdated"), 0);
    home.succeed(&["verify"], "a lagging replica");
}

fn sync_rows(home: &Home) -> i64 {
    home.value(
        "SELECT sum(rows_written) FROM sync_walk WHERE resource_type = 'ExplanationOfBenefit'",
    )
}

#[test]
fn a_plan_that_went_back_for_good_is_believed_in_the_next_run() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    sync(&home, &payer, &[]);
    let back = [Fault::LaggingReplica];
    assert_eq!(sync(&home, &payer, &back)[..3], [0, 0, 1]);
    assert_eq!(sync(&home, &payer, &back)[..3], [0, 1, 0]);
    let older = "SELECT count(*) FROM resource WHERE json ->> 'language' = 'x-older'";
    assert_eq!(home.value::<i64>(older), 1);
    assert_eq!(sync(&home, &payer, &back)[..3], [0, 0, 0]);
    // What is newer than that is news.
    assert_eq!(sync(&home, &payer, &[])[..3], [0, 1, 0]);
    assert!(is_true(&home, &payer));
    home.succeed(&["verify"], "a plan that went back");
}

#[test]
fn the_same_content_in_other_words_is_unchanged() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    sync(&home, &payer, &[Fault::Respelt]);
    let before = home.digest();
    for _ in 0..3 {
        assert_eq!(sync(&home, &payer, &[Fault::Respelt]), [0, 0, 0, 0]);
        assert_eq!(sync(&home, &payer, &[]), [0, 0, 0, 0]);
    }
    assert_eq!(history(&home), Vec::<Vec<String>>::new());
    assert_eq!(home.digest(), before);
}

/// A page with thousands of versions of one resource takes no longer for each of them.
#[test]
fn thousands_of_versions_of_one_resource_go_to_history_in_a_moment() {
    const MANY: usize = 12_000;
    let version = |number: usize| {
        format!(
            "{{\"resourceType\":\"Condition\",\"id\":\"c\",\"meta\":{{\"versionId\":\"{number}\"}},\
              \"recordedDate\":\"2026-01-01\",\"code\":{{\"text\":\"{number}\"}}}}"
        )
    };
    let all: Vec<String> = (1..=MANY).map(version).collect();
    let payer = Scripted::start(&["Condition"], move |_| bundle(&all, None, None));
    let home = payer.connected_home(&["Condition"], "");
    let began = std::time::Instant::now();
    home.succeed(&["sync"], "many versions");
    home.succeed(&["sync", "--full"], "the same once more");
    assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
    let history = "SELECT count(*) FROM resource_version";
    assert_eq!(home.value::<usize>(history), MANY - 1);
    let newest = "SELECT code_text FROM condition";
    assert_eq!(home.value::<String>(newest), MANY.to_string());
}

#[test]
fn an_older_version_in_the_words_of_an_etag_or_of_the_same_second_stays_older() {
    let meta = |version: &str, date: &str| match date {
        "" => format!("{{\"versionId\":\"W/\\\"{version}\\\"\"}}"),
        date => format!("{{\"versionId\":\"{version}\",\"lastUpdated\":\"{date}\"}}"),
    };
    for (newer, older) in [
        (meta("10", ""), meta("9", "")),
        (meta("x", "2026-03-01T10:00:00.900Z"), meta("y", "2026-03-01T10:00:00.1Z")),
    ] {
        let condition = |meta: &str, text: &str| {
            format!(
                "{{\"resourceType\":\"Condition\",\"id\":\"c\",\"meta\":{meta},\
                  \"code\":{{\"text\":\"{text}\"}}}}"
            )
        };
        let page = [condition(&newer, "newer"), condition(&older, "older")];
        let payer = Scripted::start(&["Condition"], move |_| bundle(&page, None, None));
        let home = payer.connected_home(&["Condition"], "");
        home.succeed(&["sync"], &newer);
        let stored = "SELECT json ->> '$.code.text' FROM resource";
        assert_eq!(home.rows(stored), [["newer"]], "{newer}");
        let past = "SELECT json ->> '$.code.text' FROM resource_version";
        assert_eq!(home.rows(past), [["older"]], "{newer}");
    }
}
