//! OperationOutcomes: what a server says went wrong.
//!
//! 1upHealth puts its words into `issue.details.text`, others into `diagnostics`. Either may name
//! a patient, so the words are for the warehouse's ledger alone; Display gives only the codes.
//! Source: FHIR R4, OperationOutcome.

use super::{first::First, raw_bundle::string};
use crate::http::without_mark;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// The codes and words of an OperationOutcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    issues: Vec<Issue>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Issue {
    severity: String,
    code: String,
    words: Option<String>,
}

/// Issue types of errors that pass (FHIR R4, IssueType, below `transient`).
const TRANSIENT: [&str; 7] =
    ["transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"];
/// Issue types that say that an answer is incomplete, even as a warning: errors that pass, and searches that
/// would have cost too much (FHIR R4, IssueType).
const SHORT: [&str; 7] =
    ["transient", "lock-error", "exception", "timeout", "incomplete", "throttled", "too-costly"];
/// Words that can be shown: severities and issue types (FHIR R4, IssueSeverity and IssueType; R5 has a
/// few more). Any other word may be a name.
const CODES: &str = "fatal error warning information success \
    invalid structure required value invariant security login unknown expired forbidden suppressed \
    processing not-supported duplicate multiple-matches not-found deleted too-long code-invalid \
    extension too-costly business-rule conflict limited-filter transient lock-error no-store \
    exception timeout incomplete throttled informational";
/// The most issues that are read; servers send one or two.
const MAX_ISSUES: usize = 100;

#[derive(Deserialize)]
struct RawOutcome<'a> {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(borrow, default)]
    issue: First<&'a RawValue, MAX_ISSUES>,
}

/// An issue, read member by member: an odd member must not hide the others.
#[derive(Default, Deserialize)]
struct RawIssue<'a> {
    #[serde(borrow, default)]
    severity: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    diagnostics: Option<&'a RawValue>,
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawDetails<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
}

impl Outcome {
    /// Reads an OperationOutcome; `None` when the body is something else.
    pub fn parse(body: &[u8]) -> Option<Outcome> {
        let raw: RawOutcome<'_> = serde_json::from_slice(without_mark(body)).ok()?;
        (raw.resource_type == "OperationOutcome")
            .then(|| Outcome { issues: raw.issue.0.into_iter().map(Issue::read).collect() })
    }

    /// Whether an issue is an error rather than a remark, or says that the answer is incomplete. Also true if
    /// no issue is named.
    pub fn is_failure(&self) -> bool {
        let says_short =
            |issue: &Issue| SHORT.contains(&issue.code.as_str()) && issue.severity != "information";
        self.issues.is_empty()
            || self.issues.iter().any(|issue| {
                matches!(issue.severity.as_str(), "error" | "fatal") || says_short(issue)
            })
    }

    /// Whether the server says that the error passes: all issue types are below `transient`.
    pub fn is_transient(&self) -> bool {
        !self.issues.is_empty()
            && self.issues.iter().all(|issue| TRANSIENT.contains(&issue.code.as_str()))
    }

    /// Whether an issue is about who may ask, or when: a type below `security` or `transient`.
    pub fn is_about_access(&self) -> bool {
        // Not `unknown`, which stands below `security` for an unknown user: here it also stands for
        // a code that cannot be read.
        const SECURITY: [&str; 5] = ["security", "login", "expired", "forbidden", "suppressed"];
        self.issues.iter().any(|issue| {
            let code = issue.code.as_str();
            SECURITY.contains(&code) || TRANSIENT.contains(&code)
        })
    }

    /// Whether the server is still loading the member's data: Flexpa says 429 with `transient`
    /// while its first import runs, and with `throttled` when it is asked too often.
    pub fn is_still_loading(&self) -> bool {
        self.issues.iter().any(|issue| issue.code == "transient")
    }

    /// The server's own words; may name a patient.
    pub fn words(&self) -> Option<String> {
        let words: Vec<&str> =
            self.issues.iter().filter_map(|issue| issue.words.as_deref()).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }
}

