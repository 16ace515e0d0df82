//! The registration of our client at a plan.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ClientKey, Issuer, TypedUrl, form_encoded::escaped};
use crate::http::{BodyFormat, Origin, OriginError, OriginHeaders};

/// Our registration as a client of one plan.
///
/// `Debug` shows everything but secrets.
#[derive(Clone, Debug)]
pub struct ClientRegistration {
    /// The plan's name in the configuration.
    pub plan: String,
    /// Where a member consents; needed for [`GrantKind::AuthorizationCode`] only.
    pub authorize_url: Option<Url>,
    /// The authorization server, if the configuration or the server's metadata names it.
    pub issuer: Option<Issuer>,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: Url,
    /// Whether `token_url` comes from the plan's discovery document. Then the first connect pins its origin.
    pub token_url_is_discovered: bool,
    /// The FHIR base; tokens are for its origin.
    pub fhir_url: Url,
    /// The client id.
    pub client_id: String,
    /// The client secret; public clients have none.
    pub client_secret: Option<SecretString>,
    /// The private key of [`TokenAuth::PrivateKeyJwt`].
    pub client_key: Option<ClientKey>,
    /// Where the browser returns to; must be registered with the plan exactly as typed here.
    pub redirect_url: TypedUrl,
    /// The scopes to ask for, separated by spaces; `None` leaves the choice to the plan.
    pub scope: Option<String>,
    /// Whether to prove with PKCE (RFC 7636, S256) that code and request belong together.
    pub pkce: bool,
    /// The FHIR base as typed, if it is sent as `aud` (SMART App Launch 2.0, section 2.1).
    pub audience: Option<String>,
    /// Whether the token request repeats `redirect_uri` (RFC 6749, section 4.1.3).
    pub send_redirect_uri: bool,
    /// Further parameters of the authorize request, such as `prompt=consent`.
    pub extra_authorize_params: Vec<(String, String)>,
    /// How the client authenticates at the token endpoint.
    pub token_auth: TokenAuth,
    /// The OAuth grant type.
    pub grant: GrantKind,
    /// The access token of [`GrantKind::Token`].
    pub fixed_token: Option<FixedToken>,
    /// What each request to the FHIR server carries.
    pub requests: RequestSettings,
    /// How the plan returns the answer to the authorize request; `None` leaves the choice to the plan.
    pub response_mode: Option<ResponseMode>,
    /// How requests to the token endpoint are written.
    pub token_requests: TokenRequests,
    /// The endpoint that tells when a refresh token, and with it the consent, ends (RFC 7662).
    pub introspection_url: Option<Url>,
    /// Who names the Patient of a consent.
    pub patient_from: PatientFrom,
}

/// Who names the Patient of a consent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PatientFrom {
    /// The token answer (SMART App Launch 2.0), else the only Patient that the plan serves.
    #[default]
    Token,
    /// The FHIR server's `$userinfo`, if the token answer does not name the Patient.
    UserInfo,
    /// A claim of the id_token that comes with the token answer.
    IdToken {
        /// The claim to read; `None` reads `patient`, else `fhirUser`.
        claim: Option<String>,
    },
}

/// How the answer to an authorize request comes (OAuth 2.0 Multiple Response Types, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect.
    Query,
    /// After the `#` of the redirect, which a browser keeps to itself.
    Fragment,
    /// As a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// The value of the parameter `response_mode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

/// How requests to a token endpoint are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRequests {
    /// Whether fields are sent as a form or as JSON.
    pub format: BodyFormat,
    /// The plan's names of fields, keyed by OAuth's names.
    pub names: BTreeMap<String, String>,
}

impl TokenRequests {
    /// The plan's name for a field.
    pub(super) fn name<'a>(&'a self, field: &'a str) -> &'a str {
        self.names.get(field).map_or(field, String::as_str)
    }
}

/// An access token that the configuration gives.
#[derive(Clone, Debug)]
pub struct FixedToken {
    /// The token.
    pub token: SecretString,
    /// Where the token is configured, in words for people.
    pub place: String,
}

