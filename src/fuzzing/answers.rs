//! Fuzz targets for the answers of a token endpoint, the Retry-After header, and the browser's answer.

use crate::{
    auth::{ExpectedAnswer, Issuer, TokenResponse},
    http::{Response, Secrets, retry_after},
};
use chrono::DateTime;
use secrecy::ExposeSecret;
use std::time::Duration;
use url::Url;

/// The secret that was sent to the plan; the parts of an answer that are kept must not contain it.
const SECRET: &str = "s3cr3t-in-play";
const STATE: &str = "the-state";

/// Checks the parts of a token endpoint's answer that are kept or shown.
///
/// They must contain neither the secret nor control characters, and adding the token's lifetime to an
/// instant must not overflow. The first byte chooses the HTTP status.
pub(super) fn token(input: &[u8]) {
    let Some((first, body)) = input.split_first() else { return };
    let response = Response {
        status: [200, 201, 302, 400, 401, 503][usize::from(*first) % 6],
        url: url("https://plan.example/token"),
        content_type: None,
        retry_after: None,
        date: None,
        age: None,
        location: None,
        link: None,
        body: body.to_vec().into(),
        attempts: 1,
    };
    let kept = match TokenResponse::read(&response, &[SECRET]) {
        Ok(tokens) => {
            // The access token goes into a header. A refresh token goes into a form, which escapes it.
            assert!(tokens.access.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()));
            let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
            let _ = now + tokens.expires_in.unwrap_or_default();
            // A very short token may occur in a scope by chance.
            let access = tokens.access.expose_secret();
            let is_no_word = Secrets::of([access]).are_in(access);
            assert!(!is_no_word || !format!("{tokens:?}").contains(access));
            format!(
                "{} {}",
                tokens.scope.unwrap_or_default(),
                tokens.patient.map(|id| id.expose_secret().to_owned()).unwrap_or_default()
            )
        }
        Err(error) => error.to_string(),
    };
    assert!(!kept.contains(SECRET), "{kept}");
    assert!(!kept.contains(char::is_control), "{kept:?}");
}

/// Checks the wait of a Retry-After header: a number of seconds is kept exactly, a negative one is not a
/// wait.
pub(super) fn wait(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
    let wait = retry_after(text, now);
    if let Ok(seconds) = text.trim().parse::<u32>() {
        assert_eq!(wait, Some(Duration::from_secs(seconds.into())), "{text}");
    }
    if text.trim().starts_with('-') {
        assert!(wait.unwrap_or_default().is_zero(), "{text}: {wait:?}");
    }
}

/// Checks that a code is only taken from a proper answer, or if the text is a bare code.
///
/// An answer as a URL or query must have the expected state and one code, and no other issuer. The first
/// byte chooses what is known of the issuer.
pub(super) fn callback(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let name = Some("https://plan.example".to_owned());
    let issuer = match *first % 4 {
        0 => None,
        1 => Some(Issuer { name, names_itself: false }),
        2 => Some(Issuer { name, names_itself: true }),
        _ => Some(Issuer { name: None, names_itself: true }),
    };
    let authorize_url = url("https://plan.example/authorize");
    let expected = ExpectedAnswer::new(STATE.to_owned(), issuer.as_ref(), &authorize_url);
    let code = match expected.code_from(text) {
        Ok(code) => code.expose_secret().to_owned(),
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains(char::is_control), "{said:?}");
            return;
        }
    };
    let must_name_issuer = issuer.is_some_and(|issuer| issuer.names_itself);
    assert!(!code.is_empty());
    if code == text.trim() && !must_name_issuer {
        return;
    }
    let query = match Url::parse(text.trim()) {
        // The answer may be in the query, in the fragment, or partly in both.
        Ok(url) => [url.query(), url.fragment()].map(Option::unwrap_or_default).join("&"),
        Err(_) => text.trim().split_once('?').map_or(text.trim(), |(_, query)| query).to_owned(),
    };
    let values = |wanted: &str| -> Vec<String> {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).collect()
    };
    assert_eq!(values("state"), [STATE], "{text}");
    assert_eq!(values("code"), [code], "{text}");
    assert!(values("error").is_empty(), "{text}");
    let issuers = values("iss");
    assert!(issuers.len() <= 1 && (!must_name_issuer || issuers.len() == 1), "{text}");
    for named in issuers {
        let is_ours = Url::parse(&named).is_ok_and(|url| url.origin() == authorize_url.origin());
        assert!(is_ours, "{named}");
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{error}"))
}
