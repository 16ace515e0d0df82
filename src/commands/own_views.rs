//! The user's own tables: each JSON file in `views_dir` is a ViewDefinition.
//!
//! A file that cannot be a table is left out and reported; the other files become tables. A missing folder is
//! an error: if it meant "no tables", the existing tables would be dropped.

use super::{
    failure::Failure,
    told::{tell, warn},
    views::definition,
};
use crate::{
    view::lint::{Severity, lint},
    warehouse::Catalog,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A file that cannot be a table, and why.
pub(super) struct LeftOut {
    pub(super) file: PathBuf,
    /// Each mistake, with its place in the file if that is known.
    reasons: Vec<String>,
}

impl LeftOut {
    /// Reports every mistake in the file.
    pub(super) fn tell(&self) {
        self.reasons.iter().for_each(|reason| tell(reason));
        warn(&format!("{} cannot be a table and is left out", self.file.display()));
        tell(
            "hint: mend it, or move the file out of views_dir; its table is then filled by itself",
        );
    }
}

/// Adds the tables to the catalogue; returns the files that cannot be tables.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn add(catalog: &mut Catalog, folder: &Path) -> Result<Vec<LeftOut>, Failure> {
    let unreadable = |error: io::Error| {
        Failure::usage(format!("cannot read views_dir {}", folder.display()), error)
            .hint("create the folder, or remove views_dir from payersync.toml")
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(unreadable)?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let mut left_out = Vec::new();
    for file in files {
        if let Err(reasons) = add_file(catalog, &file) {
            left_out.push(LeftOut { file, reasons });
        }
    }
    Ok(left_out)
}

fn add_file(catalog: &mut Catalog, file: &Path) -> Result<(), Vec<String>> {
    let at_file = |reason: String| vec![format!("{}: {reason}", file.display())];
    // Reading a pipe or a device could wait forever.
    if !fs::metadata(file).is_ok_and(|metadata| metadata.is_file()) {
        return Err(at_file("is no file".to_owned()));
    }
    let text = definition::read(file).map_err(|failure| vec![failure.to_string()])?;
    let Err(error) = catalog.add(&text) else { return Ok(()) };
    let mut findings = lint(&text);
    findings.retain(|finding| finding.severity == Severity::Error);
    match findings.is_empty() {
        true => Err(at_file(error.to_string())),
        false => Err(findings.iter().map(|finding| definition::describe(file, finding)).collect()),
    }
}
