//! `payersync run` as a process: schedule, signals, lock, log.

use crate::support::{Home, Payer};
use payersync::{sandbox::Options, shard::Shard};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

/// A daemon under test, its log read line by line; killed if the test fails.
struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    fn start(home: &Home, arguments: &[&str]) -> Running {
        let mut child = home.command(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Nobody listens any more when the test is over.
                let _ = sender.send(line);
            }
        });
        Running { child, lines, seen: Vec::new() }
    }

    /// Waits for a line with a text; a minute is far more than any machine needs.
    fn wait_for(&mut self, text: &str) {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => {
                    self.seen.push(line);
                    if self.seen.last().is_some_and(|line| line.contains(text)) {
                        return;
                    }
                }
                Err(error) => panic!("no {text:?} ({error}) in {:#?}", self.seen),
            }
        }
    }

    fn signal(&self, name: &str) {
        // The shell has it built in; the program is missing on small machines.
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end; returns the exit code and every line.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.child.wait().unwrap().code();
        self.seen.extend(self.lines.iter());
        (code, std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It usually has ended.
        let _ = self.child.kill();
    }
}

const EVERY_SECOND: &str = "types = [\"Patient\"]\n[schedule]\ncron = \"* * * * * *\"\n";

fn connected(payer: &Payer, more: &str) -> Home {
    let home = Home::new();
    payer.configure(&home, more);
    payer.connect(&home, "john", 0);
    home
}

#[test]
fn it_syncs_again_and_again_rereads_its_configuration_and_stops_when_told() {
    let payer = Payer::start(Options::default());
    let home = connected(&payer, EVERY_SECOND);
    let mut running = Running::start(&home, &["run"]);
    running.wait_for("Running for 1 connection; a sync begins now");
    running.wait_for("Complete: 1 connection, 1 type complete");
    running.wait_for("Complete: 1 connection, 1 type complete");

    // Others see the lock, and who has it; those that only read do not care.
    let other = home.run(&["sync"]);
    assert_eq!(other.code, 6, "{}", other.stderr);
    assert!(other.stderr.contains("`payersync run`"), "{}", other.stderr);
    assert!(home.run(&["status"]).stdout.contains("john at plan demo"));

    payer.configure(&home, "types = [\"Patient\"]\n[schedule]\ncron = \"* * * *\"\n");
    running.signal("HUP");
    running.wait_for("schedule.cron has 4 fields");
    running.wait_for("stays in force");
    running.wait_for("Complete: 1 connection, 1 type complete");
    payer.configure(&home, &EVERY_SECOND.replace("]\n[", ", \"Coverage\"]\n["));
    running.signal("HUP");
    running.wait_for("Configuration read again");
    running.wait_for("2 types complete");

    running.signal("TERM");
    let (code, lines) = running.end();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert!(home.value::<i64>("SELECT count(*) FROM sync_run WHERE command = 'run'") >= 4);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM sync_run WHERE state = 'running'"), 0);
}

#[test]
fn a_long_run_is_given_up_when_it_is_told_to_stop_and_the_next_one_goes_on() {
    // Pages that take longer than the test: only giving up ends it in time.
    let payer =
        Payer::start(Options { page_delay: Duration::from_secs(600), ..Options::default() });
    let home = connected(&payer, "types = [\"Patient\"]\n");
    let text = fs::read_to_string(home.file("payersync.toml")).unwrap();
    let patient = text.replace("read_timeout_seconds = 2\n", "read_timeout_seconds = 900\n");
    fs::write(home.file("payersync.toml"), patient).unwrap();
    let mut running = Running::start(&home, &["--log", "debug", "run"]);
    running.wait_for("Walk started");
    running.signal("INT");
    let (code, lines) = running.end();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("Stopped: ")), "{lines:#?}");
    assert_eq!(home.value::<String>("SELECT state FROM sync_run"), "interrupted");
}

