//! Reading the token endpoint's answer without trusting it (RFC 6749, section 5.1).

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{token_answer::Answer, token_refusal::refusal};
use crate::{
    auth::GrantError,
    http::{Response, Secrets, Verdict, classify},
};

/// Tokens as issued. `Debug` shows none.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// The access token.
    pub access: SecretString,
    /// The refresh token; some plans issue none, or no new one at a refresh.
    pub refresh: Option<SecretString>,
    /// How long the access token lives; unknown if the plan names no lifetime of a second or more.
    pub expires_in: Option<Duration>,
    /// The scopes granted, separated by spaces. Never a secret.
    pub scope: Option<String>,
    /// The id of the member's Patient resource (SMART App Launch 2.0); 1upHealth sends none.
    pub patient: Option<SecretString>,
    /// When the member's consent ends, if the plan says so (`access_grant_expiration`, Blue Button).
    pub consent_ends_at: Option<DateTime<Utc>>,
    /// The id_token (OpenID Connect Core 1.0, section 3.1.3.3), as it came.
    pub id_token: Option<SecretString>,
}

impl TokenResponse {
    /// Reads an answer. `secrets` are the secrets that were sent or are known; the parts of the answer that
    /// are kept or shown must not contain them.
    pub(crate) fn read(response: &Response, secrets: &[&str]) -> Result<Self, GrantError> {
        let status = response.status;
        let malformed = |reason| GrantError::Malformed { status, reason };
        let answer = Answer::of(&response.body);
        let is_down = classify(status) == Verdict::Retryable || status >= 500;
        // A gateway's 503 means nothing about the grant, whatever its body says.
        if is_down || (400..500).contains(&status) {
            return Err(refusal(response, answer.as_ref(), secrets));
        }
        if !response.is_success() {
            return Err(malformed("it is a redirect, which is not followed"));
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
            id_token: answer.text("id_token").map(SecretString::from),
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
    use crate::auth::token::token_answer::MAX_LIFETIME;

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
        let endless = format!(r#"{{"access_token":"a","scope":"openid {}"}}"#, "x".repeat(1 << 16));
        assert_eq!(read(200, &endless).unwrap().scope, None);
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
        assert_eq!(error.to_string(), "the plan no longer accepts the code or refresh token");
    }

    #[test]
    fn debug_shows_no_token() {
        let tokens = read(200, r#"{"access_token":"t0k","refresh_token":"r3f","patient":"p4t"}"#);
        let shown = format!("{:?}", tokens.unwrap());
        assert!(!["t0k", "r3f", "p4t"].iter().any(|secret| shown.contains(secret)), "{shown}");
    }
}
