//! Consent and tokens: from a member's yes in the browser to a bearer, for as long as it lasts.
//!
//! [`AuthorizeRequest`] asks for consent, [`CallbackListener`] catches the answer, [`exchange`]
//! turns it into a [`StoredGrant`], the [`Vault`] keeps that encrypted, and [`Tokens`] is the
//! one way from there to a [`Bearer`](crate::http::Bearer).
//!
//! It never knows what FHIR or the warehouse is, never shows a token, and never lets anybody use
//! an access token before the refresh token that came with it is on disk.

mod answer;
mod authorize;
mod callback;
mod client_auth;
mod client_key;
mod connect;
mod derived_key;
mod discovery;
mod grant;
mod grant_error;
mod in_flight;
mod origin_change;
mod private_file;
mod random;
mod refresh_lock;
mod registration;
mod revoke;
mod server_words;
mod start_page;
mod stored_grant;
mod token;
mod token_error;
mod token_refusal;
mod token_response;
mod tokens;
mod typed_url;
mod vault;
mod vault_cipher;
mod vault_error;
mod vault_key;
mod vault_row;
mod vault_schema;

pub use answer::{ExpectedAnswer, Issuer};
pub use authorize::{AuthorizeError, AuthorizeRequest};
pub use callback::{CallbackError, CallbackListener};
pub use client_key::{ClientKey, ClientKeyError, KeyAlgorithm};
pub use connect::{Redirected, exchange};
pub use derived_key::derived_key;
pub use discovery::{DiscoveryError, Endpoints, discover, discovery_url};
pub use grant::{client_credentials, exchange_code, refresh};
pub use grant_error::GrantError;
pub use in_flight::finish_refreshes;
use origin_change::OriginChange;
pub use origin_change::require_known_token_origin;
pub use registration::{
    ClientRegistration, FixedToken, GrantKind, RequestSettings, ResponseMode, TokenAuth,
    TokenRequests,
};
pub use revoke::{RevokeError, forget, revoke};
pub use stored_grant::{ConsentState, StoredGrant};
pub use token_error::TokenError;
pub use token_response::TokenResponse;
pub use tokens::{ConnectionKey, Tokens};
pub use typed_url::TypedUrl;
pub use vault::Vault;
pub use vault_error::VaultError;
pub use vault_key::GivenKey;

#[cfg(test)]
mod tokens_tests;
#[cfg(test)]
mod vault_tests;
