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
fn a_wrong_file_in_views_dir_is_named_before_anything_is_done() {
    let home = Home::new();
    std::fs::write(home.file("payersync.toml"), VIEWS_DIR).unwrap();
    let refused = |text: &str, expected: &str| {
        home.own_view("own.json", text);
        let tables = home.run(&["tables"]);
        assert_eq!(tables.code, 1);
        assert!(tables.stderr.contains("views/own.json"), "{}", tables.stderr);
        assert!(tables.stderr.contains(expected), "{expected}\n--\n{}", tables.stderr);
    };
    let plain = definition("own", "Patient", "gender");
    refused(&plain.replace("gender", "gender.upper()"), "function upper() is not supported");
    refused(&plain.replace("getResourceKey()", "id"), "no column with the path getResourceKey()");
    refused("{", "own.json:1:1: error: not a ViewDefinition");
    refused(&plain.replace("own", "patient"), "another table or mart has this name");
    home.own_view("own.json", &plain);
    assert_eq!(home.run(&["tables"]).code, 0);
    home.own_view("twin.json", &plain);
    let twins = home.run(&["tables"]);
    assert!(twins.stderr.contains("views/twin.json"), "{}", twins.stderr);
}
