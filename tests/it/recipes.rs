//! Every recipe of docs/recipes.md runs as it stands, and says something.

use crate::support::{Home, python_with_duckdb};
use std::{env, path::Path, process::Command};

/// A recipe has at most so many lines.
const LONGEST: usize = 10;

/// Title and script of each recipe.
fn recipes() -> Vec<(String, String)> {
    let text = include_str!("../../docs/recipes.md");
    let sections = text.split("\n## ").skip(1);
    sections
        .map(|section| {
            let title = section.lines().next().unwrap().to_owned();
            let scripts: Vec<&str> = section.split("```bash\n").skip(1).collect();
            assert_eq!(scripts.len(), 1, "{title}: a recipe has one script");
            (title, scripts[0].split("```").next().unwrap().to_owned())
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
    let binary = Path::new(env!("CARGO_BIN_EXE_payersync"));
    let folders = [binary.parent().unwrap(), python.parent().unwrap()].map(Path::to_owned);
    let path = env::join_paths(
        folders.into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    )
    .unwrap();
    for (title, script) in recipes {
        assert!(script.lines().count() <= LONGEST, "{title} has more than {LONGEST} lines");
        if script.contains("--format parquet") && !cfg!(feature = "parquet") {
            continue;
        }
        let output = Command::new("bash")
            .args(["-eu", "-o", "pipefail", "-c", &script])
            .current_dir(work.path())
            .env("PATH", &path)
            .env("PAYERSYNC_HOME", home.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{title}: {said}{told}");
        // The names of columns alone are no answer.
        assert!(
            said.lines().count() >= 1 && said.contains(|c: char| c.is_ascii_digit()),
            "{title}: {said}"
        );
    }
}
