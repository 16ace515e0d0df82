//! `--version --verbose`: what this build is made of.

use super::Cli;
use clap::{Parser, error::ErrorKind};
use std::ffi::OsString;

/// Whether these arguments, the program's name first, ask for the long version.
///
/// clap answers `--version` as soon as it meets it, and looks at nothing after it.
pub fn is_long_version(arguments: &[OsString]) -> bool {
    let others = || arguments.iter().filter(|argument| *argument != "--verbose");
    others().count() < arguments.len()
        && Cli::try_parse_from(others()).is_err_and(|it| it.kind() == ErrorKind::DisplayVersion)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_flags_in_either_order_and_nothing_else() {
        let asks =
            |words: &[&str]| is_long_version(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(asks(&["payersync", "--version", "--verbose"]));
        assert!(asks(&["payersync", "--verbose", "-V"]));
        assert!(asks(&["payersync", "--home", "here", "--verbose", "-V"]));
        assert!(!asks(&["payersync", "--version"]));
        assert!(!asks(&["payersync", "query", "--version", "--verbose"]));
    }
}
