//! A purged member leaves no byte behind; nobody else loses one.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;
use std::{collections::HashSet, fs, path::Path, process::Stdio, thread, time::Duration};

/// Long enough that two members do not share it by chance.
const CANARY_BYTES: usize = 12;

struct Purgeable {
    payer: Payer,
    home: Home,
    canaries: HashSet<Vec<u8>>,
}

/// A home with `leaver`, who has history, a pending consent and planner samples, and `stayer`.
fn purgeable(more: &str) -> Purgeable {
    let payer = Payer::start(Options { members: 2, ..Options::default() });
    let home = Home::new();
    payer.configure(&home, more);
    payer.connect(&home, "leaver-in-chief", 0);
    payer.connect(&home, "stayer", 1);
    assert_eq!(home.run(&["sync"]).code, 0);
    let claim = home.value::<String>(
        "SELECT resource_id FROM resource WHERE connection_id = 1
           AND resource_type = 'ExplanationOfBenefit' LIMIT 1",
    );
    assert!(payer.amend(0, "ExplanationOfBenefit", &claim));
    assert_eq!(home.run(&["sync"]).code, 0);
    assert!(home.value::<i64>("SELECT count(*) FROM resource_version") > 0);
    // As a rebuild leaves it that was killed after one of the leaver's claims.
    home.warehouse()
        .execute(
            "INSERT INTO table_rebuild VALUES ('ExplanationOfBenefit', x'00', '[]', 1, ?1, 1, '')",
            [&claim],
        )
        .unwrap();
    home.warehouse().execute_batch("ANALYZE").unwrap();
    fs::write(home.file("pending-leaver-in-chief.json"), "{}").unwrap();
    let canaries = canaries(&payer, &home);
    assert!(canaries.len() > 100, "{}", canaries.len());
    // As killed backups and restores leave them.
    for name in ["warehouse.db.staging", "warehouse.db.staging-wal", "warehouse.db.partial"] {
        fs::write(home.file(name), canaries.iter().flatten().copied().collect::<Vec<u8>>())
            .unwrap();
    }
    Purgeable { payer, home, canaries }
}

/// The beginnings of all texts that only the first member's data has.
fn canaries(payer: &Payer, home: &Home) -> HashSet<Vec<u8>> {
    let texts = |member: u32| {
        let mut texts = HashSet::new();
        for resource_type in payer.types() {
            for json in payer.resources(member, resource_type) {
                gather(&serde_json::from_str(&json).unwrap(), &mut texts);
            }
        }
        texts
    };
    let (mine, others) = (texts(0), texts(1));
    let uid = home.value::<String>("SELECT uid FROM connection WHERE id = 1").into_bytes();
    let mut canaries: HashSet<_> = mine.difference(&others).cloned().collect();
    canaries.insert(uid[..CANARY_BYTES].to_vec());
    canaries.insert(b"leaver-in-chief"[..CANARY_BYTES].to_vec());
    canaries
}

fn gather(value: &serde_json::Value, texts: &mut HashSet<Vec<u8>>) {
    match value {
        // An instant is in every file.
        serde_json::Value::String(text)
            if text.len() >= CANARY_BYTES && text.as_bytes()[10] != b'T' =>
        {
            texts.insert(text.as_bytes()[..CANARY_BYTES].to_vec());
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        serde_json::Value::Object(members) => {
            members.values().for_each(|member| gather(member, texts));
        }
        _ => {}
    }
}

/// Every canary in every file below a folder, with the file.
fn sightings(folder: &Path, canaries: &HashSet<Vec<u8>>) -> Vec<String> {
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            seen.extend(sightings(&path, canaries));
            continue;
        }
        let name = path.to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        for text in bytes.windows(CANARY_BYTES).chain([name.as_bytes()]) {
            if canaries.contains(text) {
                seen.push(format!("{name}: {}", String::from_utf8_lossy(text)));
            }
        }
        if name.contains("leaver") {
            seen.push(name);
        }
    }
    seen.sort();
    seen.dedup();
    seen
}

/// Every row of the other member, in every table that has one.
fn stayers_rows(home: &Home) -> String {
    let tables = home
        .rows(
            "SELECT s.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c
             WHERE s.type = 'table' AND c.name = 'connection_id' AND s.name <> 'access_log'
             ORDER BY 1",
        )
        .concat();
    let rows = |table: &String| {
        let mut rows = home.rows(&format!("SELECT * FROM \"{table}\" WHERE connection_id = 2"));
        rows.sort_unstable();
        rows
    };
    format!("{:?}", tables.iter().map(rows).collect::<Vec<_>>())
}

