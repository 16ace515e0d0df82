//! What earlier runs and walks leave, as the ledger counts and compares it.

use super::{
    super::absence::{Finding, enter_finding},
    *,
};
use crate::warehouse::{tables::table::Catalog, walks::scratch::Scratch};

/// A warehouse with the connection 1 and the run 1.
fn warehouse() -> Scratch {
    let connection = Scratch::with(
        "INSERT INTO sync_run (id, command, version, state, started_at)
           VALUES (1, 'sync', '', 'running', '2026-03-01T01:00:00Z');",
    );
    seen::create_temporary_tables(&connection).unwrap();
    connection
}

fn started(connection: &mut Connection) -> (WalkKey, Left) {
    let start = WalkStart {
        run_id: 1,
        connection_id: 1,
        resource_type: "Coverage".to_owned(),
        kind: WalkKind::Full,
        first_url: None,
        since: None,
        window: None,
        resumes: None,
        proved_for: None,
    };
    start_walk(connection, &start, "2026-03-01T01:00:00Z".parse().unwrap()).unwrap()
}

#[test]
fn a_pass_that_is_kept_is_compared_as_it_was_in_the_run_that_made_it() {
    let mut connection = warehouse();
    let (first, _) = started(&mut connection);
    seen::insert(&connection, first.walk_id, &[1, 2, 2]).unwrap();
    seen::keep_pass(&connection, &first).unwrap();
    let (second, left) = started(&mut connection);
    assert_eq!(left.pass, Some(first.walk_id));
    seen::insert(&connection, second.walk_id, &[1, 2, 2]).unwrap();
    let agreed = seen::saw_the_same(&connection, first.walk_id, second.walk_id).unwrap();
    assert!(agreed.resources, "{agreed:?}");
}

#[test]
fn what_a_walk_met_before_it_broke_off_is_not_absent() {
    let mut connection = warehouse();
    let (walk, _) = started(&mut connection);
    connection
        .execute_batch(
            "INSERT INTO resource (id, connection_id, resource_type, resource_id, content_hash,
                 json, received_at)
               VALUES (7, 1, 'Coverage', 'x', x'00', '{}', '2026-02-01'),
                 (8, 1, 'Coverage', 'y', x'00', '{}', '2026-02-01');
             INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
                 missed_since, missed_at)
               VALUES (1, 'Coverage', 'x', 'pending', '2026-02-02', '2026-02-02'),
                 (1, 'Coverage', 'y', 'pending', '2026-02-02', '2026-02-02');",
        )
        .unwrap();
    seen::insert(&connection, walk.walk_id, &[7]).unwrap();
    let finish = WalkFinish::incomplete(Reason::NextLoop, String::new());
    let now = "2026-03-01T02:00:00Z".parse().unwrap();
    abandon_walk(&mut connection, &walk, &finish, &WalkCounters::default(), now).unwrap();
    let state = |id: &str| -> String {
        let sql = "SELECT state FROM absent_resource WHERE resource_id = ?1";
        connection.query_row(sql, [id], |row| row.get(0)).unwrap()
    };
    assert_eq!((state("x").as_str(), state("y").as_str()), ("present", "pending"));
}

#[test]
fn an_answer_that_says_nothing_leaves_what_a_read_has_shown_before() {
    let mut connection = warehouse();
    let (walk, _) = started(&mut connection);
    connection
        .execute_batch(
            "INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
                 missed_since, missed_at)
               VALUES (1, 'Coverage', 'x', 'pending', '2026-02-02', '2026-02-02');",
        )
        .unwrap();
    for (status, stays) in [
        (None, true),
        (Some(401), true),
        (Some(429), true),
        (Some(503), true),
        (Some(403), false),
        (Some(501), false),
    ] {
        let before = "UPDATE absent_resource SET brought_at = '2026-02-03'";
        connection.execute_batch(before).unwrap();
        let (finding, counters) = (Finding::Open(status), WalkCounters::default());
        let now = "2026-03-01T02:00:00Z".parse().unwrap();
        let catalog = Catalog::embedded();
        enter_finding(&mut connection, &catalog, &walk, "x", finding, counters, now).unwrap();
        let is_known: bool = connection
            .query_row("SELECT brought_at IS NOT NULL FROM absent_resource", [], |row| row.get(0))
            .unwrap();
        assert_eq!(is_known, stays, "{status:?}");
    }
}

#[test]
fn the_requests_of_a_killed_walk_count_until_an_hour_after_its_last_page() {
    let connection = Scratch::with(
        "INSERT INTO sync_run (id, command, version, state, started_at)
           VALUES (1, 'sync', '', 'running', '2026-03-01T01:00:00Z');
         INSERT INTO sync_walk (id, run_id, connection_id, resource_type, mode, state,
             started_at, walk_started_at, requests)
           VALUES (1, 1, 1, 'Coverage', 'full', 'running', '2026-03-01T01:00:00Z',
             '2026-03-01T01:00:00Z', 700);
         INSERT INTO walk_cursor (connection_id, resource_type, mode, walk_id, next_url,
             pages, resources_seen, walk_started_at, updated_at)
           VALUES (1, 'Coverage', 'full', 1, '', 1, 1, '2026-03-01T01:00:00Z',
             '2026-03-01T05:30:00Z');",
    );
    let since = |time: &str| {
        let instant = format!("2026-03-01T{time}Z").parse().unwrap();
        requests_since(&connection, "demo", instant).unwrap()
    };
    assert_eq!((since("05:00:00"), since("05:31:00")), (700, 0));
    connection.execute_batch("DELETE FROM walk_cursor").unwrap();
    assert_eq!((since("00:59:00"), since("01:01:00")), (700, 0));
    // A clock that was years ahead for one night would fill every later hour.
    connection.execute_batch("UPDATE sync_walk SET finished_at = '2036-03-01T01:00:00Z'").unwrap();
    assert_eq!(since("00:59:00"), 0);
}
