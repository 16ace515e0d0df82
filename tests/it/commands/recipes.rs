//! Every recipe of docs/recipes.md runs as it stands, and says something.

use crate::support::{Home, bash, python_with_duckdb, scripts};

/// A recipe has at most so many lines.
const LONGEST: usize = 10;

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

#[test]
fn every_recipe_runs_and_is_short() {
    let recipes = recipes();
    assert!(recipes.len() >= 7);
    if cfg!(feature = "encryption") {
        // Nobody else opens the file then.
        return;
    }
    let Some(python) = python_with_duckdb() else { return };
    let home = Home::new();
    home.succeed(&["demo"], "nothing");
    let work = tempfile::tempdir().unwrap();
    let tools = [python.parent().unwrap().to_owned()];
    for (title, script) in recipes {
        assert!(script.lines().count() <= LONGEST, "{title} has more than {LONGEST} lines");
        if script.contains("--format parquet") && !cfg!(feature = "parquet") {
            continue;
        }
        let outcome = bash(&script, work.path(), home.path(), &tools);
        let said = outcome.stdout;
        assert_eq!(outcome.code, 0, "{title}: {said}{}", outcome.stderr);
        // The names of columns alone are no answer.
        assert!(
            said.lines().count() >= 1 && said.contains(|c: char| c.is_ascii_digit()),
            "{title}: {said}"
        );
    }
}
