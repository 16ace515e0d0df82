//! A home of very many connections: what is looked up for each costs no more with each.

use crate::support::{Home, Payer};
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
    let home = payer.connected_home();
    home.succeed(&["sync", "--type", "Patient", "--type", "Coverage"], "nothing");
    multiply_connections(&home.warehouse(), 40);
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
