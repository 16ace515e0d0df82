//! Runs of the real binary that cannot hang the tests, can be killed, and whose memory is measured.

use super::Home;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// The longest time that a command of these tests may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A process under way.
pub(crate) struct Watched {
    child: Child,
    stdout: File,
    stderr: File,
    peak_kib: u64,
    name: String,
}

/// The end of a process: its exit code, output and memory.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; -1 if a signal ended the process.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The most memory that the process held, in KiB, as far as it was measured; 0 if not at all.
    pub(crate) peak_kib: u64,
}

impl Watched {
    pub(crate) fn start(home: &Home, arguments: &[&str]) -> Watched {
        Watched::spawn(home.command(arguments), arguments.join(" "))
    }

    pub(crate) fn spawn(mut command: Command, name: String) -> Watched {
        let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let child = command
            .stdout(Stdio::from(stdout.try_clone().unwrap()))
            .stderr(Stdio::from(stderr.try_clone().unwrap()))
            .spawn()
            .unwrap();
        Watched { child, stdout, stderr, peak_kib: 0, name }
    }

    /// The exit status, if the process has ended.
    pub(crate) fn poll(&mut self) -> Option<ExitStatus> {
        self.peak_kib = self.peak_kib.max(peak_kib(self.child.id()).unwrap_or(0));
        self.child.try_wait().unwrap()
    }

    /// Waits until `is_so` is true or the process has ended; returns whether `is_so` came first.
    pub(crate) fn until(&mut self, mut is_so: impl FnMut() -> bool) -> bool {
        let started = Instant::now();
        loop {
            if is_so() {
                return true;
            }
            if self.poll().is_some() {
                return false;
            }
            self.fail_after(started, LIMIT);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends SIGTERM.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal of this name, without the leading SIG.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        // `kill` is built into the shell; the program is missing on small machines.
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Sends SIGKILL, then waits as [`Watched::end`] does.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.end()
    }

    /// Waits for the process to end; if that takes too long, kills the process and fails the test.
    pub(crate) fn end(self) -> Ended {
        self.end_within(LIMIT)
    }

    /// Waits as [`Watched::end`] does, with another limit.
    pub(crate) fn end_within(mut self, limit: Duration) -> Ended {
        let started = Instant::now();
        let status = loop {
            match self.poll() {
                Some(status) => break status,
                None => self.fail_after(started, limit),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Ended {
            code: status.code().unwrap_or(-1),
            stdout: text(&mut self.stdout),
            stderr: text(&mut self.stderr),
            peak_kib: self.peak_kib,
        }
    }

    fn fail_after(&mut self, started: Instant, limit: Duration) {
        if started.elapsed() > limit {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            panic!("{} did not end within {limit:?}: {}", self.name, text(&mut self.stderr));
        }
    }
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The peak memory of a process in KiB: `VmHWM` on Linux, `None` elsewhere.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
