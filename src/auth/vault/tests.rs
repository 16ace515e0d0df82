//! The vault on a real disk, opened by others, tampered with and locked out of.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::{cipher::Cipher, key};
use crate::auth::*;

const START: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "/////////////////////////////////////////w8=";

fn grant(access: &str) -> StoredGrant {
    StoredGrant {
        plan: "acme".into(),
        name: "ann".into(),
        fhir_origin: "https://api.acme.test".parse().unwrap(),
        token_origin: "https://auth.acme.test".parse().unwrap(),
        access: access.into(),
        refresh: Some("refresh-token-in-clear".into()),
        expires_at: Some(START + TimeDelta::seconds(7199)),
        refreshed_at: START,
        scope: Some("patient/*.read".into()),
        patient: Some("patient-id-in-clear".into()),
        consent_ends_at: None,
        consent: ConsentState::Granted,
        refresh_begun_at: None,
        generation: 0,
    }
}

fn open(home: &TempDir) -> Vault {
    Vault::open(home.path(), None).unwrap()
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn access(vault: &Vault, uid: &str) -> String {
    vault.get(uid).unwrap().unwrap().access.expose_secret().to_owned()
}

/// The file as another program sees it.
pub(crate) fn raw(home: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(home.path().join("vault.db")).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// All bytes of all files in the home, except the key's file.
fn bytes_on_disk(home: &TempDir) -> Vec<u8> {
    let files = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file() && path.file_name().unwrap() != "vault.key")
        .flat_map(|path| fs::read(path).unwrap())
        .collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_was_put_is_there_after_opening_again() {
    let home = home();
    open(&home).put("c1", &grant("access-token-in-clear")).unwrap();
    let vault = open(&home);
    let stored = vault.get("c1").unwrap().unwrap();
    let expected = grant("access-token-in-clear");
    assert_eq!(access(&vault, "c1"), "access-token-in-clear");
    assert_eq!(stored.refresh.unwrap().expose_secret(), "refresh-token-in-clear");
    assert_eq!(stored.patient.unwrap().expose_secret(), "patient-id-in-clear");
    assert_eq!(
        (stored.plan, stored.name, stored.scope),
        ("acme".into(), "ann".into(), expected.scope)
    );
    assert_eq!((stored.expires_at, stored.refreshed_at), (expected.expires_at, START));
    assert_eq!(
        (stored.fhir_origin, stored.token_origin),
        (expected.fhir_origin, expected.token_origin)
    );
    assert!(vault.get("c2").unwrap().is_none());
    assert_eq!(vault.list().unwrap().len(), 1);
}

#[test]
fn no_secret_is_on_disk_in_clear_nor_left_after_removal() {
    let home = home();
    let vault = open(&home);
    vault.put("c1", &grant("access-token-in-clear")).unwrap();
    let sealed: Vec<u8> =
        raw(&home).query_row("SELECT access FROM stored_grant", [], |row| row.get(0)).unwrap();
    for secret in ["access-token-in-clear", "refresh-token-in-clear", "patient-id-in-clear"] {
        assert!(!contains(&bytes_on_disk(&home), secret), "{secret}");
    }
    assert!(bytes_on_disk(&home).windows(sealed.len()).any(|window| window == sealed));
    assert!(vault.remove("c1").unwrap());
    assert!(!vault.remove("c1").unwrap());
    assert!(!bytes_on_disk(&home).windows(24).any(|window| window == &sealed[1..25]));
    assert!(!contains(&bytes_on_disk(&home), "acme"));
}

#[test]
fn files_are_private_and_public_ones_are_refused() {
    let home = home();
    open(&home).put("c1", &grant("a")).unwrap();
    for name in ["vault.db", "vault.key"] {
        let path = home.path().join(name);
        assert_eq!(mode(&path), 0o600, "{name}");
        for public in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(public)).unwrap();
            let error = Vault::open(home.path(), None).unwrap_err();
            let hint = error.hint().unwrap_or_default();
            assert!(error.to_string().contains(name), "{error}");
            assert!(hint.contains("chmod 600") && hint.contains(name), "{hint}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    open(&home);
}

#[test]
fn every_commit_is_durable_and_deletes_overwrite() {
    let vault = open(&home());
    let connection = vault.connection_for_tests();
    let pragma =
        |name| connection.query_row(name, [], |row| row.get::<_, String>(0)).unwrap_or_default();
    let number = |name| connection.query_row(name, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("PRAGMA journal_mode"), "delete");
    assert_eq!(number("PRAGMA synchronous"), 3);
    assert_eq!(number("PRAGMA secure_delete"), 1);
}

#[test]
fn a_missing_key_is_never_replaced_while_there_are_tokens() {
    let home = home();
    let key = home.path().join("vault.key");
    open(&home).put("c1", &grant("a")).unwrap();
    let saved = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let error = Vault::open(home.path(), None).unwrap_err();
    assert!(matches!(error, VaultError::MissingKey { .. }) && !key.exists());

    fs::write(&key, saved).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let vault = open(&home);
    assert_eq!(access(&vault, "c1"), "a");
    vault.remove("c1").unwrap();
    fs::remove_file(&key).unwrap();
    open(&home).put("c1", &grant("b")).unwrap();
    assert_eq!(access(&open(&home), "c1"), "b");
}

fn given(key: &str) -> GivenKey {
    GivenKey { text: key.into(), place: "PAYERSYNC_VAULT_KEY".into() }
}

#[test]
fn a_given_key_takes_the_place_of_the_file() {
    let home = home();
    let with = |key: &str| Vault::open(home.path(), Some(given(key)));
    with(KEY).unwrap().put("c1", &grant("a")).unwrap();
    assert!(!home.path().join("vault.key").exists());
    assert_eq!(access(&with(KEY.trim_end_matches('=')).unwrap(), "c1"), "a");
    assert!(matches!(Vault::open(home.path(), None), Err(VaultError::MissingKey { .. })));
}

#[test]
fn a_wrong_key_says_so_and_damages_nothing() {
    let home = home();
    let with = |key: &str| Vault::open(home.path(), Some(given(key)));
    with(KEY).unwrap().put("c1", &grant("a")).unwrap();
    let before = fs::read(home.path().join("vault.db")).unwrap();
    let error = with(OTHER_KEY).unwrap_err();
    assert!(matches!(error, VaultError::WrongKey { .. }));
    assert!(error.to_string().contains("PAYERSYNC_VAULT_KEY"), "{error}");
    for not_a_key in ["", "c2hvcnQ=", "not base64 at all", &format!("{KEY}AAAA")] {
        let error = with(not_a_key).unwrap_err();
        assert!(matches!(error, VaultError::InvalidKey { .. }), "{not_a_key}");
    }
    assert_eq!(fs::read(home.path().join("vault.db")).unwrap(), before);
    assert_eq!(access(&with(KEY).unwrap(), "c1"), "a");
}

#[test]
fn a_row_moved_to_another_connection_column_or_origin_does_not_open() {
    for tampering in [
        "UPDATE stored_grant SET connection_uid = 'c2'",
        "UPDATE stored_grant SET access = refresh",
        "UPDATE stored_grant SET fhir_origin = 'https://evil.test'",
        "UPDATE stored_grant SET token_origin = 'https://evil.test'",
        "UPDATE stored_grant SET access = x'01'",
    ] {
        let home = home();
        let vault = open(&home);
        vault.put("c1", &grant("a")).unwrap();
        raw(&home).execute(tampering, []).unwrap();
        let error = vault.list().unwrap().remove(0).1.unwrap_err();
        assert!(matches!(error, VaultError::Damaged { .. }), "{tampering}: {error}");
    }
}

#[test]
fn a_damaged_row_keeps_no_other_from_being_read() {
    let home = home();
    let vault = open(&home);
    for uid in ["c1", "c2", "c3"] {
        vault.put(uid, &grant("a")).unwrap();
    }
    let damage = "UPDATE stored_grant SET scope = 'more' WHERE connection_uid = 'c2'";
    raw(&home).execute(damage, []).unwrap();
    let sound = |(uid, row): (String, Result<StoredGrant, VaultError>)| (uid, row.is_ok());
    let listed: Vec<(String, bool)> = vault.list().unwrap().into_iter().map(sound).collect();
    let expected = [("c1", true), ("c2", false), ("c3", true)];
    assert_eq!(listed, expected.map(|(uid, is_sound)| (uid.to_owned(), is_sound)));
}

#[test]
fn other_files_and_newer_vaults_are_left_alone() {
    let home = home();
    let path = home.path().join("vault.db");
    let private = || fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let refused = |expected: &str| {
        private();
        let before = fs::read(&path).unwrap();
        let error = Vault::open(home.path(), None).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(!home.path().join("vault.key").exists());
        fs::remove_file(&path).unwrap();
    };
    fs::write(&path, "this is a shopping list, not a database".repeat(50)).unwrap();
    refused("is not a payersync vault");
    raw(&home).execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    refused("is not a payersync vault");
    raw(&home)
        .execute_batch("PRAGMA application_id = 0x70797674; PRAGMA user_version = 9; VACUUM")
        .unwrap();
    refused("has schema 9");
}

#[test]
fn refreshed_tokens_are_stored_once_and_only_over_what_was_read() {
    let home = home();
    let vault = open(&home);
    vault.put("c1", &grant("a1")).unwrap();
    let read = vault.get("c1").unwrap().unwrap();
    assert!(vault.begin_refresh("c1", read.generation, START).unwrap());
    assert_eq!(vault.get("c1").unwrap().unwrap().refresh_begun_at, Some(START));

    let next = StoredGrant { access: "a2".into(), ..read.clone() };
    assert!(vault.replace("c1", &next).unwrap());
    assert_eq!(vault.get("c1").unwrap().unwrap().refresh_begun_at, None);
    assert!(!vault.replace("c1", &StoredGrant { access: "a3".into(), ..read.clone() }).unwrap());
    assert!(!vault.begin_refresh("c1", read.generation, START).unwrap());
    assert_eq!(access(&vault, "c1"), "a2");

    vault.remove("c1").unwrap();
    assert!(!vault.replace("c1", &next).unwrap());
    assert!(vault.get("c1").unwrap().is_none());
    // Connected anew: the refresh of the old consent must not hit the new one.
    let later = StoredGrant { refreshed_at: START + TimeDelta::seconds(9), ..grant("new") };
    vault.put("c1", &later).unwrap();
    assert!(!vault.replace("c1", &read).unwrap());
    assert_eq!(access(&vault, "c1"), "new");
}

#[test]
fn consent_needed_is_kept_with_its_first_reason_until_the_next_consent() {
    let home = home();
    let vault = open(&home);
    vault.put("c1", &grant("a1")).unwrap();
    let generation = vault.get("c1").unwrap().unwrap().generation;
    assert!(!vault.mark_consent_needed("c1", generation - 1, "stale", START).unwrap());
    assert!(vault.mark_consent_needed("c1", generation, "invalid_grant", START).unwrap());
    let later = START + TimeDelta::seconds(5);
    assert!(vault.mark_consent_needed("c1", generation, "other", later).unwrap());
    let expected = ConsentState::Needed { reason: "invalid_grant".into(), since: START };
    assert_eq!(open(&home).get("c1").unwrap().unwrap().consent, expected);
    vault.put("c1", &grant("a2")).unwrap();
    let renewed = vault.get("c1").unwrap().unwrap();
    assert_eq!(renewed.consent, ConsentState::Granted);
    assert!(renewed.generation > generation);
}

#[test]
fn two_first_uses_at_once_make_one_key() {
    let home = home();
    std::thread::scope(|scope| {
        for index in 0..8 {
            let home = &home;
            scope.spawn(move || open(home).put(&format!("c{index}"), &grant("a")).unwrap());
        }
    });
    assert_eq!(open(&home).list().unwrap().len(), 8);
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?} {:?}", grant("access-token-in-clear"), open(&home()));
    assert!(!shown.contains("in-clear"), "{shown}");
}

/// Columns of a row, each with a value that it never had.
const ALTERED: [(&str, &str); 12] = [
    ("plan", "'other'"),
    ("name", "'other'"),
    ("fhir_origin", "'https://evil.test'"),
    ("token_origin", "'https://evil.test'"),
    ("scope", "'patient/Other.read'"),
    ("scope", "NULL"),
    ("expires_at", "'2099-01-01T00:00:00.000Z'"),
    ("refreshed_at", "'2020-01-01T00:00:00.000Z'"),
    ("refresh_begun_at", "'2020-01-01T00:00:00.000Z'"),
    ("patient", "NULL"),
    ("generation", "generation + 1"),
    ("seal", "NULL"),
];

#[test]
fn a_row_is_taken_whole_or_not_at_all() {
    for (column, value) in ALTERED {
        let home = home();
        let vault = open(&home);
        vault.put("c1", &grant("a")).unwrap();
        let before = vault.get("c1").unwrap().unwrap();
        raw(&home).execute(&format!("UPDATE stored_grant SET {column} = {value}"), []).unwrap();
        let is_damaged = |found: Result<_, VaultError>| {
            assert!(matches!(found, Err(VaultError::Damaged { .. })), "{column} = {value}");
        };
        is_damaged(vault.get("c1").map(drop));
        // A write that keeps the row does not repair it; only a new consent does.
        if column != "generation" {
            is_damaged(vault.begin_refresh("c1", before.generation, START).map(drop));
            is_damaged(vault.replace("c1", &before).map(drop));
        }
        vault.put("c1", &grant("b")).unwrap();
        assert_eq!(access(&vault, "c1"), "b", "{column} = {value}");
    }
}

#[test]
fn a_token_of_yesterday_does_not_go_into_the_row_of_today() {
    let home = home();
    let vault = open(&home);
    vault.put("c1", &grant("old")).unwrap();
    let old: Vec<u8> =
        raw(&home).query_row("SELECT access FROM stored_grant", [], |row| row.get(0)).unwrap();
    let current = vault.get("c1").unwrap().unwrap();
    assert!(vault.replace("c1", &StoredGrant { access: "new".into(), ..current }).unwrap());
    raw(&home).execute("UPDATE stored_grant SET access = ?", [old]).unwrap();
    assert!(matches!(vault.get("c1"), Err(VaultError::Damaged { column: "row", .. })));
}

/// Turns a vault into one of the first schema, with the given check value.
fn as_first_schema(home: &TempDir, check: &[u8]) {
    let connection = raw(home);
    connection.execute_batch("ALTER TABLE stored_grant DROP COLUMN seal").unwrap();
    connection.execute("UPDATE check_value SET sealed = ?", [check]).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
}

#[test]
fn a_vault_of_the_first_schema_is_taken_over_and_none_is_passed_off_as_one() {
    let home = home();
    let vault = open(&home);
    vault.put("c1", &grant("a")).unwrap();
    let key = key::find(home.path(), None, false).unwrap().key;
    let first = Cipher::new(&key).seal(b"check", b"payersync vault").unwrap().unwrap();
    let second: Vec<u8> =
        raw(&home).query_row("SELECT sealed FROM check_value", [], |row| row.get(0)).unwrap();
    drop(vault);
    as_first_schema(&home, &second);
    assert!(matches!(Vault::open(home.path(), None), Err(VaultError::WrongKey { .. })));
    raw(&home).execute("UPDATE check_value SET sealed = ?", [&first]).unwrap();
    for _ in 0..2 {
        let vault = open(&home);
        assert_eq!(access(&vault, "c1"), "a");
        let generation = vault.get("c1").unwrap().unwrap().generation;
        assert!(vault.begin_refresh("c1", generation, START).unwrap());
    }
}
