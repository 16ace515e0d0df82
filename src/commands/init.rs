//! `payersync init`: a commented configuration to start from.

use super::{failure::Failure, home, print, show, tell};
use crate::{
    cli::InitArgs,
    config::{FILE_NAME, Preset, PresetError, TEMPLATE, presets},
    exit_code::ExitCode,
    own_file,
};
use std::{collections::BTreeMap, io::Write, path::Path};

/// Writes the file, never over one that is there; or lists the presets, or prints one.
pub(super) fn run(folder: &Path, args: &InitArgs) -> Result<ExitCode, Failure> {
    if args.list {
        return list();
    }
    let values: BTreeMap<String, String> = args.set.iter().cloned().collect();
    let Some(name) = &args.plan else {
        return write(
            folder,
            TEMPLATE,
            "enter your plan there, then `payersync connect NAME --plan PLAN`",
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
    let code = write(folder, &text, &next)?;
    tell(&format!("The preset's facts are {}, of {}", preset.certainty, preset.as_of));
    if let Some(missing) = preset.missing {
        tell(&format!("Missing: {missing}"));
    }
    Ok(code)
}

fn write(folder: &Path, text: &str, next: &str) -> Result<ExitCode, Failure> {
    home::create(folder)?;
    let path = folder.join(FILE_NAME);
    let failed = |error: std::io::Error| {
        let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
        let hint = match exists {
            true => {
                "it is there already and was left as it is; `init --plan PRESET --print` prints \
                     a section to add"
            }
            false => home::WRITABLE,
        };
        Failure::file(format!("cannot write {}", path.display()), error, hint)
    };
    let mut file = own_file::create_new(&path).map_err(failed)?;
    if let Err(error) = file.write_all(text.as_bytes()) {
        // A part of the file would keep the next try from writing all of it.
        let _ = std::fs::remove_file(&path);
        return Err(failed(error));
    }
    tell(&format!("Wrote {}", path.display()));
    tell(&format!("Next: {next}"));
    Ok(ExitCode::Complete)
}

fn list() -> Result<ExitCode, Failure> {
    let mut table = show::table(&["preset", "plan", "facts", "of", "to set", "missing"]);
    for preset in presets() {
        let to_set: Vec<&str> = preset.settings.iter().map(|(key, _)| *key).collect();
        table.add_row([
            preset.name,
            preset.title,
            preset.certainty,
            preset.as_of,
            &to_set.join(", "),
            preset.missing.unwrap_or_default(),
        ]);
    }
    print(|out| writeln!(out, "{table}"))?;
    tell("Next: `payersync init --plan PRESET`, with `--set KEY=VALUE` for what is to be set");
    Ok(ExitCode::Complete)
}

impl From<PresetError> for Failure {
    fn from(error: PresetError) -> Failure {
        let hint = match &error {
            PresetError::NotSet { .. } | PresetError::Value { .. } => None,
            _ => Some("`payersync init --list` names them"),
        };
        let failure = Failure::misuse(error.to_string());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
