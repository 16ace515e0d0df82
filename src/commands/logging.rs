//! Logs to stderr: plain lines or JSON lines. No log line carries a value of a resource.

mod json;

use super::{
    failure::Failure,
    json_lines::{self, TOLD},
    progress::Style,
    quiet, tell,
    terminal::{self, LogLines},
};
use crate::{
    alike::most_alike,
    cli::{Cli, Command, LogFormat},
};
use json::JsonLine;
use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    panic,
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, format::JsonFields},
    prelude::*,
};

/// Whether the command is usually started by a scheduler, so that nobody waits for its answer.
fn is_left_alone(command: &Command) -> bool {
    matches!(command, Command::Sync(_) | Command::Backfill(_) | Command::Run(_))
}

/// Starts logging; returns how progress is to be shown.
///
/// # Errors
/// The filter cannot be understood, or would select nothing.
pub(super) fn start(cli: &Cli) -> Result<Style, Failure> {
    let is_terminal = terminal::shows_what_is_told();
    let is_quiet = cli.quiet && quiet::may_wait(&cli.command);
    let style = match cli.log_format {
        LogFormat::Auto if is_quiet => Style::Lines,
        LogFormat::Auto if is_terminal => Style::Bars,
        LogFormat::Auto if is_left_alone(&cli.command) => Style::Json,
        LogFormat::Auto | LogFormat::Plain => Style::Lines,
        LogFormat::Json => Style::Json,
    };
    json_lines::want(style == Style::Json);
    // Progress bars already show what log lines of level info say.
    let usual = match (&cli.command, style) {
        // The outcome of a run is reported at its end, and a repeated request needs no warning.
        _ if is_quiet => "error",
        (Command::Demo(_), Style::Lines) | (_, Style::Bars) => "warn",
        // The info lines of other crates are shown only on request.
        _ => "warn,payersync=info",
    };
    panic::set_hook(Box::new(tell_panic));
    let mut filter = filter(&words(given_filter(cli).unwrap_or(usual)))?;
    if style == Style::Json
        && let Ok(always) = format!("{TOLD}=info").parse()
    {
        filter = filter.add_directive(always);
    }
    if is_quiet {
        quiet::begin();
    }
    let registry = tracing_subscriber::registry().with(filter);
    // In tests, logging may be started twice in one process; the first start counts.
    let _ = match style {
        Style::Json => {
            let lines = LogLines { coloured: false };
            let layer = fmt::layer()
                .fmt_fields(JsonFields::new())
                .event_format(JsonLine)
                .with_writer(lines);
            registry.with(layer).try_init()
        }
        Style::Bars | Style::Lines => {
            // The level's colour is added after escaping, which removes any other colours.
            let lines = LogLines { coloured: is_terminal };
            let layer = fmt::layer().with_target(false).with_ansi(false).with_writer(lines);
            registry.with(layer).try_init()
        }
    };
    Ok(style)
}

/// The filter of `--log` or `PAYERSYNC_LOG`; `None` if it has no words.
pub(super) fn given_filter(cli: &Cli) -> Option<&str> {
    cli.log.as_deref().filter(|text| !words(text).is_empty())
}

/// The words between the commas, without empty ones.
fn words(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect()
}

/// Parses a filter: levels, and targets with levels.
///
/// The crate `tracing-subscriber` would take any single word for a target, so `inof` would silence
/// everything.
fn filter(words: &[&str]) -> Result<EnvFilter, Failure> {
    let refused = |why: String| {
        Failure::misuse(format!("--log or PAYERSYNC_LOG cannot be understood: {why}")).hint(
            "a level (off, error, warn, info, debug, trace), or targets with levels, such as \
             warn,payersync::http=debug",
        )
    };
    let is_target = |word: &str| word.contains("::") || word == "payersync";
    for word in words.iter().copied().filter(|word| !word.contains(['=', '['])) {
        if !LEVELS.contains(&&*word.to_ascii_lowercase()) && !is_target(word) {
            let alike = most_alike(word, LEVELS);
            let alike = alike.map(|alike| format!("; did you mean {alike}?")).unwrap_or_default();
            return Err(refused(format!("{word:?} is not a level{alike}")));
        }
    }
    if let Some(why) = words.iter().find_map(|word| misspelt_target(word)) {
        return Err(refused(why));
    }
    EnvFilter::try_new(words.join(",")).map_err(|error| refused(error.to_string()))
}

