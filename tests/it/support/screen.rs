//! A terminal for the real binary, which keeps every byte that reached it.

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use std::{
    fs::{File, OpenOptions},
    io::Read,
    process::{Command, Stdio},
};

/// What a command wrote to its terminal, and how it ended.
pub(crate) struct Screen {
    /// The exit code; -1 if a signal ended the command.
    pub(crate) code: i32,
    /// Every byte of standard output and standard error; the terminal ends lines with CR LF.
    pub(crate) bytes: Vec<u8>,
}

impl Screen {
    /// The text, with the line ends that the command wrote.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).replace("\r\n", "\n")
    }
}

/// Runs a command with a terminal of unset size for standard output and standard error.
pub(crate) fn on_screen(command: Command) -> Screen {
    run(command, None)
}

/// Runs a command at a terminal of this size, which is its standard input, too.
pub(crate) fn at_terminal(command: Command, columns: u16, lines: u16) -> Screen {
    let size = Winsize { ws_col: columns, ws_row: lines, ws_xpixel: 0, ws_ypixel: 0 };
    run(command, Some(size))
}

fn run(mut command: Command, size: Option<Winsize>) -> Screen {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    if let Some(size) = size {
        tcsetwinsize(&theirs, size).unwrap();
        command.stdin(Stdio::from(theirs.try_clone().unwrap()));
    }
    command
        .env("PAYERSYNC_LOG_FORMAT", "auto")
        .stdout(Stdio::from(theirs.try_clone().unwrap()))
        .stderr(Stdio::from(theirs));
    let mut child = command.spawn().unwrap();
    // The command holds our copies of the terminal's other end. Without them, reading ends with the child.
    drop(command);
    let mut bytes = Vec::new();
    read_all(&mut File::from(ours), &mut bytes);
    Screen { code: child.wait().unwrap().code().unwrap_or(-1), bytes }
}

/// Reads to the end. If nobody can write to a terminal any more, Linux ends a read of it with EIO.
fn read_all(from: &mut File, bytes: &mut Vec<u8>) {
    let mut piece = [0; 4096];
    loop {
        match from.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
        }
    }
}
