//! A build that encrypts: everything works, nothing is in clear, and the wrong key says so.
#![cfg(feature = "encryption")]

use crate::never_lost::backup_sealed::{holds, synced, text};
use crate::support::Home;
use age::x25519::Identity;
use secrecy::ExposeSecret;
use std::{fs, path::Path};

const RESOURCES: &str =
    "SELECT connection_id, resource_type, resource_id, json FROM resource ORDER BY 1, 2, 3";

/// As a build that does not encrypt has it.
fn in_clear(home: &Home, path: &Path) {
    let warehouse = home.warehouse();
    warehouse.execute("ATTACH ?1 AS clear KEY ''", [text(path)]).unwrap();
    warehouse.query_row("SELECT sqlcipher_export('clear')", [], |_| Ok(())).unwrap();
}

#[test]
fn encrypted_stays_under_its_key_whatever_a_query_asks() {
    let (_payer, home) = synced();
    for setting in ["PRAGMA rekey = 'x'", "PRAGMA hexrekey = '00'", "PRAGMA cipher_profile = 'p'"] {
        assert_eq!(home.run(&["query", setting]).code, 1, "{setting}");
        assert!(!home.run(&["query", "SELECT count(*) FROM resource"]).stdout.is_empty());
        assert_eq!(home.run(&["verify"]).code, 0, "{setting}");
    }
}

