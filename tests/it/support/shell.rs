//! Runs the scripts in the documents as they are written.

use super::Outcome;
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The ```` ```bash ```` blocks of a Markdown text, in order.
pub(crate) fn scripts(markdown: &str) -> Vec<String> {
    let blocks = markdown.split("```bash\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

/// Runs a script in `folder`; the path begins with `tools` and then the folder of the built `payersync`.
///
/// The first line that fails ends the script. `home` is PAYERSYNC_HOME and HOME.
pub(crate) fn bash(script: &str, folder: &Path, home: &Path, tools: &[PathBuf]) -> Outcome {
    Outcome::of(bash_command(script, folder, home, tools).stdin(Stdio::null()))
}

/// The command that runs a script as [`bash`] does.
pub(crate) fn bash_command(script: &str, folder: &Path, home: &Path, tools: &[PathBuf]) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_payersync")).parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = tools.iter().cloned().chain([binary]).chain(env::split_paths(&path));
    let mut command = Command::new("bash");
    command
        .args(["-eu", "-o", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", env::join_paths(path).unwrap())
        .env("PAYERSYNC_HOME", home)
        .env("HOME", home)
        .env("PAYERSYNC_LOG_FORMAT", "plain")
        .env_remove("BROWSER")
        .env_remove("PAYERSYNC_LOG")
        .env_remove("PAYERSYNC_VAULT_KEY")
        .env_remove("PAYERSYNC_VAULT_KEY_FILE")
        .env_remove("CREDENTIALS_DIRECTORY");
    command
}
