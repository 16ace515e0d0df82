//! What is wrong is told once per connection and cause, in lines that fit a screen of 80 columns.

use crate::{
    files::import::{bundle, member},
    support::{Home, Payer, SHORT_SYNC, at_terminal},
};
use payersync::sandbox::{Fault, Options};

/// What a command shows on a screen of 80 columns, none of whose lines is wider.
#[track_caller]
fn shown(home: &Home, arguments: &[&str]) -> String {
    let text = at_terminal(home.command(arguments), 80, 24).text();
    // A word that is there to be copied is never broken.
    let is_wide = |line: &&str| line.chars().count() > 80 && line.contains(' ');
    let wide: Vec<&str> = text.lines().filter(is_wide).collect();
    assert!(wide.is_empty(), "{arguments:?}: {wide:#?}");
    text
}

#[test]
fn a_quiet_command_tells_of_trouble_only() {
    let payer = Payer::small();
    let home = payer.connected_home();
    let quiet = |arguments: &[&str]| home.run(&[&["--quiet"], arguments].concat());
    let backup = home.file("copy.db");
    for arguments in [&SHORT_SYNC[..], &["backup", backup.to_str().unwrap()], &["verify"]] {
        let outcome = quiet(arguments);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{arguments:?}");
    }
    // A name given twice is one connection.
    home.succeed(&["sync", "john", "john", "--type", "Patient"], "a backup");
    let walks = "SELECT count(*) FROM sync_walk WHERE resource_type = 'Patient'
        AND run_id = (SELECT max(id) FROM sync_run)";
    assert_eq!(home.value::<i64>(walks), 1);
    let refused = quiet(&["sync", "nobody"]);
    assert!(refused.code == 1 && refused.stderr.starts_with("error: "), "{}", refused.stderr);
    drop(payer);
    let (sync, loud) = (quiet(&SHORT_SYNC), home.run(&SHORT_SYNC));
    assert_eq!((sync.code, loud.code), (4, 4), "{}", sync.stderr);
    let said: Vec<&str> = sync.stderr.lines().collect();
    assert!(said[0].starts_with("Incomplete: john: "), "{}", sync.stderr);
    let told = |line: &&str| !line.contains(" WARN ") && !line.contains(" INFO ");
    let loud: Vec<&str> = loud.stderr.lines().filter(told).collect();
    assert_eq!(said.len(), loud.len(), "{said:#?} {loud:#?}");
    let json = home.run(&["--quiet", "--log-format", "json", "sync"]);
    for line in json.stderr.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn a_plan_that_is_gone_is_one_line_per_connection_and_each_type_is_shown_on_demand() {
    let payer = Payer::small();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "a consent");
    let well = shown(&home, &["status"]);
    assert!(well.contains("john at plan demo: complete as of 20"), "{well}");
    assert!(!well.contains("Coverage"), "a type of which all is well: {well}");
    let types = shown(&home, &["status", "john"]);
    assert_eq!(types, shown(&home, &["status", "--all"]));
    assert!(types.contains(" Coverage ") && types.contains(" complete "), "{types}");
    drop(payer);
    let sync = home.run(&SHORT_SYNC);
    assert_eq!(sync.code, 4, "{}", sync.stderr);
    let said = |what: &str| sync.stderr.matches(what).count();
    assert_eq!(said("Walk finished"), 1, "{}", sync.stderr);
    assert_eq!(said("\nIncomplete: john: "), 1, "{}", sync.stderr);
    assert_eq!(said("hint: "), 1, "{}", sync.stderr);
    let gone = shown(&home, &["status"]);
    let held = gone.replace("\n  ", " ");
    assert!(held.contains("john at plan demo: 3 of 3 types not updated, "), "{gone}");
    assert!(held.contains(" held, complete as of 20"), "{gone}");
    let export = home.run(&["export", home.file("out").to_str().unwrap()]);
    assert_eq!(export.code, 0, "{}", export.stderr);
    let same = export.stderr.contains("john: 3 of 3 types not updated, ")
        && export.stderr.contains(" held, complete as of 20");
    assert!(same, "{}", export.stderr);
    assert_eq!(gone.matches("hint: ").count(), 1, "{gone}");
    assert_eq!(gone.matches("could not connect").count(), 1, "{gone}");
    let unknown = home.run(&["status", "jon"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("known connections: john"), "{}", unknown.stderr);
}

#[test]
fn rejects_about_another_patient_are_told_by_status_with_what_to_do() {
    let home = Home::new();
    let both = [member("p"), member("q")].concat();
    let file = home.write_private("family.json", &bundle("collection", &both));
    let import = home.run(&["import", "mary", file.to_str().unwrap()]);
    assert_eq!(import.code, 2, "{}", import.stderr);
    let status = home.run(&["status"]);
    assert_eq!(status.code, 2);
    let said = "3 rejects: 3 are about another patient; see rejected_resource";
    assert!(status.stdout.contains(said), "{}", status.stdout);
    assert!(status.stdout.contains("import them with --dependants"), "{}", status.stdout);
    shown(&home, &["status", "mary"]);
}

#[test]
fn a_type_that_was_named_and_is_not_served_is_told() {
    let payer = Payer::small();
    let home = payer.connected_home();
    let sync = home.run(&["sync", "--type", "Basic"]);
    assert!(sync.stderr.contains("plan demo does not serve Basic"), "{}", sync.stderr);
}

#[test]
fn types_that_the_plan_refuses_are_told_by_the_run_and_by_status() {
    let payer = Payer::start(Options {
        claims_per_member: 2,
        faults: vec![Fault::ForbiddenClinical],
        ..Options::default()
    });
    let home = payer.connected_home();
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    let types: u64 = home.value("SELECT count(*) FROM completeness WHERE state = 'not_served'");
    assert!(types > 20, "{types}");
    let told = format!("{types} types not served by the plan (403)");
    assert!(sync.stderr.contains(&told), "{}", sync.stderr);
    let status = home.run(&["status"]).stdout;
    assert!(status.contains(&told), "{status}");
    assert!(status.contains("  Not served: "), "{status}");
    assert!(status.contains(&format!(" and {} more\n", types - 3)), "{status}");
    let all = home.run(&["status", "--all"]).stdout;
    assert!(all.contains("  Not served: ") && !all.contains(" more\n"), "{all}");
    shown(&home, &["status"]);
}

#[test]
fn a_home_without_a_connection_is_not_called_complete() {
    let payer = Payer::small();
    let home = Home::new();
    payer.configure(&home, "");
    assert_eq!(home.run(&["sync"]).code, 1);
    let status = home.run(&["status", "--max-age", "36h"]);
    assert_eq!(status.code, 1, "{}", status.stdout);
    assert!(status.stdout.contains("No connection yet"), "{}", status.stdout);
    let json = home.run(&["status", "--json"]);
    assert_eq!(json.code, 1, "{}", json.stdout);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["complete"], false);
    assert_eq!(json["exit_code"], 1);
}

#[test]
fn a_request_that_is_refused_for_good_comes_with_what_to_do() {
    let payer = Payer::start(Options { faults: vec![Fault::Permanent400], ..Options::default() });
    let home = payer.connected_home();
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 2, "{}", sync.stderr);
    let hint = sync.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap();
    assert!(hint.contains("sync_walk.server_message"), "{hint}");
    let silent: u64 = home.value(
        "SELECT count(*) FROM sync_walk WHERE reason = 'refused'
           AND (hint IS NULL OR server_message IS NULL)",
    );
    assert_eq!(silent, 0, "what the hint names is there");
    // Whatever else goes wrong for good has a hint, too.
    for fault in [Fault::Permanent500, Fault::NextLoop] {
        payer.set_faults(vec![fault]);
        let sync = home.run(&["sync", "--full"]);
        assert_eq!(sync.code, 2, "{fault:?}: {}", sync.stderr);
        assert!(sync.stderr.contains("\nhint: "), "{fault:?}: {}", sync.stderr);
    }
}
