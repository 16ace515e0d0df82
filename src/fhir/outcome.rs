//! OperationOutcomes: what a server says went wrong.
//!
//! 1upHealth puts its words into `issue.details.text`, others into `diagnostics`. Either may name
//! a patient, so the words are for the warehouse's ledger alone; Display gives only the codes.
//! Source: FHIR R4, OperationOutcome.

use serde::Deserialize;
use std::fmt;

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

#[derive(Deserialize)]
struct RawOutcome {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(default)]
    issue: Vec<RawIssue>,
}

#[derive(Deserialize)]
struct RawIssue {
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    diagnostics: Option<String>,
    #[serde(default)]
    details: Option<RawDetails>,
}

#[derive(Deserialize)]
struct RawDetails {
    #[serde(default)]
    text: Option<String>,
}

impl Outcome {
    /// Reads an OperationOutcome; `None` when the body is something else.
    pub fn parse(body: &[u8]) -> Option<Outcome> {
        let raw: RawOutcome = serde_json::from_slice(body).ok()?;
        (raw.resource_type == "OperationOutcome").then(|| Outcome {
            issues: raw
                .issue
                .into_iter()
                .map(|issue| Issue {
                    severity: code_word(issue.severity),
                    code: code_word(issue.code),
                    words: issue.details.and_then(|details| details.text).or(issue.diagnostics),
                })
                .collect(),
        })
    }

    /// Whether an issue is an error rather than a remark.
    pub fn is_failure(&self) -> bool {
        self.issues.iter().any(|issue| matches!(issue.severity.as_str(), "error" | "fatal"))
    }

    /// Whether the server itself calls it passing: an issue type below `transient`.
    pub fn is_transient(&self) -> bool {
        const TRANSIENT: [&str; 7] = [
            "transient",
            "lock-error",
            "no-store",
            "exception",
            "timeout",
            "incomplete",
            "throttled",
        ];
        !self.issues.is_empty()
            && self.issues.iter().all(|issue| TRANSIENT.contains(&issue.code.as_str()))
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

/// A code as FHIR allows it; anything else is not shown.
fn code_word(code: Option<String>) -> String {
    code.filter(|code| code.len() <= 32 && code.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
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
                {"severity":"warning","code":"Mary","diagnostics":"y"}]}"#,
        )
        .unwrap();
        assert_eq!(outcome.to_string(), "error invalid, warning unknown");
        assert_eq!(outcome.words().as_deref(), Some("Mary Miller; y"));
        assert!(outcome.is_failure());
    }

    #[test]
    fn another_resource_is_no_outcome() {
        assert_eq!(Outcome::parse(br#"{"resourceType":"Patient"}"#), None);
        assert_eq!(Outcome::parse(b"<html>"), None);
    }
}
