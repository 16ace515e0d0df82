//! `vault_key_command`: the vault's key from a program, and from nowhere else.

use crate::support::{Dictated, Home};
use std::fs;

const SYNC: [&str; 3] = ["sync", "--type", "Patient"];

/// Connected with the key in the home; then the key lies elsewhere and `script` is to print it.
fn home(script: &str) -> (Dictated, Home, Home) {
    let payer = Dictated::start();
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"p"}"#]);
    let (home, elsewhere) = (payer.home(""), Home::new());
    fs::rename(home.file("vault.key"), elsewhere.file("key")).unwrap();
    let script = script.replace("KEY", elsewhere.file("key").to_str().unwrap());
    configure(&home, &["/bin/sh", "-c", &script]);
    (payer, home, elsewhere)
}

fn configure(home: &Home, words: &[&str]) {
    let path = home.file("payersync.toml");
    let text = fs::read_to_string(&path).unwrap();
    let rest = text.find("[http]").unwrap();
    fs::write(path, format!("vault_key_command = {words:?}\n{}", &text[rest..])).unwrap();
}

#[test]
fn the_key_that_a_program_prints_opens_the_vault_and_is_asked_for_once() {
    let (_payer, home, elsewhere) = home("echo asked >> KEY.log; cat KEY");
    home.succeed(&SYNC, "vault_key_command was set");
    assert!(!home.file("vault.key").exists(), "a key was made beside the vault");
    let asked = fs::read_to_string(elsewhere.file("key.log")).unwrap();
    assert_eq!(asked, "asked\n");
    let doctor = home.run(&["doctor", "--offline", "--production"]);
    assert!(doctor.stdout.contains("comes from vault_key_command"), "{}", doctor.stdout);
}

#[test]
fn what_it_says_is_told_on_one_line_each_and_drives_no_terminal() {
    let (_payer, home, _elsewhere) = home("printf 'touch\\033]0;x\\007 it\\nnow\\n' >&2; cat KEY");
    let synced = home.run(&SYNC);
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    assert!(synced.stderr.contains("vault_key_command: touch\\u001b]0;x\\u0007 it\n"));
    assert!(synced.stderr.contains("vault_key_command: now\n"), "{}", synced.stderr);
}

#[test]
fn a_program_that_gives_no_key_is_named_and_its_output_is_not() {
    let (_payer, home, elsewhere) = home("cat KEY");
    for (words, told) in [
        (["/bin/sh", "-c", "exit 7"], "vault_key_command ended with exit status: 7"),
        (["/bin/sh", "-c", "echo not-a-key-at-all"], "vault_key_command is not a vault key"),
        (
            ["/bin/sh", "-c", "head -c 32 /dev/zero | base64"],
            "the key from vault_key_command does not open the vault",
        ),
        (["no-such-program", "-c", ""], "vault_key_command cannot start no-such-program"),
        (["", "", ""], "vault_key_command names no program"),
    ] {
        configure(&home, &words);
        let refused = home.run(&SYNC);
        assert!([1, 5].contains(&refused.code), "{words:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(told), "{words:?}: {}", refused.stderr);
        assert!(!refused.stderr.contains("not-a-key-at-all"), "{}", refused.stderr);
        assert!(!home.file("vault.key").exists());
    }
    drop(elsewhere);
}

#[test]
fn two_places_for_the_key_are_a_contradiction_and_nothing_is_run() {
    let (_payer, home, elsewhere) = home("echo asked >> KEY.log; cat KEY");
    fs::copy(elsewhere.file("key"), elsewhere.file("vault-key")).unwrap();
    let key = fs::read_to_string(elsewhere.file("key")).unwrap();
    let (file, folder) = (elsewhere.file("key"), elsewhere.path());
    for (name, value, told) in [
        ("PAYERSYNC_VAULT_KEY", key.trim(), "both PAYERSYNC_VAULT_KEY and vault_key_command"),
        ("PAYERSYNC_VAULT_KEY_FILE", file.to_str().unwrap(), "both PAYERSYNC_VAULT_KEY_FILE and"),
        (
            "CREDENTIALS_DIRECTORY",
            folder.to_str().unwrap(),
            "both the systemd credential vault-key",
        ),
    ] {
        let output = home.command(&SYNC).env(name, value).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(told) && said.contains("keep one of them"), "{name}: {said}");
    }
    assert!(!elsewhere.file("key.log").exists());
}

#[cfg(unix)]
#[test]
fn a_configuration_that_others_can_write_runs_no_program() {
    use std::os::unix::fs::PermissionsExt;
    let (_payer, home, elsewhere) = home("echo asked >> KEY.log; cat KEY");
    let path = home.file("payersync.toml");
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    for command in
        [&SYNC[..], &["doctor"], &["status", "--prometheus"], &["purge", "john", "--yes"]]
    {
        assert_eq!(home.run(command).code, 1, "{command:?}");
    }
    assert!(!elsewhere.file("key.log").exists());
}
