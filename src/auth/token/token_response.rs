//! Reading the token endpoint's answer without trusting it (RFC 6749, section 5.1).

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
use secrecy::SecretString;
use serde_json::Value;
use serde_json::value::RawValue;

use super::token_refusal::refusal;
use crate::{
    auth::GrantError,
    http::{Response, Secrets, Verdict, classify},
};

/// Longer lifetimes are cut to ten years, so that adding them to an instant cannot overflow.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Tokens as issued. `Debug` shows none.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// The access token.
    pub access: SecretString,
    /// The refresh token; some plans issue none, or none anew.
    pub refresh: Option<SecretString>,
    /// How long the access token lives; unknown where the plan names no time to come.
    pub expires_in: Option<Duration>,
    /// The scopes granted, separated by spaces. Never a secret.
    pub scope: Option<String>,
    /// The id of the member's Patient resource (SMART App Launch 2.0); 1upHealth sends none.
    pub patient: Option<SecretString>,
    /// When the member's consent ends, where the plan says so (`access_grant_expiration`, Blue Button).
    pub consent_ends_at: Option<DateTime<Utc>>,
}

/// The members of an answer, each to be read by itself: an odd one must not cost the tokens.
pub(crate) struct Answer(BTreeMap<String, Box<RawValue>>);

impl Answer {
    /// Reads a JSON object, with or without a byte order mark.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        serde_json::from_str(text.trim_start_matches('\u{feff}')).ok().map(Self)
    }

    /// A member; a value that JSON's types cannot hold, such as a lone surrogate, counts as absent.
    pub(crate) fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    /// A text without white space around it, unless it is empty; a number is taken for a text
    /// (`"patient": 123`).
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// Whether it reports a failure, though its status may be 200.
    fn is_failure(&self) -> bool {
        let is_set = |error: Value| {
            !matches!(&error, Value::Null | Value::Bool(false)) && error != "" && error != 0
        };
        self.value("error").is_some_and(is_set) || self.value("success") == Some(Value::Bool(false))
    }

    /// Seconds as an integer, a float (Blue Button) or a numeric text.
    fn lifetime(&self) -> Option<Duration> {
        // Read from the text itself: a number may be larger than any that JSON's types hold.
        let raw = self.0.get("expires_in")?.get().trim_matches(['"', ' ', '\t', '\n', '\r']);
        let seconds: f64 = raw.parse().ok()?;
        // A token that is said to be dead on arrival, or within a second, is used until the plan rejects
        // it: to refresh it before each request would bring no better one.
        if seconds.is_nan() || seconds < 1.0 {
            return None;
        }
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(MAX_LIFETIME).min(MAX_LIFETIME))
    }

    /// Scopes as a text, or as an array of texts: those that are scopes (RFC 6749, section 3.3)
    /// and repeat no secret.
    ///
    /// `None` if a part that is left out may have granted something: the rest would show less than
    /// was granted.
    fn scope(&self, secrets: &Secrets) -> Option<String> {
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
        let (scopes, others): (Vec<&str>, Vec<&str>) = text.split_whitespace().partition(is_scope);
        (!scopes.is_empty() && !others.iter().any(grants)).then(|| scopes.join(" "))
    }

    /// The end of the consent: an RFC 3339 instant, also with a space before its time. Blue Button sends an
    /// empty text where a consent has no end.
    fn consent_ends_at(&self) -> Option<DateTime<Utc>> {
        let text = self.text("access_grant_expiration")?.replacen(' ', "T", 1);
        let end = DateTime::parse_from_rfc3339(&text).ok()?.to_utc();
        (1970..=9999).contains(&end.year()).then_some(end)
    }

    /// The patient, if it is an id (FHIR R4, section 2.24.0.1) and repeats no secret.
    fn patient(&self, secrets: &Secrets) -> Option<SecretString> {
        let text = self.text("patient")?;
        let id = text.rsplit_once("Patient/").map_or(text.as_str(), |(_, id)| id);
        let is_id = (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        (is_id && !secrets.are_in(id)).then(|| id.into())
    }
}