impl Issue {
    fn read(json: &RawValue) -> Issue {
        let raw: RawIssue<'_> = serde_json::from_str(json.get()).unwrap_or_default();
        let details = raw.details.and_then(|details| {
            serde_json::from_str::<RawDetails<'_>>(details.get()).ok()?.text.and_then(text)
        });
        Issue {
            severity: code_word(raw.severity.and_then(text)),
            code: code_word(raw.code.and_then(text)),
            words: details.or_else(|| raw.diagnostics.and_then(text)),
        }
    }
}

fn text(json: &RawValue) -> Option<String> {
    string(json.get()).map(Cow::into_owned)
}

/// A code that FHIR knows, in any case; any other word becomes `unknown` and is not shown.
fn code_word(code: Option<String>) -> String {
    code.map(|code| code.to_ascii_lowercase())
        .filter(|code| CODES.split_ascii_whitespace().any(|known| known == code))
        .unwrap_or_else(|| "unknown".to_owned())
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.issues.is_empty() {
            return f.write_str("no issue named");
        }
        for (position, issue) in self.issues.iter().take(3).enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{} {}", issue.severity, issue.code)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_from_details_before_diagnostics_and_are_never_displayed() {
        let outcome = Outcome::parse(
            br#"{"resourceType":"OperationOutcome","issue":[
                {"severity":"error","code":"invalid","details":{"text":"Mary Miller"},"diagnostics":"x"},
                {"severity":"warning","code":"Mary Miller","diagnostics":"y"},
                {"severity":"mary","code":"miller"}]}"#,
        )
        .unwrap();
        assert_eq!(outcome.to_string(), "error invalid, warning unknown, unknown unknown");
        assert_eq!(outcome.words().as_deref(), Some("Mary Miller; y"));
        assert!(outcome.is_failure());
    }

    #[test]
    fn another_resource_is_no_outcome() {
        assert_eq!(Outcome::parse(br#"{"resourceType":"Patient"}"#), None);
        assert_eq!(Outcome::parse(b"<html>"), None);
    }

    #[test]
    fn an_odd_member_or_issue_hides_no_failure() {
        for issue in [
            r#"null,{"severity":"ERROR","code":7,"diagnostics":{"a":[]},"details":"x"}"#,
            r#"{"severity":"error","severity":"error"},7,{"severity":"fatal","code":null}"#,
        ] {
            let text = format!(r#"{{"resourceType":"OperationOutcome","issue":[{issue}]}}"#);
            let outcome = Outcome::parse(text.as_bytes()).unwrap();
            assert!(outcome.is_failure(), "{issue}");
            assert_eq!(outcome.words(), None);
        }
        let none = br#"{"resourceType":"OperationOutcome","issue":null}"#;
        assert_eq!(Outcome::parse(none), Some(Outcome::default()));
    }

    #[test]
    fn a_warning_that_not_all_came_is_a_failure_and_a_remark_is_none() {
        for (severity, code, is_failure) in [
            ("warning", "incomplete", true),
            ("warning", "too-costly", true),
            ("warning", "timeout", true),
            ("", "incomplete", true),
            ("information", "incomplete", false),
            ("warning", "suppressed", false),
            ("warning", "processing", false),
            ("information", "informational", false),
        ] {
            let text = format!(
                r#"{{"resourceType":"OperationOutcome","issue":[
                    {{"severity":"{severity}","code":"{code}"}}]}}"#
            );
            let outcome = Outcome::parse(text.as_bytes()).unwrap();
            assert_eq!(outcome.is_failure(), is_failure, "{severity} {code}");
        }
        assert!(Outcome::default().is_failure());
    }

    #[test]
    fn a_bounded_number_of_issues_is_read() {
        let issues = "{},".repeat(1_000_000);
        let text = format!(r#"{{"resourceType":"OperationOutcome","issue":[{issues}{{}}]}}"#);
        assert_eq!(Outcome::parse(text.as_bytes()).unwrap().issues.len(), MAX_ISSUES);
    }
}
