//! Turns a code or a refresh token into a bearer (RFC 6749): client authentication, requests, answers.

mod client_auth;
pub(super) mod client_key;
mod decision;
pub(super) mod grant;
pub(super) mod grant_error;
pub(super) mod in_flight;
pub(super) mod introspect;
pub(super) mod origin_change;
pub(super) mod refresh_lock;
pub(super) mod revoke;
mod stopped;
pub(super) mod token_answer;
pub(super) mod token_error;
mod token_refusal;
pub(super) mod token_response;
pub(super) mod tokens;

#[cfg(test)]
mod tests;
