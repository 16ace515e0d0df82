//! A purge that was interrupted: whichever run ends it names the copies, and takes nobody else.

use crate::support::{Dictated, Home};
use payersync::{
    auth::{StoredGrant, Vault},
    warehouse::{
        Access, PurgeTarget, Purged, find_for_purge, log_access, purge_rows, unfinished_name,
    },
};
use std::{
    fs,
    io::Write,
    path::Path,
    process::{self, Stdio},
    thread,
    time::UNIX_EPOCH,
};

const PURGE: [&str; 3] = ["purge", "john", "--yes"];

/// A home with `john`, who has data.
fn home(more: &str) -> (Dictated, Home) {
    let payer = Dictated::start();
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"p"}"#]);
    let home = payer.home(more);
    home.succeed(&["sync", "--type", "Patient"], "a consent");
    (payer, home)
}

fn connect(home: &Home, name: &str) {
    home.succeed(&["connect", name, "--plan", "demo", "--code", "a-code"], name);
}

/// What a purge does until its rows are gone, without the tokens: what a killed one may leave.
fn interrupted(home: &Home, name: &str) -> Purged {
    let file = home.warehouse_file();
    let PurgeTarget::Connection(row) = find_for_purge(&file, name).unwrap() else {
        panic!("{name} is there, and no purge of that name is unfinished")
    };
    purge_rows(&file, &row, "a test", chrono::Utc::now()).unwrap()
}

fn unfinished(home: &Home) -> i64 {
    home.value("SELECT count(*) FROM purge_unfinished")
}

fn tokens(home: &Home) -> Vec<(String, StoredGrant)> {
    let rows = Vault::open(home.path(), None).unwrap().list().unwrap();
    rows.into_iter().map(|(uid, grant)| (uid, grant.unwrap())).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_run_that_ends_a_purge_names_every_copy_and_so_does_the_next_purge() {
    let (_payer, home) = home("");
    connect(&home, "bob");
    let outside = Home::new();
    let (all, named) = (outside.file("all.db"), outside.file("john-2025.db"));
    for copy in [&all, &named] {
        home.succeed(&["backup", text(copy)], "a sync");
    }
    assert_eq!(interrupted(&home, "john").copies, [text(&all), text(&named)]);
    let logged = "SELECT count(*) FROM access_log WHERE instr(target, 'john') > 0";
    assert_eq!(home.value::<i64>(logged), 0);
    let without_name = outside.file("…-2025.db");
    for name in ["john", "bob"] {
        let purged = home.run(&["purge", name, "--yes"]);
        assert_eq!(purged.code, 0, "{name}: {}", purged.stderr);
        let is_of_earlier = purged.stderr.contains("Finished an earlier purge");
        assert_eq!(is_of_earlier, name == "john", "{}", purged.stderr);
        for copy in [&all, &without_name] {
            let times = purged.stderr.matches(text(copy)).count();
            assert_eq!(times, 1, "{name}, {}: {}", copy.display(), purged.stderr);
        }
        assert_eq!(unfinished(&home), 0, "{name}");
        let verified = home.run(&["verify"]);
        assert_eq!(verified.code, 0, "{name}: {}", verified.stdout);
    }
}

#[test]
fn a_purge_in_one_run_names_a_copy_once_and_with_its_name() {
    let (_payer, home) = home("");
    let copy = home.file("of-john.db");
    home.succeed(&["backup", text(&copy)], "a sync");
    let purged = home.run(&PURGE);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert_eq!(purged.stderr.matches(text(&copy)).count(), 1, "{}", purged.stderr);
    assert!(!purged.stderr.contains('…'), "{}", purged.stderr);
    let looked = home.run(&["doctor", "--offline", "--production"]).stdout;
    assert!(looked.contains("its path had the name of a connection"), "{looked}");
}

#[test]
fn a_repeated_purge_takes_no_connection_that_was_made_since() {
    let (_payer, home) = home("");
    interrupted(&home, "john");
    connect(&home, "john");
    let repeated = home.run(&PURGE);
    assert_eq!(repeated.code, 1, "{}", repeated.stderr);
    assert!(repeated.stderr.contains("Finished an earlier purge"), "{}", repeated.stderr);
    assert!(
        repeated.stderr.contains("the connection that now has this name was not purged"),
        "{}",
        repeated.stderr
    );
    assert_eq!((unfinished(&home), tokens(&home).len()), (0, 1));
    assert_eq!(home.rows("SELECT name FROM connection"), [["john"]]);
    // Asked once more, it is meant.
    assert_eq!(home.run(&PURGE).code, 0);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 0);
    assert_eq!(tokens(&home).len(), 0);
}

/// The key of an encrypted warehouse is derived from the vault's.
#[cfg(not(feature = "encryption"))]
#[test]
fn a_purge_is_finished_even_if_the_key_of_the_tokens_is_lost() {
    let (_payer, home) = home("");
    interrupted(&home, "john");
    fs::remove_file(home.file("vault.key")).unwrap();
    let repeated = home.run(&PURGE);
    assert_ne!(repeated.code, 0, "{}", repeated.stderr);
    assert!(repeated.stderr.contains("Finished an earlier purge"), "{}", repeated.stderr);
    assert_eq!(unfinished(&home), 0);
}

