//! The payer's authorization server: consent page, codes, tokens.

pub(super) mod authorize;
pub(super) mod grants;
mod page;
pub(super) mod token;
