//! Tables of a user's own: a file in `views_dir` is one, until it is taken away.

use crate::support::{Home, Payer, VIEWS_DIR, definition};
use payersync::sandbox::Options;

#[test]
fn a_file_in_views_dir_is_a_table_until_it_is_taken_away() {
    let payer = Payer::start(Options::default());
    let home = Home::new();
    home.own_view("own.json", &definition("own", "Patient", "gender"));
    home.own_view("notes.txt", "not a definition");
    payer.configure(&home, VIEWS_DIR);
    payer.connect(&home, "john", 0);
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(home.rows("SELECT found FROM own"), home.rows("SELECT gender FROM patient"));
    assert!(home.run(&["tables", "own"]).stdout.contains("gender"));
    std::fs::remove_file(home.file("views/own.json")).unwrap();
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM sqlite_schema WHERE name = 'own'"), 0);
    assert_eq!(home.run(&["tables", "own"]).code, 1);
}

#[test]
fn a_wrong_file_in_views_dir_is_named_and_no_other_table_suffers() {
    let home = Home::new();
    std::fs::write(home.file("payersync.toml"), VIEWS_DIR).unwrap();
    home.own_view("good.json", &definition("good", "Patient", "gender"));
    let refused = |text: &str, expected: &str| {
        home.own_view("own.json", text);
        let tables = home.run(&["tables"]);
        assert_eq!(tables.code, 0, "{}", tables.stderr);
        assert!(tables.stderr.contains("views/own.json"), "{}", tables.stderr);
        assert!(tables.stderr.contains("cannot be a table and is left out"), "{}", tables.stderr);
        assert!(tables.stderr.contains(expected), "{expected}\n--\n{}", tables.stderr);
        assert_eq!(home.run(&["tables", "own"]).code, 1);
        assert_eq!(home.run(&["tables", "good"]).code, 0);
    };
    let plain = definition("own", "Patient", "gender");
    refused(&plain.replace("gender", "gender.upper()"), "function upper() is not supported");
    refused(&plain.replace("getResourceKey()", "id"), "no column with the path getResourceKey()");
    refused("{", "own.json:1:1: error: not a ViewDefinition");
    refused(&plain.replace("own", "patient"), "another table or mart has this name");
    refused(&plain.replace("own", "Json_Each"), "taken by a table of SQLite's own");
    refused(&plain.replace("own", "pragma_table_info"), "taken by a table of SQLite's own");
    refused(&plain.replace("own", "person"), "its name is taken by a table of payersync itself");
    refused(&wide(1999), "more than 1,998 columns");
    let doctor = home.run(&["doctor", "--offline"]);
    assert!(doctor.stdout.contains("these files cannot become tables: "), "{}", doctor.stdout);
    home.own_view("own.json", &plain);
    let tables = home.run(&["tables"]);
    assert_eq!((tables.code, tables.stderr.as_str()), (0, ""));
    home.own_view("twin.json", &plain);
    let twins = home.run(&["tables"]);
    assert!(twins.stderr.contains("views/twin.json"), "{}", twins.stderr);
}

/// A definition of this many columns.
fn wide(columns: usize) -> String {
    let columns: Vec<String> =
        std::iter::once("{\"name\":\"id\",\"path\":\"getResourceKey()\"}".into())
            .chain((1..columns).map(|at| format!("{{\"name\":\"c{at}\",\"path\":\"gender\"}}")))
            .collect();
    format!(
        "{{\"resource\":\"Patient\",\"name\":\"own\",\"select\":[{{\"column\":[{}]}}]}}",
        columns.join(",")
    )
}

#[test]
fn a_table_whose_file_breaks_is_gone_until_it_is_mended_and_every_sync_goes_on() {
    let payer = Payer::start(Options { claims_per_member: 2, ..Options::default() });
    let home = Home::new();
    // As wide as SQLite takes it.
    home.own_view("own.json", &wide(1998));
    payer.configure(&home, VIEWS_DIR);
    payer.connect(&home, "john", 0);
    let sync = ["sync", "--type", "Patient"];
    home.succeed(&sync, "a wide definition");
    assert_eq!(home.rows("SELECT c1997 FROM own"), home.rows("SELECT gender FROM patient"));

    home.own_view("own.json", "{");
    let broken = home.run(&[&sync[..], &["--full"]].concat());
    assert_eq!(broken.code, 0, "{}", broken.stderr);
    assert!(broken.stderr.contains("own.json cannot be a table"), "{}", broken.stderr);
    let quiet = home.run(&[&["--quiet"], &sync[..]].concat());
    assert!(quiet.stderr.contains("Warning: ") && quiet.stderr.contains("own.json"), "{quiet:?}");
    let exists = "SELECT count(*) FROM sqlite_schema WHERE name = 'own'";
    assert_eq!(home.value::<i64>(exists), 0);
    home.succeed(&["verify"], "a broken definition");

    home.own_view("own.json", &definition("own", "Patient", "gender"));
    home.succeed(&sync, "a mended definition");
    assert_eq!(home.rows("SELECT found FROM own"), home.rows("SELECT gender FROM patient"));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_views_dir_holds_up_nothing() {
    let home = Home::new();
    std::fs::write(home.file("payersync.toml"), VIEWS_DIR).unwrap();
    home.own_view("good.json", &definition("good", "Patient", "gender"));
    let pipe = home.file("views").join("pipe.json");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    std::fs::create_dir(home.file("views").join("folder.json")).unwrap();
    std::fs::write(home.file("views").join("latin.json"), b"\xff").unwrap();
    let tables = home.run(&["tables", "good"]);
    assert_eq!(tables.code, 0, "{}", tables.stderr);
    for name in ["pipe.json", "folder.json", "latin.json"] {
        assert!(tables.stderr.contains(name), "{name}: {}", tables.stderr);
    }
}