#[test]
fn encrypted_every_command_works_and_no_file_has_a_word_in_clear() {
    let (payer, home) = synced();
    // A writer that has not closed, so that there is a journal.
    let writer = home.warehouse();
    writer.execute_batch("UPDATE connection SET member = 'a label'").unwrap();
    let family = payer.identity(0).last_name;
    assert!(home.rows(RESOURCES).iter().any(|row| row[3].contains(&family)));
    for name in ["warehouse.db", "warehouse.db-wal"] {
        let bytes = fs::read(home.file(name)).unwrap();
        assert!(bytes.len() > 4096, "{name}");
        for word in [family.as_str(), "SQLite format 3", "CREATE TABLE", "resourceType"] {
            assert!(!holds(&bytes, word), "{name} holds {word}");
        }
    }
    drop(writer);
    let days_end = "2999-01-01";
    for (arguments, said) in [
        (&["status"][..], "john"),
        (&["query", "SELECT count(*) AS n FROM patient", "--format", "csv"], "n\n1"),
        (&["query", "--as-of", days_end, "SELECT count(*) FROM resource"], ""),
        (&["tables", "--unmapped"], "leaves"),
        (&["plan"], "john"),
        (&["rebuild"], ""),
        (&["verify"], ""),
        (&["get", "Patient", "--connection", "john"], "Bundle"),
        (&["doctor"], "quick check; encrypted"),
        (&["sync", "--type", "Patient"], ""),
        (&["purge", "john", "--yes"], "0 left"),
    ] {
        let outcome = home.run(arguments);
        assert!(
            outcome.stdout.contains(said),
            "{arguments:?}: {}{}",
            outcome.stdout,
            outcome.stderr
        );
        let code = if arguments[0] == "doctor" { 0..=1 } else { 0..=0 };
        assert!(code.contains(&outcome.code), "{arguments:?}: {}", outcome.stderr);
    }
    let demo = Home::new();
    let outcome = demo.run(&["demo", "--members", "1"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn encrypted_backups_lead_back_with_the_vaults_key_or_with_their_own() {
    let (_payer, home) = synced();
    let before = home.rows(RESOURCES);
    let copy = home.file("copy.db");
    let backup = home.run(&["backup", text(&copy)]);
    assert_eq!(backup.code, 0, "{}", backup.stderr);
    assert!(backup.stderr.contains("Only this home's vault key"), "{}", backup.stderr);
    assert!(!holds(&fs::read(&copy).unwrap(), "SQLite format 3"));
    let another = Home::new();
    let refused = another.run(&["restore", text(&copy)]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("does not open with the vault's key"), "{}", refused.stderr);
    assert!(!another.file("warehouse.db").exists());
    let same = Home::new();
    fs::copy(home.file("vault.key"), same.file("vault.key")).unwrap();
    let restored = same.run(&["restore", text(&copy)]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(same.rows(RESOURCES), before);
    // The identity alone is enough, whatever the vault's key is by then.
    let identity = Identity::generate();
    let key = home.write_private("identity", identity.to_string().expose_secret());
    let sealed = home.file("copy.age");
    let recipient = identity.to_public().to_string();
    let backup = home.run(&["backup", text(&sealed), "--encrypt", &recipient]);
    assert_eq!(backup.code, 0, "{}", backup.stderr);
    let restored = another.run(&["restore", text(&sealed), "--identity", text(&key)]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(another.rows(RESOURCES), before);
    assert_eq!(another.run(&["verify"]).code, 0);
    assert!(!another.file("warehouse.db.staging").exists());
}

#[test]
fn encrypted_is_what_a_copy_in_clear_becomes_and_a_warehouse_in_clear_is_left_alone() {
    let (_payer, home) = synced();
    let clear = home.file("clear.db");
    in_clear(&home, &clear);
    let bytes = fs::read(&clear).unwrap();
    assert!(holds(&bytes, "SQLite format 3"));
    let another = Home::new();
    let restored = another.run(&["restore", text(&clear)]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(another.rows(RESOURCES), home.rows(RESOURCES));
    assert_eq!(another.run(&["verify"]).code, 0);
    assert!(!holds(&fs::read(another.file("warehouse.db")).unwrap(), "SQLite format 3"));
    let old = Home::new();
    fs::copy(&clear, old.file("warehouse.db")).unwrap();
    for command in [&["status"][..], &["sync"], &["verify"], &["backup", "b.db"]] {
        fs::write(old.file("payersync.toml"), "").unwrap();
        fs::copy(home.file("vault.key"), old.file("vault.key")).unwrap();
        let outcome = old.run(command);
        assert_eq!(outcome.code, 1, "{command:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("is not encrypted"), "{command:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("payersync restore"), "{command:?}: {}", outcome.stderr);
    }
    assert!(fs::read(old.file("warehouse.db")).unwrap() == bytes);
}

#[test]
fn encrypted_with_another_key_is_told_and_left_byte_for_byte() {
    let (_payer, home) = synced();
    let before = fs::read(home.file("warehouse.db")).unwrap();
    let wrong = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for command in [&["status"][..], &["sync"], &["verify"], &["purge", "john", "--yes"]] {
        let output = home.command(command).env("PAYERSYNC_VAULT_KEY", wrong).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{command:?}: {stderr}");
        assert!(stderr.contains("does not open with the vault's key"), "{command:?}: {stderr}");
        assert!(stderr.contains("hint: put back the key"), "{command:?}: {stderr}");
        // SQLCipher would log to stderr by itself.
        assert_eq!(stderr.lines().count(), 2, "{command:?}: {stderr}");
    }
    fs::rename(home.file("vault.key"), home.file("lost")).unwrap();
    let outcome = home.run(&["status"]);
    assert_eq!(outcome.code, 5, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("vault.key is missing"), "{}", outcome.stderr);
    assert!(!home.file("vault.key").exists());
    assert!(fs::read(home.file("warehouse.db")).unwrap() == before);
    fs::rename(home.file("lost"), home.file("vault.key")).unwrap();
    assert_eq!(home.run(&["verify"]).code, 0);
}

#[test]
fn encrypted_pages_that_were_altered_are_noticed() {
    let (_payer, home) = synced();
    let copy = home.file("copy.db");
    assert_eq!(home.run(&["backup", text(&copy)]).code, 0);
    for file in [&copy, &home.file("warehouse.db")] {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 4096 / 2 * 4096;
        bytes[middle + 100] ^= 1;
        fs::write(file, bytes).unwrap();
    }
    let verified = home.run(&["verify"]);
    assert_eq!(verified.code, 5, "{}{}", verified.stdout, verified.stderr);
    assert!(!verified.stderr.contains("ERROR CORE"), "{}", verified.stderr);
    let same = Home::new();
    fs::copy(home.file("vault.key"), same.file("vault.key")).unwrap();
    let restored = same.run(&["restore", text(&copy)]);
    assert_eq!(restored.code, 5, "{}", restored.stderr);
    assert!(!same.file("warehouse.db").exists());
}
