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

    /// The patient, if it is an id (FHIR R4, section 2.24.0.1) and repeats no secret.
    pub(super) fn patient(&self, secrets: &Secrets) -> Option<SecretString> {
        let id = patient_id(&self.text("patient")?)?;
        (!secrets.are_in(&id)).then(|| id.into())
    }
}

/// The id in a reference to a Patient: the id alone, `Patient/id`, or a URL that ends with `Patient/id`.
pub(crate) fn patient_id(text: &str) -> Option<String> {
    let id = text.rsplit_once("Patient/").map_or(text, |(_, id)| id);
    let is_id = (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    is_id.then(|| id.to_owned())
}
