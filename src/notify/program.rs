//! Runs one of the operator's programs and gives it a text. The program is started without a shell, in a
//! small environment without our secrets, and must end within a time.

use std::{
    env,
    io::{self, Read, Write},
    path::{self, Path},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

/// How long the program may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of the program's standard error that are shown if it fails.
const MOST_TOLD: u64 = 300;
/// The pause between two checks of whether the program has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Environment variables that the program gets: those that locate programs, the user and the session, and the
/// language.
///
/// Others can be set in the command itself, with `env NAME=VALUE`.
const NAMES: [&str; 9] = [
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "LANG",
    "LOGNAME",
    "PATH",
    "SYSTEMROOT",
    "TMPDIR",
    "USER",
    "XDG_RUNTIME_DIR",
];

/// Whether the program exists; it is looked for in the same places as by [`run`].
pub(super) fn is_found(program: &str, folder: &Path) -> bool {
    let is_program = |path: &Path| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
        }
        #[cfg(not(unix))]
        path.is_file()
    };
    if is_path(program) {
        return is_program(&folder.join(program));
    }
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    env::split_paths(&path).any(|folder| is_program(&folder.join(program)))
}

/// Whether the program is named by its path, as opposed to a name that is looked for in PATH.
fn is_path(program: &str) -> bool {
    Path::new(program).components().count() > 1
}

/// Runs the program in `folder` with `text` on its standard input.
///
/// # Errors
/// The program cannot be started, fails or takes too long; the error is a sentence for people.
pub(super) fn run(
    words: &[String],
    folder: &Path,
    text: &str,
    patience: Duration,
) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("no program is named")?;
    let deadline = Instant::now() + patience;
    // From which folder a relative path leads is not the same on every system.
    let path = match is_path(program) {
        true => path::absolute(folder.join(program)).map_err(|error| error.to_string())?,
        false => program.into(),
    };
    let mut child = Command::new(path)
        .args(arguments)
        .env_clear()
        .envs(NAMES.iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let said = said_by(&mut child);
    give(&mut child, text.to_owned());
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(PAUSE),
            Ok(None) => break Err(format!("{program} did not end in {} s", patience.as_secs())),
            Err(error) => break Err(format!("cannot wait for {program}: {error}")),
        }
    };
    if ended.is_err() {
        // If the program has ended meanwhile, it cannot and need not be killed.
        let _ = child.kill();
        let _ = child.wait();
    }
    let status = ended?;
    if status.success() {
        return Ok(());
    }
    // A process that the program left behind may keep the pipe open for ever.
    let said = said.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ");
    let colon = if said.is_empty() { "" } else { ": " };
    Err(format!("{program} ended with {status}{colon}{said}"))
}

/// Writes the text while the program runs, since the program may read it late or never.
fn give(child: &mut Child, text: String) {
    if let Some(mut stdin) = child.stdin.take() {
        // A program need not read the text.
        thread::spawn(move || stdin.write_all(text.as_bytes()));
    }
}

/// The beginning of the program's standard error, sent when the pipe is closed.
fn said_by(child: &mut Child) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stderr) = child.stderr.take() {
        thread::spawn(move || {
            let mut said = Vec::new();
            let _ = (&mut stderr).take(MOST_TOLD).read_to_end(&mut said);
            // Read to the end: a full pipe would block the program.
            let _ = io::copy(&mut stderr, &mut io::sink());
            sender.send(said)
        });
    }
    receiver
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> (Result<(), String>, String) {
        let folder = tempfile::tempdir().unwrap();
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        let result = run(&words, folder.path(), "a text\n", patience);
        (result, std::fs::read_to_string(folder.path().join("got")).unwrap_or_default())
    }

    #[test]
    fn it_gets_the_text_and_a_failure_is_told_with_its_words() {
        let long = Duration::from_secs(60);
        assert_eq!(shell("cat > got", long), (Ok(()), "a text\n".to_owned()));
        assert_eq!(shell("exit 0", long).0, Ok(()));
        for (script, told) in [
            ("echo no >&2; echo mail >&2; exit 3", "ended with exit status: 3: no mail"),
            ("head -c 200000 /dev/zero >&2; exit 4", "ended with exit status: 4"),
            ("kill -9 $$", "ended with signal: 9"),
        ] {
            let refused = shell(script, long).0.unwrap_err();
            assert!(refused.contains(told) && refused.len() < 1500, "{script}: {refused}");
        }
        let late = shell("exec sleep 600", Duration::from_millis(50)).0.unwrap_err();
        assert!(late.contains("did not end"), "{late}");
        let nobody = run(&["no-such-program".to_owned()], Path::new("/"), "", long).unwrap_err();
        assert!(nobody.contains("cannot start no-such-program"), "{nobody}");
    }

    #[test]
    fn a_relative_path_leads_from_the_folder() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("mail");
        std::fs::write(&script, "#!/bin/sh\ncat > got\n").unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        let words = ["./mail".to_owned()];
        assert_eq!(run(&words, folder.path(), "a text\n", Duration::from_secs(60)), Ok(()));
        assert_eq!(std::fs::read_to_string(folder.path().join("got")).unwrap(), "a text\n");
    }

    #[test]
    fn it_inherits_nothing_secret() {
        let (_, shown) = shell("env > got", Duration::from_secs(60));
        let may_be = |line: &&str| {
            let name = line.split('=').next().unwrap_or_default();
            // A shell sets these variables itself.
            NAMES.contains(&name) || ["PWD", "OLDPWD", "SHLVL", "_"].contains(&name)
        };
        let strays: Vec<&str> = shown.lines().filter(|line| !may_be(line)).collect();
        assert!(strays.is_empty() && shown.contains("PATH="), "{strays:?}");
    }
}
