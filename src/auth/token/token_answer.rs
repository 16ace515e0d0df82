//! The members of a token endpoint's answer.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
use secrecy::SecretString;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::Secrets;

/// The most bytes of scopes that are kept; all of SMART's granular scopes together have a tenth of this.
const MAX_SCOPE_BYTES: usize = 64 * 1024;
/// Longer lifetimes are cut to ten years, so that adding them to an instant cannot overflow.
pub(super) const MAX_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The members of an answer. Each is read by itself, so that an odd member does not cost the tokens.
pub(crate) struct Answer(BTreeMap<String, Box<RawValue>>);

impl Answer {
    /// Reads a JSON object, with or without a byte order mark.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        serde_json::from_str(text.trim_start_matches('\u{feff}')).ok().map(Self)
    }

    /// A member; a value that [`Value`] cannot hold, such as a lone surrogate, counts as absent.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// A member's text without white space around it; `None` if empty. A number counts as a text
    /// (`"patient": 123`).
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// Whether the answer reports a failure, though its status may be 200.
    pub(super) fn is_failure(&self) -> bool {
        let is_set = |error: Value| {
            !matches!(&error, Value::Null | Value::Bool(false)) && error != "" && error != 0
        };
        self.value("error").is_some_and(is_set) || self.value("success") == Some(Value::Bool(false))
    }

    /// Seconds as an integer, a float (Blue Button) or a numeric text.
    pub(super) fn lifetime(&self) -> Option<Duration> {
        // Read from the raw text, since a number may be larger than any that `Value` holds.
        let raw = self.0.get("expires_in")?.get().trim_matches(['"', ' ', '\t', '\n', '\r']);
        let seconds: f64 = raw.parse().ok()?;
        // A token with a lifetime below one second is used until the plan rejects it: a refresh before
        // each request would bring no better token.
        if seconds.is_nan() || seconds < 1.0 {
            return None;
        }
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(MAX_LIFETIME).min(MAX_LIFETIME))
    }

    /// Scopes as a text, or as an array of texts. Texts that are not scopes (RFC 6749, section 3.3) or that
    /// repeat a secret are left out.
    ///
    /// `None` if a text that is left out may have granted access to resources, since the list would then be
    /// too short; also if the text is longer than [`MAX_SCOPE_BYTES`].
    pub(super) fn scope(&self, secrets: &Secrets) -> Option<String> {
        let is_scope = |scope: &&str| {
            scope.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
                && !secrets.are_in(scope)
        };
        let grants = |scope: &&str| {
            let lower = scope.to_ascii_lowercase();
            ["patient", "user", "system"].iter().any(|context| lower.contains(context))
        };
        let text = match self.value("scope")? {
            Value::String(text) => text,
            Value::Array(scopes) => {
                scopes.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?.join(" ")
            }
            _ => return None,
        };
        if text.len() > MAX_SCOPE_BYTES {
            return None;
        }
        let (scopes, others): (Vec<&str>, Vec<&str>) = text.split_whitespace().partition(is_scope);
        (!scopes.is_empty() && !others.iter().any(grants)).then(|| scopes.join(" "))
    }

    /// The end of the consent: an RFC 3339 instant, also with a space before its time. Blue Button sends an
    /// empty text if a consent has no end.
    pub(super) fn consent_ends_at(&self) -> Option<DateTime<Utc>> {
        let text = self.text("access_grant_expiration")?.replacen(' ', "T", 1);
        let end = DateTime::parse_from_rfc3339(&text).ok()?.to_utc();
        (1970..=9999).contains(&end.year()).then_some(end)
    }

    /// The patient, if it is an id and repeats no secret.
    pub(super) fn patient(&self, secrets: &Secrets) -> Option<SecretString> {
        let id = patient_id(&self.text("patient")?)?;
        (!secrets.are_in(&id)).then(|| id.into())
    }
}

/// The most bytes of an id; FHIR allows 64, and Epic's are longer.
const MAX_ID_BYTES: usize = 4096;
/// Characters that no id has: they end a segment of a URL, separate the values of a search (FHIR R4, search,
/// escaping), or belong to other things, such as a mail address.
const NEVER_IN_AN_ID: &[u8] = b"/?#%&,|$\\\"'<>{}@=;()!*+^~[]`";

/// The id in a reference to a Patient: the id alone, `Patient/id`, or a URL that ends with `Patient/id`, each
/// with or without a version.
///
/// Plans have ids that FHIR does not allow, longer or with other characters: an id is taken as it is.
pub(crate) fn patient_id(text: &str) -> Option<String> {
    let id = text.rsplit_once("Patient/").map_or(text, |(_, id)| id);
    let id = id.split_once("/_history/").map_or(id, |(id, _)| id);
    let is_of_id = |byte: u8| byte.is_ascii_graphic() && !NEVER_IN_AN_ID.contains(&byte);
    let is_id = (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_of_id);
    (is_id && !matches!(id, "." | "..")).then(|| id.to_owned())
}

/// Whether a text is an id that FHIR allows (FHIR R4, data type id). Any other text may be a login.
pub(crate) fn is_fhir_id(text: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(is_of_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_as_it_is_and_what_is_none_is_not() {
        let long = format!("e{}", "x".repeat(90));
        for id in [
            "a-1",
            "p_17",
            "7.4",
            "urn:uuid:0c3151bd",
            "T81lum-5p6QvDR7l6hv7lfE52bAbA2ylWBnv9CZEzNb0B",
            long.as_str(),
        ] {
            for text in [
                id.to_owned(),
                format!("Patient/{id}"),
                format!("https://h.test/r4/Patient/{id}"),
                format!("Patient/{id}/_history/2"),
            ] {
                assert_eq!(patient_id(&text).as_deref(), Some(id), "{text}");
            }
        }
        let endless = "x".repeat(MAX_ID_BYTES + 1);
        for text in [
            "",
            ".",
            "..",
            "a b",
            "a/b",
            "Patient/",
            "Person/7",
            "a?b",
            "a#b",
            "a,b",
            "a|b",
            "a@plan.example",
            "a=b",
            "a+b",
            "é",
            "a\u{202e}b",
            "a\nb",
            "{patient}",
            "\"a\"",
            endless.as_str(),
        ] {
            assert_eq!(patient_id(text), None, "{text}");
        }
    }

    #[test]
    fn an_id_that_fhir_does_not_allow_is_told() {
        let long = "x".repeat(65);
        for (text, expected) in
            [("a-1.B", true), ("member_123", false), (long.as_str(), false), ("", false)]
        {
            assert_eq!(is_fhir_id(text), expected, "{text}");
        }
    }
}
