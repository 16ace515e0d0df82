//! What is read of live resources, and as of when a type is complete.

use super::*;
use crate::warehouse::walks::scratch::Scratch;

/// In a row, `deleted_at` is stored after the JSON, so that reading it means reading all of the JSON.
#[test]
fn what_each_run_asks_of_live_resources_comes_from_their_index() {
    let connection = Scratch::with("");
    for sql in [STATES, DATES] {
        let steps: Vec<String> = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .and_then(|mut plan| plan.raw_query().mapped(|row| row.get(3)).collect())
            .unwrap();
        let by_index = |step: &String| step.contains("INDEX resource_live");
        assert!(steps.iter().any(by_index), "{steps:#?}");
    }
}

/// A type in parts that came over several nights is as complete as its oldest part.
#[test]
fn deletions_are_known_as_of_the_oldest_part() {
    let connection = Scratch::with(
        "INSERT INTO sync_run (id, command, version, state, started_at)
           VALUES (1, 'sync', '', 'running', '2026-03-05');
         INSERT INTO sync_walk (id, run_id, connection_id, resource_type, mode, state,
             started_at, walk_started_at)
           VALUES (1, 1, 1, 'Coverage', 'full', 'running', '2026-03-05', '2026-03-05');",
    );
    let whole = Advance { watermark: None, full: true, proves: true };
    for (as_of, known) in [(None, "2026-03-05"), (Some("2026-03-01"), "2026-03-01")] {
        advance(&connection, 1, &whole, as_of).unwrap();
        let state = states(&connection, 1).unwrap().remove(0);
        assert_eq!(state.last_full_at.as_deref(), Some(known), "{as_of:?}");
    }
}

/// What a full walk has shown to be short must not be covered up by a walk over changes.
#[test]
fn a_type_is_short_if_its_latest_full_walk_is_incomplete_and_leaves_no_cursor() {
    let connection = Scratch::with(
        "INSERT INTO sync_run (id, command, version, state, started_at)
           VALUES (1, 'sync', '', 'complete', '2026-03-05');
         INSERT INTO type_state (connection_id, resource_type) VALUES (1, 'Coverage');",
    );
    let is_short = || states(&connection, 1).unwrap().remove(0).is_short;
    assert!(!is_short(), "no walk");
    let (walked, not_walked) = (Some("this search"), None);
    for (mode, state, reason, proved_for, expected) in [
        ("full", "incomplete", Some("unreachable"), not_walked, false),
        ("full", "complete", None, walked, false),
        ("full", "incomplete", Some("interrupted"), not_walked, false),
        ("full", "incomplete", Some("shrunk"), walked, true),
        ("incremental", "complete", None, walked, true),
        ("full", "incomplete", Some("unreachable"), not_walked, true),
        ("full", "incomplete", Some("request_limit"), walked, false),
        ("full", "incomplete", Some("total_mismatch"), walked, true),
        ("full", "complete", None, walked, false),
        ("full", "incomplete", Some("timeout"), walked, true),
    ] {
        connection
            .execute(
                "INSERT INTO sync_walk (run_id, connection_id, resource_type, mode, state, reason,
                   proved_for, started_at, walk_started_at)
                 VALUES (1, 1, 'Coverage', ?1, ?2, ?3, ?4, '2026-03-05', '2026-03-05')",
                params![mode, state, reason, proved_for],
            )
            .unwrap();
        assert_eq!(is_short(), expected, "{mode} {state} {reason:?} {proved_for:?}");
    }
    connection
        .execute(
            "INSERT INTO walk_cursor (connection_id, resource_type, mode, walk_id, next_url, pages,
               resources_seen, walk_started_at, updated_at)
             SELECT 1, 'Coverage', 'full', max(id), 'https://h/r4/next', 30, 3000, '2026-03-05',
               '2026-03-05' FROM sync_walk",
            [],
        )
        .unwrap();
    assert!(!is_short(), "the next run goes on at the cursor");
}
