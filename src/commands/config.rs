//! `payersync config`: shows every setting in force with its source, or the schema of payersync.toml.

use super::{
    failure::Failure,
    logging, print,
    vault_key::{self, VaultKeyPlace},
};
use crate::{
    cli::{Cli, ConfigAction, LogFormat},
    config::{FILE_NAME, SCHEMA, ShownKey, shown},
    exit_code::ExitCode,
};
use serde::Serialize;
use std::{
    env,
    ffi::OsStr,
    io::{self, Write},
    path::Path,
};

/// The column where the remark with a value's source begins; a long remark begins further left.
const REMARK: usize = 50;
/// The width that a line with its remark should not exceed.
const SCREEN: usize = 80;
const DEFAULT: &str = "default";

/// A setting given by a flag or an environment variable: its name, its value and its source.
#[derive(Debug, Serialize)]
pub(super) struct Given {
    name: &'static str,
    value: String,
    from: &'static str,
}

#[derive(Serialize)]
struct Shown<'a> {
    started: &'a [Given],
    settings: Vec<Setting<'a>>,
}

#[derive(Serialize)]
struct Setting<'a> {
    section: &'a str,
    key: &'a str,
    value: &'a serde_json::Value,
    from: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variables: Vec<Variable<'a>>,
}

/// An environment variable that holds a secret.
#[derive(Serialize)]
struct Variable<'a> {
    name: &'a str,
    is_set: bool,
}

/// The settings that the command line and the environment give: the home and the log.
pub(super) fn given(cli: &Cli, home: &Path) -> Vec<Given> {
    let from = |flag, variable: &'static str, value: Option<&OsStr>| match value {
        None => DEFAULT,
        Some(value) if env::var_os(variable).as_deref() == Some(value) => variable,
        Some(_) => flag,
    };
    let of_home = cli.home.as_deref().map(Path::as_os_str);
    let log = logging::given_filter(cli);
    let format = match cli.log_format {
        LogFormat::Auto => "auto",
        LogFormat::Plain => "plain",
        LogFormat::Json => "json",
    };
    let is_default = cli.log_format == LogFormat::Auto && env::var_os(LOG_FORMAT).is_none();
    let of_format = (!is_default).then_some(OsStr::new(format));
    vec![
        Given {
            name: "home",
            value: home.display().to_string(),
            from: from("--home", "PAYERSYNC_HOME", of_home),
        },
        Given {
            name: "log",
            value: log.unwrap_or("warn,payersync=info").to_owned(),
            from: from("--log", "PAYERSYNC_LOG", log.map(OsStr::new)),
        },
        Given {
            name: "log_format",
            value: format.to_owned(),
            from: from("--log-format", LOG_FORMAT, of_format),
        },
    ]
}

const LOG_FORMAT: &str = "PAYERSYNC_LOG_FORMAT";

/// Where the vault's key comes from; the key itself is not read.
fn vault_key_of(home: &Path) -> Result<Given, Failure> {
    let (value, from) = match vault_key::place(home)? {
        VaultKeyPlace::Environment => ("(not shown)".to_owned(), "PAYERSYNC_VAULT_KEY"),
        VaultKeyPlace::File(path) => (path.display().to_string(), "PAYERSYNC_VAULT_KEY_FILE"),
        VaultKeyPlace::Command(_) => ("printed by vault_key_command".to_owned(), FILE_NAME),
        VaultKeyPlace::Credential(path) => (path.display().to_string(), "systemd credential"),
        VaultKeyPlace::Home => (home.join("vault.key").display().to_string(), DEFAULT),
    };
    Ok(Given { name: "vault_key", value, from })
}

/// Prints the settings in force, or the schema.
pub(super) fn run(
    home: &Path,
    action: &ConfigAction,
    mut given: Vec<Given>,
) -> Result<ExitCode, Failure> {
    let ConfigAction::Show(args) = action else {
        print(|out| out.write_all(SCHEMA.as_bytes()))?;
        return Ok(ExitCode::Complete);
    };
    let keys = shown(home)?;
    given.push(vault_key_of(home)?);
    if args.json {
        let shown = Shown { started: &given, settings: keys.iter().map(setting).collect() };
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &shown)?;
            writeln!(out)
        })?;
    } else {
        let file = home.join(FILE_NAME);
        print(|out| write(out, &given, &keys, &file))?;
    }
    Ok(ExitCode::Complete)
}

fn from(key: &ShownKey) -> &'static str {
    if key.is_set { FILE_NAME } else { DEFAULT }
}

fn setting(key: &ShownKey) -> Setting<'_> {
    let variable = |name| Variable { name, is_set: env::var_os(name).is_some() };
    Setting {
        section: &key.section,
        key: &key.key,
        value: &key.json,
        from: from(key),
        variables: key.variables.iter().map(|name| variable(name)).collect(),
    }
}

fn write(out: &mut dyn Write, given: &[Given], keys: &[ShownKey], file: &Path) -> io::Result<()> {
    writeln!(out, "# Flags and environment")?;
    for Given { name, value, from } in given {
        remarked(out, &format!("# {name} = {value}"), from)?;
    }
    let is_there = if file.exists() { "" } else { ", which does not exist" };
    writeln!(out, "\n# {}{is_there}", file.display())?;
    let mut section = "";
    for key in keys {
        if key.section != section {
            section = &key.section;
            writeln!(out, "\n[{section}]")?;
        }
        let mut remark = from(key).to_owned();
        for Variable { name, is_set } in setting(key).variables {
            let state = if is_set { "is set" } else { "is not set" };
            remark += &format!("; {name} {state}");
        }
        remarked(out, &format!("{} = {}", key.key, key.value), &remark)?;
    }
    Ok(())
}

/// Writes a line and its remark; a remark that does not fit beside the line goes below it.
fn remarked(out: &mut dyn Write, text: &str, remark: &str) -> io::Result<()> {
    let begin = REMARK.min(SCREEN.saturating_sub(remark.len() + 3));
    match text.chars().count() <= begin {
        true => writeln!(out, "{text:<begin$} # {remark}"),
        false => writeln!(out, "{text}\n{:<begin$} # {remark}", ""),
    }
}
