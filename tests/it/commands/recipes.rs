//! Every recipe of docs/recipes.md runs as it stands with the tool that it is about, and says what
//! payersync says.

use crate::support::{Home, bash, scripts, tools};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A recipe has at most so many lines.
const LONGEST: usize = 10;

/// A recipe by the beginning of its title, and a question each of whose rows is in its answer.
const ANSWERS: [(&str, &str); 13] = [
    (
        "sqlite3: ",
        "SELECT month_date, kind, round(sum(plan_paid_amount), 2), round(sum(member_cost_share_amount), 2)
         FROM spend_by_month GROUP BY month_date, kind ORDER BY month_date DESC, kind LIMIT 1",
    ),
    (
        "Out of pocket",
        "SELECT month_date, kind, sum(claim_count), sum(member_cost_share_cents) / 100.0
         FROM spend_by_month
         WHERE month_date LIKE (SELECT max(substr(month_date, 1, 4)) FROM spend_by_month) || '%'
         GROUP BY month_date, kind HAVING sum(member_cost_share_cents) IS NOT NULL",
    ),
    (
        "DuckDB: ask the warehouse",
        "SELECT kind, sum(plan_paid_cents) / 100.0 FROM claim_current GROUP BY kind",
    ),
    (
        "DuckDB: ask files",
        "SELECT substr(service_start_date, 1, 4) || printf('-%02d-01', (substr(service_start_date, 6, 2) - 1) / 3 * 3 + 1) AS q,
                count(*), sum(plan_paid_cents) / 100.0
         FROM claim_current GROUP BY q ORDER BY q LIMIT 5",
    ),
    (
        "pandas: ",
        "SELECT kind, substr(service_start_date, 1, 4), count(*), sum(plan_paid_cents)
         FROM claim_current GROUP BY 1, 2",
    ),
    (
        "polars: ",
        "SELECT substr(service_start_date, 1, 4), kind, count(*), sum(plan_paid_cents) / 100.0
         FROM claim_current GROUP BY 1, 2",
    ),
    (
        "sqlite-utils: ",
        "SELECT kind, count(*), sum(plan_paid_cents) FROM claim_current GROUP BY kind",
    ),
    (
        "Datasette: ",
        "SELECT rule, severity, count(*) FROM data_quality GROUP BY rule, severity",
    ),
    (
        "R: ",
        "SELECT substr(service_start_date, 1, 4), kind, sum(plan_paid_cents)
         FROM claim_current GROUP BY 1, 2",
    ),
    ("dbt: ", "SELECT claim_type, count(*) FROM tuva_medical_claim GROUP BY claim_type"),
    (
        "What codes",
        "SELECT icd10_code, 'complications', count(*) FROM diagnosis WHERE icd10_code = 'E11.9'",
    ),
    ("Excel", "SELECT member_id, connection_id, patient_id, connection_name FROM member"),
    (
        "Python without",
        "SELECT member_id, count(*) FROM member_month WHERE is_first = 1 GROUP BY member_id",
    ),
];

/// Title and script of each recipe.
fn recipes() -> Vec<(String, String)> {
    let text = include_str!("../../../docs/recipes.md");
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| {
            let title = section.lines().next().unwrap().to_owned();
            let scripts = scripts(section);
            assert_eq!(scripts.len(), 1, "{title}: a recipe has one script");
            (title, scripts[0].clone())
        })
        .collect()
}

/// Whether a text has every cell, a number however it is written.
fn has(text: &str, cells: &[String]) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "|│┆,:{}'\"".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let number = |text: &str| text.parse::<f64>().ok();
    cells.iter().all(|cell| match number(cell) {
        Some(cell) => {
            words.iter().any(|word| number(word).is_some_and(|n| (n - cell).abs() < 0.005))
        }
        None => text.contains(cell.as_str()),
    })
}

/// A home with the demo, and the folder of the tools.
fn demo() -> Option<(Home, PathBuf)> {
    if cfg!(feature = "encryption") {
        // Nobody else opens the file then.
        return None;
    }
    let tools = tools()?;
    let home = Home::of_demo();
    Some((home, tools))
}