/// What each request to the FHIR server carries.
#[derive(Clone, Debug, Default)]
pub struct RequestSettings {
    /// The `Accept` header; `None` stands for FHIR's JSON.
    pub accept: Option<String>,
    /// More headers.
    pub headers: Option<OriginHeaders>,
    /// Whether cookies of the FHIR server are sent back to it.
    pub cookies: bool,
    /// FHIR bases of the resource types that have their own, all at the origin of the plan's FHIR base.
    pub bases: BTreeMap<String, Url>,
}

/// How a client authenticates at the token endpoint (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenAuth {
    /// Id and secret as form fields, as 1upHealth documents it.
    #[default]
    Post,
    /// HTTP Basic, as Blue Button and Humana want it.
    Basic,
    /// An assertion signed with our private key, as Epic wants it (RFC 7523, section 2.2).
    PrivateKeyJwt,
}

/// Where a grant comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantKind {
    /// A member consents in the browser (RFC 6749, section 4.1).
    #[default]
    AuthorizationCode,
    /// The client asks for itself (RFC 6749, section 4.4).
    ClientCredentials,
    /// Nobody grants anything: the server is open.
    None,
    /// The configuration holds an access token.
    Token,
}

impl GrantKind {
    /// Whether tokens come from a token endpoint, and live in the vault.
    pub fn has_endpoint(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::ClientCredentials)
    }
}

impl ClientRegistration {
    /// The FHIR base of a resource type.
    pub fn base_of(&self, resource_type: &str) -> &Url {
        self.requests.bases.get(resource_type).unwrap_or(&self.fhir_url)
    }

    /// The only origin the access token is sent to.
    pub fn fhir_origin(&self) -> Result<Origin, OriginError> {
        Origin::of(&self.fhir_url)
    }

    /// The only origin the refresh token is sent to.
    pub fn token_origin(&self) -> Result<Origin, OriginError> {
        Origin::of(&self.token_url)
    }

    /// Adds parameters to the authorize request; they replace those of the same name.
    pub fn set_authorize_params(&mut self, params: &[(String, String)]) {
        let is_kept = |(name, _): &(String, String)| params.iter().all(|(own, _)| own != name);
        self.extra_authorize_params.retain(is_kept);
        self.extra_authorize_params.extend_from_slice(params);
    }

    /// The client secret, alone and joined with the client id as in HTTP Basic.
    pub(super) fn secrets(&self) -> Vec<SecretString> {
        let Some(secret) = &self.client_secret else { return Vec::new() };
        let pair = format!("{}:{}", self.client_id, secret.expose_secret());
        let escaped = format!("{}:{}", escaped(&self.client_id), escaped(secret.expose_secret()));
        vec![secret.clone(), pair.into(), escaped.into()]
    }

    /// A registration at a server on this machine.
    #[cfg(test)]
    pub(crate) fn at(base: &str) -> Self {
        let url = |path: &str| Url::parse(&format!("{base}{path}")).unwrap();
        Self {
            plan: "acme".into(),
            authorize_url: Some(url("/authorize/test")),
            issuer: None,
            token_url: url("/token"),
            token_url_is_discovered: false,
            fhir_url: url("/r4"),
            client_id: "client-1".into(),
            client_secret: Some("client-secret-1".into()),
            client_key: None,
            redirect_url: TypedUrl::parse("http://127.0.0.1:9999/callback").unwrap(),
            scope: Some("patient/*.read".into()),
            pkce: true,
            audience: None,
            send_redirect_uri: true,
            extra_authorize_params: Vec::new(),
            token_auth: TokenAuth::Post,
            grant: GrantKind::AuthorizationCode,
            fixed_token: None,
            requests: RequestSettings::default(),
            response_mode: None,
            token_requests: TokenRequests::default(),
            introspection_url: None,
            patient_from: PatientFrom::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", ClientRegistration::at("https://h"));
        assert!(!shown.contains("client-secret-1"), "{shown}");
    }
}
