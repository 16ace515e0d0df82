//! `payersync init`: writes a commented configuration to start from.

use super::{
    failure::{self, Failure},
    home, print, show, tell, terminal,
};
use crate::{
    alike::most_alike,
    cli::InitArgs,
    config::{FILE_NAME, Preset, PresetError, Settings, TEMPLATE, presets},
    exit_code::ExitCode,
    own_file,
};
use std::{
    collections::BTreeMap,
    io::{ErrorKind, Write},
    path::Path,
};

/// Writes the configuration, never over an existing one; or lists the presets, or prints one.
pub(super) fn run(folder: &Path, args: &InitArgs) -> Result<ExitCode, Failure> {
    if args.list {
        return list();
    }
    let mut values = BTreeMap::new();
    for (key, value) in &args.set {
        if let Some(before) = values.insert(key.clone(), value.clone()) {
            return Err(Failure::misuse(format!("{key} is set twice, first to {before}")));
        }
    }
    let Some(name) = &args.plan else {
        return write(
            folder,
            TEMPLATE,
            "enter your plan there, then `payersync connect NAME --plan PLAN`",
            "to begin anew, move it aside; `payersync init --list` names plans to add to it",
        );
    };
    let preset = Preset::named(name)?;
    if args.print {
        let section = preset.section(&values)?;
        print(|out| out.write_all(section.as_bytes()))?;
        return Ok(ExitCode::Complete);
    }
    let text = preset.configuration(&values)?;
    let next =
        format!("enter your client_id there, then `payersync connect NAME --plan {}`", preset.name);
    let code = write(folder, &text, &next, &to_add(folder, &preset, &values))?;
    tell(&format!("Source of the preset: {}, checked {}", preset.certainty, preset.as_of));
    if let Some(missing) = preset.missing {
        tell(&format!("Limits: {missing}"));
    }
    Ok(code)
}

/// The instruction for adding a preset to a configuration that exists.
fn to_add(folder: &Path, preset: &Preset, values: &BTreeMap<String, String>) -> String {
    let name = preset.name;
    if Settings::load(folder).is_ok_and(|settings| settings.plans.contains_key(name)) {
        return format!("it has a section [plans.{name}], which you may edit");
    }
    // The values consist of letters, digits, points, underscores and hyphens, so a shell leaves them alone.
    let set: String = values.iter().map(|(key, value)| format!(" --set {key}={value}")).collect();
    format!(
        "`payersync init --plan {name}{set} --print` prints [plans.{name}]: append it to the file"
    )
}

/// Writes the configuration; `to_add` says what to do if a file exists already, which is kept.
fn write(folder: &Path, text: &str, next: &str, to_add: &str) -> Result<ExitCode, Failure> {
    home::create(folder)?;
    let path = folder.join(FILE_NAME);
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::misuse(format!(
            "{} exists: it was kept as it is, and nothing was added",
            path.display()
        ))
        .hint(to_add),
        _ => Failure::file(format!("cannot write {}", path.display()), error, failure::WRITABLE),
    };
    let mut file = own_file::create_new(&path).map_err(failed)?;
    if let Err(error) = file.write_all(text.as_bytes()) {
        // Half a file must not stay: it would keep the next `init` from writing all of it.
        let _ = std::fs::remove_file(&path);
        return Err(failed(error));
    }
    tell(&format!("Wrote {}", path.display()));
    tell(&format!("Next: {next}"));
    Ok(ExitCode::Complete)
}

fn list() -> Result<ExitCode, Failure> {
    let presets = presets();
    let mut table = wide_table(&presets);
    if let Some(screen) = terminal::width()
        && show::width(&table) > screen
    {
        table = narrow_table(&presets, screen);
    }
    print(|out| writeln!(out, "{table}"))?;
    tell(
        "Next: `payersync init --plan PRESET`, with `--set KEY=VALUE` for each key in 'you must set'",
    );
    Ok(ExitCode::Complete)
}

const CHECKED: &str = "checked";
const MUST_SET: &str = "you must set";

/// The presets as a table with one line each.
fn wide_table(presets: &[Preset]) -> String {
    let mut table = show::table(&["preset", "plan", "source", CHECKED, MUST_SET, "limits"]);
    for preset in presets {
        table.add_row([
            preset.name,
            preset.title,
            preset.certainty,
            preset.as_of,
            &must_set(preset),
            preset.missing.unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// The presets as a table for a narrow screen.
///
/// Names and keys stay whole, since they are to be typed. The rest shares a column and is wrapped.
fn narrow_table(presets: &[Preset], screen: usize) -> String {
    let header = ["preset", CHECKED, MUST_SET, "plan, source, limits"];
    let cells: Vec<[String; 3]> = presets
        .iter()
        .map(|preset| [preset.name.to_owned(), preset.as_of.to_owned(), must_set(preset)])
        .collect();
    let widest = |column: usize| {
        let widths = cells.iter().map(|row| show::width(&row[column]));
        widths.chain([header[column].len()]).max().unwrap_or_default()
    };
    let taken: usize = (0..3).map(|column| widest(column) + show::ROOM).sum();
    // Subtracts the left border and the last column's own padding.
    let room = screen.saturating_sub(taken + show::ROOM + 1).max(header[3].len());
    let mut table = show::table(&header);
    for (preset, [name, checked, must_set]) in presets.iter().zip(&cells) {
        let limits = preset.missing.map(|limits| format!("limits: {limits}"));
        let texts = [preset.title, preset.certainty].into_iter().chain(limits.as_deref());
        let about: Vec<String> = texts.map(|text| show::fill(text, room)).collect();
        table.add_row([name, checked, must_set, &about.join("\n")]);
    }
    table.to_string()
}

/// The keys that must be given with `--set`.
fn must_set(preset: &Preset) -> String {
    preset.settings.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ")
}

impl From<PresetError> for Failure {
    fn from(error: PresetError) -> Failure {
        let failure = Failure::misuse(error.to_string());
        match error {
            PresetError::NotSet { .. } | PresetError::Value { .. } => failure,
            PresetError::Unknown(name) => {
                let alike = most_alike(&name, presets().iter().map(|preset| preset.name));
                let alike = alike.map(|alike| format!("did you mean {alike}? "));
                let alike = alike.unwrap_or_default();
                failure.hint(format!("{alike}`payersync init --list` lists the presets"))
            }
            PresetError::NothingToSet { .. } => {
                failure.hint("`payersync init --list` says what each preset needs")
            }
        }
    }
}
