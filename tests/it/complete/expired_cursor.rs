//! Servers that forget their cursors, or end at some depth.

use super::absence::condition;
use crate::support::{Home, Payer, Scripted, bundle};
use payersync::sandbox::{Fault, Options};

const CLAIMS: &str = "ExplanationOfBenefit";

fn payer(faults: Vec<Fault>) -> Payer {
    Payer::start(Options { faults, claims_per_member: 150, ..Options::plain() })
}

fn sync(home: &Home, more: &[&str]) -> crate::support::Outcome {
    home.run(&[&["sync", "--type", "Patient", "--type", CLAIMS], more].concat())
}

fn claims_asked(payer: &Payer) -> usize {
    payer.requests().iter().filter(|request| request.path.ends_with(CLAIMS)).count()
}

fn everything_is_there(home: &Home, payer: &Payer) -> bool {
    let sql = "SELECT json FROM resource WHERE resource_type = 'ExplanationOfBenefit'
               AND deleted_at IS NULL";
    let (mut stored, mut truth) = (home.rows(sql).concat(), payer.resources(0, CLAIMS));
    stored.sort();
    truth.sort();
    stored == truth
}

fn state(home: &Home) -> Vec<String> {
    let sql = "SELECT mode, state, warning IS NOT NULL FROM completeness
               WHERE resource_type = 'ExplanationOfBenefit'";
    home.rows(sql).remove(0)
}

#[test]
fn a_cursor_that_expires_once_costs_one_new_walk_and_no_page_is_written_twice() {
    let payer = payer(vec![Fault::CursorExpired]);
    let home = payer.connected_home();
    let outcome = sync(&home, &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(everything_is_there(&home, &payer));
    let walks = "SELECT mode, state, coalesce(reason, ''), resources_new, resources_unchanged
                 FROM sync_walk WHERE resource_type = 'ExplanationOfBenefit' ORDER BY id";
    assert_eq!(
        home.rows(walks),
        [["full", "incomplete", "gone", "20", "0"], ["full", "complete", "", "130", "20"],]
    );
}

#[test]
fn cursors_that_always_expire_are_walked_around_by_date_every_night() {
    for fault in [Fault::CursorAlwaysExpired, Fault::CursorForgotten, Fault::ResultWindow] {
        let payer = payer(vec![fault]);
        let home = payer.connected_home();
        let first = sync(&home, &[]);
        assert_eq!(first.code, 0, "{fault}: {}", first.stderr);
        assert!(everything_is_there(&home, &payer), "{fault}");
        assert_eq!(state(&home), ["full", "complete", "1"], "{fault}");
        let whole = "SELECT count(*) FROM sync_walk WHERE resource_type = 'ExplanationOfBenefit'
                     AND mode = 'full' AND run_id = 1 AND pages > 0";
        let expected = if fault == Fault::ResultWindow { 1 } else { 2 };
        assert_eq!(home.value::<i64>(whole), expected, "{fault}: bounded");
        let watermark: Option<String> =
            home.value("SELECT max(watermark) FROM type_state WHERE resource_type LIKE 'Expl%'");
        assert_eq!(watermark, None, "{fault}: windows move no watermark");

        let id: String = home.value(
            "SELECT min(resource_id) FROM resource WHERE resource_type = 'ExplanationOfBenefit'",
        );
        assert!(payer.amend(0, CLAIMS, &id));
        let second = sync(&home, &[]);
        assert_eq!(second.code, 0, "{fault}: {}", second.stderr);
        assert!(everything_is_there(&home, &payer), "{fault}: a closed window is asked again");

        assert!(payer.withdraw(0, CLAIMS, &id));
        // An earlier night could not take in an entry without an id; it has not come since.
        home.warehouse()
            .execute_batch(
                "INSERT INTO rejected_resource (connection_id, resource_type, reason, detail, body,
                   body_hash, page, received_at)
                 VALUES (1, 'ExplanationOfBenefit', 'no_id', 'a resource without an id', '{}',
                   x'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 3, '2026-01-01T00:00:00.000Z');
                 UPDATE connection SET rejects_entered = rejects_entered + 1;
                 UPDATE sync_walk SET resources_rejected = 1 WHERE id = (SELECT min(id) FROM sync_walk
                   WHERE resource_type = 'ExplanationOfBenefit');",
            )
            .unwrap();
        let third = sync(&home, &[]);
        assert_eq!(third.code, 0, "{fault}: {}", third.stderr);
        let proof = "SELECT resource_id || ' ' || state || ' ' || proof FROM absent_resource";
        assert_eq!(home.rows(proof), [[format!("{id} deleted read")]], "{fault}");
        let buried = "SELECT resource_id FROM resource WHERE deleted_at IS NOT NULL";
        assert_eq!(home.rows(buried), [[id]], "{fault}: a read proves what windows did not meet");
        assert_eq!(home.run(&["verify"]).code, 0, "{fault}");
    }
}

#[test]
fn a_round_by_date_that_ends_early_gets_further_night_after_night() {
    let payer = payer(vec![Fault::CursorAlwaysExpired]);
    let home = payer.connected_home();
    let mut stored = vec![0];
    for night in 0..20 {
        let outcome = sync(&home, &["--max-requests", "18"]);
        stored.push(home.value::<i64>("SELECT count(*) FROM resource"));
        if outcome.code == 0 {
            assert!(night > 0, "the limit was not reached");
            assert!(everything_is_there(&home, &payer));
            let early = "SELECT complete_as_of <= (SELECT max(finished_at) FROM sync_walk
                           WHERE mode = 'window' AND state = 'complete' AND run_id < (SELECT max(id) FROM sync_run))
                         FROM completeness WHERE resource_type = 'ExplanationOfBenefit'";
            assert!(home.value::<bool>(early), "complete as of its oldest window");
            return;
        }
    }
    panic!("no progress: {stored:?}");
}