#[test]
fn a_damaged_row_of_the_vault_keeps_no_other_connection_from_its_sync() {
    let payer = Payer::start(Options::default());
    let home = connected(&payer, EVERY_SECOND);
    payer.connect(&home, "mary", 0);
    let damage = "UPDATE stored_grant SET scope = 'more' WHERE name = 'john'";
    let vault = rusqlite::Connection::open(home.file("vault.db")).unwrap();
    vault.execute_batch(damage).unwrap();
    drop(vault);
    let mut running = Running::start(&home, &["run"]);
    running.wait_for("2 connections, 1 type complete, 1 incomplete");
    running.signal("TERM");
    let (code, lines) = running.end();
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn a_daemon_that_can_begin_nothing_says_so_to_whoever_is_told() {
    let payer = Payer::start(Options::default());
    let yearly = "types = [\"Patient\"]\n[schedule]\ncron = \"0 0 1 1 *\"\n";
    let home = connected(&payer, yearly);
    home.succeed(&["sync"], "so that no run is due");
    let ear = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = format!("[notify]\nping = \"http://{}/ping\"\n", ear.local_addr().unwrap());
    payer.configure(&home, &format!("{yearly}{told}"));
    let (sender, heard) = channel();
    std::thread::spawn(move || {
        let (mut stream, _) = ear.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let _ = sender.send(line);
    });
    let mut running = Running::start(&home, &["run"]);
    running.wait_for("Running for 1 connection");
    fs::rename(home.file("warehouse.db"), home.file("away.db")).unwrap();
    // It looks again at once, not after a minute.
    running.signal("HUP");
    let line = heard.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(line.starts_with("GET /ping/fail "), "{line}");
    running.signal("TERM");
    let (code, lines) = running.end();
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn a_daemon_without_a_connection_waits_for_one() {
    let home = Home::new();
    fs::write(home.file("payersync.toml"), "[connections.jon]\nschedule = \"@hourly\"\n").unwrap();
    let mut running = Running::start(&home, &["run"]);
    running.wait_for("there is no connection yet");
    running.wait_for("there is no connection jon");
    running.signal("TERM");
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn a_shard_misses_only_connections_of_its_own() {
    let shard: Shard = "1/2".parse().unwrap();
    let names = ["ann", "ben", "cleo", "dora", "emil", "fay", "gus", "hal"];
    let (mine, others): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| shard.holds(name));
    assert!(!mine.is_empty() && !others.is_empty());
    let schedules = names.map(|name| format!("[connections.{name}]\nschedule = \"@hourly\"\n"));
    let home = Home::new();
    fs::write(home.file("payersync.toml"), schedules.concat()).unwrap();
    let mut running = Running::start(&home, &["run", "--shard", "1/2"]);
    for name in mine {
        running.wait_for(&format!("there is no connection {name}"));
    }
    running.signal("TERM");
    let (code, lines) = running.end();
    assert_eq!(code, Some(0), "{lines:#?}");
    let told =
        |name: &&str| lines.iter().any(|line| line.contains(&format!("[connections.{name}]")));
    assert!(!others.iter().any(told), "{lines:#?}");
}

#[test]
fn every_line_of_a_log_in_json_is_json_with_the_ids_of_run_and_connection() {
    let payer = Payer::start(Options::default());
    let home = connected(&payer, EVERY_SECOND);
    let mut running = Running::start(&home, &["--log-format", "json", "run"]);
    running.wait_for("rows_written");
    running.signal("TERM");
    let (code, lines) = running.end();
    assert_eq!(code, Some(0), "{lines:#?}");
    let events = parsed(&lines);
    let walk = events.iter().find(|event| event["message"] == "Walk finished").unwrap();
    assert_eq!(walk["run_id"], 1, "{walk}");
    assert_eq!(walk["connection_id"], 1, "{walk}");
    let summary = events.iter().find(|event| event.get("rows_written").is_some()).unwrap();
    assert_eq!((&summary["run_id"], &summary["exit_code"]), (&1.into(), &0.into()));

    // The same for a command that fails, however little is logged.
    let failed = home.run(&["--log-format", "json", "--log", "off", "sync", "nobody"]);
    assert_eq!(failed.code, 1);
    let events = parsed(&failed.stderr.lines().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["level"], "ERROR");
    assert_eq!(events[0]["hint"], "known connections: john");
    // Where nobody looks on, a sync does so by itself, and what people ask for does not.
    let unattended = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        let output = command.env_remove("PAYERSYNC_LOG_FORMAT").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said.lines().map(str::to_owned).collect::<Vec<_>>())
    };
    let (code, lines) = unattended(&["sync", "--full"]);
    assert_eq!(code, Some(0));
    parsed(&lines);
    let (code, lines) = unattended(&["get", "Nothing", "--connection", "nobody"]);
    assert_eq!(code, Some(1), "{lines:?}");
    assert!(lines.iter().all(|line| !line.starts_with('{')), "{lines:?}");
}

fn parsed(lines: &[String]) -> Vec<Value> {
    assert!(!lines.is_empty());
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}
