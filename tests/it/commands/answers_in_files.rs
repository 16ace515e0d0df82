//! `query --output`: an answer in a file, in place of an earlier one and of nothing else; Parquet with the
//! types that its values allow. Other commands that replace a file keep to the same.

use crate::support::{Home, Outcome};
use std::fs;

fn to_file(home: &Home, format: &str, name: &str, sql: &str) -> Outcome {
    let file = home.file(name);
    home.run(&["query", sql, "--format", format, "--output", file.to_str().unwrap()])
}

/// Files of the home that an interrupted writer would have left.
fn partial(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.file("")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("partial")).collect()
}

#[test]
fn an_answer_replaces_an_earlier_one_or_leaves_it() {
    let home = Home::of_demo();
    for (format, expected) in [("csv", "n,t\n1,x\n"), ("json", "[\n{\"n\":1,\"t\":\"x\"}\n]\n")] {
        let outcome = to_file(&home, format, "answer", "SELECT 1 AS n, 'x' AS t");
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
        assert_eq!(fs::read_to_string(home.file("answer")).unwrap(), expected);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(home.file("answer")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let before = fs::read(home.file("answer")).unwrap();
    let misspelt = to_file(&home, "csv", "answer", "SELECT * FROM claim_curent");
    assert_eq!(misspelt.code, 1);
    assert!(misspelt.stderr.contains("did you mean claim_current?"), "{}", misspelt.stderr);
    // The third row is no JSON.
    let late = "SELECT json(column1) AS j FROM (VALUES ('1'), ('2'), ('{'))";
    assert_eq!(to_file(&home, "csv", "answer", late).code, 1);
    assert_eq!(fs::read(home.file("answer")).unwrap(), before);
    let nowhere = to_file(&home, "csv", "no/such/folder", "SELECT 1");
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("cannot write"), "{}", nowhere.stderr);
    assert_eq!(partial(&home), Vec::<String>::new());
}

/// Run by root, a file would take the place of /dev/full for the whole machine.
#[cfg(unix)]
#[test]
fn no_command_replaces_a_device_or_a_pipe() {
    use std::os::unix::fs::FileTypeExt;
    let home = Home::of_demo();
    let pipe = home.file("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let link = home.file("link");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    for (name, told) in [
        (pipe.to_str().unwrap(), "is neither a file nor a folder"),
        (link.to_str().unwrap(), "is a symbolic link"),
        ("-", "is not the name of a file"),
    ] {
        for command in [
            &["query", "SELECT 1", "--format", "csv", "--output", name][..],
            &["report", name],
            &["status", "--prometheus", name],
        ] {
            let outcome = home.run(command);
            assert_eq!(outcome.code, 1, "{command:?}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(told), "{command:?}: {}", outcome.stderr);
        }
    }
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn no_command_replaces_what_payersync_lives_on() {
    let home = Home::of_demo();
    let other = home.file("copied");
    fs::write(&other, fs::read(home.file("warehouse.db")).unwrap()).unwrap();
    fs::write(home.file("notes"), "my own words").unwrap();
    let kept = ["warehouse.db", "vault.db", "vault.key", "payersync.toml", "copied"];
    let digest =
        || kept[2..].iter().map(|name| fs::read(home.file(name)).unwrap()).collect::<Vec<_>>();
    let (before, claims) = (digest(), home.value::<i64>("SELECT count(*) FROM claim"));
    for name in kept {
        let file = home.file(name);
        let file = file.to_str().unwrap();
        for command in [
            &["query", "SELECT 1", "--format", "csv", "--output", file][..],
            &["report", file],
            &["status", "--prometheus", file],
        ] {
            let outcome = home.run(command);
            assert_eq!(outcome.code, 1, "{command:?}: {}", outcome.stderr);
            assert!(outcome.stderr.contains("was left as it is"), "{}", outcome.stderr);
        }
    }
    assert!(digest() == before, "a file was replaced");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM claim"), claims);
    assert!(fs::read(home.file("vault.db")).unwrap().starts_with(b"SQLite format 3"));
    // Nor what nobody of ours wrote; what an earlier run wrote is replaced.
    for (command, again) in [("report", "report.html"), ("status", "payersync.prom")] {
        let run = |name: &str| {
            let file = home.file(name);
            let file = file.to_str().unwrap().to_owned();
            let flags: &[&str] = if command == "status" { &["--prometheus"] } else { &[] };
            home.run(&[&[command], flags, &[&file]].concat()).code
        };
        assert_eq!([run("notes"), run(again), run(again)], [1, 0, 0], "{command}");
    }
    assert_eq!(fs::read_to_string(home.file("notes")).unwrap(), "my own words");
}

/// An answer has the members' data, and so has what is left of it. A report is written as an answer is.
#[cfg(unix)]
#[test]
fn what_a_killed_command_left_goes_with_the_next_answer() {
    let home = Home::of_demo();
    let leave = |name: &str| {
        let (file, endless) = (
            home.file(name),
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
        );
        let arguments = ["query", endless, "--format", "csv", "--output", file.to_str().unwrap()];
        let mut query = home.command(&arguments).spawn().unwrap();
        while partial(&home).is_empty() {
            assert!(query.try_wait().unwrap().is_none(), "it ended before it was killed");
            std::thread::yield_now();
        }
        query.kill().unwrap();
        query.wait().unwrap();
        assert_eq!(partial(&home).len(), 1);
        assert!(!file.exists());
    };
    leave("answer");
    let told = home.run(&["doctor", "--offline"]);
    let told = told.stdout + &told.stderr;
    assert!(told.contains("is an unfinished copy"), "{told}");
    assert_eq!(to_file(&home, "csv", "answer", "SELECT 1 AS n").code, 0);
    assert_eq!(partial(&home), Vec::<String>::new());
    assert_eq!(fs::read_to_string(home.file("answer")).unwrap(), "n\n1\n");
    leave("another");
    assert_eq!(home.run(&["report", home.file("report.html").to_str().unwrap()]).code, 0);
    assert_eq!(partial(&home), Vec::<String>::new());
}

#[test]
fn parquet_asks_for_a_file() {
    let home = Home::of_demo();
    let outcome = home.run(&["query", "SELECT 1 AS one", "--format", "parquet"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
    let needs = if cfg!(feature = "parquet") { "--output FILE" } else { "--features parquet" };
    assert!(outcome.stderr.contains(needs), "{}", outcome.stderr);
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::*;
    use crate::support::python_with_duckdb;
    use std::process::Command;

    /// Column names with types, then the rows, as DuckDB reads them.
    fn read(home: &Home, name: &str) -> Option<String> {
        let script = "import duckdb, sys
found = duckdb.sql(f\"SELECT * FROM read_parquet('{sys.argv[1]}')\")
print(' '.join(f'{n}:{t}' for n, t in zip(found.columns, found.types)))
for row in found.fetchall(): print('|'.join(str(cell) for cell in row))";
        let output = Command::new(python_with_duckdb()?)
            .args(["-c", script])
            .arg(home.file(name))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8(output.stdout).unwrap())
    }

    #[test]
    fn a_file_has_types_and_every_value_as_it_is() {
        let home = Home::of_demo();
        let sql = "SELECT 7 AS n, 2.5 AS x, 'é|' AS t, NULL AS missing, '' AS empty, x'00ff' AS bytes,
              '2024-02-29' AS paid_date, 12.5 AS paid_amount, 1 AS is_current, 1 AS mixed, '0012' AS code
            UNION ALL SELECT NULL, 3, NULL, NULL, NULL, NULL, NULL, -0.1, 0, 'one', NULL";
        let outcome = to_file(&home, "parquet", "a.parquet", sql);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
        let Some(found) = read(&home, "a.parquet") else { return };
        assert_eq!(
            found,
            "n:BIGINT x:DOUBLE t:VARCHAR missing:VARCHAR empty:VARCHAR bytes:VARCHAR paid_date:DATE \
             paid_amount:DECIMAL(18,2) is_current:BOOLEAN mixed:VARCHAR code:VARCHAR\n\
             7|2.5|é||None||00ff|2024-02-29|12.50|True|1|0012\n\
             None|3.0|None|None|None|None|None|-0.10|False|one|None\n"
        );
        // Without a row, what the tables declare.
        let none = "SELECT service_start_date, plan_paid_amount, plan_paid_cents, claim_number
                    FROM claim WHERE 0";
        assert_eq!(to_file(&home, "parquet", "a.parquet", none).code, 0);
        assert_eq!(
            read(&home, "a.parquet").unwrap(),
            "service_start_date:DATE plan_paid_amount:DECIMAL(18,2) plan_paid_cents:BIGINT \
             claim_number:VARCHAR\n"
        );
    }

    #[test]
    fn a_mart_in_parquet_is_the_mart() {
        let home = Home::of_demo();
        let sql = "SELECT * FROM claim_line WHERE connection_id = :c";
        let file = home.file("lines.parquet");
        home.succeed(
            &[
                "query",
                sql,
                "--param",
                "c=1",
                "--format",
                "parquet",
                "--output",
                file.to_str().unwrap(),
            ],
            "a demo",
        );
        let Some(found) = read(&home, "lines.parquet") else { return };
        let rows: i64 = home.value("SELECT count(*) FROM claim_line WHERE connection_id = 1");
        assert_eq!(found.lines().count() as i64, rows + 1);
        assert!(found.contains("plan_paid_amount:DECIMAL(18,2)"), "{found}");
    }

    #[test]
    fn what_parquet_cannot_hold_is_told_and_leaves_the_file() {
        let home = Home::of_demo();
        assert_eq!(to_file(&home, "parquet", "a.parquet", "SELECT 1 AS one").code, 0);
        let before = fs::read(home.file("a.parquet")).unwrap();
        let twice = to_file(&home, "parquet", "a.parquet", "SELECT 1 AS a, 2 AS a");
        assert_eq!(twice.code, 1, "{}", twice.stderr);
        assert!(twice.stderr.contains("two columns are called a"), "{}", twice.stderr);
        assert_eq!(fs::read(home.file("a.parquet")).unwrap(), before);
    }
}
