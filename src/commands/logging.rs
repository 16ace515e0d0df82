//! Logs to stderr: plain lines or JSON lines. No log line carries a value of a resource.

use super::{
    progress::Style,
    quiet, tell,
    terminal::{self, LogLines},
};
use crate::cli::{Cli, Command, LogFormat};
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic,
    sync::atomic::{AtomicBool, Ordering},
};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

/// Whether every line on stderr is to be JSON; a property of the process, as stderr is.
static JSON: AtomicBool = AtomicBool::new(false);

/// The target of what is told whatever is logged: results, failures, hints.
pub(super) const TOLD: &str = "payersync::told";

/// Whether every line on stderr is to be JSON.
pub(super) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// Whether a scheduler starts it, rather than somebody who waits for its answer.
fn is_left_alone(command: &Command) -> bool {
    matches!(command, Command::Sync(_) | Command::Backfill(_) | Command::Run)
}

/// Starts logging; says how progress is to be shown.
pub(super) fn start(cli: &Cli) -> Style {
    let is_terminal = terminal::shows_what_is_told();
    let is_quiet = cli.quiet && quiet::may_wait(&cli.command);
    let style = match cli.log_format {
        LogFormat::Auto if is_quiet => Style::Lines,
        LogFormat::Auto if is_terminal => Style::Bars,
        LogFormat::Auto if is_left_alone(&cli.command) => Style::Json,
        LogFormat::Auto | LogFormat::Plain => Style::Lines,
        LogFormat::Json => Style::Json,
    };
    JSON.store(style == Style::Json, Ordering::Relaxed);
    // Bars already show what info tells.
    let usual = match (&cli.command, style) {
        // What a run came to is told at its end; a request that was repeated is no trouble.
        _ if is_quiet => "error",
        (Command::Demo(_), Style::Lines) | (_, Style::Bars) => "warn",
        // Other crates' information is for whoever asks for it.
        _ => "warn,payersync=info",
    };
    let filter = cli.log.as_deref().unwrap_or(usual);
    let mut filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(usual));
    if style == Style::Json
        && let Ok(always) = format!("{TOLD}=info").parse()
    {
        filter = filter.add_directive(always);
    }
    panic::set_hook(Box::new(tell_panic));
    if is_quiet {
        quiet::begin();
    }
    let registry = tracing_subscriber::registry().with(filter);
    // A second start in one process (tests) keeps the first one.
    let _ = match style {
        Style::Json => {
            let lines = LogLines { coloured: false };
            let layer = fmt::layer().json().flatten_event(true).with_writer(lines);
            registry.with(layer).try_init()
        }
        Style::Bars | Style::Lines => {
            // Colours of ours are set behind the escaper, which lets none pass.
            let lines = LogLines { coloured: is_terminal };
            let layer = fmt::layer().with_target(false).with_ansi(false).with_writer(lines);
            registry.with(layer).try_init()
        }
    };
    style
}

/// Where a bug is, in place of the standard library's words, which pass values on as they are.
fn tell_panic(panic: &panic::PanicHookInfo<'_>) {
    if is_json() {
        return tracing::error!(target: TOLD, "{panic}");
    }
    tell(&panic.to_string());
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        tell(&trace.to_string());
    }
}
