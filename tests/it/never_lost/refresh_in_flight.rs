//! A refresh that is under way when the process is asked to end: it is waited for and stored.
#![cfg(unix)]

use crate::support::{Payer, Tampered, Watched};
use payersync::sandbox::Fault;

const EVERY_SECOND: &str = "types = [\"Patient\"]\n[schedule]\ncron = \"* * * * * *\"\n";

#[test]
fn whatever_ends_the_process_waits_for_the_answer_and_stores_it() {
    for command in [&["sync"][..], &["sync", "--max-duration", "1"], &["run"]] {
        let when = format!("{command:?}");
        let tampered = Tampered::new(Payer::rich());
        let home = tampered.connected_home(EVERY_SECOND);
        // A token that is sent a second time costs the consent.
        tampered.payer.set_faults(vec![Fault::ReuseRevokesGrant]);
        tampered.payer.expire_access_tokens();
        let release = tampered.hold_refresh();
        let mut running = Watched::start(&home, command);
        assert!(running.until(|| tampered.is_refreshing()), "{when}: ended before");
        if !command.contains(&"--max-duration") {
            running.terminate();
        }
        // The run has ended by its own account; only the answer is still to come.
        let state = "SELECT count(*) FROM sync_run WHERE state = 'interrupted'";
        assert!(running.until(|| home.value::<i64>(state) == 1), "{when}: ended before");
        assert!(running.poll().is_none(), "{when}: the refresh was not waited for");
        release.send(()).unwrap();
        let ended = running.end();
        assert_eq!(ended.code, if command == ["run"] { 0 } else { 2 }, "{when}: {}", ended.stderr);
        home.succeed(&["sync"], &when);
        assert_eq!(tampered.take_refreshes(), 1, "{when}");
    }
}

#[test]
fn neither_a_closed_terminal_nor_the_end_of_a_get_loses_the_answer() {
    let get = &["get", "Patient", "--connection", "john"][..];
    for (command, signal) in [(&["sync"][..], "HUP"), (get, "HUP"), (get, "TERM")] {
        let when = format!("{command:?} and SIG{signal}");
        let tampered = Tampered::new(Payer::rich());
        let home = tampered.connected_home(EVERY_SECOND);
        tampered.payer.set_faults(vec![Fault::ReuseRevokesGrant]);
        tampered.payer.expire_access_tokens();
        let release = tampered.hold_refresh();
        let mut running = Watched::start(&home, command);
        assert!(running.until(|| tampered.is_refreshing()), "{when}: ended before");
        running.signal(signal);
        release.send(()).unwrap();
        // The answer may be faster than the signal, and nohup around the tests lets SIGHUP do nothing. A
        // process that a signal ended has no exit code.
        let ended = running.end();
        assert!(matches!(ended.code, 0 | 2), "{when}: {} {}", ended.code, ended.stderr);
        home.succeed(&["sync"], &when);
        assert_eq!(tampered.take_refreshes(), 1, "{when}");
    }
}

#[test]
fn at_the_end_a_refresh_that_failed_is_not_tried_again() {
    let tampered = Tampered::new(Payer::rich());
    let home = tampered.connected_home(EVERY_SECOND);
    let path = home.file("payersync.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let patient = text.replace("max_attempts = 2", "max_attempts = 9").replace(
        "initial_delay_milliseconds = 1\nmax_delay_seconds = 1\n",
        "initial_delay_milliseconds = 3600000\nmax_delay_seconds = 3600\n",
    );
    assert_ne!(text, patient);
    std::fs::write(path, patient).unwrap();
    tampered.payer.expire_access_tokens();
    tampered.answer_refresh(crate::support::Answer::new(503, ""));
    let mut running = Watched::start(&home, &["sync"]);
    assert!(running.until(|| tampered.is_refreshing()), "ended before");
    running.terminate();
    // It ends now, and not in an hour.
    assert_eq!(running.end().code, 2);
    assert_eq!(tampered.take_refreshes(), 1);
}
