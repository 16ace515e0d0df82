//! The only place that writes to standard output and standard error.
//!
//! Messages on standard error never contain control characters that could steer a terminal, or a viewer of
//! the log. Data on standard output is exact, unless it goes to a terminal that would obey such characters.

mod escape;

pub(super) use escape::on_one_line;
use escape::{Escaping, indented};
use std::io::{self, IsTerminal, Write};
use terminal_size::terminal_size_of;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Whether standard error goes to a terminal.
pub(super) fn shows_what_is_told() -> bool {
    io::stderr().is_terminal()
}

/// Whether standard output goes to a terminal.
pub(super) fn shows_data() -> bool {
    io::stdout().is_terminal()
}

/// Standard output for data; the caller must flush it.
pub(super) fn data() -> Box<dyn Write> {
    let out = io::BufWriter::new(io::stdout().lock());
    if shows_data() { Box::new(Escaping::new(out)) } else { Box::new(out) }
}

/// Writes bytes that have been through [`escaped`] to the screen.
pub(super) fn shown(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// A writer that escapes every character that would steer a terminal.
pub(super) fn escaped<'a>(out: impl Write + 'a) -> impl Write + 'a {
    Escaping::new(io::BufWriter::new(out))
}

/// The width of the screen that shows standard output; `None` for files and pipes.
pub(super) fn width() -> Option<usize> {
    terminal_size_of(io::stdout()).map(|(width, _)| width.0.into()).filter(|width| *width > 0)
}

/// The width of the screen that shows standard error; `None` for files and pipes.
pub(super) fn told_width() -> Option<usize> {
    terminal_size_of(io::stderr()).map(|(width, _)| width.0.into()).filter(|width| *width > 0)
}

/// The height of the screen that shows standard output; `None` for files and pipes.
pub(super) fn height() -> Option<usize> {
    terminal_size_of(io::stdout()).map(|(_, height)| height.0.into()).filter(|height| *height > 0)
}

/// Writes a line to standard error; further lines of the text are indented.
pub(super) fn told(text: &str) {
    // If stderr is closed, nobody reads it.
    let _ = writeln!(io::stderr().lock(), "{}", indented(text));
}

/// Writes lines to standard error as they are, except for characters that would steer a terminal.
pub(super) fn passed_on(lines: &str) {
    let mut out = Escaping::new(io::stderr().lock());
    // If stderr is closed, nobody reads it.
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// Overwrites the current line on a terminal; `is_last` keeps the line.
pub(super) fn overwritten(text: &str, is_last: bool) {
    if shows_what_is_told() {
        let end = if is_last { "\n" } else { "" };
        // A line that cannot be drawn loses nothing.
        let _ = write!(io::stderr(), "\r{}{end}", on_one_line(text));
    }
}

/// The log's output: standard error, with one line for each event.
pub(super) struct LogLines {
    /// Whether the level has a colour.
    pub(super) coloured: bool,
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = LogLine;

    fn make_writer(&'a self) -> LogLine {
        LogLine { colour: None }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> LogLine {
        LogLine { colour: self.coloured.then(|| *meta.level()) }
    }
}

/// One event of the log.
pub(super) struct LogLine {
    colour: Option<Level>,
}

impl Write for LogLine {
    /// Takes a whole event: the log passes each event in one call.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = on_one_line(text.strip_suffix('\n').unwrap_or(&text));
        let line = match self.colour {
            Some(level) => coloured(&line, level),
            None => line.into_owned(),
        };
        writeln!(io::stderr().lock(), "{line}")?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The line with its level in colour.
fn coloured(line: &str, level: Level) -> String {
    let colour = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    };
    line.replacen(level.as_str(), &format!("\u{1b}[{colour}m{level}\u{1b}[0m"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_its_colour_and_nothing_else_has() {
        let line = "2026-01-01T00:00:00Z  WARN payersync: a WARN";
        let shown = "2026-01-01T00:00:00Z  \u{1b}[33mWARN\u{1b}[0m payersync: a WARN";
        assert_eq!(coloured(line, Level::WARN), shown);
    }
}
