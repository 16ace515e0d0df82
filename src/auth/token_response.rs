//! Reading the token endpoint's answer without trusting it (RFC 6749, sections 5.1 and 5.2).

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::GrantError;
use super::server_words::presentable;
use crate::http::{Response, Verdict, classify};

/// Longer lifetimes are cut to ten years, so that adding them to an instant cannot overflow.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Tokens as issued. `Debug` shows none.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// The access token.
    pub access: SecretString,
    /// The refresh token; some plans issue none, or none anew.
    pub refresh: Option<SecretString>,
    /// How long the access token lives.
    pub expires_in: Option<Duration>,
    /// The scopes granted, separated by spaces.
    pub scope: Option<String>,
    /// The id of the member's Patient resource (SMART App Launch 2.0); 1upHealth sends none.
    pub patient: Option<SecretString>,
}

impl TokenResponse {
    /// Reads an answer; `secrets` are what was sent and must not come back in an error.
    pub(super) fn read(response: &Response, secrets: &[&str]) -> Result<Self, GrantError> {
        let status = response.status;
        let malformed = |reason| GrantError::Malformed { status, reason };
        let answer = serde_json::from_slice::<Map<String, Value>>(&response.body).ok();
        // A gateway's 503 means nothing about the grant, whatever stands in it.
        if classify(status) == Verdict::Retryable || status >= 500 {
            let description =
                answer.as_ref().and_then(words).map(|text| presentable(&text, secrets));
            let retry_after = response.retry_after;
            return Err(GrantError::Unavailable { status, retry_after, description });
        }
        let Some(answer) = answer else {
            return Err(malformed("it is not a JSON object"));
        };
        // Some failures come as 200 with an error, or with `success: false`, inside.
        if !response.is_success()
            || answer.get("error").is_some_and(|error| !error.is_null())
            || answer.get("success") == Some(&Value::Bool(false))
        {
            return Err(refusal(response, &answer, secrets));
        }
        let is_bearer = |kind: &str| kind.trim().eq_ignore_ascii_case("bearer");
        if text(&answer, "token_type").is_some_and(|kind| !is_bearer(&kind)) {
            return Err(malformed("its token_type is not bearer"));
        }
        let access = text(&answer, "access_token").ok_or(malformed("it has no access_token"))?;
        if !access.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(malformed("its access_token cannot be sent in a header"));
        }
        Ok(Self {
            access: access.into(),
            refresh: text(&answer, "refresh_token").map(SecretString::from),
            expires_in: answer.get("expires_in").and_then(seconds),
            scope: text(&answer, "scope"),
            patient: text(&answer, "patient").map(SecretString::from),
        })
    }
}

/// Error codes and what they mean for the grant.
fn refusal(response: &Response, answer: &Map<String, Value>, secrets: &[&str]) -> GrantError {
    let Response { status, attempts, .. } = *response;
    let description = words(answer).map(|text| presentable(&text, secrets));
    match answer.get("error").and_then(Value::as_str) {
        // The last three are OpenID Connect's ways to say that the member must come back.
        Some("invalid_grant" | "login_required" | "consent_required" | "interaction_required") => {
            GrantError::InvalidGrant { attempts, description }
        }
        // 1upHealth says so with status 400.
        Some("invalid_client" | "unauthorized_client") => GrantError::InvalidClient { description },
        Some("invalid_scope") => GrantError::InvalidScope { description },
        Some("temporarily_unavailable" | "server_error" | "slow_down") => {
            GrantError::Unavailable { status, retry_after: None, description }
        }
        code => {
            let error = presentable(code.unwrap_or("no error code"), secrets);
            GrantError::Other { status, error, description }
        }
    }
}

/// What the server says in words: OAuth's way, then a gateway's.
fn words(answer: &Map<String, Value>) -> Option<String> {
    ["error_description", "message", "error"].iter().find_map(|name| text(answer, name))
}

/// A non-empty text; a number is taken for one (`"patient": 123`).
fn text(answer: &Map<String, Value>, name: &str) -> Option<String> {
    match answer.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Seconds as an integer, a float (Blue Button) or a numeric text.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse::<f64>().ok()?,
        _ => return None,
    };
    if seconds.is_nan() {
        return None;
    }
    let lifetime = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(MAX_LIFETIME);
    Some(lifetime.min(MAX_LIFETIME))
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
            location: None,
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
    fn lifetimes_come_in_many_forms() {
        for (given, expected) in [
            ("3599", Some(3599.0)),
            ("16768.523842", Some(16768.523842)),
            ("\"3600\"", Some(3600.0)),
            ("\" 36000.5 \"", Some(36000.5)),
            ("-5", Some(0.0)),
            ("1e300", Some(MAX_LIFETIME.as_secs_f64())),
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
        let expected = "the plan no longer accepts the grant (it says: [redacted] is spent)";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn debug_shows_no_token() {
        let tokens = read(200, r#"{"access_token":"t0k","refresh_token":"r3f","patient":"p4t"}"#);
        let shown = format!("{:?}", tokens.unwrap());
        assert!(!["t0k", "r3f", "p4t"].iter().any(|secret| shown.contains(secret)), "{shown}");
    }
}