#[test]
fn what_does_not_fit_memory_is_spilled_inside_the_home() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    let asked = home.run(&["query", "--format", "csv", "PRAGMA temp_store_directory"]);
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    let folder = asked.stdout.lines().nth(1).unwrap();
    assert_eq!(std::path::Path::new(folder), home.path(), "{}", asked.stdout);
}

#[test]
fn a_purged_member_is_in_no_file_and_the_other_one_is_untouched() {
    let Purgeable { home, canaries, payer: _payer } = purgeable("");
    let before = sightings(home.path(), &canaries);
    let planner = "SELECT count(*) FROM sqlite_stat4 WHERE instr(sample, 'leaver') = 0";
    assert!(before.iter().any(|seen| seen.contains("vault.db")), "{before:?}");
    assert!(before.len() > canaries.len() / 2);
    assert!(home.value::<i64>(planner) > 0);
    let stayer = stayers_rows(&home);

    let purged = home.run(&["purge", "leaver-in-chief", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(purged.stdout.contains(" 0 left; tokens removed"), "{}", purged.stdout);
    assert!(purged.stdout.contains("resource_version"), "{}", purged.stdout);
    assert!(purged.stderr.contains("no revocation_url"), "{}", purged.stderr);
    assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new());
    assert_eq!(stayers_rows(&home), stayer);
    assert_eq!(home.rows("SELECT name FROM connection"), [["stayer"]]);
    assert_eq!(home.rows("PRAGMA foreign_key_check"), Vec::<Vec<String>>::new());
    let logged = home.rows("SELECT command, connection_id, target FROM access_log");
    assert_eq!(logged, [["purge", "1", ""]]);

    let again = home.run(&["purge", "leaver-in-chief", "--yes"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert_eq!(home.run(&["sync"]).code, 0);
}

#[test]
fn a_killed_purge_can_be_repeated_until_nothing_is_left() {
    let Purgeable { home, canaries, .. } = purgeable("");
    let stayer = stayers_rows(&home);
    let arguments = ["purge", "leaver-in-chief", "--yes"];
    for milliseconds in [5, 15, 30, 60, 90, 130, 180, 240] {
        let mut child =
            home.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Wherever this ends it, the last run below must come to the same.
        thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last = home.run(&arguments);
    assert!(last.code == 0 || last.stderr.contains("there is no connection"), "{}", last.stderr);
    assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new());
    assert_eq!(stayers_rows(&home), stayer);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 0);
}

#[test]
fn a_purge_whose_rows_are_gone_is_finished_under_the_same_name() {
    let Purgeable { home, canaries, .. } = purgeable("");
    let file = home.warehouse_file();
    let payersync::warehouse::PurgeTarget::Connection(row) =
        payersync::warehouse::find_for_purge(&file, "leaver-in-chief").unwrap()
    else {
        panic!("it is there")
    };
    let now = chrono::Utc::now();
    let purged = payersync::warehouse::purge_rows(&file, &row, "a test", now).unwrap();
    assert_eq!(purged.left, 0);
    let warehouse = fs::read(file.path()).unwrap();
    assert!(warehouse.windows(CANARY_BYTES).any(|bytes| canaries.contains(bytes)));

    let finished = home.run(&["purge", "leaver-in-chief", "--yes"]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stderr.contains("Finished an earlier purge"), "{}", finished.stderr);
    let left = sightings(home.path(), &canaries);
    // The tokens go first, and this test left that step out.
    assert!(left.iter().all(|seen| !seen.contains("warehouse.db")), "{left:?}");
}

#[test]
fn without_a_terminal_or_yes_nothing_is_removed() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    let refused = home.run(&["purge", "john"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("payersync purge john --yes"), "{}", refused.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 1);
    assert_eq!(home.run(&["purge", "jack", "--yes"]).code, 1);
}

#[test]
fn a_plan_that_does_not_revoke_keeps_nothing_from_going_and_is_told() {
    let payer = Payer::start(Options::default());
    let home = Home::new();
    let revocation_url = format!("revocation_url = \"{}/oauth2/revoke\"\n", payer.origin());
    payer.configure(&home, &revocation_url);
    payer.connect(&home, "john", 0);
    let purged = home.run(&["purge", "john", "--yes"]);
    assert_eq!(purged.code, 4, "{}", purged.stderr);
    assert!(purged.stderr.contains("did not revoke"), "{}", purged.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 0);
}
