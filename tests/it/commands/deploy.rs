//! `scripts/deploy/`: what is to be installed says nothing that the program or systemd refuses.

use crate::support::{Home, Payer, tools};
use clap::Parser;
use payersync::{cli::Cli, sandbox::Options, schedule::Schedule};
use std::{fs, path::Path, path::PathBuf, process::Command};

const SERVICES: [&str; 2] = ["payersync.service", "payersync-sync.service"];
/// Writes metrics every five minutes.
const METRICS: &str = "payersync-metrics.service";
/// What `OnFailure=` of both services starts.
const FAILED: &str = "payersync-failed@.service";
/// systemd looks for it where programs are installed.
const START: &str = "ExecStart=payersync ";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/deploy")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// Whether systemd's own checks can be run here; where it counts they must be.
fn has_systemd() -> bool {
    let found = Command::new("systemd-analyze").arg("--version").output().is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "systemd-analyze is missing");
        eprintln!("SKIPPED: systemd-analyze is not installed");
    }
    found
}

fn analyze(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("systemd-analyze").args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn the_units_are_what_systemd_understands() {
    if !has_systemd() {
        return;
    }
    let units = tempfile::tempdir().unwrap();
    let timers = ["payersync-sync.timer", "payersync-metrics.timer"];
    let names = || SERVICES.into_iter().chain(timers).chain([METRICS, FAILED]);
    for name in names() {
        // The binary that a machine has after an installation is the one just built here.
        let built = format!("ExecStart={} ", env!("CARGO_BIN_EXE_payersync"));
        let unit = text(name).replace(START, &built);
        fs::write(units.path().join(name), unit).unwrap();
    }
    for name in names().map(|name| name.replace('@', "@payersync.service")) {
        let path = units.path().join(&name).display().to_string();
        let (fine, said) = analyze(&["verify", "--man=no", "--generators=no", &path]);
        // Other units of this machine are not ours to judge.
        let ours: Vec<_> = said.lines().filter(|line| line.contains("payersync")).collect();
        assert!(fine && ours.is_empty(), "{name}: {said}");
    }
    let (fine, said) = analyze(&["calendar", "*-*-* 03:00:00 America/New_York"]);
    assert!(fine && text("payersync-sync.timer").contains("03:00:00 America/New_York"), "{said}");
}

#[test]
fn the_services_are_exposed_to_no_more_than_the_network_they_need() {
    if !has_systemd() {
        return;
    }
    let units = tempfile::tempdir().unwrap();
    // A single command is a unit, too, which systemd-run makes of these properties.
    let script = text("payersync-once");
    fs::write(units.path().join("payersync-once.service"), once(&script)).unwrap();
    for name in SERVICES.into_iter().chain([METRICS, FAILED]) {
        fs::copy(folder().join(name), units.path().join(name)).unwrap();
    }
    for name in SERVICES.into_iter().chain([METRICS, FAILED, "payersync-once.service"]) {
        let name = name.replace('@', "@payersync.service");
        let path = units.path().join(&name).display().to_string();
        let (fine, said) = analyze(&["security", "--offline=true", "--threshold=11", &path]);
        assert!(fine, "{name}: {said}");
    }
}

/// The unit that systemd-run makes for `payersync-once`.
fn once(script: &str) -> String {
    let words = script.split("--property=").skip(1).map(|rest| match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next().unwrap(),
        None => rest.split_whitespace().next().unwrap(),
    });
    let properties: Vec<&str> = words.collect();
    assert!(properties.len() > 30, "{properties:?}");
    format!("[Service]\n{START}status\n{}\n", properties.join("\n"))
}

