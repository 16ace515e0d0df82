//! `payersync views check`: reports mistakes in a ViewDefinition, as a compiler would.

use super::{
    super::{failure::Failure, print},
    definition::{describe, read},
};
use crate::{
    cli::ViewsCheckArgs,
    exit_code::ExitCode,
    view::lint::{Finding, Severity, lint, warn_of_view},
    warehouse::{Catalog, Table, WarehouseError, embedded_definitions},
};

/// Checks every file; if any has an error, the exit code is 1.
pub(super) fn run(args: &ViewsCheckArgs) -> Result<ExitCode, Failure> {
    let texts = args
        .files
        .iter()
        .map(|file| Ok((file, read(file)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let catalog = Catalog::embedded();
    let mut code = ExitCode::Complete;
    print(|out| {
        for (file, text) in &texts {
            let findings = findings(&catalog, text);
            for finding in &findings {
                writeln!(out, "{}", describe(file, finding))?;
            }
            if findings.iter().any(|finding| finding.severity == Severity::Error) {
                code = ExitCode::Usage;
            } else {
                writeln!(out, "{}: ok", file.display())?;
            }
        }
        Ok(())
    })?;
    Ok(code)
}

/// The findings of the lint; for a definition without errors, also why the warehouse would refuse it.
fn findings(catalog: &Catalog, text: &str) -> Vec<Finding> {
    let mut findings = lint(text);
    if findings.iter().all(|finding| finding.severity == Severity::Warning)
        && let Some(reason) = why_no_table(catalog, text)
    {
        let hint = "the view runs, but views_dir would refuse it".to_owned();
        findings.insert(0, warn_of_view(text, format!("cannot be a table: {reason}"), hint));
    }
    findings
}

/// Why the warehouse would refuse the definition; a missing key is left to the lint.
fn why_no_table(catalog: &Catalog, text: &str) -> Option<String> {
    match Table::new(text) {
        Err(WarehouseError::Table { reason, .. }) => {
            (!reason.contains("getResourceKey()")).then_some(reason)
        }
        Err(error) => Some(error.to_string()),
        Ok(table) => {
            let is_shipped = || embedded_definitions().any(|shipped| shipped == text);
            (catalog.has(table.name()) && !is_shipped())
                .then(|| format!("payersync has a table or mart {} of its own", table.name()))
        }
    }
}
