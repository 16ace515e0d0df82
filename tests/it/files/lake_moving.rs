//! `lake sync` of a connection between two homes: it is in the lake once.
#![cfg(feature = "lake")]

use crate::{
    files::lake::{log, run, sync, two_members},
    support::Home,
};
use serde_json::Value;
use std::path::Path;

#[test]
fn a_connection_that_is_moving_in_is_left_to_the_home_that_it_comes_from() {
    let (_payer, home) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    home.warehouse()
        .execute_batch(
            "INSERT INTO connection_move
               SELECT id, 'arriving', '/elsewhere', '2026-01-01T00:00:00.000Z' FROM connection
               WHERE name = 'mary'",
        )
        .unwrap();
    sync(&home, &lake, &["--shard", "a"]);
    let john = home.value::<i64>("SELECT id FROM connection WHERE name = 'john'");
    let of =
        |line: &Value| line["add"]["tags"]["payersync.connections"].as_str().map(str::to_owned);
    let written: Vec<String> = log(&lake, "patient").iter().filter_map(of).collect();
    assert_eq!(written.len(), 1, "{written:?}");
    let digests: Value = serde_json::from_str(&written[0]).unwrap();
    assert_eq!(digests.as_object().unwrap().keys().collect::<Vec<_>>(), [&john.to_string()]);
    // Killed behind its arrival there, it is in both homes' files, and in the lake as the other home's.
    let connections = || {
        let mut tags = log(&lake, "patient").into_iter().filter_map(|line| of(&line));
        let digests: Value = serde_json::from_str(&tags.next_back().unwrap()).unwrap();
        digests.as_object().unwrap().len()
    };
    let there = home.copy();
    let move_to = |direction: &str, other: &Path| {
        let sql = "UPDATE connection_move SET direction = ?1, other_home = ?2";
        home.warehouse().execute(sql, [direction, other.to_str().unwrap()]).unwrap();
    };
    move_to("leaving", there.path());
    sync(&home, &lake, &[]);
    assert_eq!(connections(), 2, "it is still arriving there");
    there.warehouse().execute("DELETE FROM connection_move", []).unwrap();
    sync(&home, &lake, &[]);
    assert_eq!(connections(), 1);
    move_to("leaving", Path::new("/elsewhere"));
    let outcome = run(&home, &lake, &[]);
    assert_eq!((outcome.code, connections()), (2, 2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("mary is on its way to /elsewhere"), "{}", outcome.stderr);
}