#[test]
fn an_unknown_name_is_not_called_purged_because_another_purge_is_finished() {
    let (_payer, home) = home("");
    connect(&home, "bob");
    interrupted(&home, "bob");
    let mistyped = home.run(&["purge", "jon", "--yes"]);
    assert_eq!(mistyped.code, 1, "{}", mistyped.stderr);
    assert!(mistyped.stderr.contains("Finished an earlier purge"), "{}", mistyped.stderr);
    assert!(mistyped.stderr.contains("there is no connection jon"), "{}", mistyped.stderr);
    assert_eq!(home.rows("SELECT name FROM connection"), [["john"]]);
    assert_eq!(unfinished(&home), 0);
    // The purge of a connection that is there ends the earlier one on its way.
    connect(&home, "bob");
    interrupted(&home, "bob");
    assert_eq!(home.run(&PURGE).code, 0);
    assert_eq!(unfinished(&home), 0);
    let nothing = home.run(&["purge", "--finish"]);
    assert_eq!(nothing.code, 0, "{}", nothing.stderr);
    assert!(nothing.stderr.contains("No purge is unfinished"), "{}", nothing.stderr);
}

#[test]
fn a_copy_under_way_is_named_and_what_a_killed_one_left_long_ago_is_removed() {
    let (_payer, home) = home("");
    let outside = Home::new();
    let [under_way, killed, young, never] =
        ["under-way.db", "killed", "young.db", "never.db"].map(|name| outside.file(name));
    let of_backup = [&under_way, &young, &never].map(|target| ("backup", target));
    for (command, target) in of_backup.into_iter().chain([("export", &killed)]) {
        let access = Access {
            os_user: "a test".to_owned(),
            command,
            connection_id: None,
            target: Some(text(target).to_owned()),
            detail: Some("begun".to_owned()),
        };
        log_access(&home.warehouse_file(), &access, chrono::Utc::now()).unwrap();
    }
    let partial = |target: &Path| unfinished_name(target, &home.file("warehouse.db")).unwrap();
    // This test is at work on the first one, and no process here has the number of the others'.
    let (ours, number) = (partial(&under_way), format!("-{}-", process::id()));
    let [of_dead, of_young] =
        [&killed, &young].map(|it| text(&partial(it)).replace(&number, "-2000000000-"));
    fs::write(&ours, "health data").unwrap();
    fs::create_dir(&of_dead).unwrap();
    fs::File::open(&of_dead).unwrap().set_modified(UNIX_EPOCH).unwrap();
    // A process in another container may write this one: its number says nothing here.
    fs::write(&of_young, "health data").unwrap();
    let looked = home.run(&["doctor", "--offline"]);
    assert!(looked.stdout.contains("killed."), "{}", looked.stdout);

    let purged = home.run(&PURGE);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(purged.stderr.contains(text(&under_way)), "{}", purged.stderr);
    assert!(!purged.stderr.contains("never.db"), "{}", purged.stderr);
    assert!(!purged.stderr.contains("killed"), "{}", purged.stderr);
    assert!(purged.stderr.contains(&of_young), "{}", purged.stderr);
    assert!(ours.exists() && Path::new(&of_young).exists() && !Path::new(&of_dead).exists());
}

#[test]
fn tokens_that_no_connection_uses_go_with_a_purge_of_their_name_or_its_next_consent() {
    let (payer, home) = home("");
    interrupted(&home, "john");
    home.succeed(&["purge", "--finish"], "rows that are gone");
    let looked = home.run(&["doctor", "--offline"]);
    assert!(looked.stdout.contains("`payersync purge john` revokes"), "{}", looked.stdout);
    let without_yes = home.run(&["purge", "john"]);
    assert_eq!((without_yes.code, tokens(&home).len()), (1, 1), "{}", without_yes.stderr);
    let purged = home.run(&PURGE);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(purged.stderr.contains("Removed tokens of john at plan demo"), "{}", purged.stderr);
    assert_eq!(tokens(&home).len(), 0);
    assert_eq!(home.run(&PURGE).code, 1);

    let lose_the_warehouse = || {
        for name in home.names().iter().filter(|name| name.starts_with("warehouse.db")) {
            fs::remove_file(home.file(name)).unwrap();
        }
    };
    for _ in 0..2 {
        assert_eq!(payer.connect(&home, &[]).code, 0);
        let [(uid, _)] = &tokens(&home)[..] else { panic!("one consent's tokens alone") };
        assert_eq!(*uid, home.value::<String>("SELECT uid FROM connection"));
        lose_the_warehouse();
    }
    assert_eq!(home.run(&PURGE).code, 0);
    assert_eq!(tokens(&home).len(), 0);
    assert!(!home.names().contains(&"warehouse.db".to_owned()));
}

