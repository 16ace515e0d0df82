//! The way to the screen: the only place that writes to standard output and standard error.
//!
//! What is told on standard error never steers a terminal, nor whatever shows the log later. Data
//! on standard output are the bytes as they are, unless a terminal would obey them.

mod escape;

pub(super) use escape::on_one_line;
use escape::{Escaping, indented};
use std::io::{self, IsTerminal, Write};
use terminal_size::terminal_size_of;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Whether a person reads standard error.
pub(super) fn shows_what_is_told() -> bool {
    io::stderr().is_terminal()
}

/// Whether a person reads standard output.
pub(super) fn shows_data() -> bool {
    io::stdout().is_terminal()
}

/// Standard output, for data; flushed by whoever writes to it.
pub(super) fn data() -> Box<dyn Write> {
    let out = io::BufWriter::new(io::stdout().lock());
    if shows_data() { Box::new(Escaping::new(out)) } else { Box::new(out) }
}

/// Writes to the screen what [`escaped`] has been through.
pub(super) fn shown(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush())
}

/// A writer to a screen that escapes every character that would steer it.
pub(super) fn escaped<'a>(out: impl Write + 'a) -> impl Write + 'a {
    Escaping::new(io::BufWriter::new(out))
}

/// Columns of the screen that standard output is shown on; `None` for files and pipes.
pub(super) fn width() -> Option<usize> {
    terminal_size_of(io::stdout()).map(|(width, _)| width.0.into()).filter(|width| *width > 0)
}

/// Columns of the screen that standard error is shown on; `None` for files and pipes.
pub(super) fn told_width() -> Option<usize> {
    terminal_size_of(io::stderr()).map(|(width, _)| width.0.into()).filter(|width| *width > 0)
}

/// Lines of that screen.
pub(super) fn height() -> Option<usize> {
    terminal_size_of(io::stdout()).map(|(_, height)| height.0.into()).filter(|height| *height > 0)
}

/// Writes a line to standard error; further lines of the text are indented.
pub(super) fn told(text: &str) {
    // Where stderr is closed nobody wants to know.
    let _ = writeln!(io::stderr().lock(), "{}", indented(text));
}

/// Writes lines to standard error as they are, but for what would steer a terminal.
pub(super) fn passed_on(lines: &str) {
    let mut out = Escaping::new(io::stderr().lock());
    // Where stderr is closed nobody wants to know.
    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

/// Writes text over the line that is there, where a person reads; `is_last` keeps it.
pub(super) fn overwritten(text: &str, is_last: bool) {
    if shows_what_is_told() {
        let end = if is_last { "\n" } else { "" };
        // Where the line cannot be drawn nothing is lost.
        let _ = write!(io::stderr(), "\r{}{end}", on_one_line(text));
    }
}

/// Where the log's lines go: standard error, one line for each event.
pub(super) struct LogLines {
    /// Whether the level is coloured.
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
    /// Takes a whole event, which is how the log hands it over.
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

/// The line with its first word for the level in the colour of the level.
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
