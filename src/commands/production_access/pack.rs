//! The folder of papers; a file that a person has edited is never overwritten.
//!
//! `pack.json` has the hash of each text that the last run wanted in the files. A file with that hash is
//! unedited; any other file has been edited. For an edited file, the new version is written beside it, and
//! only if the text has changed since the edited version. dpkg treats configuration files the same way.

use crate::{
    commands::failure::Failure,
    own_file::{beside, replace, require_owned},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// The file that holds the hashes.
const HASHES: &str = "pack.json";
const WRITABLE: &str = "name a folder that this user can write";
const READABLE: &str = "see that it is a file that this user can read, or name another folder";

/// What was done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// Written: the file was missing or unedited.
    Written,
    /// Nothing: the file has this text already.
    Same,
    /// Nothing: the file is edited, and the text has not changed since.
    Kept,
    /// The file is edited, so the new version was written to FILE.new.
    Beside,
}

/// A folder of papers, and the texts to be written there.
pub(super) struct Pack {
    folder: PathBuf,
    /// The hash of the text that the last run wanted in each file.
    hashes: BTreeMap<String, String>,
    planned: Vec<(String, String, Done)>,
}

impl Pack {
    /// Reads what earlier runs have left; writes nothing.
    ///
    /// # Errors
    /// `pack.json` is unreadable or is not a list of hashes.
    pub(super) fn open(folder: &Path) -> Result<Pack, Failure> {
        let path = folder.join(HASHES);
        let hashes = match read(&path)? {
            None => BTreeMap::new(),
            Some(text) => serde_json::from_str(&text).map_err(|error| {
                Failure::usage(format!("{} is not as it was written", path.display()), error)
                    .hint("remove it: every file that differs then counts as edited")
            })?,
        };
        Ok(Pack { folder: folder.into(), hashes, planned: Vec::new() })
    }

    /// Decides what to do with a file. Returns the text that the file will have.
    ///
    /// # Errors
    /// The file cannot be read. Or the text must go to FILE.new, and that file is edited, too.
    pub(super) fn will_hold(&mut self, name: &str, text: &str) -> Result<String, Failure> {
        let path = self.folder.join(name);
        let known = self.hashes.get(name);
        let there = read(&path)?;
        let done = match &there {
            None => Done::Written,
            Some(there) if there == text => Done::Same,
            Some(there) if known == Some(&hash(there)) => Done::Written,
            Some(_) if known == Some(&hash(text)) => Done::Kept,
            Some(_) => Done::Beside,
        };
        let new = beside(&path, ".new");
        if done == Done::Beside
            && let Some(other) = read(&new)?
            && other != text
            && known != Some(&hash(&other))
        {
            let both = format!("both {} and {} were edited", path.display(), new.display());
            let hint = format!(
                "move the edits of {} into {}, remove the former, and run again",
                new.display(),
                path.display()
            );
            return Err(Failure::misuse(both).hint(hint));
        }
        self.planned.push((name.to_owned(), text.to_owned(), done));
        Ok(match there {
            Some(there) if matches!(done, Done::Kept | Done::Beside) => there,
            _ => text.to_owned(),
        })
    }

    /// Writes the files, each in one step. Returns what was done with each.
    ///
    /// # Errors
    /// An error of the system. The files written so far count as edited until a later run has the same texts.
    pub(super) fn write(mut self) -> Result<Vec<(String, Done)>, Failure> {
        fs::create_dir_all(&self.folder).map_err(|error| failed(&self.folder, error))?;
        for (name, text, done) in &self.planned {
            let path = self.folder.join(name);
            let target = match done {
                Done::Written => path,
                Done::Beside => beside(&path, ".new"),
                Done::Same | Done::Kept => continue,
            };
            replace(&target, text.as_bytes(), 0o644).map_err(|error| failed(&target, error))?;
        }
        let meant = self.planned.iter().map(|(name, text, _)| (name.clone(), hash(text)));
        self.hashes.extend(meant);
        let path = self.folder.join(HASHES);
        let text = serde_json::to_string_pretty(&self.hashes).map_err(|error| {
            Failure::bug("the hashes of the papers cannot be written as JSON", error)
        })?;
        replace(&path, text.as_bytes(), 0o644).map_err(|error| failed(&path, error))?;
        Ok(self.planned.into_iter().map(|(name, _, done)| (name, done)).collect())
    }
}

/// The text of a file; `None` if it is missing.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    require_owned(path)?;
    match fs::read(path) {
        // Only an edited file can contain bytes that are not UTF-8.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Failure::file(format!("cannot read {}", path.display()), error, READABLE))
        }
    }
}

fn failed(path: &Path, error: io::Error) -> Failure {
    Failure::file(format!("cannot write {}", path.display()), error, WRITABLE)
}

fn hash(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()))
}
