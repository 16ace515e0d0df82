//! Promises of SECURITY.md that have no better place: modes of files, core dumps, who is asked, and values
//! that look like SQL.
#![cfg(unix)]

use crate::support::{Home, Payer, SHORT_SYNC};
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The command, started by a shell that lets new files be everybody's.
fn for_everybody(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$@\"", "sh"]).arg(command.get_program());
    shell.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn every_file_of_a_home_is_its_owners_alone_whatever_the_umask() {
    let elsewhere = Home::new();
    let folder = elsewhere.file("home");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payersync"));
        command.arg("--home").arg(&folder).args(arguments).env("PAYERSYNC_LOG_FORMAT", "plain");
        let output = for_everybody(&command).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(run(&["init"]).0, Some(0));
    let (from, mut names) = (fs::metadata(&folder).unwrap(), Vec::new());
    assert_eq!(from.permissions().mode() & 0o777, 0o700);
    fs::remove_file(folder.join("payersync.toml")).unwrap();
    assert_eq!(run(&["demo", "--members", "1"]).0, Some(0));
    // A consent that waits for its answer: its state and verifier are in a file.
    let (_, said) = run(&["connect", "mary", "--plan", "demo", "--code", "-"]);
    let copy = folder.join("copy.db").display().to_string();
    assert_eq!(run(&["backup", &copy]).0, Some(0));
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        let name = entry.file_name().into_string().unwrap();
        let expected = if entry.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{name}");
        names.push(name);
    }
    for name in ["payersync.toml", "pending-mary.json", "vault.db", "vault.key", "warehouse.db"] {
        assert!(names.iter().any(|there| there == name), "{name}: {names:?} {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_process_leaves_a_core_dump() {
    use std::io::{BufRead, BufReader};
    let home = Home::new();
    let mut command = home.command(&["sandbox", "--port", "0"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    // It says where it serves, so everything before that is done.
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
}

#[test]
fn nobody_but_the_plans_of_the_configuration_is_asked() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    // A proxy would see every request to another machine.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&seen);
    // Ends with the process of the test.
    std::thread::spawn(move || {
        for _ in proxy.incoming() {
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    let run = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"] {
            command.env(name, &address);
        }
        for name in ["NO_PROXY", "no_proxy"] {
            command.env_remove(name);
        }
        command.output().unwrap().status.code()
    };
    let copy = home.file("copy.db").display().to_string();
    for arguments in [&SHORT_SYNC[..], &["doctor"], &["status"], &["verify"], &["backup", &copy]] {
        run(arguments);
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0, "somebody else was asked");
    // What is asked at another machine does come to the proxy.
    let path = home.file("payersync.toml");
    let elsewhere = "[plans.other]\nfhir_url = \"https://plan.example/fhir\"\n\
                     authorize_url = \"https://plan.example/a\"\n\
                     token_url = \"https://plan.example/t\"\nclient_id = \"x\"\n";
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}\n{elsewhere}")).unwrap();
    run(&["doctor"]);
    assert!(seen.load(Ordering::SeqCst) > 0, "the proxy is not used");
}

#[test]
fn values_that_look_like_sql_are_values() {
    let home = Home::new();
    let sick = "'; DROP TABLE resource; -- \"; DROP TABLE patient; --";
    let patient = serde_json::json!({
        "resourceType": "Patient", "id": "a", "language": sick, "gender": sick,
        "name": [{"family": sick, "given": [sick]}], "identifier": [{"system": sick, "value": sick}],
    });
    fs::write(home.file("a.json"), patient.to_string()).unwrap();
    let file = home.file("a.json").display().to_string();
    home.succeed(&["import", "mary", &file, "--member", sick], "a value that looks like SQL");
    home.succeed(&["rebuild"], "a value that looks like SQL");
    home.succeed(&["verify"], "a value that looks like SQL");
    for sql in [
        "SELECT family FROM patient_name",
        "SELECT value FROM patient_identifier",
        "SELECT member FROM connection",
        "SELECT json_extract(json, '$.language') FROM resource",
    ] {
        assert_eq!(home.value::<String>(sql), sick, "{sql}");
    }
    let parameter = format!("name={sick}");
    let question = "SELECT count(*) FROM patient_name WHERE family = :name";
    let asked = ["query", question, "--param", &parameter, "--format", "csv"];
    let counted = home.run(&asked);
    assert!(counted.stdout.ends_with("\n1\n"), "{}", counted.stdout);
}

#[test]
fn what_a_file_from_elsewhere_names_may_not_act() {
    let home = Home::new();
    fs::write(home.file("a.json"), r#"{"resourceType":"Patient","id":"a"}"#).unwrap();
    home.succeed(&["import", "mary", home.file("a.json").to_str().unwrap()], "nothing");
    let asked = home.run(&["query", "PRAGMA trusted_schema", "--format", "csv"]);
    assert_eq!(asked.stdout.lines().nth(1), Some("0"), "{}{}", asked.stdout, asked.stderr);
}
