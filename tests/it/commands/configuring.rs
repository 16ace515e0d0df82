//! What is in force, what this build is, and what is misspelt: told at once, and never a secret.

use crate::support::{Home, Payer, at_terminal};
use serde_json::Value;

/// Runs a command with variables; returns its code, stdout and stderr.
fn with(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let mut command = home.command(arguments);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const CONFIGURATION: &str = "[sync]\noverlap_hours = 48\n[notify]\nwebhook = \"https://h.test/hunter2\"\n\
    [plans.demo]\nfhir_url = \"https://h.test/r4\"\nclient_id = \"your-client-id\"\n\
    client_secret_env = \"DEMO_SECRET\"\nheaders = { x-key = \"hunter2\" }\n";

#[test]
fn what_is_in_force_is_shown_with_where_it_comes_from_and_never_a_secret() {
    let home = Home::new();
    std::fs::write(home.file("payersync.toml"), CONFIGURATION).unwrap();
    let secret = [("DEMO_SECRET", "hunter2"), ("PAYERSYNC_LOG", "debug")];
    let (code, said, errors) = with(&home, &secret, &["config", "show"]);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(!said.contains("hunter2"), "{said}");
    let line = |text: &str| {
        said.lines().find(|line| line.starts_with(text)).unwrap_or_else(|| panic!("{text}: {said}"))
    };
    assert!(line("overlap_hours = 48").ends_with("# payersync.toml"), "{said}");
    assert!(line("page_size = 100").ends_with("# default"), "{said}");
    assert!(line("# log = debug").ends_with("# PAYERSYNC_LOG"), "{said}");
    assert!(said.contains("# payersync.toml; DEMO_SECRET is set"), "{said}");
    assert!(line("webhook = \"(not shown)\"").ends_with("# payersync.toml"), "{said}");
    assert!(line("# vault_key = ").contains("vault.key"), "{said}");
    let wide = |line: &&str| line.chars().count() > 80;
    assert_eq!(said.lines().filter(wide).count(), 0, "{said}");
    let (_, json, _) = with(&home, &[], &["config", "show", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let settings = json["settings"].as_array().unwrap();
    let found = settings.iter().find(|one| one["key"] == "client_secret_env").unwrap();
    assert_eq!(found["variables"][0]["is_set"], false);
    assert_eq!(found["from"], "payersync.toml");
    let flag = home.run(&["config", "show", "--log", "info"]);
    assert!(flag.stdout.contains("# --log\n"), "{}", flag.stdout);
    // An empty variable is one that is not set.
    let (code, said, _) = with(&home, &[("PAYERSYNC_LOG", "")], &["config", "show"]);
    assert_eq!(code, 0, "{said}");
    let log = said.lines().find(|line| line.starts_with("# log = "));
    assert!(log.is_some_and(|line| line.ends_with("# default")), "{said}");
    // A mistake in the file is told as every command tells it.
    std::fs::write(home.file("payersync.toml"), "[sync]\noverlap_hour = 1\n").unwrap();
    let refused = home.run(&["config", "show"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("did you mean overlap_hours?"), "{}", refused.stderr);
    let schema = home.run(&["config", "schema"]);
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert!(schema["$defs"]["Plan"]["properties"]["fhir_url"]["description"].is_string());
}

#[test]
fn the_version_tells_what_the_build_is_made_of() {
    let home = Home::new();
    let short = home.run(&["--version"]).stdout;
    assert_eq!(short, format!("payersync {}\n", env!("CARGO_PKG_VERSION")));
    let long = home.run(&["--version", "--verbose"]);
    assert_eq!(long.code, 0, "{}", long.stderr);
    assert!(long.stdout.starts_with(&short), "{}", long.stdout);
    for (what, beginning) in [("commit", ""), ("features", ""), ("sqlite", "3."), ("target", "")] {
        let line = long.stdout.lines().find(|line| line.starts_with(what)).unwrap();
        let value = line[what.len()..].trim();
        assert!(!value.is_empty() && value.starts_with(beginning), "{line}");
    }
    assert_eq!(long.stdout.contains("parquet"), cfg!(feature = "parquet"), "{}", long.stdout);
}

#[test]
fn a_filter_that_selects_nothing_is_refused_wherever_it_comes_from() {
    let home = Home::new();
    let flag = home.run(&["--log", "inof", "status"]);
    assert_eq!(flag.code, 1);
    assert!(flag.stderr.contains("did you mean info?"), "{}", flag.stderr);
    let (code, _, said) = with(&home, &[("PAYERSYNC_LOG", "payersync=loud")], &["status"]);
    assert_eq!(code, 1);
    assert!(said.contains("hint: a level (off, error"), "{said}");
}

#[test]
fn a_usage_does_not_ask_for_what_the_environment_says() {
    let home = Home::new();
    let (code, _, said) = with(&home, &[("PAYERSYNC_LOG_FORMAT", "plain")], &["explain"]);
    assert_eq!(code, 1);
    assert!(said.contains("Usage: payersync explain "), "{said}");
    assert!(!said.contains("--home") && !said.contains("--log-format"), "{said}");
}

#[test]
fn doctor_finds_without_a_network_what_is_misspelt_or_left_as_it_was() {
    let home = Home::new();
    let more =
        "scope = \"openid patient/Covrage.read\"\n[connections.jon]\nschedule = \"0 5 * * *\"\n";
    std::fs::write(home.file("payersync.toml"), CONFIGURATION.to_owned() + more).unwrap();
    let looked = |arguments: &[&str]| {
        let screen = at_terminal(home.command(arguments), 80, 24).text();
        let wide: Vec<&str> = screen.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{wide:#?}");
        screen
    };
    let said = looked(&["doctor", "--offline"]);
    for finding in [
        "look    plan demo client_id: is still the placeholder",
        "look    plan demo scope: ",
        "patient/Covrage.read",
        "look    [connections.jon]: there is no connection of that name",
        "ok      notify: webhook",
    ] {
        assert!(said.contains(finding), "{finding}: {said}");
    }
    let broken =
        CONFIGURATION.replace("webhook = \"https://h.test/hunter2\"", "command = [\"no-such\"]");
    std::fs::write(home.file("payersync.toml"), broken).unwrap();
    let said = looked(&["doctor", "--offline"]);
    assert!(said.contains("wrong   notify.command: there is no program no-such"), "{said}");
}

#[test]
fn a_plan_that_no_connection_uses_costs_no_verdict_and_no_patience() {
    let home = Home::new();
    let deaf = "[plans.demo]\nfhir_url = \"http://127.0.0.1:9/r4\"\nclient_id = \"c\"\n\
                token_url = \"http://127.0.0.1:9/t\"\n[http]\ninitial_delay_milliseconds = 1\n";
    let path = home.file("payersync.toml");
    std::fs::write(&path, deaf).unwrap();
    #[cfg(unix)]
    for (path, mode) in [(path, 0o600), (home.file("."), 0o700)] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let outcome = home.run(&["doctor"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("look    plan demo: "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("no connection uses the plan yet"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("; if you do not use the plan, delete [plans."), "{outcome:?}");
    assert!(!outcome.stdout.contains("6 attempts"), "{}", outcome.stdout);
}

#[test]
fn a_name_that_is_nearly_one_is_answered_with_it() {
    let payer = Payer::small();
    let home = payer.connected_home();
    for arguments in [
        &["sync", "jon"][..],
        &["status", "jon"],
        &["purge", "jon", "--yes"],
        &["explain", "patient", "1", "--connection", "jon"],
    ] {
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, 1, "{arguments:?}");
        let said = outcome.stderr.replace("\n    ", " ");
        let told = "did you mean john? known connections: john";
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    let preset = home.run(&["init", "--plan", "humanna", "--print"]);
    assert_eq!(preset.code, 1);
    assert!(preset.stderr.contains("did you mean humana? "), "{}", preset.stderr);
}

#[test]
fn init_keeps_a_configuration_and_says_how_a_preset_gets_into_it() {
    let home = Home::new();
    let file = home.write_private("payersync.toml", "# mine\n");
    let kept = |arguments: &[&str], hint: &str| {
        let before = std::fs::read(&file).unwrap();
        let init = home.run(arguments);
        assert_eq!(init.code, 1, "{}", init.stderr);
        let told = "exists: it was kept as it is, and nothing was added";
        assert!(init.stderr.contains(told) && init.stderr.contains(hint), "{}", init.stderr);
        assert_eq!(std::fs::read(&file).unwrap(), before);
    };
    kept(&["init"], "move it aside");
    let preset = ["init", "--plan", "elevance", "--set", "brand=Wellpoint"];
    let print = "`payersync init --plan elevance --set brand=Wellpoint --print` prints";
    kept(&preset, print);
    std::fs::remove_file(&file).unwrap();
    home.succeed(&preset, "a new home");
    kept(&preset, "it has a section [plans.elevance]");
}

#[test]
fn a_placeholder_in_the_clients_place_is_refused_before_a_member_is_asked() {
    let home = Home::new();
    std::fs::write(home.file("payersync.toml"), CONFIGURATION).unwrap();
    for more in [&[][..], &["--code", "c"]] {
        let connect = home.run(&[&["connect", "ann", "--plan", "demo"], more].concat());
        assert_eq!(connect.code, 1, "{}", connect.stderr);
        let told = "error: plan demo: client_id is still the placeholder";
        assert!(connect.stderr.contains(told), "{}", connect.stderr);
        assert!(connect.stderr.contains("[plans.demo]"), "{}", connect.stderr);
        assert!(!connect.stderr.contains("http"), "nobody is sent there: {}", connect.stderr);
    }
}
