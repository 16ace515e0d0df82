//! More lines than a screen has go through the pager that the user has chosen.

use super::{failure::Failure, handed_on, terminal};
use std::{
    env,
    io::{self, IsTerminal, Write},
    process::{Child, Command, Stdio},
};

/// Prints as `super::print` does; through a pager where a person reads more than one screen.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let height = terminal::height().filter(|_| io::stdin().is_terminal());
    let Some(height) = height else { return super::print(write) };
    let mut paged = Paged { height, held: Vec::new(), way: Way::Holding };
    let written = {
        let mut out = terminal::escaped(&mut paged);
        write(&mut out).and_then(|()| out.flush())
    };
    match written.and_then(|()| paged.end()) {
        // Who left the pager has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| Failure::usage("cannot write to standard output", error)),
    }
}

/// Holds a screenful back, until it is known whether there is more.
struct Paged {
    height: usize,
    held: Vec<u8>,
    way: Way,
}

enum Way {
    /// So far it fits.
    Holding,
    /// To the pager.
    Pager(Child),
    /// To the screen: there is no pager.
    Screen,
}

impl Paged {
    /// Writes what is held back, and waits until the pager is left.
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

/// The pager of `PAGER`, else less; it inherits no secret.
fn started() -> Option<Child> {
    let chosen = env::var("PAGER").unwrap_or_default();
    let mut words = chosen.split_whitespace();
    Command::new(words.next().unwrap_or("less"))
        .args(words)
        .env_clear()
        // Ends by itself where it fits, cuts long lines, and leaves the answer on the screen.
        .env("LESS", "FSX")
        .envs(handed_on::variables())
        .stdin(Stdio::piped())
        .spawn()
        .ok()
}
