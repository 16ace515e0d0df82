//! Arguments → settings → one command → exit code.

use clap::{Parser, error::ErrorKind};
use payersync::{
    cli::{self, Cli},
    commands,
    exit_code::ExitCode,
};

fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args_os().map(cli::no_comment_is_a_flag).collect();
    if cli::is_long_version(&arguments) {
        return commands::long_version().into();
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes.
            if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                return commands::misused(&cli::refusal(&arguments, &error)).into();
            }
            // A closed pipe is nobody's mistake.
            let _ = error.print();
            return ExitCode::Complete.into();
        }
    };
    commands::run(cli).into()
}
