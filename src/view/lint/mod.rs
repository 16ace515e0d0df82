//! Checks a definition like a compiler: reports errors and warnings, and where they are.
//!
//! Errors come from the view compiler itself, so that only one place decides what is supported.
//! After an error the linter repairs its copy of the definition and compiles again, so that one check
//! finds all errors.

mod habits;
mod mend;
mod place;
mod unknown;

use super::{CompileError, View, ViewDefinition};

/// The most errors that are reported for one definition; more errors than that have a common cause.
const MAX_ERRORS: usize = 50;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The definition cannot be run.
    Error,
    /// The definition runs, but may not do what its author meant.
    Warning,
}

/// An error or warning about a definition, with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How serious the finding is.
    pub severity: Severity,
    /// 1-based line in the text.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The faulty FHIRPath expression, and the byte position in it.
    pub expression: Option<(String, usize)>,
}

/// All findings about the JSON text of a ViewDefinition, in the order of the text.
pub fn lint(text: &str) -> Vec<Finding> {
    let mut definition: ViewDefinition = match serde_json::from_str(text) {
        Ok(definition) => definition,
        Err(error) => return vec![unreadable(&error)],
    };
    let mut findings = Vec::new();
    let mut mended: Vec<Box<str>> = Vec::new();
    while findings.len() < MAX_ERRORS {
        let Err(error) = View::compile(&definition) else { break };
        let go_on = !mended.contains(&error.element) && mend::mend(&mut definition, &error.element);
        mended.push(error.element.clone());
        findings.push(at_error(text, &definition, error));
        if !go_on {
            break;
        }
    }
    if findings.is_empty() {
        let habits = unknown::unknown(&definition).into_iter().chain(habits::habits(&definition));
        findings.extend(habits.map(|habit| {
            let at = place::find(text, &habit.element);
            finding(Severity::Warning, text, at, habit.message, Some(habit.hint))
        }));
    }
    findings.sort_by_key(|finding| (finding.line, finding.column));
    findings
}

/// A warning about the view as a whole, placed at its name.
pub fn warn_of_view(text: &str, message: String, hint: String) -> Finding {
    finding(Severity::Warning, text, place::find(text, "name"), message, Some(hint))
}

fn finding(
    severity: Severity,
    text: &str,
    at: usize,
    message: String,
    hint: Option<String>,
) -> Finding {
    let (line, column) = place::line_and_column(text, at);
    Finding { severity, line, column, message, hint, expression: None }
}

fn unreadable(error: &serde_json::Error) -> Finding {
    let full = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = full.strip_suffix(&place).unwrap_or(&full);
    Finding {
        severity: Severity::Error,
        line: error.line().max(1),
        column: error.column().max(1),
        message: format!("not a ViewDefinition: {what}"),
        hint: None,
        expression: None,
    }
}

fn at_error(text: &str, definition: &ViewDefinition, error: CompileError) -> Finding {
    let element = element_of(definition, &error);
    let mut at = place::find(text, &element);
    if let Some(position) = error.position {
        at = place::inside_string(text, at, position);
    }
    let hint = error.hint.map(String::from);
    let mut found = finding(Severity::Error, text, at, error.message.into(), hint);
    found.expression =
        error.expression.map(|text| (text.into(), error.position.unwrap_or_default()));
    found
}

/// The element of the definition that an error is about, with the expression if there is one.
fn element_of(definition: &ViewDefinition, error: &CompileError) -> String {
    let element = error.element.as_ref();
    if error.expression.is_some() && element.starts_with("where[") && !element.contains('.') {
        return format!("{element}.path");
    }
    // A duplicate column is named in the message only.
    if element == "select"
        && let Some(name) = error.message.split('`').nth(1)
        && let Some(second) = second_column(&definition.select, "select", name, &mut 0)
    {
        return second;
    }
    element.to_owned()
}

fn second_column(
    selects: &[super::SelectDefinition],
    element: &str,
    name: &str,
    seen: &mut usize,
) -> Option<String> {
    for (index, select) in selects.iter().enumerate() {
        let element = format!("{element}[{index}]");
        for (index, column) in select.column.iter().enumerate() {
            if column.name.as_deref() == Some(name) {
                *seen += 1;
                if *seen == 2 {
                    return Some(format!("{element}.column[{index}].name"));
                }
            }
        }
        let nested = second_column(&select.select, &format!("{element}.select"), name, seen);
        // All branches of a union have the same columns, so the first is enough.
        let branch = select.union_all.get(..1).unwrap_or_default();
        let found =
            nested.or_else(|| second_column(branch, &format!("{element}.unionAll"), name, seen));
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(Severity, usize, usize, String)> {
        lint(text)
            .into_iter()
            .map(|found| (found.severity, found.line, found.column, found.message))
            .collect()
    }

    #[test]
    fn every_error_is_found_at_its_place() {
        let text = r#"{
  "resource": "Patient", "name": "p",
  "where": [{"path": "active.matches('x')"}],
  "select": [{
    "column": [
      {"name": "id", "path": "getResourceKey()"},
      {"name": "birth", "path": "birthDate..x"},
      {"name": "good", "path": "gender"},
      {"name": "sex", "path": "gender.lower()"}
    ]
  }, {"forEach": "name.where(", "column": [{"name": "n", "path": "family"}]}]
}"#;
        let found = lines(text);
        let places: Vec<_> = found.iter().map(|(_, line, column, _)| (*line, *column)).collect();
        assert_eq!(places, [(3, 30), (7, 44), (9, 39), (11, 30)], "{found:#?}");
        assert!(found.iter().all(|(severity, ..)| *severity == Severity::Error));
        let last = lint(text).remove(2);
        assert_eq!(last.expression, Some(("gender.lower()".to_owned(), 7)));
        assert!(last.hint.is_some_and(|hint| hint.contains("functions are")));
    }

    #[test]
    fn json_errors_have_their_place() {
        let found = lines("{\n  \"select\": 7\n}");
        assert_eq!((found[0].1, found[0].2), (2, 13), "{found:?}");
        assert!(!found[0].3.contains("line"), "{found:?}");
        assert_eq!(lines("")[0].1, 1);
    }

    #[test]
    fn a_column_that_is_there_twice_is_shown_where_it_is_there_again() {
        let text = r#"{"resource": "Patient", "name": "p", "select": [
  {"column": [{"name": "a", "path": "id"}]},
  {"column": [{"name": "a", "path": "id"}]}]}"#;
        assert_eq!(lint(text).iter().map(|found| found.line).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn habits_are_warnings() {
        let text = r#"{
  "resource": "Patient", "name": "p",
  "select": [
    {"column": [{"name": "a", "path": "name.first().given"}, {"name": "b", "path": "id"}]},
    {"forEach": "name", "column": [{"name": "c", "path": "given", "collection": true}]},
    {"forEachOrNull": "telecom", "column": [{"name": "d", "path": "value"}]}
  ]
}"#;
        let found = lines(text);
        assert!(found.iter().all(|(severity, ..)| *severity == Severity::Warning));
        let said = |line: usize, words: &str| {
            found.iter().any(|(_, at, _, message)| *at == line && message.contains(words))
        };
        assert!(said(2, "no description"), "{found:#?}");
        assert!(said(3, "getResourceKey()"), "{found:#?}");
        assert!(said(4, "`given` can repeat"), "{found:#?}");
        assert!(said(4, "4 columns have no description"), "{found:#?}");
        assert!(said(6, "every pair"), "{found:#?}");
        assert_eq!(found.len(), 5, "{found:#?}");
    }
}