impl TokenResponse {
    /// Reads an answer; `secrets` are those in play, which must not come back in what is kept or
    /// shown of it.
    pub(crate) fn read(response: &Response, secrets: &[&str]) -> Result<Self, GrantError> {
        let status = response.status;
        let malformed = |reason| GrantError::Malformed { status, reason };
        let answer = Answer::of(&response.body);
        let is_down = classify(status) == Verdict::Retryable || status >= 500;
        // A gateway's 503 means nothing about the grant, whatever stands in it.
        if is_down || (400..500).contains(&status) {
            return Err(refusal(response, answer.as_ref(), secrets));
        }
        if !response.is_success() {
            return Err(malformed("it leads elsewhere"));
        }
        let answer = answer.ok_or(malformed("it is not a JSON object"))?;
        if answer.is_failure() {
            return Err(refusal(response, Some(&answer), secrets));
        }
        // Apigee says "BearerToken".
        let is_bearer = |kind: &str| kind.to_ascii_lowercase().starts_with("bearer");
        if answer.text("token_type").is_some_and(|kind| !is_bearer(&kind)) {
            return Err(malformed("its token_type is not bearer"));
        }
        let access = answer.text("access_token").ok_or(malformed("it has no access_token"))?;
        if !access.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("its access_token cannot be sent in a header"));
        }
        let refresh = answer.text("refresh_token");
        let issued = [Some(access.as_str()), refresh.as_deref()];
        let secrets = Secrets::of(secrets.iter().copied().chain(issued.into_iter().flatten()));
        Ok(Self {
            expires_in: answer.lifetime(),
            scope: answer.scope(&secrets),
            patient: answer.patient(&secrets),
            consent_ends_at: answer.consent_ends_at(),
            access: access.into(),
            refresh: refresh.map(SecretString::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use url::Url;

    use super::*;

    fn read(status: u16, body: &str) -> Result<TokenResponse, GrantError> {
        let response = Response {
            status,
            url: Url::parse("https://h/token").unwrap(),
            content_type: None,
            retry_after: None,
            date: None,
            age: None,
            location: None,
            link: None,
            body: body.to_owned().into(),
            attempts: 1,
        };
        TokenResponse::read(&response, &["s3cret"])
    }

    #[test]
    fn a_full_answer_is_read() {
        let tokens = read(
            200,
            r#"{"access_token":"a","token_type":"BEARER","expires_in":7199,"refresh_token":"r",
                "scope":"patient/*.read","patient":"p1","need_patient_banner":true}"#,
        )
        .unwrap();
        assert_eq!(tokens.access.expose_secret(), "a");
        assert_eq!(tokens.refresh.unwrap().expose_secret(), "r");
        assert_eq!(tokens.expires_in, Some(Duration::from_secs(7199)));
        assert_eq!(tokens.scope.as_deref(), Some("patient/*.read"));
        assert_eq!(tokens.patient.unwrap().expose_secret(), "p1");
    }

    #[test]
    fn an_access_token_alone_is_enough() {
        let tokens =
            read(200, r#"{"access_token":"a","refresh_token":null,"error":null}"#).unwrap();
        assert!(tokens.refresh.is_none() && tokens.expires_in.is_none());
    }

    #[test]
    fn a_scope_that_is_told_in_part_is_told_not_at_all() {
        for (given, expected) in [
            (r#""openid  patient/Goal.read""#, Some("openid patient/Goal.read")),
            (r#"["openid","patient/Goal.read"]"#, Some("openid patient/Goal.read")),
            (r#""x\u00e9 \"y\" patient/Goal.read""#, Some("patient/Goal.read")),
            (r#""[\"patient/Patient.read\", patient/Goal.read]""#, None),
            (r#""patient/Goal.read \"Patient/Patient.read\"""#, None),
            (r#"["patient/Goal.read",{"scope":"patient/Patient.read"}]"#, None),
            (r#"["patient/Goal.read",null]"#, None),
            (r#"{"patient":["Goal"]}"#, None),
            ("[]", None),
            (r#""""#, None),
            ("null", None),
            ("7", None),
        ] {
            let tokens = read(200, &format!(r#"{{"access_token":"a","scope":{given}}}"#));
            assert_eq!(tokens.unwrap().scope.as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn lifetimes_come_in_many_forms() {
        for (given, expected) in [
            ("3599", Some(3599.0)),
            ("16768.523842", Some(16768.523842)),
            ("\"3600\"", Some(3600.0)),
            ("\" 36000.5 \"", Some(36000.5)),
            ("0", None),
            ("1e-9", None),
            ("\"0.99\"", None),
            ("1", Some(1.0)),
            ("-5", None),
            ("-1e308", None),
            ("1e308", Some(MAX_LIFETIME.as_secs_f64())),
            ("1e400", Some(MAX_LIFETIME.as_secs_f64())),
            ("9223372036854775808", Some(MAX_LIFETIME.as_secs_f64())),
            ("\"99999999999999999999\"", Some(MAX_LIFETIME.as_secs_f64())),
            ("\"soon\"", None),
            ("\"NaN\"", None),
            ("null", None),
            ("{}", None),
        ] {
            let tokens = read(200, &format!(r#"{{"access_token":"a","expires_in":{given}}}"#));
            let seconds = tokens.unwrap().expires_in.map(|lifetime| lifetime.as_secs_f64());
            assert_eq!(seconds, expected, "{given}");
        }
    }

    #[test]
    fn refusals_are_told_apart_by_their_code_not_their_status() {
        let kind = |status, body: &str| match read(status, body).unwrap_err() {
            GrantError::InvalidGrant { .. } => "grant",
            GrantError::InvalidClient { .. } => "client",
            GrantError::Key(_) => "key",
            GrantError::InvalidScope { .. } => "scope",
            GrantError::Unavailable { .. } => "unavailable",
            GrantError::Malformed { .. } => "malformed",
            GrantError::Other { .. } => "other",
            GrantError::Unreachable(_) | GrantError::Misconfigured { .. } => "not sent",
        };
        for (status, body, expected) in [
            (400, r#"{"error":"invalid_grant","error_description":"x"}"#, "grant"),
            (400, r#"{"status_code":400,"error":"invalid_grant"}"#, "grant"),
            (200, r#"{"error":"invalid_grant"}"#, "grant"),
            (401, r#"{"error":"invalid_client"}"#, "client"),
            (400, r#"{"error":"invalid_client"}"#, "client"),
            (400, r#"{"error":"invalid_scope"}"#, "scope"),
            (401, r#"{"error":"Invalid Client"}"#, "client"),
            (400, r#"{"error":"unsupported_grant_type"}"#, "client"),
            (400, r#"{"error":"invalid_request","message":"client_secret is missing"}"#, "client"),
            (403, "Client authentication failed", "client"),
            (401, "", "client"),
            (401, "The refresh token has expired", "other"),
            (401, r#"{"error":"invalid_token"}"#, "grant"),
            (400, r#"{"error":"invalid_grant","error_description":"another client's"}"#, "grant"),
            (400, r#"{"error":{"code":"expired_token"}}"#, "grant"),
            (400, r#"{"errors":[{"code":"access_denied"}]}"#, "grant"),
            (400, r#"{"error":"slow_down"}"#, "unavailable"),
            (400, r#"{"error":"invalid_request"}"#, "other"),
            (200, r#"{"success":false,"code":null}"#, "other"),
            (403, r#"{"message":"Forbidden"}"#, "other"),
            (503, r#"{"error":"server_error","error_description":"Cannot read"}"#, "unavailable"),
            (500, r#"{"error":"invalid_grant"}"#, "unavailable"),
            (503, r#"{"message":"Service Unavailable"}"#, "unavailable"),
            (429, "", "unavailable"),
            (502, "<html>", "unavailable"),
            (200, "<html>", "malformed"),
            (200, "", "malformed"),
            (200, "[]", "malformed"),
            (302, "", "malformed"),
            (403, "<html>", "other"),
            (200, "{}", "malformed"),
            (200, r#"{"access_token":""}"#, "malformed"),
            (200, r#"{"access_token":"a\nb"}"#, "malformed"),
            (200, r#"{"access_token":"a","token_type":"DPoP"}"#, "malformed"),
        ] {
            assert_eq!(kind(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_servers_words_come_without_what_was_sent() {
        let error =
            read(400, r#"{"error":"invalid_grant","error_description":"s3cret\nis spent"}"#)
                .unwrap_err();
        assert_eq!(error.words().unwrap(), "[redacted] is spent");
        assert_eq!(error.to_string(), "the plan no longer accepts the grant");
    }

    #[test]
    fn debug_shows_no_token() {
        let tokens = read(200, r#"{"access_token":"t0k","refresh_token":"r3f","patient":"p4t"}"#);
        let shown = format!("{:?}", tokens.unwrap());
        assert!(!["t0k", "r3f", "p4t"].iter().any(|secret| shown.contains(secret)), "{shown}");
    }
}
