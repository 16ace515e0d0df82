//! The meaning of a token endpoint's refusal.
//!
//! RFC 6749, section 5.2, has six codes. Plans use others, put them elsewhere, or answer with a gateway's
//! page. So this module tells only a few cases apart: the plan refuses the client, the grant or the scope, or
//! is unavailable, or refuses for another reason.

use serde_json::Value;

use super::token_answer::Answer;
use crate::{
    auth::{GrantError, server_words::presentable},
    http::{Response, Verdict, classify},
};

/// The members in which plans put their code, most telling first.
const CODES: [&str; 4] = ["error", "errorCode", "error_code", "code"];
/// The members in which plans put their words: OAuth's, then a gateway's.
const WORDS: [&str; 3] = ["error_description", "message", "error"];

/// Codes after which the member must consent again; the last three are OpenID Connect's.
const GRANT: [&str; 7] = [
    "invalidgrant",
    "invalidtoken",
    "expiredtoken",
    "accessdenied",
    "loginrequired",
    "consentrequired",
    "interactionrequired",
];
/// Words that say that the client is refused. "client" alone is not among them: RFC 6749 describes
/// `invalid_grant` with "was issued to another client".
const CLIENT: [&str; 9] = [
    "invalidclient",
    "unauthorizedclient",
    "unknownclient",
    "clientnotfound",
    "unsupportedgranttype",
    "clientauthentication",
    "clientcredential",
    "clientsecret",
    "clientassertion",
];
/// Words in a 401 that show that it refuses the grant; by RFC 6749 a 401 refuses the client.
const OF_GRANT: [&str; 5] = ["refreshtoken", "tokenexpired", "expired", "revoked", "consent"];

/// The error for an answer with status 4xx or 5xx, or for a failure that comes with status 200.
pub(crate) fn refusal(
    response: &Response,
    answer: Option<&Answer>,
    secrets: &[&str],
) -> GrantError {
    let Response { status, attempts, retry_after, .. } = *response;
    let text = String::from_utf8_lossy(&response.body);
    let code = answer.and_then(code);
    let description = match answer {
        Some(answer) => words(answer),
        None => Some(text.trim().to_owned()),
    };
    // An HTML page is meant for a browser, so a message leaves it out.
    let description = description
        .filter(|text| !text.is_empty() && !text.starts_with('<'))
        .map(|text| presentable(&text, secrets));
    if classify(status) == Verdict::Retryable || status >= 500 {
        return GrantError::Unavailable { status, retry_after, description };
    }
    let error = code.as_deref().map_or("no error code".into(), |code| presentable(code, secrets));
    let (code, said) = (code.map(|code| letters(&code)), letters(&text));
    let is_one_of = |codes: &[&str]| code.as_deref().is_some_and(|code| codes.contains(&code));
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if is_one_of(&["temporarilyunavailable", "servererror", "slowdown"]) {
        return GrantError::Unavailable { status, retry_after: None, description };
    }
    if is_one_of(&GRANT) {
        return GrantError::InvalidGrant { code: error, attempts, description };
    }
    if says(&CLIENT) || (status == 401 && !says(&OF_GRANT)) {
        return GrantError::InvalidClient { description };
    }
    if is_one_of(&["invalidscope"]) {
        return GrantError::InvalidScope { description };
    }
    GrantError::Other { attempts, status, error, description }
}

/// The code, also within an object or a list of errors.
fn code(answer: &Answer) -> Option<String> {
    let first = |value: Value| match value {
        Value::Array(mut errors) if !errors.is_empty() => errors.swap_remove(0),
        value => value,
    };
    let within = |value: Value| match first(value) {
        Value::String(code) => Some(code),
        Value::Object(error) => CODES
            .iter()
            .chain(&["type"])
            .find_map(|name| error.get(*name)?.as_str().map(str::to_owned)),
        _ => None,
    };
    CODES
        .iter()
        .chain(&["errors"])
        .filter_map(|name| within(answer.value(name)?))
        .find(|code| !code.trim().is_empty())
}

fn words(answer: &Answer) -> Option<String> {
    WORDS.iter().find_map(|name| answer.text(name))
}

/// The letters alone: `invalid_client`, `Invalid Client` and `InvalidClient` are the same.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}
