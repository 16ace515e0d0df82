//! What `lake sync` says, each time, of a lake that is not quite the warehouse.
#![cfg(feature = "lake")]

use crate::{
    files::lake::{run, sync, two_members},
    support::Home,
};

#[test]
fn cells_that_are_left_out_and_marts_that_are_behind_are_told_each_time() {
    let (_payer, home) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    let change = |sql: &str| home.warehouse().execute_batch(sql).unwrap();
    change(
        "ALTER TABLE patient ADD COLUMN shoe_size INTEGER;
         UPDATE patient SET shoe_size = 'large' WHERE connection_id = 1",
    );
    let left_out = "patient.shoe_size is NULL in ";
    for arguments in [&["--shard", "a"][..], &[]] {
        let outcome = run(&home, &lake, arguments);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(left_out), "{}", outcome.stderr);
    }
    change("UPDATE patient SET shoe_size = 44; INSERT INTO mart_due VALUES (1)");
    let behind = "john: its marts are older than its tables";
    for _ in 0..2 {
        let told = sync(&home, &lake, &[]);
        assert!(!told.contains(left_out) && told.contains(behind), "{told}");
    }
}
