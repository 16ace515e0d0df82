//! SIGKILL while a connection is made: the home stays one that works.

use crate::support::{Consenting, Home, Payer, Watched};
use payersync::sandbox::{Fault, Options};
use std::{fs, time::Duration};

fn asked_for_tokens(payer: &Payer) -> bool {
    payer.requests().iter().any(|request| request.path.ends_with("/oauth2/token"))
}

fn size(home: &Home, file: &str) -> u64 {
    fs::metadata(home.file(file)).map_or(0, |found| found.len())
}

/// Connects and syncs in a home where something was killed.
fn assert_works(payer: &Payer, home: &Home, when: &str) {
    let status = home.run(&["status"]);
    assert!([1, 2, 5].contains(&status.code), "{when}: {}: {}", status.code, status.stderr);
    payer.connect(home, "john", 0);
    let synced = home.run(&["sync", "--type", "Patient"]);
    assert_eq!(synced.code, 0, "{when}: {}", synced.stderr);
    let verified = home.run(&["verify"]);
    assert_eq!(verified.code, 0, "{when}: {}{}", verified.stdout, verified.stderr);
    let connections: i64 = home.value("SELECT count(*) FROM connection");
    assert_eq!(connections, 1, "{when}");
}

#[test]
fn a_kill_while_the_tables_are_made_leaves_a_warehouse_that_works() {
    let payer = Payer::start(Options::default());
    let calm = payer.connected_home();
    let schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2";
    let expected = calm.rows(schema);
    let whole = size(&calm, "warehouse.db") + size(&calm, "warehouse.db-wal");
    // Between nothing but the file and nearly all tables, as far as the log has grown.
    let mut inside = 0;
    for tenth in 0..10 {
        let home = Home::new();
        payer.configure(&home, "");
        let connect = ["connect", "john", "--plan", "demo", "--code", "-"];
        let mut run = Watched::start(&home, &connect);
        let until = whole * tenth / 10;
        let grown = || {
            home.file("warehouse.db").exists()
                && size(&home, "warehouse.db") + size(&home, "warehouse.db-wal") >= until
        };
        run.until(grown);
        run.kill();
        let tables = home.rows("SELECT name FROM sqlite_schema WHERE type = 'table'").len();
        inside += usize::from(tables < expected.len() / 2);
        let when = format!("killed at {tenth} tenths, {tables} tables");
        assert_works(&payer, &home, &when);
        assert_eq!(home.rows(schema), expected, "{when}");
    }
    assert!(inside > 0, "no kill came before the tables were there");
}

#[test]
fn a_kill_while_a_code_is_exchanged_costs_a_consent_at_most() {
    let payer = Payer::start(Options::default());
    for moment in 0..6u64 {
        let home = Home::new();
        payer.configure(&home, "");
        payer.set_faults(if moment < 3 { vec![Fault::TokenSlow] } else { Vec::new() });
        payer.clear_requests();
        let run = Consenting::start(&payer, &home, "demo", "john", 0, &[]).answer();
        if moment < 3 {
            // While the payer takes its time.
            std::thread::sleep(Duration::from_millis(1 + 200 * moment));
        } else {
            // Between the answer, the vault and the warehouse.
            while !asked_for_tokens(&payer) {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(2 * (moment - 3)));
        }
        run.kill();
        payer.set_faults(Vec::new());
        assert_works(&payer, &home, &format!("moment {moment}"));
    }
}
