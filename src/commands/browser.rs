//! Opens the consent page in the user's browser, which inherits nothing secret.
//!
//! The environment of payersync may hold the vault's key and client secrets; whatever opens a page
//! gets what a desktop needs and no more. What it is told to open is a page of ours on this machine,
//! since command lines are everybody's to read.

use super::handed_on;
use std::{
    env, io,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};
use url::Url;

/// How often, and how long between, an opener is asked whether it has failed.
const LOOKS: u32 = 50;
const BETWEEN: Duration = Duration::from_millis(20);

/// Starts whatever opens pages here; the first that can be started and does not fail within a second.
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

/// `%s` among the words stands for the page; without one it comes last.
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
    // It still runs: a browser that stays in the foreground.
    Ok(())
}
