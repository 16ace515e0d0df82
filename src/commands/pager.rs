//! Shows output that is longer than the screen in the user's pager.

use super::{failure::Failure, handed_on, terminal};
use std::{
    env,
    io::{self, IsTerminal, Write},
    process::{Child, Command, Stdio},
};

/// Prints as `super::print` does; on a terminal, output longer than the screen goes through a pager.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let height = terminal::height().filter(|_| io::stdin().is_terminal());
    let Some(height) = height else { return super::print(write) };
    let mut paged = Paged { height, held: Vec::new(), way: Way::Holding };
    let written = {
        let mut out = terminal::escaped(&mut paged);
        write(&mut out).and_then(|()| out.flush())
    };
    match written.and_then(|()| paged.end()) {
        // A user who leaves the pager early has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| Failure::usage("cannot write to standard output", error)),
    }
}

/// Holds back a screenful of output until it is known whether more follows.
struct Paged {
    height: usize,
    held: Vec<u8>,
    way: Way,
}

enum Way {
    /// Everything so far fits on the screen.
    Holding,
    /// The output goes to the pager.
    Pager(Child),
    /// The output goes to the screen, since there is no pager.
    Screen,
}

impl Paged {
    /// Writes the held output, and waits until the user leaves the pager.
    fn end(mut self) -> io::Result<()> {
        match &mut self.way {
            Way::Pager(pager) => {
                drop(pager.stdin.take());
                pager.wait().map(drop)
            }
            _ => terminal::shown(&self.held),
        }
    }

    fn is_more_than_a_screen(&self) -> bool {
        self.held.iter().filter(|byte| **byte == b'\n').count() >= self.height
    }
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Holding => {
                self.held.extend_from_slice(bytes);
                if self.is_more_than_a_screen() {
                    self.way = started().map_or(Way::Screen, Way::Pager);
                    let held = std::mem::take(&mut self.held);
                    self.write_all(&held)?;
                }
                Ok(bytes.len())
            }
            Way::Pager(pager) => match &mut pager.stdin {
                Some(pipe) => pipe.write(bytes),
                None => Err(io::ErrorKind::BrokenPipe.into()),
            },
            Way::Screen => terminal::shown(bytes).map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.way {
            Way::Pager(Child { stdin: Some(pipe), .. }) => pipe.flush(),
            _ => Ok(()),
        }
    }
}

/// Starts the pager named in `PAGER`, else less; the pager inherits no secret.
fn started() -> Option<Child> {
    let chosen = env::var("PAGER").unwrap_or_default();
    let mut words = chosen.split_whitespace();
    Command::new(words.next().unwrap_or("less"))
        .args(words)
        .env_clear()
        // less ends by itself if everything fits, cuts long lines, and leaves the output on the screen.
        .env("LESS", "FSX")
        .envs(handed_on::variables())
        .stdin(Stdio::piped())
        .spawn()
        .ok()
}