#[test]
fn what_has_no_date_keeps_the_type_incomplete() {
    let payer = payer(vec![Fault::CursorAlwaysExpired, Fault::WrongTotal]);
    let home = payer.connected_home();
    let outcome = sync(&home, &[]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(state(&home)[..2], ["full", "incomplete"]);
    assert!(outcome.stderr.contains("150 that it has listed are stored"), "{}", outcome.stderr);
    assert!(claims_asked(&payer) < 120, "{}", claims_asked(&payer));
}

/// An entry without an id or a date is on the first page, and in no window.
#[test]
fn what_came_before_the_windows_and_could_not_be_taken_in_stays_a_reject() {
    const TYPE: &str = "Condition";
    let payer = Scripted::start(&[TYPE], |asked| {
        let limit = |prefix: &str| {
            asked.all.iter().find_map(|(_, value)| value.strip_prefix(prefix).map(str::to_owned))
        };
        match (limit("ge"), limit("lt"), asked.query.contains_key("from")) {
            (None, None, true) => (410, String::new()),
            (None, None, false) => {
                let mut page: Vec<String> = (0..4).map(condition).collect();
                page.push(format!("{{\"resourceType\":\"{TYPE}\"}}"));
                bundle(&page, Some(8), Some(format!("{}/{TYPE}?from=4", asked.base)))
            }
            (from, to, _) => {
                let is_within = |id: &usize| {
                    let day = format!("2026-01-{:02}", id % 28 + 1);
                    from.as_ref().is_none_or(|from| *from <= day)
                        && to.as_ref().is_none_or(|to| day < *to)
                };
                let page: Vec<String> = (0..8).filter(is_within).map(condition).collect();
                bundle(&page, Some(page.len()), None)
            }
        }
    });
    let home = payer.connected_home(&[TYPE], "");
    for night in 0..2 {
        let ended = home.run(&["sync", "--full"]);
        assert_eq!(ended.code, 2, "night {night}: {}", ended.stderr);
        let whole = "SELECT state, resources FROM completeness WHERE resource_type = 'Condition'";
        assert_eq!(home.rows(whole), [["complete", "8"]], "night {night}: {}", ended.stderr);
        let open = "SELECT reason FROM rejected_resource WHERE resolved_at IS NULL";
        assert_eq!(home.rows(open), [["no_id"]], "night {night}");
    }
    home.succeed(&["verify"], "a reject before the windows");
}
