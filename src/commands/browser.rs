//! Opens the consent page in the user's browser, which inherits nothing secret.
//!
//! The environment of payersync may hold the vault's key and client secrets; whatever opens a page
//! gets what a desktop needs and no more. What it is told to open is a page of ours on this machine,
//! since command lines are everybody's to read.

use std::{
    env,
    ffi::OsString,
    io,
    process::{Command, Stdio},
};
use url::Url;

/// Variables that a desktop's programs need: where programs, the user, the display and the session
/// are, and the language.
const NAMES: [&str; 26] = [
    "APPDATA",
    "BROWSER",
    "COMSPEC",
    "DBUS_SESSION_BUS_ADDRESS",
    "DESKTOP_SESSION",
    "DISPLAY",
    "GNOME_DESKTOP_SESSION_ID",
    "HOME",
    "KDE_FULL_SESSION",
    "KDE_SESSION_VERSION",
    "LANG",
    "LANGUAGE",
    "LOCALAPPDATA",
    "LOGNAME",
    "PATH",
    "PATHEXT",
    "SYSTEMROOT",
    "TEMP",
    "TMPDIR",
    "USER",
    "USERPROFILE",
    "WAYLAND_DISPLAY",
    "WINDIR",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "XAUTHORITY",
];

/// Beginnings of more of them.
const BEGINNINGS: [&str; 2] = ["LC_", "XDG_"];

fn is_handed_on(name: &str) -> bool {
    NAMES.contains(&name) || BEGINNINGS.iter().any(|start| name.starts_with(start))
}

/// Starts whatever opens pages here; the first that can be started.
///
/// # Errors
/// None of them can be started.
pub(super) fn open(url: &Url) -> io::Result<()> {
    let chosen = env::var("BROWSER").unwrap_or_default();
    let mut openers: Vec<Vec<String>> = chosen
        .split(':')
        .map(|opener| opener.split_whitespace().map(str::to_owned).collect())
        .filter(|words: &Vec<String>| !words.is_empty())
        .collect();
    openers.extend(
        of_the_system().iter().map(|words| words.iter().map(|&word| word.to_owned()).collect()),
    );
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for words in openers {
        match started(&words, url) {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn of_the_system() -> &'static [&'static [&'static str]] {
    if cfg!(target_os = "macos") {
        &[&["open"]]
    } else if cfg!(windows) {
        &[&["rundll32", "url.dll,FileProtocolHandler"]]
    } else {
        &[&["xdg-open"], &["gio", "open"], &["wslview"], &["x-www-browser"]]
    }
}

/// `%s` among the words stands for the page; without one it comes last.
fn started(words: &[String], url: &Url) -> io::Result<()> {
    let [program, arguments @ ..] = words else { return Err(io::ErrorKind::NotFound.into()) };
    let mut arguments: Vec<String> =
        arguments.iter().map(|word| word.replace("%s", url.as_str())).collect();
    if !words.iter().any(|word| word.contains("%s")) {
        arguments.push(url.to_string());
    }
    let handed_on = env::vars_os()
        .filter(|(name, _): &(OsString, OsString)| name.to_str().is_some_and(is_handed_on));
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(handed_on)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desktop_gets_what_it_needs_and_no_secret() {
        for name in ["PATH", "DISPLAY", "LC_ALL", "XDG_RUNTIME_DIR", "WAYLAND_DISPLAY"] {
            assert!(is_handed_on(name), "{name}");
        }
        for name in [
            "PAYERSYNC_VAULT_KEY",
            "DEMO_CLIENT_SECRET",
            "CREDENTIALS_DIRECTORY",
            "AWS_SECRET_ACCESS_KEY",
            "LD_PRELOAD",
            "HTTPS_PROXY",
        ] {
            assert!(!is_handed_on(name), "{name}");
        }
    }
}
