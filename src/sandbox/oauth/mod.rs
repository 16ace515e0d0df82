//! The payer's authorization server: consent page, codes, tokens.

mod assertion;
pub(super) mod authorize;
mod client;
pub(super) mod grants;
mod page;
mod refused;
pub(super) mod token;
