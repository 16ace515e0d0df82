//! The tables of a user's own: one ViewDefinition per JSON file of `views_dir`.
//!
//! A folder that is missing is an error and not "no tables": theirs would be dropped.

use super::{failure::Failure, tell, views};
use crate::{
    view::lint::{Severity, lint},
    warehouse::{Catalog, WarehouseError},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Adds them to the catalogue.
pub(super) fn add(catalog: &mut Catalog, folder: &Path) -> Result<(), Failure> {
    let unreadable = |error: io::Error| {
        Failure::usage(format!("cannot read views_dir {}", folder.display()), error)
            .hint("create the folder, or take views_dir out of payersync.toml")
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(unreadable)?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    for file in files {
        let text = views::read(&file)?;
        catalog.add(&text).map_err(|error| refused(&file, &text, error))?;
    }
    Ok(())
}

/// Says all that is wrong with a file, at its place where there is one.
fn refused(file: &Path, text: &str, error: WarehouseError) -> Failure {
    let mut findings = lint(text);
    findings.retain(|finding| finding.severity == Severity::Error);
    if findings.is_empty() {
        return Failure::usage(file.display(), error)
            .hint("mend it, or move the file out of views_dir to go on without it");
    }
    for finding in &findings {
        tell(&views::describe(file, finding));
    }
    Failure::misuse(format!("{} cannot be a table", file.display()))
        .hint("mend it, or move the file out of views_dir to go on without it")
}
