//! When a consent ends, if the plan tells when its refresh token ends (RFC 7662), as Epic does.

use super::{client_auth::ClientAuth, token_answer::Answer};
use crate::{
    auth::ClientRegistration,
    http::{BodyFormat, HttpClient, Origin, PostForm, silently},
};
use chrono::{DateTime, Datelike, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// How long a consent or a refresh waits for an answer that it can do without.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Asks when a refresh token ends; `None` if the plan does not say it, or is not to be asked.
///
/// The token goes to the origin of the token endpoint alone. If no answer comes, only the date is missing:
/// it is asked for again with the next refresh.
pub(crate) async fn refresh_token_end(
    http: &HttpClient,
    registration: &ClientRegistration,
    refresh: &SecretString,
) -> Option<DateTime<Utc>> {
    let url = registration.introspection_url.as_ref()?;
    if Origin::of(url).ok() != registration.token_origin().ok() {
        return None;
    }
    let client = ClientAuth::of(registration);
    let mut fields = vec![("token", refresh.expose_secret()), ("token_type_hint", "refresh_token")];
    fields.extend(&client.fields);
    let form = PostForm {
        url,
        fields: &fields,
        format: BodyFormat::Form,
        fresh: &|| client.fresh(),
        basic: client.basic(),
        retry: false,
        give_up: None,
        on_retry: &silently,
    };
    let answer = timeout(PATIENCE, http.post_form(form)).await.ok()?;
    let response = answer.ok().filter(|response| response.is_success())?;
    end(&Answer::of(&response.body)?)
}

/// When a token ends, if an answer says that it is good (RFC 7662, section 2.2).
fn end(answer: &Answer) -> Option<DateTime<Utc>> {
    let is_active = answer.value("active") == Some(Value::Bool(true));
    let seconds = answer.text("exp").filter(|_| is_active)?.parse().ok()?;
    DateTime::from_timestamp(seconds, 0).filter(|end| (1971..=9999).contains(&end.year()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_good_token_counts() {
        for (body, expected) in [
            (r#"{"active":true,"exp":1790000000}"#, Some(1_790_000_000)),
            (r#"{"active":true,"exp":"1790000000"}"#, Some(1_790_000_000)),
            (r#"{"active":false,"exp":1790000000}"#, None),
            (r#"{"exp":1790000000}"#, None),
            (r#"{"active":true}"#, None),
            (r#"{"active":true,"exp":0}"#, None),
            (r#"{"active":true,"exp":99999999999999999999}"#, None),
            (r#"{"active":"true","exp":1790000000}"#, None),
        ] {
            let found = end(&Answer::of(body.as_bytes()).unwrap());
            assert_eq!(found.map(|end| end.timestamp()), expected, "{body}");
        }
    }
}