#[test]
fn tokens_of_the_name_of_a_connection_of_files_go_with_its_purge() {
    let (_payer, home) = home("");
    interrupted(&home, "john");
    home.succeed(&["purge", "--finish"], "rows that are gone");
    let file = home.write_private("of-john.ndjson", r#"{"resourceType":"Patient","id":"q"}"#);
    home.succeed(&["import", "john", text(&file)], "the purge of the consent");
    let looked = home.run(&["doctor", "--offline"]).stdout;
    assert!(looked.contains("only `payersync purge john` removes them"), "{looked}");
    assert!(!looked.contains("again removes them"), "{looked}");
    assert_eq!(home.run(&PURGE).code, 0);
    assert_eq!(tokens(&home).len(), 0);
}

#[test]
fn a_consent_is_told_whole_although_what_it_replaces_cannot_be_removed() {
    let (payer, home) = home("");
    let (_, grant) = tokens(&home).pop().unwrap();
    Vault::open(home.path(), None).unwrap().put("stray", &grant).unwrap();
    // What locks the refreshes of these tokens is a folder, which is removed by no purge.
    let lock = home.file("locks").join("stray.lock");
    fs::create_dir(&lock).unwrap();
    let connected = payer.connect(&home, &[]);
    assert_eq!(connected.code, 0, "{}", connected.stderr);
    assert!(connected.stderr.contains(text(&lock)), "{}", connected.stderr);
    assert!(connected.stderr.contains("Next: "), "{}", connected.stderr);
}

#[test]
fn a_consent_that_was_never_given_goes_with_a_purge_or_with_the_answer_no() {
    let (_payer, home) = home("");
    let pending = home.file("pending-mary.json");
    let ask = ["connect", "mary", "--plan", "demo", "--code", "-"];
    assert_ne!(home.run(&ask).code, 0);
    assert!(pending.exists());
    assert_eq!(home.run(&["purge", "mary", "--yes"]).code, 0);
    assert!(!pending.exists());
    assert_eq!(home.run(&["purge", "mary", "--yes"]).code, 1);

    assert_ne!(home.run(&ask).code, 0);
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(&pending).unwrap()).unwrap();
    let state = kept["expected"]["state"].as_str().unwrap();
    let refuse = |state: &str| {
        let answer = format!("http://127.0.0.1/callback?error=access_denied&state={state}");
        home.run(&["connect", "mary", "--plan", "demo", "--code", &answer]).code
    };
    assert_ne!(refuse("another"), 3);
    assert!(pending.exists(), "anybody can say no to another request");
    assert_eq!(refuse(state), 3);
    assert!(!pending.exists());
}

#[test]
fn a_purge_waits_for_a_refresh_and_revokes_the_tokens_that_came_of_it() {
    let payer = Dictated::start();
    let url = payer.token_url().replace("/token", "/revoke");
    let home = payer.home(&format!("revocation_url = \"{url}\"\n"));
    let uid: String = home.value("SELECT uid FROM connection");
    let turn = || payersync::auth::refresh_turn(home.path(), &uid);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let held = runtime.block_on(turn()).unwrap().unwrap();
    let mut purge =
        home.command(&PURGE).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // It takes the home's lock first, and then waits for the refresh.
    while !fs::read_to_string(home.file("lock")).is_ok_and(|it| it.contains("purge")) {
        assert!(purge.try_wait().unwrap().is_none(), "it did not wait");
        thread::yield_now();
    }
    // Another member's consent does not wait for it: a code can be redeemed once.
    connect(&home, "bob");
    assert!(purge.try_wait().unwrap().is_none(), "it did not wait");
    let vault = Vault::open(home.path(), None).unwrap();
    let mut grant = vault.get(&uid).unwrap().unwrap();
    grant.refresh = Some("rotated".into());
    vault.put(&uid, &grant).unwrap();
    drop(held);
    // The payer does not know the address, so that nothing is revoked.
    assert_eq!(purge.wait().unwrap().code(), Some(4));
    let asked = payer.script().received.clone();
    let asked: Vec<_> = asked.iter().filter(|it| it.path == "/revoke").collect();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|it| it.body.contains("token=rotated")), "{asked:?}");
    let left: Vec<_> = tokens(&home).into_iter().map(|(_, grant)| grant.name).collect();
    assert_eq!(left, ["bob"]);
}

#[test]
fn a_purge_waits_for_a_consent_and_an_encrypted_backup_before_it_removes_anything() {
    let (_payer, home) = home("");
    for name in ["consent.lock", "backup.lock"] {
        let mut lock = fs::File::create(home.file(name)).unwrap();
        lock.lock().unwrap();
        // Nobody waits for this owner.
        writeln!(lock, "`payersync sync`, process 1").unwrap();
        let refused = home.run(&PURGE);
        assert_eq!(refused.code, 6, "{name}: {}", refused.stderr);
        assert_eq!((unfinished(&home), tokens(&home).len()), (0, 1), "{name}");
    }
    assert_eq!(home.run(&PURGE).code, 0);
}
