//! `payersync views`: ViewDefinitions without a warehouse.

mod check;
mod output;
mod run;

use super::failure::Failure;
use crate::{
    cli::{ViewsAction, ViewsCommand},
    exit_code::ExitCode,
};
use std::path::Path;

/// Runs or checks definitions.
pub(super) fn views(command: ViewsCommand) -> Result<ExitCode, Failure> {
    match command.action {
        ViewsAction::Run(args) => run::run(&args),
        ViewsAction::Check(args) => check::run(&args),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read {}", file.display()), error)
            .hint("name ViewDefinition files that this user can read")
    })
}
