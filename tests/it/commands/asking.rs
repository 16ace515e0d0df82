//! `query` as people use it: from wherever, with parameters, in the form that the next tool takes.

use crate::support::{Home, Outcome, Scripted, at_terminal, bundle};
use std::{
    fs,
    io::{Read, Write},
    process::{Command, Stdio},
};

fn home() -> (Scripted, Home) {
    let payer = Scripted::start(&["Patient"], |_| {
        let patient =
            r#"{"resourceType":"Patient","id":"p1","gender":"female","birthDate":"1950-10-19"}"#;
        bundle(&[patient.to_owned()], Some(1), None)
    });
    let home = payer.connected_home(&["Patient"], "");
    home.succeed(&["sync"], "a new home");
    (payer, home)
}

fn ask(home: &Home, arguments: &[&str]) -> String {
    let outcome = home.run(&[&["query"], arguments].concat());
    assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
    outcome.stdout
}

fn refused(home: &Home, arguments: &[&str]) -> Outcome {
    let outcome = home.run(&[&["query"], arguments].concat());
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{arguments:?}");
    outcome
}

/// Columns out of the order of the alphabet, two of one name, nothing beside an empty text, money.
const SQL: &str = "SELECT 2 AS b, 'x|y' AS a, NULL AS n, '' AS e, 3.5 AS net_amount, 0.5 AS a";

#[test]
fn every_form_keeps_columns_and_tells_nothing_from_an_empty_text() {
    let (_payer, home) = home();
    for (format, expected) in [
        (
            "json",
            "[\n{\"b\":2,\"a\":\"x|y\",\"n\":null,\"e\":\"\",\"net_amount\":3.5,\"a\":0.5}\n]\n",
        ),
        ("ndjson", "{\"b\":2,\"a\":\"x|y\",\"n\":null,\"e\":\"\",\"net_amount\":3.5,\"a\":0.5}\n"),
        ("csv", "b,a,n,e,net_amount,a\n2,x|y,,\"\",3.5,0.5\n"),
        (
            "markdown",
            "| b | a | n | e | net_amount | a |\n|---|---|---|---|---|---|\n| 2 | x\\|y | NULL |  | 3.50 | 0.5 |\n",
        ),
        (
            "vertical",
            "-- row 1\nb           2\na           x|y\nn           NULL\ne           \nnet_amount  3.50\na           0.5\n",
        ),
    ] {
        assert_eq!(ask(&home, &[SQL, "--format", format]), expected, "{format}");
    }
    assert_eq!(ask(&home, &[SQL, "--vertical"]), ask(&home, &[SQL, "--format", "vertical"]));
    assert_eq!(ask(&home, &["SELECT 1 WHERE 0", "--format", "json"]), "[]\n");
    let commented = "-- a comment\nSELECT 1 AS one";
    assert_eq!(ask(&home, &[commented, "--format", "csv"]), "one\n1\n");
}

