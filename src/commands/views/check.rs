//! `payersync views check`: what a compiler would say about a definition.

use super::{
    super::{failure::Failure, print},
    read,
};
use crate::{
    cli::ViewsCheckArgs,
    exit_code::ExitCode,
    view::{CompileError, View},
    warehouse::Table,
};
use std::{
    io::{self, Write},
    path::Path,
};

/// Checks every file; an error in one makes the exit code 1.
pub(super) fn run(args: &ViewsCheckArgs) -> Result<ExitCode, Failure> {
    let texts = args
        .files
        .iter()
        .map(|file| Ok((file, read(file)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let mut code = ExitCode::Complete;
    print(|out| {
        for (file, text) in &texts {
            match View::from_json(text) {
                Err(error) => {
                    code = ExitCode::Usage;
                    tell_error(out, file, text, &error)?;
                }
                Ok(view) => tell_warnings(out, file, text, &view)?,
            }
        }
        Ok(())
    })?;
    Ok(code)
}

fn tell_error(
    out: &mut dyn Write,
    file: &Path,
    text: &str,
    error: &CompileError,
) -> io::Result<()> {
    let (line, column) = place(text, error.expression.as_deref());
    writeln!(out, "{}:{line}:{column}: error: {error}", file.display())?;
    if let Some(expression) = &error.expression {
        writeln!(out, "  {expression}")?;
        if let Some(before) = error.position.and_then(|position| expression.get(..position)) {
            writeln!(out, "  {}^", " ".repeat(before.chars().count()))?;
        }
    }
    if let Some(hint) = &error.hint {
        writeln!(out, "hint: {hint}")?;
    }
    Ok(())
}

/// Line and column, 1-based, of an expression as it stands in the file; else of its beginning.
fn place(text: &str, expression: Option<&str>) -> (usize, usize) {
    let quoted = expression.map(|expression| serde_json::Value::from(expression).to_string());
    let at = quoted.and_then(|quoted| text.find(&quoted)).map_or(0, |at| at + 1);
    let before = text.get(..at).unwrap_or_default();
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column.max(1))
}

fn tell_warnings(out: &mut dyn Write, file: &Path, text: &str, view: &View) -> io::Result<()> {
    let mut warnings = Vec::new();
    if view.name.is_empty() {
        warnings.push("it has no name, which a table needs".to_owned());
    } else if let Err(error) = Table::new(text) {
        warnings.push(error.to_string());
    }
    if view.description.is_none() {
        warnings.push("it has no description for the data dictionary".to_owned());
    }
    let undescribed: Vec<_> = view
        .columns
        .iter()
        .filter(|column| column.description.is_none())
        .map(|column| column.name.as_str())
        .collect();
    if !undescribed.is_empty() {
        warnings.push(format!("columns without a description: {}", undescribed.join(", ")));
    }
    for warning in &warnings {
        writeln!(out, "{}: warning: {warning}", file.display())?;
    }
    writeln!(out, "{}: ok, {} columns", file.display(), view.columns.len())
}
