//! Finds the files that an import reads: the files named, and those in the folders named.

use crate::{
    commands::{
        export::manifest::{Known, NAME},
        failure::Failure,
    },
    plural,
};
use serde::{Deserialize, de::IgnoredAny};
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Endings of files that may hold resources.
pub(super) const ENDINGS: [&str; 5] = ["json", "ndjson", "jsonl", "gz", "zip"];

/// An input of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// Standard input.
    Standard,
    /// A file, and its name for messages: as typed, or below the folder that was typed.
    File { path: PathBuf, name: String },
}

/// Finds the inputs that the command line names, and searches its folders. Nothing is read yet.
///
/// # Errors
/// A path does not exist, or a folder has no file that may hold resources.
pub(super) fn find(named: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut inputs = Vec::new();
    for path in named {
        if path.as_os_str() == "-" {
            inputs.push(Input::Standard);
            continue;
        }
        let name = path.display().to_string();
        let looked_at = fs::metadata(path).map_err(|error| unreadable(path, error))?;
        if !looked_at.is_dir() {
            inputs.push(Input::File { path: path.clone(), name });
            continue;
        }
        let mut found = Vec::new();
        look_through(path, &mut found).map_err(|error| unreadable(path, error))?;
        if found.is_empty() {
            return Err(Failure::misuse(format!(
                "{name} holds no file that ends in {}",
                endings()
            ))
            .hint("if the files have other names, name each file"));
        }
        let folders: BTreeSet<&Path> = found.iter().filter_map(|path| path.parent()).collect();
        folders.into_iter().try_for_each(refuse_several_connections)?;
        found.sort_by_cached_key(|path| (!is_of_patients(path), path.clone()));
        let name = |path: &Path| path.display().to_string();
        inputs.extend(found.into_iter().map(|path| Input::File { name: name(&path), path }));
    }
    Ok(inputs)
}

/// Refuses to import a folder with an export of several connections.
///
/// Under one connection name, resources of two plans with the same id would overwrite each other.
fn refuse_several_connections(folder: &Path) -> Result<(), Failure> {
    let connections = Known::in_folder(folder).map(|known| known.connections()).unwrap_or_default();
    let Some(first) = connections.first().filter(|_| connections.len() > 1) else { return Ok(()) };
    let folder = folder.display();
    let several = plural::count(connections.len(), "connection");
    Err(Failure::misuse(format!("{folder} is an export of {several}"))
        .hint(format!("import each under its own name, such as {folder}/*.{first}.ndjson")))
}

fn endings() -> String {
    ENDINGS.map(|ending| format!(".{ending}")).join(", ")
}

fn unreadable(path: &Path, error: io::Error) -> Failure {
    let what = format!("cannot read {}", path.display());
    Failure::file(what, error, "name a file or folder that exists, or - for standard input")
}

fn look_through(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        // A link to a folder may lead in circles, so it is not followed. A link to a file is followed.
        if entry.file_type()?.is_dir() {
            look_through(&path, found)?;
        } else if may_hold_resources(&path) && path.is_file() && !is_manifest(&path) {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file is the manifest of an export: it has that name and is not a resource.
fn is_manifest(path: &Path) -> bool {
    #[derive(Deserialize)]
    struct Begin {
        #[serde(rename = "resourceType")]
        resource_type: Option<IgnoredAny>,
    }
    let begin = || serde_json::from_slice::<Begin>(&fs::read(path).ok()?).ok();
    path.file_name().is_some_and(|name| name == NAME)
        && begin().is_some_and(|begin| begin.resource_type.is_none())
}

/// Whether a file's name says that it may hold resources.
pub(super) fn may_hold_resources(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Whether a file probably holds Patients, by its name. Patients show whose data the other files may hold.
pub(super) fn is_of_patients(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
    name.is_some_and(|name| name.starts_with("patient"))
}
