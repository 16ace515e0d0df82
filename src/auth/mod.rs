//! Consent and tokens: from a member's consent in the browser to a bearer token, as long as the consent
//! lasts.
//!
//! The rooms: `consent` asks a member, `token` talks to the token endpoint, `vault` keeps the tokens.
//! [`AuthorizeRequest`] asks for consent, [`CallbackListener`] catches the answer, [`exchange`]
//! turns it into a [`StoredGrant`], the [`Vault`] keeps that encrypted, and [`Tokens`] is the
//! one way from there to a [`Bearer`](crate::http::Bearer).
//!
//! This module knows nothing of FHIR or the warehouse and never shows a token. Nobody can use an access
//! token before the refresh token that came with it is on disk.

mod consent;
mod form_encoded;
mod random;
mod registration;
mod server_words;
mod token;
mod typed_url;
mod vault;

pub use consent::answer::ExpectedAnswer;
pub use consent::authorize::AuthorizeRequest;
pub use consent::authorize_error::AuthorizeError;
pub use consent::callback::{CallbackError, CallbackListener};
pub use consent::connect::{Redirected, exchange};
pub use consent::discovery::{DiscoveryError, Endpoints, discover, discovery_url};
pub use consent::issuer::Issuer;
pub use registration::{
    ClientRegistration, FixedToken, GrantKind, PatientFrom, RequestSettings, ResponseMode,
    TokenAuth, TokenRequests,
};
pub use token::client_key::{ClientKey, ClientKeyError, KeyAlgorithm};
pub use token::grant::{client_credentials, exchange_code, refresh};
pub use token::grant_error::GrantError;
pub use token::in_flight::finish_refreshes;
use token::origin_change::OriginChange;
pub use token::origin_change::require_known_token_origin;
pub use token::refresh_lock::{RefreshTurn, refresh_turn};
pub use token::revoke::{RevokeError, forget, revoke};
pub(crate) use token::token_answer::patient_id;
pub use token::token_error::TokenError;
pub use token::token_response::TokenResponse;
pub use token::tokens::{ConnectionKey, Tokens};
pub use typed_url::TypedUrl;
pub use vault::Vault;
pub use vault::derived_key::derived_key;
pub use vault::key::GivenKey;
pub use vault::stored_grant::{ConsentState, StoredGrant};
pub use vault::vault_error::VaultError;
