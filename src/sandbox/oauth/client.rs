//! How the client authenticates at the token endpoint.

use super::{assertion::is_signed, refused::Refused};
use crate::sandbox::{
    like::Client,
    pairs::Pairs,
    registered::{CLIENT_ID, CLIENT_SECRET},
    state::State,
};
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const MISSING: Refused =
    Refused("invalid_client", "Invalid client: cannot retrieve client credentials");
const WRONG: Refused = Refused("invalid_client", "Invalid client: client is invalid");

/// Checks that the client is the registered one, in the way that the platform demands.
pub(super) fn authenticate(
    state: &State,
    headers: &HeaderMap,
    pairs: &Pairs,
) -> Result<(), Refused> {
    let id = pairs.get("client_id").map(str::to_string);
    let in_body = || Some((id.clone()?, pairs.get("client_secret")?.to_string()));
    let basic = basic_credentials(headers);
    let client = state.options.like.client();
    let credentials = match client {
        Client::Secret => basic.or_else(in_body),
        Client::Basic => basic,
        Client::Post => in_body(),
        Client::Public => match basic.or_else(in_body) {
            None if id.as_deref() == Some(CLIENT_ID) => return Ok(()),
            credentials => credentials,
        },
        Client::Assertion => {
            // Any mistake in the signature is refused without an explanation (documented of Epic).
            let is_known = pairs.get("client_assertion").is_some_and(|it| is_signed(state, it));
            return if is_known { Ok(()) } else { Err(Refused("invalid_client", "")) };
        }
    };
    let (id, secret) = credentials.ok_or(MISSING)?;
    if id == CLIENT_ID && secret == CLIENT_SECRET { Ok(()) } else { Err(WRONG) }
}

pub(super) fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let encoded = value.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client, secret) = decoded.split_once(':')?;
    Some((client.to_string(), secret.to_string()))
}
