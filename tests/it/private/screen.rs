//! A payer's text on a terminal: shown, never obeyed. The real binary on a real pseudo-terminal.

use crate::{
    files::import::{put, zipped},
    support::{
        Answer, AskedThrough, Dictated, Home, Payer, Screen, Scripted, Tampered, bundle, on_screen,
    },
};
use clap::CommandFactory;
use payersync::cli::Cli;
use std::{collections::BTreeSet, fs};

/// A title, a link, a bell, colours in both spellings, a hidden line, a reordered one, a forged one.
const ATTACK: &str = "\u{1b}]0;owned\u{7}\u{1b}]8;;http://evil.example\u{1b}\\\u{1b}[8mhidden\u{9b}31m\u{9d}0;t\u{9c}\
    \r\u{202e}drow\u{2066}\u{200f}\u{2028}\u{2029}\u{85}\u{7f}\nerror: forged";

/// What a file may be called.
const NAME: &str = "\u{1b}]0;owned\u{7}\u{9b}31m\r\u{202e}\nerror: forged";
/// Commands that say what another one says (`run` is a sync, `demo` a connect and a sync), or nothing from
/// outside.
const LIKE_OTHERS: [&str; 3] = ["demo", "run", "sandbox"];

/// As JSON has it: the controls below U+0020 escaped, all others as they are.
fn attack_in_json() -> String {
    serde_json::to_string(ATTACK).unwrap()
}

/// Nothing of the attack is obeyed; `own` are the sequences that are ours (bars, colours).
#[track_caller]
fn assert_shown(what: &str, screen: &Screen, own: bool) {
    let text = screen.text();
    for steering in ATTACK.chars().filter(|c| !c.is_ascii_graphic() && !matches!(c, '\n' | ' ')) {
        if !(own && matches!(steering, '\u{1b}' | '\r')) {
            assert!(!text.contains(steering), "{what} lets {steering:?} pass: {text:?}");
        }
    }
    for sequence in ["\u{1b}]", "\u{1b}[8m", "\u{1b}\\"] {
        assert!(!text.contains(sequence), "{what} lets {sequence:?} pass: {text:?}");
    }
    // Data that are lines, CSV and bodies as they came, keep their line feeds.
    if !what.contains("csv") && !what.starts_with("get ") && !what.starts_with("completions ") {
        assert!(!text.contains("\nerror: forged"), "{what} shows a forged line: {text:?}");
    }
}

#[track_caller]
fn look(home: &Home, arguments: &[&str], own: bool) -> Screen {
    let screen = on_screen(home.command(arguments));
    assert_shown(&arguments.join(" "), &screen, own);
    screen
}

