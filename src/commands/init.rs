//! `payersync init`: a commented configuration to start from.

use super::{failure::Failure, home, tell};
use crate::{
    config::{FILE_NAME, TEMPLATE},
    exit_code::ExitCode,
    own_file,
};
use std::{io::Write, path::Path};

/// Writes the file; never over one that is there.
pub(super) fn run(folder: &Path) -> Result<ExitCode, Failure> {
    home::create(folder)?;
    let path = folder.join(FILE_NAME);
    let failed = |error: std::io::Error| {
        let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
        let hint =
            if exists { "it is there already and was left as it is" } else { home::WRITABLE };
        Failure::file(format!("cannot write {}", path.display()), error, hint)
    };
    let mut file = own_file::create_new(&path).map_err(failed)?;
    if let Err(error) = file.write_all(TEMPLATE.as_bytes()) {
        // A part of the file would keep the next try from writing all of it.
        let _ = std::fs::remove_file(&path);
        return Err(failed(error));
    }
    tell(&format!("Wrote {}", path.display()));
    tell("Next: enter your plan there, then `payersync connect NAME --plan PLAN`");
    Ok(ExitCode::Complete)
}
