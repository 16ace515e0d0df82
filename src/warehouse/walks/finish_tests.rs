//! What a complete walk over a whole type enters as absent, and when it raises an alarm.

use super::*;
use crate::{
    outcome::{Reason, WalkKind},
    warehouse::walks::{
        ledger::{WalkStart, start_walk},
        scratch::Scratch,
        tally::Tally,
    },
};

/// The end of a complete walk that declares nothing.
fn complete() -> WalkEnd {
    WalkEnd {
        finish: WalkFinish::complete(None),
        tally: Tally::default(),
        sees_all: false,
        finds_absences: false,
        missed_at: "2026-03-01".to_owned(),
        missed_since: "2026-03-01".to_owned(),
        is_doubted: false,
        settles_rejects: false,
        advance: None,
        keeps_pass: false,
        before: None,
        round: None,
        keeps_part: false,
        totals: None,
        shrink_limit_percent: 30,
    }
}

/// A walk of this kind over the Coverages, entered in the ledger.
fn started(connection: &mut Connection, kind: WalkKind) -> WalkKey {
    let start = WalkStart {
        run_id: 1,
        connection_id: 1,
        resource_type: "Coverage".to_owned(),
        kind,
        first_url: None,
        since: None,
        window: None,
        resumes: None,
        proved_for: None,
    };
    start_walk(connection, &start, "2026-03-01T01:00:00Z".parse().unwrap()).unwrap().0
}

/// Ends a walk over a hundred resources, of which so many came as another patient's and so many did not come.
/// Returns the end, and how many resources are entered as absent.
fn ended(anothers: i64, gone: i64) -> (WalkFinish, i64) {
    let mut connection = Scratch::with(
        "INSERT INTO sync_run (id, command, version, state, started_at)
           VALUES (1, 'sync', '', 'running', '2026-03-01T01:00:00Z');
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO resource (id, connection_id, resource_type, resource_id, content_hash, json,
             received_at)
           SELECT i, 1, 'Coverage', 'c' || i, x'00', '{}', '2026-02-01' FROM n;",
    );
    seen::create_temporary_tables(&connection).unwrap();
    let walk = started(&mut connection, WalkKind::Full);
    let met: Vec<i64> = (anothers + gone + 1..=100).collect();
    seen::insert(&connection, walk.walk_id, &met).unwrap();
    connection
        .execute(
            "INSERT INTO rejected_resource (id, connection_id, resource_type, resource_id, reason, detail,
                 body, body_hash, page, received_at)
               SELECT id, 1, 'Coverage', resource_id, 'foreign_subject', '', '{}', resource_id, 1,
                 '2026-03-01' FROM resource WHERE id <= ?1",
            [anothers],
        )
        .unwrap();
    for reject in 1..=anothers {
        seen::note_rejected(&connection, walk.walk_id, reject).unwrap();
    }
    let end = WalkEnd { sees_all: true, finds_absences: anothers == 0, ..complete() };
    let now = "2026-03-01T02:00:00Z".parse().unwrap();
    let finish = end_walk(&mut connection, &walk, end, WalkCounters::default(), now).unwrap();
    let entered = "SELECT count(*) FROM absent_resource";
    let entered = connection.query_row(entered, [], |row| row.get(0)).unwrap();
    (finish, entered)
}

#[test]
fn what_came_as_another_patients_and_what_did_not_come_are_one_alarm() {
    for (anothers, gone) in [(20, 0), (0, 20), (15, 15)] {
        let (finish, entered) = ended(anothers, gone);
        assert_eq!(finish, WalkFinish::complete(None), "{anothers} {gone}");
        assert_eq!(entered, anothers + gone);
    }
    for (anothers, gone, told) in [
        (0, 40, "40 of 100 resources were no longer sent; nothing was deleted"),
        (
            20,
            20,
            "20 of 100 resources were no longer sent, and 20 came as another patient's; nothing was deleted",
        ),
    ] {
        let (finish, entered) = ended(anothers, gone);
        assert_eq!(finish.reason, Some(Reason::Shrunk), "{anothers} {gone}");
        assert_eq!((finish.detail.as_deref(), entered), (Some(told), 0));
    }
    let (finish, entered) = ended(40, 0);
    let told = "kept: 40 stored resources, since too many at once came as another patient's";
    assert_eq!((finish.state, finish.warning.as_deref()), (WalkState::Complete, Some(told)));
    assert_eq!(entered, 0);
}

#[test]
fn a_walk_over_changes_hides_nothing_of_what_the_latest_full_walk_lacked() {
    let mut connection = Scratch::with(
        "INSERT INTO sync_run (id, command, version, state, started_at)
           VALUES (1, 'sync', '', 'running', '2026-03-01T01:00:00Z');",
    );
    seen::create_temporary_tables(&connection).unwrap();
    let short = Some("in the latest full walk the server declared 20 resources, its pages held 18");
    let (full, changes) = (WalkKind::Full, WalkKind::Incremental);
    // (kind, declared, came), and then: (gap, warning). The warning about a full walk is made elsewhere.
    for (kind, declared, came, expected) in [
        (changes, 1, 1, (0, None)),
        (full, 20, 18, (2, None)),
        (changes, 1, 1, (2, short)),
        (changes, 4, 1, (3, short)),
        (changes, 0, 0, (2, short)),
        (full, 20, 20, (0, None)),
        (changes, 1, 1, (0, None)),
        (full, 20, 21, (-1, None)),
        (changes, 1, 1, (0, None)),
    ] {
        let walk = started(&mut connection, kind);
        let tally = Tally { declared_total: Some(declared), distinct: came, ..Tally::default() };
        let counters = WalkCounters { declared_total: Some(declared), ..WalkCounters::default() };
        let now = "2026-03-01T02:00:00Z".parse().unwrap();
        let end = WalkEnd { tally, ..complete() };
        let finish = end_walk(&mut connection, &walk, end, counters, now).unwrap();
        let gap = "SELECT total_gap FROM sync_walk WHERE id = ?1";
        let gap: i64 = connection.query_row(gap, [walk.walk_id], |row| row.get(0)).unwrap();
        assert_eq!((gap, finish.warning.as_deref()), expected, "{kind}: {declared} {came}");
    }
}
