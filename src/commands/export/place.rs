//! The folder that an export is written to, and the temporary folder beside it.

use super::{
    file::{HashedFile, cannot_write},
    manifest::{Known, Manifest, NAME},
};
use crate::{
    commands::failure::Failure,
    own_file,
    sync::Stop,
    warehouse::{sweep_unfinished, unfinished_name},
};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf, absolute},
};

/// The folder that an export may write or replace.
#[derive(Debug)]
pub(super) struct Place {
    target: PathBuf,
    warehouse: PathBuf,
    /// Whether the new export is de-identified.
    is_deidentified: bool,
}

impl Place {
    /// Refuses a folder that is not safe to write.
    ///
    /// It refuses a folder that others can write to, a folder with files that no export wrote, and a
    /// de-identified export if the new export has names.
    pub(super) fn check(
        folder: &Path,
        warehouse: &Path,
        is_deidentified: bool,
    ) -> Result<Place, Failure> {
        // Without a trailing slash, a link is not followed.
        let target: PathBuf =
            absolute(folder).map_err(|error| cannot_write(folder, error))?.components().collect();
        if target.file_name().is_none() {
            return Err(Failure::misuse(format!(
                "{} cannot be the folder of an export",
                target.display()
            ))
            .hint("name a new folder"));
        }
        let place = Place { target, warehouse: warehouse.to_owned(), is_deidentified };
        own_file::require_safe_folder(place.parent()).map_err(|error| {
            Failure::from(error)
                .hint("export into a folder that is yours and that nobody else can write to")
        })?;
        place.refuse_occupied()?;
        Ok(place)
    }

    /// The path of the folder.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    fn parent(&self) -> &Path {
        self.target.parent().unwrap_or(Path::new("/"))
    }

    /// Removes temporary folders that killed exports of this warehouse have left beside the folder, and makes
    /// a new temporary folder.
    ///
    /// A request to stop, through `stop`, ends the writing.
    pub(super) fn begin(&self, stop: Stop) -> Result<Unfinished<'_>, Failure> {
        sweep_unfinished(&self.target, &self.warehouse)?;
        let path = unfinished_name(&self.target, &self.warehouse)?;
        own_file::create_new_folder(&path).map_err(|error| cannot_write(&self.target, error))?;
        Ok(Unfinished { place: self, path, stop })
    }

    /// Refuses a folder whose content would be lost.
    ///
    /// That is a folder with files that no export wrote, or a de-identified export if the new export has
    /// names.
    fn refuse_occupied(&self) -> Result<(), Failure> {
        let target = &self.target;
        let left = |what: String| {
            Failure::misuse(format!("{} {what}; it was left as it is", target.display()))
                .hint("name a new folder, or one that an export wrote")
        };
        match target.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(cannot_write(target, error)),
            Ok(found) if !found.is_dir() && !found.is_symlink() => {
                return Err(left("is not a folder".to_owned()));
            }
            Ok(_) => own_file::require_own(target)?,
        }
        let entries = fs::read_dir(target)
            .and_then(|entries| entries.collect::<io::Result<Vec<_>>>())
            .map_err(|error| cannot_write(target, error))?;
        if entries.is_empty() {
            return Ok(());
        }
        let Some(known) = Known::in_folder(target) else {
            return Err(left("holds files and is not an export of payersync".to_owned()));
        };
        let names = known.names();
        for entry in entries {
            let name = entry.file_name();
            let is_ours = name.to_str().is_some_and(|name| names.contains(name))
                && entry.file_type().is_ok_and(|kind| kind.is_file());
            if !is_ours {
                return Err(left(format!("holds {}, which no export wrote", name.display())));
            }
        }
        if known.is_deidentified() && !self.is_deidentified {
            // The folder may be shared with people who must not see the members' names.
            return Err(left("holds a de-identified export".to_owned())
                .hint("add --deidentify, or name a new folder"));
        }
        Ok(())
    }
}

/// A temporary folder. Dropping this value removes the folder, or the earlier export that `finish` has
/// exchanged the folder for.
#[derive(Debug)]
pub(super) struct Unfinished<'a> {
    place: &'a Place,
    path: PathBuf,
    stop: Stop,
}

impl Unfinished<'_> {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An error if the export was asked to stop.
    pub(super) fn go_on(&self) -> io::Result<()> {
        if self.stop.is_asked() {
            Err(io::Error::other("the export was asked to stop"))
        } else {
            Ok(())
        }
    }

    /// Writes the manifest and puts the folder in place of an earlier export, which is removed.
    pub(super) fn finish(self, manifest: &Manifest) -> Result<(), Failure> {
        let target = &self.place.target;
        let json = manifest.to_json().map_err(|error| cannot_write(target, error.into()))?;
        let placed = |path: &Path| -> io::Result<()> {
            let mut file = HashedFile::create(&path.join(NAME))?;
            file.write_all(&json)?;
            file.finish()?;
            own_file::sync_folder(path)
        };
        placed(&self.path).map_err(|error| cannot_write(target, error))?;
        // Somebody may have put a file into the folder meanwhile.
        self.place.refuse_occupied()?;
        let aside = unfinished_name(target, &self.place.warehouse)?;
        own_file::place_folder(&self.path, target, &aside)
            .and_then(|()| own_file::sync_folder(self.place.parent()))
            .map_err(|error| cannot_write(target, error))
        // The temporary name now belongs to the earlier export, which is removed with this value.
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // Half an export of health data must not be left behind. If this fails, the next export removes it.
        let _ = fs::remove_dir_all(&self.path);
    }
}