/// Why a target can select nothing: it is a misspelt `payersync`, or an unknown part of payersync.
fn misspelt_target(word: &str) -> Option<String> {
    let target = word.split(['=', '[']).next().unwrap_or_default();
    let mut parts = target.split("::");
    let (krate, room) = (parts.next().unwrap_or_default(), parts.next());
    let (wrong, alike) = match room {
        _ if krate != "payersync" => (krate, Some(most_alike(krate, ["payersync"])?)),
        Some(room) if !ROOMS.contains(&room) && room != "told" => (target, most_alike(room, ROOMS)),
        _ => return None,
    };
    let alike = alike.map(|alike| format!("; did you mean {alike}?")).unwrap_or_default();
    Some(format!("no log target is called {wrong:?}{alike}"))
}

/// The names that may follow `payersync::` in a target.
const ROOMS: [&str; 25] = [
    "alike",
    "auth",
    "cli",
    "clock",
    "commands",
    "config",
    "exit_code",
    "fhir",
    "fingerprint",
    "fuzzing",
    "http",
    "instant",
    "monitor",
    "notify",
    "outcome",
    "own_file",
    "plural",
    "r4",
    "reference",
    "sandbox",
    "schedule",
    "shard",
    "sync",
    "view",
    "warehouse",
];

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Reports where a panic happened, and its text if that is a constant of the program.
///
/// A text that was put together at run time may contain a member's data, so it is left out. The standard
/// library's own report has it.
fn tell_panic(panic: &panic::PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let told = format!("panicked{place}{}", constant_text(panic.payload()));
    if json_lines::are_wanted() {
        return tracing::error!(name: "panic", target: TOLD, "{told}");
    }
    tell(&told);
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        tell(&trace.to_string());
    }
}

/// The text of a panic, after a colon; empty if it was put together at run time.
fn constant_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&'static str>();
    text.map(|text| format!(": {text}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_tells_its_text_only_if_that_is_a_constant() {
        let name = std::hint::black_box("Ann Example");
        let texts = [
            panic::catch_unwind(|| panic!("the writer ended")),
            panic::catch_unwind(|| panic!("no such member: {name}")),
            panic::catch_unwind(|| name.parse::<i64>().map(drop).unwrap()),
        ]
        .map(|result| constant_text(&*result.unwrap_err()));
        assert_eq!(texts, [": the writer ended", "", ""]);
    }

    #[test]
    fn empty_words_are_passed_over() {
        for text in ["", " ", ",", " , "] {
            assert!(words(text).is_empty(), "{text:?}");
        }
        let told = filter(&words(" warn,, payersync=info, ")).unwrap().to_string();
        assert!(told.contains("warn") && told.contains("payersync=info"), "{told}");
    }

    #[test]
    fn a_filter_that_selects_nothing_is_refused() {
        for text in
            ["info", "WARN", "off", "payersync", "warn,payersync::http=debug", "h2=info,warn"]
        {
            assert!(filter(&words(text)).is_ok(), "{text}");
        }
        for (text, told) in [
            ("inof", "\"inof\" is not a level; did you mean info?"),
            ("loud", "\"loud\" is not a level"),
            ("payersnyc=debug", "no log target is called \"payersnyc\"; did you mean payersync?"),
            ("payersync::htpp=debug", "called \"payersync::htpp\"; did you mean http?"),
            ("warn,payersync::nowhere", "no log target is called \"payersync::nowhere\""),
            ("payersync=loud", "cannot be understood: error parsing level filter"),
        ] {
            let error = filter(&words(text)).unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn the_rooms_are_those_of_the_crate() {
        let lines = include_str!("../lib.rs").lines();
        let rooms: Vec<&str> = lines
            .filter_map(|line| {
                line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';')
            })
            .collect();
        assert_eq!(rooms, ROOMS);
    }
}
