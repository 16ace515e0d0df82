//! Gets the vault's key from a command of the operator's: a password manager, a keyring, `systemd-creds`.
//!
//! The command is started without a shell and with a small environment that holds no secret of payersync's.
//! Its time and its output are limited. Its standard error is passed on line by line, since it may ask for
//! a touch or a PIN. Its standard output is the key, and is never shown.

use super::{failure::Failure, told::tell};
use secrecy::SecretString;
use std::{
    env,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// The setting that names the command, for messages.
pub(super) const KEY: &str = "vault_key_command";

/// The time limit of the command; a person may have to find a security token and touch it.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most bytes of output; a key has 44 bytes.
const MOST_BYTES: u64 = 4096;
/// The most lines of standard error that are passed on, and the most bytes of a line.
const MOST_LINES: usize = 20;
const LONGEST_LINE: u64 = 500;
/// The pause between two checks whether the command has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// The variables that the command inherits: paths, user, session and language.
///
/// Others can be given in the command itself, with `env NAME=VALUE`.
const NAMES: [&str; 16] = [
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GNUPGHOME",
    "GPG_TTY",
    "HOME",
    "LANG",
    "LOGNAME",
    "PASSWORD_STORE_DIR",
    "PATH",
    "SYSTEMROOT",
    "TERM",
    "TMPDIR",
    "USER",
    "USERPROFILE",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
];

/// Runs the command in `folder` and returns what it prints.
///
/// # Errors
/// The command cannot be started, fails, takes too long, or prints nothing, too much, or bytes that are not
/// text.
pub(super) fn ask(words: &[String], folder: &Path) -> Result<SecretString, Failure> {
    ask_within(words, folder, PATIENCE)
}

fn ask_within(
    words: &[String],
    folder: &Path,
    patience: Duration,
) -> Result<SecretString, Failure> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(refused("names no program"));
    };
    let deadline = Instant::now() + patience;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(NAMES.iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            Failure::usage(format!("{KEY} cannot start {program}"), error)
                .hint("name a program by its whole path, and each argument as a text of its own")
        })?;
    let (output, told) = (output_of(&mut child), told_of(&mut child));
    let answered = answer(&mut child, &output, deadline);
    if answered.is_err() {
        // A command that has ended cannot be killed, and need not be.
        let _ = child.kill();
        let _ = child.wait();
    }
    // The wait is limited: a process that the command has left behind may keep the pipe open forever.
    let _ = told.recv_timeout(Duration::from_secs(1));
    let (bytes, status) = answered?;
    if !status.success() {
        return Err(refused(&format!("ended with {status}")));
    }
    if bytes.len() as u64 > MOST_BYTES {
        return Err(refused(&format!("printed more than {MOST_BYTES} bytes")));
    }
    match std::str::from_utf8(&bytes).map(str::trim) {
        Ok("") => Err(refused("printed nothing")),
        Ok(key) => Ok(SecretString::from(key)),
        Err(_) => Err(refused("printed bytes that are not text")),
    }
}

type Printed = io::Result<Zeroizing<Vec<u8>>>;

fn output_of(child: &mut Child) -> Receiver<Printed> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        thread::spawn(move || {
            // Enough room from the start: a growing buffer would leave copies of the key in memory.
            let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MOST_BYTES as usize));
            let read = stdout.take(MOST_BYTES + 1).read_to_end(&mut bytes);
            sender.send(read.map(|_| bytes))
        });
    }
    receiver
}

/// Passes on the lines of standard error, and signals when standard error ends.
fn told_of(child: &mut Child) -> Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stderr) = child.stderr.take() {
        thread::spawn(move || {
            let mut lines = BufReader::new(stderr);
            for _ in 0..MOST_LINES {
                let mut line = Vec::new();
                match (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut line) {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {
                        tell(&format!("{KEY}: {}", String::from_utf8_lossy(&line).trim_end()));
                    }
                }
            }
            // Reads the rest: a full pipe would block the command.
            let _ = io::copy(&mut lines, &mut io::sink());
            sender.send(())
        });
    }
    receiver
}

fn answer(
    child: &mut Child,
    output: &Receiver<Printed>,
    deadline: Instant,
) -> Result<(Zeroizing<Vec<u8>>, ExitStatus), Failure> {
    let left = || deadline.saturating_duration_since(Instant::now());
    let failed = |error| Failure::usage(format!("cannot read what {KEY} prints"), error);
    let late = || refused("did not print a key in time");
    let bytes = output.recv_timeout(left()).map_err(|_| late())?.map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(refused(&format!("printed more than {MOST_BYTES} bytes")));
    }
    loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => return Ok((bytes, status)),
            None if left().is_zero() => return Err(late()),
            None => thread::sleep(PAUSE),
        }
    }
}

fn refused(what: &str) -> Failure {
    Failure::misuse(format!("{KEY} {what}"))
        .hint("run it by hand: it must print 32 bytes in base64 and end with status 0")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn ask_shell(script: &str, patience: Duration) -> Result<String, String> {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        let folder = tempfile::tempdir().unwrap();
        ask_within(&words, folder.path(), patience)
            .map(|key| key.expose_secret().to_owned())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_key_is_what_is_printed_and_everything_else_is_told_apart() {
        let long = Duration::from_secs(60);
        assert_eq!(ask_shell("echo ' a key '; echo touch it >&2", long).unwrap(), "a key");
        for (script, told) in [
            ("exit 3", "ended with exit status: 3"),
            ("echo a key; exit 1", "ended with exit status: 1"),
            ("kill -9 $$", "ended with signal: 9"),
            ("echo", "printed nothing"),
            ("printf '\\377'", "printed bytes that are not text"),
            ("head -c 5000 /dev/zero", "printed more than 4096 bytes"),
            ("while echo more; do :; done", "printed more than 4096 bytes"),
            // A command that writes more than the limit is not blocked.
            ("head -c 200000 /dev/zero >&2; exit 4", "ended with exit status: 4"),
        ] {
            let refused = ask_shell(script, long).unwrap_err();
            assert!(refused.contains(told), "{script}: {refused}");
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_ended() {
        let short = Duration::from_millis(50);
        for script in ["exec sleep 600", "echo a key; exec >&-; exec sleep 600"] {
            let refused = ask_shell(script, short).unwrap_err();
            assert!(refused.contains("a key in time"), "{script}: {refused}");
        }
    }

    #[test]
    fn it_inherits_nothing_secret() {
        let shown = ask_shell("env", Duration::from_secs(60)).unwrap();
        let may_be = |line: &&str| {
            let name = line.split('=').next().unwrap_or_default();
            // These variables are set by the shell itself.
            NAMES.contains(&name) || ["PWD", "OLDPWD", "SHLVL", "_"].contains(&name)
        };
        let strays: Vec<&str> = shown.lines().filter(|line| !may_be(line)).collect();
        assert!(strays.is_empty() && shown.contains("PATH="), "{strays:?}");
    }

    #[test]
    fn what_is_no_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let refused = ask(&["no-such-program".to_owned()], folder.path()).unwrap_err();
        assert!(refused.to_string().contains("cannot start no-such-program"), "{refused}");
    }
}