#[test]
fn every_recipe_is_short_and_says_what_payersync_says() {
    let recipes = recipes();
    for (begin, _) in ANSWERS {
        assert!(recipes.iter().any(|(title, _)| title.starts_with(begin)), "{begin}");
    }
    let Some((home, tools)) = demo() else { return };
    let work = tempfile::tempdir().unwrap();
    for (title, script) in recipes {
        assert!(script.lines().count() <= LONGEST, "{title} has more than {LONGEST} lines");
        if script.contains("--format parquet") && !cfg!(feature = "parquet") {
            continue;
        }
        let outcome = bash(&script, work.path(), home.path(), std::slice::from_ref(&tools));
        let said = outcome.stdout;
        assert_eq!(outcome.code, 0, "{title}: {said}{}", outcome.stderr);
        // The names of columns alone are no answer.
        assert!(
            said.lines().count() >= 1 && said.contains(|c: char| c.is_ascii_digit()),
            "{title}: {said}"
        );
        let answer = ANSWERS.iter().find(|(begin, _)| title.starts_with(begin));
        let Some((_, sql)) = answer else { continue };
        let rows = home.rows(sql);
        assert!(!rows.is_empty(), "{title}: {sql}");
        for row in rows {
            assert!(said.lines().any(|line| has(line, &row)), "{title}: {row:?} is not in {said}");
        }
    }
}

/// Runs a Python script of `tests/servers` with the tools' python; what it prints.
fn checked_by(tools: &Path, script: &str, arguments: &[&Path]) -> String {
    let output = Command::new(tools.join("python3"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(script))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn datasette_opens_every_page_and_answers_every_question() {
    let Some((home, tools)) = demo() else { return };
    let metadata = home.file("metadata.json");
    fs::write(&metadata, home.run(&["tables", "--datasette"]).stdout).unwrap();
    let said = checked_by(&tools, "datasette_pages.py", &[&home.file("warehouse.db"), &metadata]);
    assert!(said.contains("7 questions"), "{said}");
}

#[test]
fn a_workbook_of_the_exported_sheets_has_what_the_warehouse_has() {
    let Some((home, tools)) = demo() else { return };
    let sheets = home.file("sheets");
    home.succeed(&["export", sheets.to_str().unwrap(), "--set", "marts"], "the demo");
    let said = checked_by(&tools, "sheet_check.py", &[&home.file("warehouse.db"), &sheets]);
    let dates = said.rsplit(", ").next().unwrap().trim();
    assert!(dates.ends_with(" dates") && dates != "0 dates", "{said}");
}

#[test]
fn dbt_builds_and_tests_models_on_the_attached_warehouse() {
    let Some((home, tools)) = demo() else { return };
    let work = tempfile::tempdir().unwrap();
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dbt");
    // DuckDB finds the extension where it would have put it itself.
    let script = format!(
        "cp -R {project} project && cd project
         python3 - <<'END'
import duckdb, duckdb_extension_sqlite_scanner as scanner, pathlib, shutil
source = next(pathlib.Path(scanner.__file__).parent.glob('extensions/*/*'))
target = pathlib.Path('extensions') / source.parent.name
(platform,) = duckdb.sql('PRAGMA platform').fetchone()
target = pathlib.Path('extensions') / ('v' + duckdb.__version__) / platform
target.mkdir(parents=True)
shutil.copy(source, target / 'sqlite_scanner.duckdb_extension')
END
         dbt build --profiles-dir .
         python3 -c \"import duckdb
for row in duckdb.connect('claims.duckdb').sql('FROM paid_by_claim_type').fetchall(): print('row', *row)\""
    );
    let outcome = bash(&script, work.path(), home.path(), &[tools]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("WARN=0 ERROR=0"), "{}", outcome.stdout);
    let rows = home.rows(
        "SELECT 'row', claim_type, count(DISTINCT claim_id), CAST(round(sum(paid_amount) * 100) AS INTEGER)
         FROM tuva_medical_claim GROUP BY claim_type",
    );
    assert!(!rows.is_empty());
    for row in rows {
        let said = &outcome.stdout;
        assert!(said.lines().any(|line| has(line, &row)), "{row:?} is not in {said}");
    }
}
