//! The environment variables that programs started by payersync inherit: those they need, and no secret.
//!
//! The environment of payersync may hold the vault's key and client secrets.

use std::{env, ffi::OsString};

/// Variables with the paths, the user, the display, the terminal, the session and the language.
const NAMES: [&str; 30] = [
    "APPDATA",
    "BROWSER",
    "COLUMNS",
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
    "LESS",
    "LINES",
    "LOCALAPPDATA",
    "LOGNAME",
    "PATH",
    "PATHEXT",
    "SYSTEMROOT",
    "TEMP",
    "TERM",
    "TMPDIR",
    "USER",
    "USERPROFILE",
    "WAYLAND_DISPLAY",
    "WINDIR",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "XAUTHORITY",
];

/// Prefixes of the names of further variables that are passed on.
const BEGINNINGS: [&str; 2] = ["LC_", "XDG_"];

fn is_handed_on(name: &str) -> bool {
    NAMES.contains(&name) || BEGINNINGS.iter().any(|start| name.starts_with(start))
}

/// The variables of this process that are passed on.
pub(super) fn variables() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_handed_on))
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
