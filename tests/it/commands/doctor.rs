//! Doctor tells what is wrong and how to mend it, and leaves everything as it is.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;
use std::{collections::BTreeMap, fs, path::Path};

/// Every file below the home with its bytes; SQLite's shared-memory index is no data.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.to_string_lossy().ends_with("-shm") {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

fn synced() -> (Payer, Home) {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    private(&home);
    (payer, home)
}

/// What the tests' own configuration leaves open to others.
fn private(home: &Home) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name: &str, mode| {
            fs::set_permissions(home.file(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("payersync.toml", 0o600);
        mode(".", 0o700);
    }
}

#[test]
fn a_sound_home_is_in_order_and_left_byte_for_byte() {
    let (_payer, home) = synced();
    let before = files(home.path());
    let outcome = home.run(&["doctor"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    for said in [
        "ok      configuration",
        "ok      permissions",
        "ok      warehouse: passes",
        "ok      vault: opens",
        "ok      tokens of john",
        "ok      last run: ended with exit code 0 at ",
        "; complete as of ",
        "ok      plan demo: answers with a CapabilityStatement",
        "ok      plan demo clock",
        "1000 requests per second",
    ] {
        assert!(outcome.stdout.contains(said), "{said}: {}", outcome.stdout);
    }
    let tokens = outcome.stdout.lines().find(|line| line.contains("tokens of john")).unwrap();
    assert!(tokens.ends_with(" UTC") && !tokens.contains('Z'), "told to the minute: {tokens}");
    assert!(files(home.path()) == before);
}

#[test]
fn a_journal_that_a_killed_run_left_behind_stays_as_it_is() {
    let (_payer, home) = synced();
    // A second home with the file and the journal of a writer that has not closed.
    let writer = home.warehouse();
    writer
        .execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE connection SET member = 'a label';")
        .unwrap();
    for name in ["warehouse.db", "warehouse.db-wal"] {
        fs::copy(home.file(name), home.file(&format!("copied-{name}"))).unwrap();
    }
    drop(writer);
    for name in ["warehouse.db", "warehouse.db-wal"] {
        fs::rename(home.file(&format!("copied-{name}")), home.file(name)).unwrap();
    }
    let before = files(home.path());
    assert!(before.keys().any(|name| name.ends_with("-wal")));
    let outcome = home.run(&["doctor", "--offline"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(files(home.path()) == before);
    assert_eq!(home.rows("SELECT member FROM connection"), [["a label"]]);
}

#[cfg(unix)]
#[test]
fn files_that_others_can_read_and_a_lost_key_are_named_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let (_payer, home) = synced();
    let open = fs::Permissions::from_mode(0o644);
    fs::set_permissions(home.file("warehouse.db"), open).unwrap();
    let outcome = home.run(&["doctor", "--offline"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("warehouse.db can be read by others"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("hint: chmod 600"), "{}", outcome.stdout);
    let open = fs::Permissions::from_mode(0o640);
    fs::set_permissions(home.file("demo.secret"), open).unwrap();
    let outcome = home.run(&["doctor", "--offline"]);
    assert!(outcome.stdout.contains("wrong   plan demo secret: "), "{}", outcome.stdout);
    let refused = home.run(&["sync"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("demo.secret can be read by others"), "{}", refused.stderr);
    assert!(refused.stderr.contains("hint: `chmod 600"), "{}", refused.stderr);
    fs::rename(home.file("vault.key"), home.file("elsewhere")).unwrap();
    let outcome = home.run(&["doctor", "--offline"]);
    assert!(outcome.stdout.contains("wrong   vault: its key is missing"), "{}", outcome.stdout);
}

#[test]
fn a_plan_that_does_not_answer_and_a_consent_that_ended_are_named() {
    let (payer, home) = synced();
    payer.revoke_grants();
    payer.expire_access_tokens();
    assert_eq!(home.run(&["sync"]).code, 3);
    let outcome = home.run(&["doctor"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("a new consent is needed"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("look    last run: ended with exit code 3 at "),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stdout.contains(" not updated, "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("payersync connect john --plan demo"), "{}", outcome.stdout);
    // Nor does `status` ask for a consent that was given meanwhile.
    let asked = "hint: `payersync connect john --plan demo`";
    assert!(home.run(&["status"]).stdout.contains(asked));
    payer.connect(&home, "john", 0);
    let status = home.run(&["status"]);
    assert_eq!(status.code, 3, "{}", status.stdout);
    assert!(status.stdout.contains(" types: connected anew at "), "{}", status.stdout);
    assert!(status.stdout.contains("hint: `payersync sync john` asks again"), "{}", status.stdout);
    assert!(!status.stdout.contains("payersync connect"), "{}", status.stdout);
    drop(payer);
    let outcome = home.run(&["doctor"]);
    assert!(outcome.stdout.contains("wrong   plan demo: "), "{}", outcome.stdout);
}

#[test]
fn production_refuses_what_is_fine_for_a_demo() {
    let (_payer, home) = synced();
    let outcome = home.run(&["doctor", "--production", "--offline"]);
    assert_eq!(outcome.code, 1);
    for said in [
        "is not a production server",
        "redirect_url is not https",
        "production vault key: lies beside the vault",
        "production backup: none within a week",
    ] {
        assert!(outcome.stdout.contains(said), "{said}: {}", outcome.stdout);
    }
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    // One that was begun and came to nothing is none.
    assert_eq!(home.run(&["backup", "/no/such/folder/copy", "--encrypt", &recipient]).code, 5);
    let outcome = home.run(&["doctor", "--production", "--offline"]);
    assert!(outcome.stdout.contains("production backup: none within a week"), "{}", outcome.stdout);
    for (name, more, said) in [
        ("copy.backup", &[][..], "look    production backup"),
        ("copy.backup.age", &["--encrypt", &recipient], "ok      production backup"),
    ] {
        let copy = home.file(name);
        let outcome = home.run(&[&["backup", copy.to_str().unwrap()], more].concat());
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        let outcome = home.run(&["doctor", "--production", "--offline"]);
        assert!(outcome.stdout.contains(said), "{}", outcome.stdout);
    }
}

#[test]
fn production_takes_a_key_from_wherever_a_run_would_and_wants_it_out_of_the_home() {
    let (_payer, home) = synced();
    let elsewhere = Home::new();
    let looked = |variable: &str, value: &Path| {
        let doctor = ["doctor", "--production", "--offline"];
        let output = home.command(&doctor).env(variable, value).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let key = fs::read_to_string(home.file("vault.key")).unwrap();
    let file = elsewhere.write_private("vault-key", &key);
    let said = looked("PAYERSYNC_VAULT_KEY_FILE", &file);
    assert!(said.contains("vault.key still lies beside the vault"), "{said}");
    fs::rename(home.file("vault.key"), home.file("another.name")).unwrap();
    let said = looked("PAYERSYNC_VAULT_KEY_FILE", &home.file("another.name"));
    assert!(said.contains("another.name lies in the home, with the vault"), "{said}");
    fs::remove_file(home.file("another.name")).unwrap();
    for (variable, value, from) in [
        ("PAYERSYNC_VAULT_KEY_FILE", file.as_path(), "vault-key"),
        ("CREDENTIALS_DIRECTORY", elsewhere.path(), "a systemd credential"),
        ("PAYERSYNC_VAULT_KEY", Path::new(&key), "the environment"),
    ] {
        let said = looked(variable, value);
        assert!(said.contains("ok      production vault key: comes from "), "{said}");
        assert!(said.contains(from), "{said}");
        assert!(said.contains("ok      vault: opens"), "{said}");
    }
    let said = looked("PAYERSYNC_VAULT_KEY_FILE", &elsewhere.file("none"));
    assert!(said.contains("wrong   production vault key: cannot take"), "{said}");
    assert!(said.contains("wrong   vault: cannot take"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let said = looked("PAYERSYNC_VAULT_KEY_FILE", &file);
        assert!(said.contains("vault-key can be read by others"), "{said}");
        // The folder of the credentials is the service's alone.
        let said = looked("CREDENTIALS_DIRECTORY", elsewhere.path());
        assert!(said.contains("ok      production vault key"), "{said}");
    }
}

#[test]
fn nothing_at_all_is_told_too() {
    let home = Home::new();
    let outcome = home.run(&["doctor"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.contains("payersync init"), "{}", outcome.stdout);
    assert!(files(home.path()).is_empty());
}

#[test]
fn a_wrong_configuration_is_told_once_and_a_missing_variable_by_its_name() {
    let (payer, home) = synced();
    payer.configure(&home, "surprise = 1\n");
    private(&home);
    let outcome = home.run(&["doctor", "--offline"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stdout);
    assert_eq!(outcome.stdout.matches("surprise").count(), 1, "{}", outcome.stdout);
    let said = "look    vault: not checked without a configuration";
    assert!(outcome.stdout.contains(said), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("--home EMPTY-FOLDER init"), "{}", outcome.stdout);

    payer.configure(&home, "");
    let path = home.file("payersync.toml");
    let named = "client_secret_env = \"A_SECRET_THAT_IS_NOT_SET\"";
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("client_secret_file = \"demo.secret\"", named);
    assert!(text.contains(named), "{text}");
    fs::write(&path, text).unwrap();
    private(&home);
    let hint = "hint: set A_SECRET_THAT_IS_NOT_SET, or name a file in client_secret_file";
    let outcome = home.run(&["doctor", "--offline"]);
    assert!(outcome.stdout.contains(hint), "{}", outcome.stdout);
}
