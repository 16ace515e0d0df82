//! Ends a grant: at the plan if that is possible (RFC 7009), and here in any case.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use secrecy::ExposeSecret;
use url::Url;

use super::{client_auth::ClientAuth, refresh_lock};
use crate::{
    auth::{ClientRegistration, StoredGrant, Vault, VaultError, vault::private_file},
    http::{BodyFormat, HttpClient, HttpError, Origin, PostForm, silently},
};

/// Why a grant could not be revoked at its plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// The endpoint is not on the origin that the refresh token was issued for.
    #[error(
        "revocation_url is not at {issued_for}, where the tokens were issued, so they were not sent"
    )]
    ForeignOrigin {
        /// The token endpoint's origin at consent.
        issued_for: Origin,
    },
    /// The endpoint could not be reached.
    #[error("the revocation endpoint gave no answer")]
    Unreachable(#[source] HttpError),
    /// The endpoint answered with something other than success.
    #[error("the revocation endpoint answered with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
    },
}

/// Revokes a grant (RFC 7009, section 2.1): the refresh token, or if there is none, the access token.
///
/// # Errors
/// See [`RevokeError`]; a token that the plan no longer knows counts as revoked (section 2.2).
pub async fn revoke(
    http: &HttpClient,
    registration: &ClientRegistration,
    url: &Url,
    grant: &StoredGrant,
) -> Result<(), RevokeError> {
    if Origin::of(url).ok().as_ref() != Some(&grant.token_origin) {
        return Err(RevokeError::ForeignOrigin { issued_for: grant.token_origin.clone() });
    }
    let (token, kind) = match &grant.refresh {
        Some(refresh) => (refresh, "refresh_token"),
        None => (&grant.access, "access_token"),
    };
    let mut fields = vec![("token", token.expose_secret()), ("token_type_hint", kind)];
    let client = ClientAuth::of(registration);
    fields.extend(&client.fields);
    let form = PostForm {
        url,
        fields: &fields,
        format: BodyFormat::Form,
        fresh: &|| client.fresh(),
        basic: client.basic(),
        retry: true,
        give_up: None,
        on_retry: &silently,
    };
    let response = http.post_form(form).await.map_err(RevokeError::Unreachable)?;
    if response.is_success() {
        return Ok(());
    }
    Err(RevokeError::Refused { status: response.status })
}

/// Removes a connection's tokens and its lock file, and checks that the tokens are gone.
///
/// Returns whether there were tokens.
///
/// # Errors
/// An error of the vault; also if the tokens are still there afterwards.
pub fn forget(vault: &Vault, home: &Path, uid: &str) -> Result<bool, VaultError> {
    let had_tokens = vault.remove(uid)?;
    let path = private_file::locks_dir(home).join(refresh_lock::file_name(uid) + ".lock");
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(private_file::at(&path)(error));
        }
        _ => {}
    }
    match vault.get(uid)? {
        None => Ok(had_tokens),
        Some(_) => Err(VaultError::NotRemoved),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use wiremock::matchers::{body_string, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::auth::ConsentState;
    use crate::http::HttpOptions;

    fn grant(registration: &ClientRegistration) -> StoredGrant {
        StoredGrant {
            plan: "acme".into(),
            name: "john".into(),
            fhir_origin: registration.fhir_origin().unwrap(),
            token_origin: registration.token_origin().unwrap(),
            access: "access-1".into(),
            refresh: Some("refresh-1".into()),
            expires_at: None,
            refreshed_at: Utc::now(),
            scope: None,
            patient: None,
            consent_ends_at: None,
            consent: ConsentState::Granted,
            refresh_begun_at: None,
            generation: 0,
        }
    }

    #[tokio::test]
    async fn the_refresh_token_is_revoked_with_the_clients_credentials() {
        let server = MockServer::start().await;
        Mock::given(path("/revoke"))
            .and(body_string(
                "token=refresh-1&token_type_hint=refresh_token&client_id=client-1\
                 &client_secret=client-secret-1",
            ))
            .respond_with(ResponseTemplate::new(200))
            .expect(1)
            .mount(&server)
            .await;
        let registration = ClientRegistration::at(&server.uri());
        let url = Url::parse(&format!("{}/revoke", server.uri())).unwrap();
        let http = HttpClient::new(HttpOptions::impatient()).unwrap();
        revoke(&http, &registration, &url, &grant(&registration)).await.unwrap();
    }

    #[tokio::test]
    async fn no_token_goes_to_an_origin_that_did_not_issue_it() {
        let server = MockServer::start().await;
        let registration = ClientRegistration::at("https://auth.example.com");
        let url = Url::parse(&format!("{}/revoke", server.uri())).unwrap();
        let http = HttpClient::new(HttpOptions::impatient()).unwrap();
        let error = revoke(&http, &registration, &url, &grant(&registration)).await.unwrap_err();
        assert!(matches!(error, RevokeError::ForeignOrigin { .. }), "{error}");
        assert!(server.received_requests().await.unwrap().is_empty());
    }
}