/// A home that took in the attack wherever a resource, or what is wrong with one, has room for it.
fn attacked() -> (Scripted, Home) {
    let said = attack_in_json();
    let payer = Scripted::start(&["Patient", "Coverage", "Goal"], move |asked| {
        if asked.id.is_some() {
            return (
                404,
                format!(r#"{{"resourceType":"OperationOutcome","issue":[{{"code":{said}}}]}}"#),
            );
        }
        let patient = format!(
            r#"{{"resourceType":"Patient","id":"p1","language":{said},"name":[{{"family":{said}}}],{said}:{said}}}"#
        );
        let strange = format!(r#"{{"resourceType":{said},"id":"s1","x":{said}}}"#);
        let goal = format!(r#"{{"resourceType":"Goal","id":{said}}}"#);
        let outcome = format!(
            r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":{said},"code":{said},"diagnostics":{said},"details":{{"text":{said}}}}}]}}"#
        );
        bundle(&[patient, strange, goal, outcome], None, None)
    });
    let home = payer.connected_home(&["Patient", "Coverage", "Goal"], "");
    (payer, home)
}

#[test]
fn a_payers_text_is_shown_on_a_terminal_and_not_obeyed() {
    let (_payer, home) = attacked();
    look(&home, &["sync"], true);
    look(&home, &["--log-format", "plain", "--log", "debug", "sync", "--full"], true);
    look(&home, &["--log-format", "json", "--log", "debug", "sync", "--full"], false);
    let stored: i64 = home.value("SELECT count(*) FROM resource WHERE instr(json, 'owned') > 0");
    assert!(stored > 0, "the attack is in the warehouse");
    // As an older version may have stored it.
    home.warehouse().execute("UPDATE connection SET scope = ?1, member = ?1", [ATTACK]).unwrap();
    for sql in [
        "SELECT * FROM resource",
        "SELECT * FROM patient",
        "SELECT * FROM rejected_resource",
        "SELECT * FROM sync_walk",
        "SELECT * FROM connection",
    ] {
        for format in ["table", "csv", "json", "ndjson"] {
            look(&home, &["query", sql, "--format", format], false);
        }
    }
    let screen = look(&home, &["query", "SELECT family FROM patient_name"], false);
    assert!(screen.text().contains("\\u001b]0;owned\\u0007"), "{}", screen.text());
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["status", "--prometheus"],
        &["tables", "--unmapped"],
        &["tables", "--unmapped", "--json"],
        &["plan"],
        &["verify"],
        &["doctor"],
        &["get", "Patient", "--connection", "c"],
        &["get", "Patient/x", "--connection", "c"],
    ] {
        look(&home, arguments, arguments == ["verify"]);
    }
}

#[test]
fn what_the_command_line_repeats_is_shown_and_not_obeyed() {
    let (_payer, home) = attacked();
    for arguments in [
        &["query", ATTACK][..],
        &["query", &format!("SELECT 1 AS \"{ATTACK}\"")],
        &["sync", ATTACK],
        &["tables", ATTACK],
        &["get", "Patient", "--connection", ATTACK],
        &["get", ATTACK, "--connection", "c"],
        &["connect", ATTACK, "--plan", ATTACK],
        &["restore", ATTACK],
        &["views", "check", ATTACK],
        &["--log", ATTACK, "status"],
    ] {
        look(&home, arguments, false);
    }
    // Words that clap quotes.
    for arguments in [
        &[ATTACK][..],
        &["backfill", "c", "--from", ATTACK],
        &["completions", ATTACK],
        &["sandbox", &format!("--like={ATTACK}")],
        &["status", &format!("--{ATTACK}")],
    ] {
        let screen = look(&home, arguments, false);
        assert_eq!(screen.code, 1, "{}", screen.text());
    }
}

#[test]
fn every_command_shows_a_strangers_text_and_does_not_obey_it() {
    let (_payer, home) = attacked();
    look(&home, &["sync"], true);
    let said = attack_in_json();
    let resource = format!(r#"{{"resourceType":"Patient","id":{said},"language":{said}}}"#);
    let view = format!(
        r#"{{"resourceType":"ViewDefinition","resource":"Patient","name":{said},"title":{said},
            "select":[{{"column":[{{"name":{said},"path":{said},"type":{said}}}]}}]}}"#
    );
    let sound = r#"{"resourceType":"ViewDefinition","resource":"Patient","name":"v","status":"active",
        "select":[{"column":[{"name":"id","path":"language"}]}]}"#;
    let (resources, view) = (put(&home, NAME, &resource), put(&home, "view.json", view));
    let (sound, codes) = (put(&home, "sound.json", sound), put(&home, "codes.txt", ATTACK));
    let zip = put(&home, "a.zip", zipped(&[(NAME, "{"), ("b.json", &resource)]));
    let given = |name: &str| home.file(name).display().to_string();
    let (copy, broken) = (given("copy.db"), given("broken.db"));
    let (report, export, papers) = (given("r.html"), given("export"), given("papers"));
    let strange = |name: &str| given(&format!("{name}{NAME}"));
    let (pages, moved) = (strange("man"), given("moved"));
    let mut seen = BTreeSet::new();
    for arguments in [
        &["init", "--list"][..],
        &["config", "show"],
        &["plan"],
        &["explain", "patient", "p1"],
        &["explain", "patient", "p1", "language"],
        &["explain", "patient_name", "p1", "family", "--json"],
        &["explain", ATTACK, ATTACK],
        &["tables", "patient"],
        &["import", "portal", &resources],
        &["import", "portal", &zip],
        &["codes"],
        &["codes", "load", &codes],
        &["views", "check", &view],
        &["views", "run", &view, "--input", &resources],
        &["views", "run", &sound, "--input", &resources],
        &["views", "run", &sound, "--input", &resources, "--format", "csv"],
        &["query", "SELECT * FROM member", "--vertical"],
        &["query", "SELECT * FROM member", "--format", "markdown"],
        &["report", &report],
        &["report", &report, "--member", ATTACK],
        &["export", &export],
        &["export", &strange("export")],
        &["backfill", "c", "--from", "2024-01-01"],
        &["rebuild"],
        &["verify"],
        &["status", "--calendar"],
        &["doctor", "--production"],
        &["notify", "--test"],
        &["jwks", ATTACK],
        &["production-access", &papers],
        &["man", &pages],
        &["completions", "bash"],
        &["get", "Patient", "--connection", "c", "--paginate"],
        #[cfg(feature = "lake")]
        &["lake", "sync", &strange("lake")],
        &["backup", &copy],
        &["move", "c", &moved],
        &["purge", "portal", "--yes"],
        &["purge", ATTACK, "--yes"],
    ] {
        let bars = ["verify", "import", "backfill", "rebuild", "move"];
        look(&home, arguments, bars.contains(&arguments[0]));
        seen.insert(arguments[0].to_owned());
    }
    fs::copy(&copy, &broken).unwrap();
    if !cfg!(feature = "encryption") {
        let name = ATTACK.replace('"', "");
        let warehouse = rusqlite::Connection::open(&broken).unwrap();
        warehouse.execute_batch(&format!("CREATE VIEW \"{name}\" AS SELECT 1")).unwrap();
    }
    let screen = look(&Home::new(), &["restore", &broken], false);
    assert_eq!(screen.code, 1 - i32::from(cfg!(feature = "encryption")), "{}", screen.text());

    let dictated = Dictated::start();
    dictated.script().token = format!(r#","scope":{said},"patient":{said}"#);
    let home = Home::new();
    dictated.configure(&home, "");
    look(&home, &["connect", "john", "--plan", "demo", "--code", "a-code"], false);
    let commands = ["connect", "restore", "sync", "status"].map(str::to_owned);
    seen.extend(commands.into_iter().chain(LIKE_OTHERS.map(str::to_owned)));
    let known = Cli::command().get_subcommands().map(|it| it.get_name().to_owned()).collect();
    let known: BTreeSet<String> = known;
    let missing: Vec<&String> = known.difference(&seen).collect();
    assert!(missing.is_empty() || !cfg!(feature = "lake"), "never looked at: {missing:?}");
}

#[test]
fn files_and_pipes_get_the_bytes() {
    let (_payer, home) = attacked();
    home.run(&["sync"]);
    let sql = "SELECT language FROM patient";
    let raw: String = home.value(
        "SELECT json_extract(json, '$.language') FROM resource WHERE resource_type = 'Patient'",
    );
    assert_eq!(raw, ATTACK);
    let outcome = home.run(&["query", sql, "--format", "ndjson"]);
    let row: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(row["language"], ATTACK);
    let outcome = home.run(&["query", sql, "--format", "csv"]);
    assert!(outcome.stdout.contains(ATTACK), "{:?}", outcome.stdout);
    // On a terminal JSON is the same JSON, spelled so that nothing of it is obeyed.
    let screen = look(&home, &["query", sql, "--format", "ndjson"], false);
    let row: serde_json::Value = serde_json::from_str(&screen.text()).unwrap();
    assert_eq!(row["language"], ATTACK);
    // What is told is for people wherever it goes.
    let outcome = home.run(&["query", ATTACK]);
    assert!(!outcome.stderr.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{:?}", outcome.stderr);
    assert!(!outcome.stderr.contains("\nerror: forged"), "{:?}", outcome.stderr);
}

#[test]
fn a_body_that_is_no_text_is_shown_byte_by_byte() {
    let tampered = Tampered::new(Payer::rich());
    let home = tampered.connected_home("");
    let body = [b"a\x1b]0;t\x07\x9b31m\xff".as_slice(), ATTACK.as_bytes()].concat();
    let of_resource = |asked: &AskedThrough| asked.target.contains("/Patient");
    let sent = body.clone();
    tampered.twist(move |asked, answer| match of_resource(asked) {
        true => Answer { content_type: "text/html".to_owned(), ..Answer::new(500, sent.clone()) },
        false => answer,
    });
    let screen = look(&home, &["get", "Patient", "--connection", "john"], false);
    assert!(screen.text().contains("a\\u001b]0;t\\u0007\\x9b31m\\xff"), "{}", screen.text());
    let output = home.command(&["get", "Patient", "--connection", "john"]).output().unwrap();
    assert!(output.stdout.starts_with(&body), "a pipe gets the bytes");
}

#[test]
fn a_refused_or_odd_token_answer_is_shown_and_not_obeyed() {
    let tampered = Tampered::new(Payer::rich());
    let home = tampered.connected_home("");
    tampered.payer.expire_access_tokens();
    let said = attack_in_json();
    for (status, body) in [
        (400, format!(r#"{{"error":"invalid_client","error_description":{said}}}"#)),
        (400, format!(r#"{{"error":{said}}}"#)),
        (503, ATTACK.to_owned()),
        (200, format!(r#"{{"access_token":"a-token-of-tests","token_type":{said}}}"#)),
        (200, format!(r#"{{"access_token":{said},"token_type":"bearer","scope":{said}}}"#)),
    ] {
        tampered.answer_refresh(Answer::new(status, body));
        let home = home.copy();
        look(&home, &["sync", "--type", "Patient"], true);
        look(&home, &["status"], false);
        look(&home, &["doctor"], false);
    }
}
