//! Opens the consent page in the user's browser, without passing on a secret.
//!
//! The environment of payersync may hold the vault's key and client secrets, so the browser's opener gets
//! only the variables that a desktop needs. Every user of the machine can read command lines, so the opener
//! gets the URL of payersync's own page on this machine instead of the consent page's URL.

use super::handed_on;
use std::{
    env, io,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};
use url::Url;

/// Number of checks whether an opener has failed, and the pause between two checks.
const LOOKS: u32 = 50;
const BETWEEN: Duration = Duration::from_millis(20);

/// Opens a URL with the first opener that starts and does not fail within a second.
///
/// # Errors
/// No opener can be started, or all of them fail, as `xdg-open` does on a machine without a browser.
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

/// Starts an opener. `%s` in its words stands for the URL; without a `%s` the URL is the last argument.
fn started(words: &[String], url: &Url) -> io::Result<()> {
    let [program, arguments @ ..] = words else { return Err(io::ErrorKind::NotFound.into()) };
    let mut arguments: Vec<String> =
        arguments.iter().map(|word| word.replace("%s", url.as_str())).collect();
    if !words.iter().any(|word| word.contains("%s")) {
        arguments.push(url.to_string());
    }
    let mut opener = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(handed_on::variables())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    for _ in 0..LOOKS {
        match opener.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(io::Error::other(format!("{program}: {status}"))),
            None => sleep(BETWEEN),
        }
    }
    // The opener is still running: it is a browser that stays in the foreground.
    Ok(())
}
