//! `payersync views`: runs and checks ViewDefinitions without a warehouse.

mod check;
pub(super) mod definition;
mod output;
mod run;

use super::failure::Failure;
use crate::{
    cli::{ViewsAction, ViewsCommand},
    exit_code::ExitCode,
};

/// Runs or checks definitions.
pub(super) fn views(command: ViewsCommand) -> Result<ExitCode, Failure> {
    match command.action {
        ViewsAction::Run(args) => run::run(&args),
        ViewsAction::Check(args) => check::run(&args),
    }
}