#[test]
fn a_statement_comes_from_a_file_or_standard_input_and_takes_parameters() {
    let (_payer, home) = home();
    let sql = "SELECT id, :x AS x FROM patient WHERE birth_date = :born AND gender = $g;\n";
    let file = home.file("question.sql");
    fs::write(&file, sql).unwrap();
    let parameters = [
        "--param",
        "born=1950-10-19",
        "--param",
        ":g='female'",
        "--param",
        "x=007",
        "--format",
        "csv",
    ];
    let expected = "id,x\np1,007\n";
    let name = file.to_str().unwrap();
    assert_eq!(ask(&home, &[&["--file", name], &parameters[..]].concat()), expected);
    let mut child = home
        .command(&[&["query", "-"], &parameters[..]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap(), expected);
    // A number is one: it compares as one, also with what has no type of its own.
    let sql = "SELECT count(*) AS n FROM (SELECT 2 + 3 AS five) WHERE five > :least";
    assert_eq!(ask(&home, &[sql, "--param", "least=4", "--format", "csv"]), "n\n1\n");
    let forgotten = refused(&home, &["SELECT :x"]);
    assert!(forgotten.stderr.contains("parameter :x has no value"), "{}", forgotten.stderr);
    let foreign = refused(&home, &["SELECT 1", "--param", "x=1"]);
    assert!(foreign.stderr.contains("no parameter x"), "{}", foreign.stderr);
    let no_pair = refused(&home, &["SELECT 1", "--param", "anna-of-springfield"]);
    assert!(!no_pair.stderr.contains("springfield"), "{}", no_pair.stderr);
    refused(&home, &["--file", "there-is-no-such-file.sql"]);
    refused(&home, &["  ;  "]);
}

#[test]
fn whoever_has_read_enough_ends_it_without_an_error() {
    let (_payer, home) = home();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
                SELECT i, hex(zeroblob(40)) AS filler FROM n";
    for format in ["table", "csv", "json", "ndjson", "markdown", "vertical"] {
        let mut child = home
            .command(&["query", many, "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut begin = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut begin).unwrap();
        // Its end of the pipe is closed by now.
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{format}");
    }
}

#[test]
fn a_misspelt_name_is_met_with_the_right_one() {
    let (_payer, home) = home();
    for (sql, hint) in [
        ("SELECT * FROM patients", "did you mean patient?"),
        ("SELECT * FROM Claim_Curent", "did you mean claim_current?"),
        ("SELECT birthdate FROM patient", "did you mean birth_date?"),
        ("SELECT p.gendre FROM patient AS p", "did you mean gender?"),
        ("SELECT Gendre FROM Patient", "did you mean gender?"),
        ("SELECT sum(plan_paid) FROM claim_current", "did you mean plan_paid_amount?"),
        ("SELECT explanation_of_benefit FROM claim", "did you mean explanation_of_benefit_id?"),
        ("SELECT * FROM weather", "`payersync tables` lists the tables"),
    ] {
        let outcome = refused(&home, &[sql]);
        assert!(outcome.stderr.contains(hint), "{sql}: {}", outcome.stderr);
    }
}

#[test]
fn a_statement_that_is_no_query_is_met_with_what_it_must_be() {
    let (_payer, home) = home();
    for (sql, hint) in [
        ("DELETE FROM patient", "hint: `payersync query` takes a SELECT"),
        ("SELECT 1; SELECT 2", "takes one statement, without a second after the `;`"),
        ("SELEKT 1", "hint: `payersync query --help` has examples"),
    ] {
        let outcome = refused(&home, &[sql]);
        assert!(outcome.stderr.contains(hint), "{sql}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("tables"), "{sql}: {}", outcome.stderr);
    }
}

#[test]
fn a_person_is_told_that_there_are_no_rows_and_a_pipe_is_not() {
    let (_payer, home) = home();
    let nobody = "SELECT id FROM patient WHERE id = 'nobody'";
    let ways: [&[&str]; 2] = [&[], &["--vertical"]];
    for more in ways {
        let screen = at_terminal(home.command(&[&["query", nobody], more].concat()), 80, 24);
        assert!(screen.text().contains("no rows"), "{}", screen.text());
        let piped = home.run(&[&["query", nobody], more].concat());
        assert_eq!(piped.code, 0, "{}", piped.stderr);
        assert!(!piped.stderr.contains("no rows"), "{}", piped.stderr);
    }
    let screen = at_terminal(home.command(&["query", "SELECT 1 AS one"]), 80, 24);
    assert!(!screen.text().contains("no rows"), "{}", screen.text());
}

#[test]
fn a_table_fits_the_screen_and_no_number_is_cut() {
    let (_payer, home) = home();
    let long = "long ".repeat(40);
    let sql = format!("SELECT '{long}' AS first, 123456789012345 AS number, '{long}' AS last");
    for columns in [80, 200] {
        let screen = at_terminal(home.command(&["query", &sql]), columns, 24);
        assert_eq!(screen.code, 0, "{}", screen.text());
        let widths = screen.text().lines().map(|line| line.chars().count()).max();
        assert!(widths <= Some(columns.into()), "{columns}: {}", screen.text());
        assert!(screen.text().contains(" 123456789012345 "), "{}", screen.text());
    }
    // A file gets everything.
    assert!(ask(&home, &[&sql]).contains(&long));
    let wide: Vec<String> = (100..120).map(|n| format!("{n} AS number_{n}")).collect();
    let sql = format!("SELECT {}", wide.join(", "));
    let screen = at_terminal(home.command(&["query", &sql]), 80, 24);
    assert!(screen.text().contains("columns that do not fit: "), "{}", screen.text());
    assert!(screen.text().contains("and 7 more; --vertical shows them"), "{}", screen.text());
}

#[test]
fn a_long_answer_goes_through_the_pager_which_inherits_no_secret() {
    let (_payer, home) = home();
    let (seen, pager) = (home.file("seen"), home.file("pager.sh"));
    let script = format!("#!/bin/sh\nenv > {0}.env\ncat > {0}\n", seen.display());
    fs::write(&pager, script).unwrap();
    let ask = |sql: &str, more: &[&str]| {
        let mut command: Command = home.command(&[&["query", sql], more].concat());
        command
            .env("PAGER", format!("sh {}", pager.display()))
            .env("DEMO_SECRET", "do-not-hand-on");
        at_terminal(command, 80, 24)
    };
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
                SELECT i, char(27) || '[31m' AS red FROM n";
    let screen = ask(many, &[]);
    assert_eq!((screen.code, screen.text().as_str()), (0, ""));
    let paged = fs::read_to_string(&seen).unwrap();
    assert!(paged.contains(" 300 ") && !paged.contains('\u{1b}'), "{paged}");
    let variables = fs::read_to_string(home.file("seen.env")).unwrap();
    assert!(variables.contains("LESS=FSX") && !variables.contains("hand-on"), "{variables}");
    fs::remove_file(&seen).unwrap();
    assert!(ask("SELECT 1 AS one", &[]).text().contains(" one "));
    assert!(ask(many, &["--no-pager"]).text().contains(" 300 "));
    assert!(!seen.exists());
}
