//! How the client authenticates at a token endpoint: by its id alone, with a secret, or with a
//! signed assertion.

use super::client_key::{ASSERTION_TYPE, ClientKeyError};
use crate::{
    auth::{ClientRegistration, TokenAuth, form_encoded::escaped},
    clock::Clock,
};
use secrecy::{ExposeSecret, SecretString};

/// The client's credentials in a request, beside the request's own fields.
pub(super) struct ClientAuth<'a> {
    registration: &'a ClientRegistration,
    /// Form fields that every attempt repeats.
    pub(crate) fields: Vec<(&'a str, &'a str)>,
    basic: Option<(String, SecretString)>,
}

impl<'a> ClientAuth<'a> {
    pub(crate) fn of(registration: &'a ClientRegistration) -> ClientAuth<'a> {
        let id = registration.client_id.as_str();
        let secret = registration.client_secret.as_ref();
        let (mut fields, mut basic) = (Vec::new(), None);
        match (registration.token_auth, secret) {
            (TokenAuth::Basic, Some(secret)) => {
                basic = Some((escaped(id), escaped(secret.expose_secret()).into()));
            }
            (TokenAuth::PrivateKeyJwt, _) => {
                fields.push(("client_id", id));
                fields.push(("client_assertion_type", ASSERTION_TYPE));
            }
            (_, secret) => {
                fields.push(("client_id", id));
                fields.extend(secret.map(|secret| ("client_secret", secret.expose_secret())));
            }
        }
        ClientAuth { registration, fields, basic }
    }

    /// User and password of HTTP Basic authentication.
    pub(crate) fn basic(&self) -> Option<(&str, &SecretString)> {
        self.basic.as_ref().map(|(user, password)| (user.as_str(), password))
    }

    /// A field that is made anew for each attempt, since a server accepts an assertion once.
    pub(crate) fn fresh(&self) -> Option<(&'static str, SecretString)> {
        let assertion = self.assertion()?.ok()?;
        Some(("client_assertion", assertion))
    }

    /// Refuses a key that cannot sign, before anything is sent.
    pub(crate) fn check(&self) -> Result<(), ClientKeyError> {
        match self.assertion() {
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn assertion(&self) -> Option<Result<SecretString, ClientKeyError>> {
        let registration = self.registration;
        let key = registration.client_key.as_ref()?;
        (registration.token_auth == TokenAuth::PrivateKeyJwt).then(|| {
            key.assertion(&registration.client_id, &registration.token_url, &Clock::system())
        })
    }
}
