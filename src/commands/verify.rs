//! `payersync verify`: checks that the warehouse is consistent, and changes nothing.

use super::{failure::Failure, home, print, show, tell, terminal};
use crate::{
    config::Settings,
    exit_code::ExitCode,
    plural,
    warehouse::{self, Checked, Remedy},
};
use std::{
    io::{self, Write},
    path::Path,
};

/// Runs all checks and reports what was checked.
pub(super) fn run(folder: &Path) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let catalog = home::catalog(&settings)?;
    let mut progress = |done: u64, total: u64| {
        terminal::overwritten(&format!("{done} of {total} resources"), done == total);
    };
    let checks =
        warehouse::verify(&home::existing_warehouse(&settings.home)?, &catalog, &mut progress)?;
    print(|out| checks.iter().try_for_each(|check| report(out, check)))?;
    let problems: u64 = checks.iter().map(|check| check.problems).sum();
    if problems == 0 {
        tell("Clean: nothing is damaged");
        return Ok(ExitCode::Complete);
    }
    tell(&format!("Damaged: {}", plural::count(problems, "problem")));
    tell(hint(&checks));
    Ok(ExitCode::Warehouse)
}

fn report(out: &mut dyn Write, check: &Checked) -> io::Result<()> {
    let verdict = if check.problems == 0 { "ok     " } else { "damaged" };
    let screen = terminal::width().unwrap_or(usize::MAX);
    let mut line = |text: &str, indent| writeln!(out, "{}", show::wrap(text, screen, indent));
    line(&format!("{verdict} {:>9}  {}", check.count, check.what), 19)?;
    for problem in &check.described {
        line(&format!("        - {problem}"), 10)?;
    }
    if check.problems > check.described.len() as u64 {
        let more = check.problems - check.described.len() as u64;
        line(&format!("        - and {more} more"), 10)?;
    }
    match &check.note {
        Some(note) => line(&format!("        note: {note}"), 8),
        None => Ok(()),
    }
}

/// The hint with the remedy for all problems; if the remedies differ, it is a backup.
fn hint(checks: &[Checked]) -> &'static str {
    let damaged = || checks.iter().filter(|check| check.problems > 0);
    let all = |remedy: Remedy| damaged().all(|check| check.remedy == remedy);
    if all(Remedy::PurgeAgain) {
        return "hint: `payersync purge --finish` ends what was interrupted; everything else is sound";
    }
    if all(Remedy::EarlierLog) {
        return "hint: another program has written to the access log; the data is as it was, and \
                an earlier backup has the log as it was then";
    }
    if all(Remedy::Rebuild) {
        return "hint: `payersync rebuild` makes all rows again from the stored resources";
    }
    "hint: keep the file, restore the last backup that verifies, and `payersync sync --full`"
}