#[test]
fn a_service_that_fails_starts_the_unit_that_tells() {
    for name in SERVICES {
        let text = text(name);
        let unit = text.lines().find_map(|line| line.strip_prefix("OnFailure=")).unwrap();
        assert_eq!(unit.replace("%n", ""), FAILED, "{name}");
    }
    if !has_systemd() {
        return;
    }
    // The drop-in that its head shows, as `systemctl edit` writes it.
    let text = text(FAILED);
    let drop_in: Vec<&str> = text
        .lines()
        .map_while(|line| line.strip_prefix('#'))
        .filter_map(|line| line.strip_prefix("   "))
        .collect();
    let drop_in = drop_in.join("\n").replace("/usr/bin/curl", "/bin/echo");
    assert!(drop_in.starts_with("[Service]\nExecStart=\nExecStart=/bin/echo "), "{drop_in}");
    let units = tempfile::tempdir().unwrap();
    let folder = units.path().join(format!("{FAILED}.d"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("override.conf"), drop_in).unwrap();
    fs::write(units.path().join(FAILED), &text).unwrap();
    let path = units.path().join(FAILED.replace('@', "@payersync.service"));
    for arguments in [
        &["verify", "--man=no", "--generators=no"][..],
        &["security", "--offline=true", "--threshold=11"],
    ] {
        let (fine, said) = analyze(&[arguments, &[path.to_str().unwrap()]].concat());
        assert!(fine, "{said}");
        assert!(arguments[0] != "verify" || !said.contains("payersync"), "{said}");
    }
}

#[test]
fn the_command_lines_and_the_crontab_are_what_the_program_understands() {
    let starts = |name: &str| {
        let text = text(name);
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        Cli::try_parse_from(line.split_whitespace()).unwrap()
    };
    SERVICES.into_iter().chain([METRICS]).for_each(|name| drop(starts(name)));
    let crontab = text("crontab");
    let jobs: Vec<_> =
        crontab.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    assert_eq!(jobs.len(), 1);
    let fields: Vec<_> = jobs[0].split_whitespace().collect();
    Schedule::parse(&fields[..5].join(" "), "UTC", 0).unwrap();
    Cli::try_parse_from(&fields[5..]).unwrap();
    for code in payersync::exit_code::ExitCode::ALL.into_iter().filter(|code| *code as u8 <= 6) {
        let line = format!("#   {}  ", code as u8);
        assert!(crontab.contains(&line), "the crontab does not explain exit code {}", code as u8);
    }
}

#[test]
fn the_shell_script_is_one() {
    let script = folder().join("payersync-once");
    let output = Command::new("sh").arg("-n").arg(&script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // What it gives a command, and keeps from it, is what the service gives and keeps.
    let of_the_service_alone = [
        "Type=",
        "Exec",
        "Timeout",
        "Restart",
        "Environment=",
        "User=",
        "Group=",
        "StateDirectory",
    ];
    let service = text("payersync.service");
    let settings = service.split("[Service]").nth(1).unwrap().split("[Install]").next().unwrap();
    for line in settings.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if of_the_service_alone.iter().any(|start| line.starts_with(start)) {
            continue;
        }
        let given = [format!("--property={line} "), format!("--property='{line}' ")];
        let once = text("payersync-once");
        assert!(given.iter().any(|given| once.contains(given)), "payersync-once: {line}");
        assert!(text("payersync-sync.service").lines().any(|other| other == line), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn words_of_a_question_reach_payersync_as_they_are() {
    use std::os::unix::fs::PermissionsExt;
    // What systemd-run is told, from 254 on and before.
    for (help, dollar) in [("--expand-environment=BOOL", "$"), ("", "$$")] {
        let programs = tempfile::tempdir().unwrap();
        let program = programs.path().join("systemd-run");
        let script = format!(
            "#!/bin/sh\ncase \"$1\" in --help) echo '{help}';; *) printf '%s\\n' \"$@\";; esac\n"
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let installed = programs.path().join("payersync");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_payersync"), &installed).unwrap();
        let path = std::env::join_paths(
            [programs.path().to_owned()]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let output = Command::new("sh")
            .arg(folder().join("payersync-once"))
            .args(["query", "SELECT '$HOME  ${x}'", "--format", "csv"])
            .env("PATH", path.unwrap())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let question = "SELECT '$HOME  ${x}'".replace('$', dollar);
        let words =
            [installed.to_str().unwrap(), "query", &question, "--format", "csv", ""].join("\n");
        assert!(said.ends_with(&words), "{help}: {said}");
        assert_eq!(said.contains("--expand-environment=no"), !help.is_empty(), "{said}");
    }
}

#[test]
fn secrets_come_from_the_credentials_that_systemd_hands_over() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    let credentials = Home::new();
    fs::rename(home.file("vault.key"), credentials.file("vault-key")).unwrap();
    fs::rename(home.file("demo.secret"), credentials.file("demo.secret")).unwrap();
    let sync = ["sync", "--type", "Patient"];

    let without = home.run(&sync);
    assert_ne!(without.code, 0, "{}", without.stderr);
    assert!(!home.file("vault.key").exists(), "a vault with tokens got another key");

    let with = home.command(&sync).env("CREDENTIALS_DIRECTORY", credentials.path()).output();
    let with = with.unwrap();
    assert!(with.status.success(), "{}", String::from_utf8_lossy(&with.stderr));

    fs::rename(credentials.file("demo.secret"), home.file("demo.secret")).unwrap();
    let file = credentials.file("vault-key");
    let with = home.command(&sync).env("PAYERSYNC_VAULT_KEY_FILE", &file).output().unwrap();
    assert!(with.status.success(), "{}", String::from_utf8_lossy(&with.stderr));

    let missing = home.command(&sync).env("PAYERSYNC_VAULT_KEY_FILE", home.file("none")).output();
    let missing = missing.unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("vault's key"));
}

/// The files of Kubernetes, which are not for this machine.
const MANIFESTS: [&str; 3] = ["service.yaml", "nightly.yaml", "move.yaml"];

#[test]
fn kubernetes_takes_the_manifests_as_they_are() {
    let Some(tools) = tools() else { return };
    for name in MANIFESTS {
        // Strict: a key that the schema does not know is a mistake.
        let output = Command::new(tools.join("kubernetes-validate"))
            .args(["--strict", "--quiet"])
            .arg(folder().join("kubernetes").join(name))
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&said));
    }
}

/// The values of a key of a manifest, in the order of its lines.
fn values(manifest: &str, key: &str) -> Vec<String> {
    let value = |line: &str| Some(line.trim().strip_prefix(key)?.trim().replace('"', ""));
    manifest.lines().filter_map(value).collect()
}

#[test]
fn the_shards_of_kubernetes_are_as_many_everywhere_and_their_commands_are_understood() {
    for name in MANIFESTS {
        let manifest = text(&format!("kubernetes/{name}"));
        let counted: Vec<String> = ["replicas:", "completions:", "parallelism:"]
            .iter()
            .flat_map(|key| values(&manifest, key))
            .collect();
        let lines: Vec<&str> = manifest.lines().collect();
        let shards = lines.iter().position(|line| line.contains("name: PAYERSYNC_SHARDS"));
        if let Some(at) = shards {
            let of = lines[at + 1].trim().trim_start_matches("value: ").replace('"', "");
            assert!(
                !counted.is_empty() && counted.iter().all(|it| *it == of),
                "{name}: {counted:?}"
            );
        }
        // As the file has them, with their quotes: `values` takes these away.
        let arguments = lines.iter().find_map(|line| line.trim().strip_prefix("args: ")).unwrap();
        let arguments: Vec<String> = serde_json::from_str(arguments).unwrap();
        let words = ["payersync".to_owned()].into_iter().chain(arguments);
        assert!(Cli::try_parse_from(words).is_ok(), "{name}");
    }
}
