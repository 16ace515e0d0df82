//! A home of very many connections: what is looked up for each costs no more with each.

use crate::support::{Home, Payer};
use payersync::warehouse::ReadOnlyWarehouse;
use rusqlite::Connection;

/// Gives every other connection the ledger of the first.
fn multiply_connections(warehouse: &Connection, copies: u32) {
    let columns = |table: &str| -> String {
        let sql = format!(
            "SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info('{table}')
             WHERE name NOT IN ('id', 'connection_id', 'uid', 'name')"
        );
        warehouse.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let of_connection = columns("connection");
    for copy in 0..copies {
        let name = format!("copy-{copy:04}");
        let sql = format!(
            "INSERT INTO connection (uid, name, {of_connection})
             SELECT ?1, ?1, {of_connection} FROM connection WHERE name = 'john'"
        );
        warehouse.execute(&sql, [&name]).unwrap();
        let id = warehouse.last_insert_rowid();
        for table in ["sync_walk", "type_state"] {
            let columns = columns(table);
            let sql = format!(
                "INSERT INTO {table} (connection_id, {columns}) SELECT ?1, {columns} FROM {table}
                 WHERE connection_id = (SELECT id FROM connection WHERE name = 'john')"
            );
            warehouse.execute(&sql, [id]).unwrap();
        }
    }
}

/// A home with one synced connection and copies of it.
fn home_of_many(payer: &Payer) -> Home {
    home_of(payer, 40)
}

fn home_of(payer: &Payer, copies: u32) -> Home {
    let home = payer.connected_home();
    home.succeed(&["sync", "--type", "Patient", "--type", "Coverage"], "nothing");
    multiply_connections(&home.warehouse(), copies);
    // A run's end tells SQLite how much there is.
    home.succeed(&["sync", "john", "--type", "Patient"], "many connections");
    home
}

#[test]
fn completeness_looks_through_all_walks_once_in_any_order() {
    let payer = Payer::small();
    let home = home_of_many(&payer);
    let at_first = "resource_type, state, resources";
    for order in ["connection", "connection_id", "plan, member", "resource_type", "checked_at"] {
        let sql = format!("SELECT connection, {at_first} FROM completeness ORDER BY {order}");
        let plan = home.rows(&format!("EXPLAIN QUERY PLAN {sql}")).into_iter();
        let plan: Vec<String> = plan.map(|row| row[3].clone()).collect();
        // A scan per part that is made once, and one of what leads.
        let leads = plan.iter().position(|step| step == "SCAN l").unwrap();
        let scans = |steps: &[String]| steps.iter().filter(|it| it.starts_with("SCAN")).count();
        assert_eq!(scans(&plan[leads..]), 1, "ORDER BY {order}: {plan:#?}");
    }
    let of_one = home.rows(&format!(
        "SELECT count(*), count(DISTINCT connection) FROM (SELECT connection, {at_first} FROM completeness)"
    ));
    let types = 2;
    assert_eq!(of_one, [[(41 * types).to_string(), "41".to_owned()]]);
}

#[test]
fn each_of_many_connections_is_told_with_its_own_types() {
    let payer = Payer::small();
    let home = home_of_many(&payer);
    home.warehouse()
        .execute_batch(
            "UPDATE sync_walk SET state = 'incomplete', reason = 'server_error' WHERE connection_id =
             (SELECT id FROM connection WHERE name = 'copy-0017') AND resource_type = 'Coverage'",
        )
        .unwrap();
    let outcome = home.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let connections = status["connections"].as_array().unwrap();
    assert_eq!(connections.len(), 41);
    for connection in connections {
        let types = connection["types"].as_array().unwrap();
        assert!(types.iter().all(|it| it["connection"] == connection["name"]), "{connection}");
        let states = |word| types.iter().filter(|it| it["state"] == word).count();
        let is_broken = connection["name"] == "copy-0017";
        assert_eq!(states("incomplete"), usize::from(is_broken), "{connection}");
        assert_eq!(connection["complete"], !is_broken, "{connection}");
    }
}

#[test]
fn a_connection_that_was_never_synced_is_in_its_place_among_the_others() {
    let payer = Payer::small();
    let home = home_of_many(&payer);
    // The first by name, one between, and the last.
    for (name, new) in [("copy-0000", "aaa"), ("copy-0017", "copy-0017"), ("copy-0039", "zzz")] {
        let of = format!("(SELECT id FROM connection WHERE name = '{name}')");
        for table in ["sync_walk", "type_state"] {
            let sql = format!("DELETE FROM {table} WHERE connection_id = {of}");
            home.warehouse().execute(&sql, []).unwrap();
        }
        let sql = format!("UPDATE connection SET name = '{new}' WHERE name = '{name}'");
        home.warehouse().execute(&sql, []).unwrap();
    }
    let outcome = home.run(&["status", "--json"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    let status: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!((&status["complete"], &status["exit_code"]), (&false.into(), &2.into()));
    let connections = status["connections"].as_array().unwrap();
    let told: Vec<&str> = connections.iter().map(|it| it["name"].as_str().unwrap()).collect();
    let names = home.rows("SELECT name FROM connection ORDER BY name").concat();
    assert_eq!(told, names);
    for connection in connections {
        let is_new = ["aaa", "copy-0017", "zzz"].contains(&connection["name"].as_str().unwrap());
        assert_eq!(connection["types"].as_array().unwrap().is_empty(), is_new, "{connection}");
        assert_eq!(connection["complete"], !is_new, "{connection}");
    }
    // Metrics have a line for each type that was asked for, sorted by connection.
    let metrics = home.run(&["status", "--prometheus"]);
    let complete = metrics.stdout.lines().filter(|line| line.starts_with("payersync_complete{"));
    let complete: Vec<&str> = complete.map(|line| line.split('"').nth(1).unwrap()).collect();
    let asked = home.rows(
        "SELECT connection FROM completeness WHERE state IN ('complete', 'incomplete', 'running')
         ORDER BY connection",
    );
    assert_eq!(complete, asked.concat());
}

#[test]
fn a_plan_of_many_connections_is_asked_once_what_it_declares() {
    let payer = Payer::small();
    let home = home_of_many(&payer);
    payer.clear_requests();
    let outcome = home.run(&["plan"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(outcome.stdout.matches("copy-").count(), 40, "{}", outcome.stdout);
    let asked: Vec<String> = payer.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(asked, ["/r4/metadata"]);
}

/// Ends the walk of a copy's type so.
fn fail(home: &Home, copy: &str) {
    home.warehouse()
        .execute(
            "UPDATE sync_walk SET state = 'incomplete', reason = 'server_error', detail = 'status 500'
             WHERE resource_type = 'Coverage'
               AND connection_id = (SELECT id FROM connection WHERE name = ?1)",
            [copy],
        )
        .unwrap();
}

#[test]
fn many_connections_are_told_by_plan_and_the_exceptions_by_name() {
    let payer = Payer::small();
    let home = home_of(&payer, 60);
    let fine = home.run(&["status"]);
    assert_eq!(fine.code, 0, "{}{}", fine.stdout, fine.stderr);
    assert!(fine.stdout.contains("Plan demo: 61 connections, all complete"), "{}", fine.stdout);
    assert!(!fine.stdout.contains("copy-"), "{}", fine.stdout);

    fail(&home, "copy-0017");
    let odd = home.run(&["status"]);
    assert_eq!(odd.code, home.run(&["status", "--json"]).code, "{}", odd.stdout);
    assert!(odd.stdout.contains("61 connections, 60 complete"), "{}", odd.stdout);
    assert!(odd.stdout.contains("1 exception"), "{}", odd.stdout);
    assert!(odd.stdout.contains("copy-0017") && odd.stdout.contains("500"), "{}", odd.stdout);
    assert_eq!(odd.stdout.matches("copy-").count(), 1, "{}", odd.stdout);

    (0..30).for_each(|copy| fail(&home, &format!("copy-{copy:04}")));
    let many = home.run(&["status"]);
    assert!(many.stdout.contains("61 connections, 31 complete"), "{}", many.stdout);
    assert!(many.stdout.contains("Further exceptions: copy-0020"), "{}", many.stdout);
    assert!(many.stdout.contains("copy-0029"), "{}", many.stdout);
}

/// The exit code of `status`, which more than fifty connections get by plan, and of `status --json`.
#[test]
fn many_connections_are_as_old_as_each_of_them_is_by_itself() {
    let payer = Payer::small();
    let home = home_of(&payer, 60);
    let date = |copy: &str, walks: &str, at: &str| {
        let sql = format!(
            "UPDATE sync_walk SET walk_started_at = '{at}-01-01T00:00:00.000Z' WHERE {walks}
               AND connection_id = (SELECT id FROM connection WHERE name = '{copy}')"
        );
        assert!(home.warehouse().execute(&sql, []).unwrap() > 0, "{sql}");
    };
    let agreed = |code: i32, told: &str| {
        let fleet = home.run(&["status", "--max-age", "36h"]);
        assert_eq!(fleet.code, code, "{}{}", fleet.stdout, fleet.stderr);
        assert!(fleet.stdout.contains(told), "{told}: {}", fleet.stdout);
        let each = home.run(&["status", "--max-age", "36h", "--json"]);
        assert_eq!(each.code, code, "{}", each.stdout);
        fleet.stdout
    };
    agreed(0, "61 connections, all complete");
    // Its walks are all dated by a clock that was ahead, and no earlier one is known.
    date("copy-0003", "true", "2999");
    agreed(0, "61 connections, all complete");
    date("copy-0017", "resource_type = 'Coverage'", "2025");
    let told = agreed(2, "61 connections, 60 complete");
    assert!(told.contains("Stale: Coverage: nothing was completed since 2025-01-01"), "{told}");
    // The latest walks of john are in the future, and one walk of a type before them is known.
    let first = "id = (SELECT min(id) FROM sync_walk WHERE resource_type = 'Patient')";
    date("john", "true", "2999");
    date("john", first, "2024");
    let told = agreed(2, "61 connections, 59 complete");
    assert!(told.contains("nothing was completed since 2024-01-01"), "{told}");
    assert_eq!(home.run(&["status", "john", "--max-age", "36h"]).code, 2);
    // A type that the configuration no longer asks for makes nothing stale. The plan's line tells its age.
    date("john", "true", "2999");
    payer.configure(&home, "types = [\"Patient\"]\n");
    agreed(0, "all complete, the oldest as of 2025-01-01 00:00");
}

/// When the last part of a full walk ends, the walk counts from its first night, as long ago as that is.
#[test]
fn a_full_walk_that_took_nights_beside_walks_of_changes_makes_nothing_stale() {
    let payer = Payer::small();
    let home = home_of(&payer, 60);
    let of_john = "resource_type = 'Patient'
        AND connection_id = (SELECT id FROM connection WHERE name = 'john')";
    let date = |walks: &str| {
        let sql = format!(
            "UPDATE sync_walk SET walk_started_at = '2025-01-01T00:00:00.000Z' WHERE {walks}"
        );
        home.warehouse().execute(&sql, []).unwrap()
    };
    let codes = || {
        [&["--json"][..], &[], &["john"]]
            .map(|more| home.run(&[&["status", "--max-age", "36h"], more].concat()).code)
    };
    let newest = format!("id = (SELECT max(id) FROM sync_walk WHERE {of_john})");
    assert_eq!(date(&newest), 1);
    assert_eq!(codes(), [0, 0, 0]);
    assert!(date(of_john) > 1);
    assert_eq!(codes(), [2, 2, 2]);
}

#[test]
fn one_connection_is_looked_up_as_the_view_completeness_has_it() {
    let payer = Payer::small();
    let home = home_of(&payer, 3);
    home.succeed(&["sync", "john"], "copies");
    // Walks of every kind that the view counts as complete.
    for (mode, resource_type) in [("everything", "Coverage"), ("attachment", "Patient")] {
        let sql =
            format!("UPDATE sync_walk SET mode = '{mode}' WHERE resource_type = '{resource_type}'");
        home.warehouse().execute(&sql, []).unwrap();
    }
    let warehouse = ReadOnlyWarehouse::open(&home.warehouse_file()).unwrap();
    let all = warehouse.status().unwrap();
    for row in warehouse.connections().unwrap() {
        let of_view: Vec<_> = all.iter().filter(|it| it.connection == row.name).cloned().collect();
        assert!(!of_view.is_empty());
        assert_eq!(warehouse.status_of(row.id).unwrap(), of_view);
        let oldest = of_view.iter().filter_map(|it| it.complete_as_of.clone()).min();
        let now = chrono::Utc::now();
        assert_eq!(warehouse.standings(now).unwrap()[&row.id].complete_as_of, oldest);
        let walks = warehouse.complete_until(row.id, now).unwrap();
        for status in &of_view {
            assert_eq!(walks.get(&status.resource_type), status.complete_as_of.as_ref());
        }
    }
}

#[test]
fn many_connections_whose_walks_are_the_same_are_planned_together() {
    let payer = Payer::small();
    let home = home_of(&payer, 60);
    // One of them was never synced.
    let forgotten = "(SELECT id FROM connection WHERE name = 'copy-0042')";
    for table in ["sync_walk", "type_state"] {
        let sql = format!("DELETE FROM {table} WHERE connection_id = {forgotten}");
        home.warehouse().execute(&sql, []).unwrap();
    }
    let plan = home.run(&["plan"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let heads: Vec<&str> = plan.stdout.lines().filter(|it| it.contains(" at plan demo")).collect();
    assert!(
        heads.iter().any(|head| head.starts_with("60 connections at plan demo: ")),
        "{heads:?}"
    );
    assert!(heads.contains(&"1 connection at plan demo: copy-0042"), "{heads:?}");
    let named = home.run(&["plan", "copy-0042"]);
    assert!(named.stdout.starts_with("copy-0042 at plan demo"), "{}", named.stdout);
}
