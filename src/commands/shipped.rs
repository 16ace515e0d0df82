//! `payersync completions` and `payersync man`: make the files that a package ships beside the binary.

use super::{failure::Failure, print, tell};
use crate::{
    cli::{self, CompletionsArgs, ManArgs},
    exit_code::ExitCode,
    own_file, plural,
};
use std::fs;

/// Prints the completion script.
pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    print(|out| out.write_all(&cli::completions(args.shell)))?;
    Ok(ExitCode::Complete)
}

/// Writes the man pages.
pub(super) fn man(args: &ManArgs) -> Result<ExitCode, Failure> {
    let folder = &args.folder;
    let failed = |error| {
        let hint = "name a folder that this user can write";
        Failure::file(format!("cannot write man pages to {}", folder.display()), error, hint)
    };
    let pages = cli::man_pages().map_err(failed)?;
    fs::create_dir_all(folder).map_err(failed)?;
    for (name, text) in &pages {
        own_file::replace(&folder.join(name), text, 0o644).map_err(failed)?;
    }
    tell(&format!("{} in {}", plural::count(pages.len(), "man page"), folder.display()));
    Ok(ExitCode::Complete)
}
