//! Consent and tokens: from a member's yes in the browser to a bearer, for as long as it lasts.
//!
//! It never knows what FHIR or the warehouse is, never shows a token, and never lets anybody use
//! an access token before the refresh token that came with it is on disk.

mod private_file;
mod random;
mod stored_grant;
mod vault;
mod vault_cipher;
mod vault_error;
mod vault_key;
mod vault_row;

pub use stored_grant::{ConsentState, StoredGrant};
pub use vault::Vault;
pub use vault_error::VaultError;

#[cfg(test)]
mod vault_tests;
