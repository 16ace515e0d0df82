//! Reads the file of a ViewDefinition, and formats findings about it.

use crate::{
    commands::{failure::Failure, terminal::on_one_line},
    view::lint::{Finding, Severity},
};
use std::path::Path;

/// The text of a definition, without the byte order mark that some editors write.
pub(in crate::commands) fn read(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read {}", file.display()), error)
            .hint("name ViewDefinition files that this user can read")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A finding as compilers show it: place, message, the expression with a mark under it, hint.
pub(in crate::commands) fn describe(file: &Path, finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = format!("{}:{}:{}", file.display(), finding.line, finding.column);
    // A name or a value in the file may contain line breaks, whose lines must not look like findings.
    let mut text = on_one_line(&format!("{place}: {severity}: {}", finding.message)).into_owned();
    if let Some((expression, position)) = &finding.expression {
        let before = expression.get(..*position).unwrap_or(expression).chars().count();
        let line = expression.replace(['\n', '\r', '\t'], " ");
        text += &format!("\n  {line}\n  {}^", " ".repeat(before));
    }
    if let Some(hint) = &finding.hint {
        text += &format!("\nhint: {}", on_one_line(hint));
    }
    text
}
