//! An encrypted backup opens with its key alone, and leaves no copy in clear anywhere.

use crate::support::{Home, Payer};
use age::x25519::Identity;
use payersync::sandbox::Options;
use secrecy::ExposeSecret;
use std::{fs, path::Path};

const PASSPHRASE: &str = "correct horse battery staple";

/// Two types are enough for a copy.
pub(crate) fn synced() -> (Payer, Home) {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    let sync = home.run(&["sync", "--type", "Patient", "--type", "Coverage"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    (payer, home)
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Names in a folder that a backup or restore could have left.
fn copies(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            ["staging", "partial", "copy"].iter().any(|part| name.contains(part))
                || name.starts_with("warehouse.db")
        })
        .collect();
    names.sort();
    names
}

pub(crate) fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[test]
fn a_copy_for_two_recipients_opens_with_either_and_says_so_without() {
    let (_payer, home) = synced();
    let (one, two, stranger) = (Identity::generate(), Identity::generate(), Identity::generate());
    let elsewhere = Home::new();
    let identity = |name: &str, identity: &Identity| {
        elsewhere.write_private(name, identity.to_string().expose_secret())
    };
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.age");
    // As a killed backup leaves it.
    for name in ["warehouse.db.staging", "warehouse.db.staging-wal"] {
        fs::write(home.file(name), "half a copy in clear").unwrap();
    }
    let [first, second] = [&one, &two].map(|identity| identity.to_public().to_string());
    let backup = home.run(&["backup", text(&copy), "--encrypt", &first, "--encrypt", &second]);
    assert_eq!(backup.code, 0, "{}", backup.stderr);
    assert!(backup.stderr.contains("The backup is encrypted"), "{}", backup.stderr);
    assert_eq!(copies(home.path()), ["warehouse.db"]);
    assert_eq!(copies(folder.path()), ["copy.age"]);
    let bytes = fs::read(&copy).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    assert!(!holds(&bytes, "SQLite format 3") && !holds(&bytes, "CREATE TABLE"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(
        home.rows("SELECT detail FROM access_log WHERE command = 'backup'"),
        [["begun"], ["encrypted"]]
    );
    let resources = "SELECT connection_id, resource_type, resource_id, json FROM resource";
    for (name, key) in [("one", &one), ("two", &two)] {
        let restored = Home::new();
        let key = identity(name, key);
        let outcome = restored.run(&["restore", text(&copy), "--identity", text(&key)]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert_eq!(restored.rows(resources), home.rows(resources));
        assert_eq!(restored.run(&["verify"]).code, 0);
        assert_eq!(copies(restored.path()), ["warehouse.db"]);
    }
    let refused = Home::new();
    let stranger = identity("stranger", &stranger);
    let passphrase = elsewhere.write_private("passphrase", PASSPHRASE);
    for (arguments, said, hint) in [
        (&[][..], "is encrypted to age recipients", "--identity FILE"),
        (&["--passphrase-file", text(&passphrase)], "to age recipients", "--identity FILE"),
        (&["--identity", text(&stranger)], "this identity does not open", "nothing was restored"),
        (&["--identity", text(&passphrase)], "line 1 of the identity file", "AGE-SECRET-KEY-1"),
    ] {
        let outcome = refused.run(&[&["restore", text(&copy)], arguments].concat());
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains(PASSPHRASE));
        assert!(copies(refused.path()).is_empty());
    }
}

#[test]
fn a_copy_with_a_passphrase_opens_with_it_alone() {
    let (_payer, home) = synced();
    let passphrase = home.write_private("passphrase", &format!("{PASSPHRASE}\n"));
    let copy = home.file("copy.age");
    let backup = home.run(&["backup", text(&copy), "--encrypt-passphrase-file", text(&passphrase)]);
    assert_eq!(backup.code, 0, "{}", backup.stderr);
    let elsewhere = Home::new();
    let wrong = elsewhere.write_private("wrong", "incorrect horse");
    let outcome = elsewhere.run(&["restore", text(&copy), "--passphrase-file", text(&wrong)]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("this passphrase does not open"), "{}", outcome.stderr);
    assert!(copies(elsewhere.path()).is_empty());
    let outcome = elsewhere.run(&["restore", text(&copy), "--passphrase-file", text(&passphrase)]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let over = elsewhere.run(&["restore", text(&copy), "--passphrase-file", text(&passphrase)]);
    assert_eq!(over.code, 1, "{}", over.stderr);
    assert_eq!(copies(elsewhere.path()), ["warehouse.db"]);
}

#[test]
fn a_copy_that_was_cut_or_altered_leaves_nothing_behind() {
    let (_payer, home) = synced();
    let identity = Identity::generate();
    let key = home.write_private("identity", identity.to_string().expose_secret());
    let copy = home.file("copy.age");
    let recipient = identity.to_public().to_string();
    let backup = home.run(&["backup", text(&copy), "--encrypt", &recipient]);
    assert_eq!(backup.code, 0, "{}", backup.stderr);
    let bytes = fs::read(&copy).unwrap();
    let mut altered = bytes.clone();
    altered[bytes.len() / 2] ^= 1;
    let elsewhere = Home::new();
    for (what, damaged) in [
        ("altered", &altered[..]),
        ("in the first half", &bytes[..bytes.len() / 2]),
        ("without its last byte", &bytes[..bytes.len() - 1]),
        ("in the header", &bytes[..60]),
    ] {
        fs::write(home.file("copy.damaged"), damaged).unwrap();
        let damaged = home.file("copy.damaged");
        let outcome = elsewhere.run(&["restore", text(&damaged), "--identity", text(&key)]);
        assert_eq!(outcome.code, 5, "{what}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("cut short or was altered"), "{what}: {}", outcome.stderr);
        assert!(copies(elsewhere.path()).is_empty(), "{what}");
    }
    // A key for what is not encrypted: perhaps somebody has put it there.
    let open = home.file("copy.open");
    assert_eq!(home.run(&["backup", text(&open)]).code, 0);
    let outcome = elsewhere.run(&["restore", text(&open), "--identity", text(&key)]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is not encrypted"), "{}", outcome.stderr);
    assert!(copies(elsewhere.path()).is_empty());
}

#[test]
fn an_encrypted_backup_that_fails_leaves_no_copy_and_one_at_a_time_is_made() {
    let (_payer, home) = synced();
    let recipient = Identity::generate().to_public().to_string();
    let nowhere = home.file("none/copy.age");
    let outcome = home.run(&["backup", text(&nowhere), "--encrypt", &recipient]);
    assert_eq!(outcome.code, 5, "{}", outcome.stderr);
    assert_eq!(copies(home.path()), ["warehouse.db"]);
    let copy = home.file("copy.age");
    let outcome = home.run(&["backup", text(&copy), "--encrypt", "age1nonsense"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("recipient 1 is not an age recipient"), "{}", outcome.stderr);
    let lock = fs::File::create(home.file("backup.lock")).unwrap();
    lock.lock().unwrap();
    let outcome = home.run(&["backup", text(&copy), "--encrypt", &recipient]);
    assert_eq!(outcome.code, 6, "{}", outcome.stderr);
    let left = home.file("warehouse.db.staging");
    fs::write(&left, "health data").unwrap();
    let told =
        |home: &Home| home.run(&["doctor", "--offline"]).stdout.contains("was left by a killed");
    assert!(!told(&home), "a backup is at work");
    // One in clear does not need the place beside the warehouse.
    assert_eq!(home.run(&["backup", text(&home.file("copy.open"))]).code, 0);
    drop(lock);
    assert!(told(&home));
    assert_eq!(home.run(&["backup", text(&copy), "--encrypt", &recipient]).code, 0);
    assert!(!told(&home) && !left.exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let exposed = home.write_private("exposed", PASSPHRASE);
        fs::set_permissions(&exposed, fs::Permissions::from_mode(0o644)).unwrap();
        let target = home.file("copy.other");
        let arguments = ["backup", text(&target), "--encrypt-passphrase-file", text(&exposed)];
        let outcome = home.run(&arguments);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("can be read by others"), "{}", outcome.stderr);
        assert!(!target.exists());
    }
}
