//! What no column carries is written down with its reason, and nothing else is.

use crate::{support::Home, tables::coverage::paths_of_real_data};
use payersync::warehouse::{Catalog, LeafPath, LeafSurvey};
use std::{collections::HashSet, fs};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/unmapped.md");
/// Stands for extensions of payers, whatever their path.
const FOREIGN: &str = "foreign extensions";

/// Every path of what the demo copies.
fn paths_of_the_embedded_payer() -> Vec<LeafPath> {
    let home = Home::of_demo();
    let catalog = Catalog::embedded();
    let mut survey = LeafSurvey::new(&catalog);
    for row in home.rows("SELECT resource_type, json FROM resource") {
        survey.add(&row[0], &row[1], "");
    }
    survey.take()
}

/// What stands beside what, in all paths of the data.
struct Shapes {
    references: HashSet<String>,
    quantities: HashSet<String>,
}

impl Shapes {
    fn of(paths: &[LeafPath]) -> Shapes {
        let parents = |name: &str| {
            paths.iter().filter_map(|leaf| Some(leaf.path.strip_suffix(name)?.to_owned())).collect()
        };
        Shapes { references: parents(".reference"), quantities: parents(".value") }
    }

    /// Whether a path fits a pattern.
    fn fit(&self, pattern: &str, path: &str) -> bool {
        let below = |parents: &HashSet<String>, rest: &str| {
            path.match_indices('.').any(|(at, _)| {
                parents.contains(&path[..at])
                    && fits(&rest.split('*').collect::<Vec<_>>(), &path[at..])
            })
        };
        match (pattern.strip_prefix("<reference>"), pattern.strip_prefix("<quantity>")) {
            (Some(rest), _) => below(&self.references, rest),
            (_, Some(rest)) => below(&self.quantities, rest),
            _ => fits(&pattern.split('*').collect::<Vec<_>>(), path),
        }
    }
}

/// One row of the table in the document.
struct Row {
    patterns: String,
    reason: String,
    leaves: [u64; 2],
    /// Those of its patterns that a path has needed.
    needed: HashSet<String>,
}

impl Row {
    fn read(line: &str) -> Option<Row> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.split(" | ").collect();
        let [patterns, _, _, reason] = cells[..] else { return None };
        let reason = reason.trim_end_matches([' ', '|']).to_owned();
        let is_row = patterns == FOREIGN || patterns.starts_with('`');
        let patterns = patterns.to_owned();
        is_row.then(|| Row { patterns, reason, leaves: [0; 2], needed: HashSet::new() })
    }

    /// In the document's order.
    fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.split('`').filter(|one| !one.trim().is_empty())
    }

    /// The first of its patterns that fits.
    fn pattern_for(&self, leaf: &LeafPath, shapes: &Shapes) -> Option<String> {
        let fits = |pattern: &&str| match leaf.foreign || *pattern == FOREIGN {
            true => leaf.foreign && *pattern == FOREIGN,
            false => shapes.fit(pattern, &leaf.path),
        };
        self.patterns().find(fits).map(str::to_owned)
    }

    fn take(&mut self, leaf: &LeafPath, shapes: &Shapes, column: usize) -> bool {
        let Some(pattern) = self.pattern_for(leaf, shapes) else { return false };
        self.leaves[column] += leaf.leaves;
        self.needed.insert(pattern);
        true
    }

    fn line(&self) -> String {
        let [real, embedded] = self.leaves;
        format!("| {} | {real} | {embedded} | {} |", self.patterns, self.reason)
    }
}

/// Whether a path is these parts, with anything between them.
fn fits(parts: &[&str], path: &str) -> bool {
    match parts {
        [] => path.is_empty(),
        [part] => *part == path,
        [part, rest @ ..] => path.strip_prefix(part).is_some_and(|path| {
            path.char_indices().any(|(at, _)| fits(rest, &path[at..])) || fits(rest, "")
        }),
    }
}

/// `PAYERSYNC_BLESS=1 cargo test` writes the numbers anew; patterns and reasons are by hand.
#[test]
fn every_path_that_no_column_carries_has_its_reason() {
    let Some(real) = paths_of_real_data() else { return };
    let text = fs::read_to_string(FILE).unwrap();
    let mut rows: Vec<Row> = text.lines().filter_map(Row::read).collect();
    let mut without = Vec::new();
    let sources = [real, paths_of_the_embedded_payer()];
    for (column, paths) in sources.iter().enumerate() {
        let shapes = Shapes::of(paths);
        for leaf in paths.iter().filter(|leaf| !leaf.carried) {
            if !rows.iter_mut().any(|row| row.take(leaf, &shapes, column)) {
                without.push((leaf.leaves, leaf.path.as_str(), column));
            }
        }
    }
    without.sort_unstable_by(|one, other| other.cmp(one));
    assert!(without.is_empty(), "carry these, or give a reason in {FILE}: {without:#?}");
    let needless = |row: &Row| -> Vec<String> {
        let is_needless = |pattern: &&str| !row.needed.contains(*pattern);
        row.patterns().filter(is_needless).map(str::to_owned).collect()
    };
    let needless: Vec<String> = rows.iter().flat_map(needless).collect();
    assert!(needless.is_empty(), "no such path any more: {needless:#?}");
    let mut counted = rows.iter();
    let expected: String = text
        .lines()
        .map(|line| match Row::read(line).and_then(|_| counted.next()) {
            Some(row) => row.line() + "\n",
            None => line.to_owned() + "\n",
        })
        .collect();
    if std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1") {
        fs::write(FILE, &expected).unwrap();
    }
    let written = fs::read_to_string(FILE).unwrap();
    let other = written.lines().zip(expected.lines()).find(|(written, made)| written != made);
    assert_eq!(other, None, "PAYERSYNC_BLESS=1 writes it");
}
