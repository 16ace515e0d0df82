//! The credentials of our client at a plan: a secret, a private key, or a token that the plan gave out.

use super::{
    ConfigError,
    file::{Audience, Grant, Plan, TokenAuth, TokenFormat},
    secret_file::{credential, read_credential, read_secret_file},
    secret_source::SecretSource,
};
use crate::auth::{ClientKey, FixedToken};
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// The credentials that a plan's section names.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    secret: Option<SecretSource>,
    key: Option<KeySource>,
    token: Option<SecretSource>,
}

/// Where the client's private key is.
#[derive(Debug, Clone)]
struct KeySource {
    /// The path as written in the configuration.
    given: PathBuf,
    /// The path resolved within the home.
    path: PathBuf,
    /// The key's `kid`; `None` if its thumbprint is used.
    id: Option<String>,
}

/// A key of the section, and the problem with it.
pub(super) type Problem = (&'static str, String);

impl Credentials {
    /// Takes the credentials out of the section.
    ///
    /// # Errors
    /// Two keys that exclude each other, a text that cannot be a variable's name, or a missing key.
    pub(super) fn new(plan: &mut Plan, home: &Path) -> Result<Credentials, Problem> {
        let problem = |key, text: &str| Err((key, text.to_owned()));
        check_grant(plan)?;
        let (variable, file) = (plan.client_secret_env.take(), plan.client_secret_file.take());
        let keys = "client_secret_env or client_secret_file";
        let secret = SecretSource::of("client secret", keys, variable, file, home);
        let both = "and client_secret_file are both set; keep one";
        let secret = secret.map_err(|wrong| ("client_secret_env", wrong.problem(both)))?;
        let (variable, file) = (plan.access_token_env.take(), plan.access_token_file.take());
        let keys = "access_token_env or access_token_file";
        let token = SecretSource::of("access token", keys, variable, file, home);
        let both = "and access_token_file are both set; keep one";
        let token = token.map_err(|wrong| ("access_token_env", wrong.problem(both)))?;
        match (plan.grant, &token) {
            (Grant::Token, None) => {
                return problem(
                    "access_token_file",
                    "is missing: grant = \"token\" sends the token in it, or in the variable that \
                     access_token_env names",
                );
            }
            (Grant::Token, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                return problem(
                    "access_token_file",
                    "is set, but belongs to grant = \"token\" alone",
                );
            }
        }
        let signs = plan.token_auth == TokenAuth::PrivateKeyJwt;
        match (signs, &plan.client_key_file, &secret) {
            (true, None, _) => problem(
                "client_key_file",
                "is missing: token_auth = \"private_key_jwt\" signs with the key in it",
            ),
            (true, Some(_), Some(_)) => {
                problem("token_auth", "is \"private_key_jwt\", which needs no client secret")
            }
            (false, Some(_), _) => problem(
                "client_key_file",
                "is set, but belongs to token_auth = \"private_key_jwt\" alone",
            ),
            (false, None, _) if plan.client_key_id.is_some() => {
                problem("client_key_id", "is set, but client_key_file names no key")
            }
            (false, None, None) if plan.token_auth == TokenAuth::Basic => problem(
                "token_auth",
                "is \"basic\", which sends a client secret, but no secret is configured; leave \
                 token_auth out, and the client sends its id alone",
            ),
            _ => {
                let id = plan.client_key_id.take();
                let given = plan.client_key_file.take();
                let key = given.map(|given| KeySource { path: home.join(&given), given, id });
                Ok(Credentials { secret, key, token })
            }
        }
    }

    pub(super) fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    pub(super) fn secret(&self, plan: &str) -> Result<Option<SecretString>, ConfigError> {
        self.secret.as_ref().map(|secret| secret.read(plan)).transpose()
    }

    pub(super) fn token(&self, plan: &str) -> Result<Option<FixedToken>, ConfigError> {
        let Some(source) = &self.token else { return Ok(None) };
        Ok(Some(FixedToken { token: source.read(plan)?, place: source.place() }))
    }

    pub(super) fn key_file(&self) -> Option<&Path> {
        self.key.as_ref().map(|key| key.path.as_path())
    }

    pub(super) fn key(&self, plan: &str) -> Result<Option<ClientKey>, ConfigError> {
        let Some(KeySource { given, path, id }) = &self.key else { return Ok(None) };
        let plan = || plan.to_owned();
        let pem = match credential(given) {
            Some(path) => read_credential(&path),
            None => read_secret_file(path),
        };
        let pem = pem.map_err(|source| ConfigError::KeyFile { plan: plan(), source })?;
        let key = ClientKey::from_pem(&pem, id.as_deref());
        key.map(Some).map_err(|source| ConfigError::Key { plan: plan(), source })
    }
}

/// The problem with keys about the consent page, under a grant without one.
const NOBODY_CONSENTS: &str = "is set, but no member consents under this plan's grant";

/// Refuses keys that the grant does not use, and requires the client's id if the grant needs it.
fn check_grant(plan: &Plan) -> Result<(), Problem> {
    let name = match plan.grant {
        Grant::None => "none",
        Grant::Token => "token",
        Grant::ClientCredentials if !plan.authorize_parameters.is_empty() => {
            return Err(("authorize_parameters", NOBODY_CONSENTS.to_owned()));
        }
        Grant::ClientCredentials if plan.response_mode.is_some() => {
            return Err(("response_mode", NOBODY_CONSENTS.to_owned()));
        }
        Grant::AuthorizationCode | Grant::ClientCredentials => {
            return match plan.client_id.as_deref().map(str::trim) {
                None => Err(("client_id", "is missing".to_owned())),
                Some("") => Err(("client_id", "is empty".to_owned())),
                Some(_) => Ok(()),
            };
        }
    };
    let set = [
        ("authorize_url", plan.authorize_url.is_some()),
        ("token_url", plan.token_url.is_some()),
        ("discovery_url", plan.discovery_url.is_some()),
        ("issuer", plan.issuer.is_some()),
        ("revocation_url", plan.revocation_url.is_some()),
        ("introspection_url", plan.introspection_url.is_some()),
        ("client_id", plan.client_id.is_some()),
        ("client_secret_env", plan.client_secret_env.is_some()),
        ("client_secret_file", plan.client_secret_file.is_some()),
        ("client_key_file", plan.client_key_file.is_some()),
        ("client_key_id", plan.client_key_id.is_some()),
        ("token_auth", plan.token_auth != TokenAuth::Post),
        ("audience", !matches!(plan.audience, Audience::Base(false))),
        ("redirect_url", plan.redirect_url.is_some()),
        ("scope", plan.scope.is_some()),
        ("authorize_parameters", !plan.authorize_parameters.is_empty()),
        ("response_mode", plan.response_mode.is_some()),
        ("token_format", plan.token_format != TokenFormat::Form),
        ("token_fields", !plan.token_fields.is_empty()),
        ("refresh_token_lifetime_minutes", plan.refresh_token_lifetime_minutes.is_some()),
    ];
    match set.into_iter().find(|(_, is_set)| *is_set) {
        Some((key, _)) => Err((key, format!("is set, and grant = \"{name}\" asks for no token"))),
        None => Ok(()),
    }
}
