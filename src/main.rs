//! Arguments → settings → one command → exit code.

use clap::{Parser, error::ErrorKind};
use payersync::{cli::Cli, commands, exit_code::ExitCode};

fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not mistakes.
            if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
                return commands::misused(&error.render().to_string()).into();
            }
            // A closed pipe is nobody's mistake.
            let _ = error.print();
            return ExitCode::Complete.into();
        }
    };
    commands::run(cli).into()
}
