//! The demo with a payer that plays another platform's rules, and with the preset that is made for them.

use super::{home, sandbox};
use crate::{
    auth::{ClientKey, KeyAlgorithm},
    commands::failure::Failure,
    sandbox::{Like, Sandbox},
};
use secrecy::ExposeSecret;
use std::path::Path;

/// What the payer calls itself. Its port is another one each time, and what it says must not be.
pub(super) const NAMED_ORIGIN: &str = "https://api.sandbox.example";

/// The public keys of a client that must sign; its private key is where the preset has it.
pub(super) fn client_keys(folder: &Path, like: Like) -> Result<Option<String>, Failure> {
    let Some(preset) = like.preset().filter(|_| like.wants_key()) else { return Ok(None) };
    let failed = |error| Failure::usage("cannot make a key", error);
    let pem = ClientKey::generate(KeyAlgorithm::Es384).map_err(failed)?;
    let key = ClientKey::from_pem(&pem, None).map_err(failed)?;
    home::write_private(&folder.join(format!("{preset}.pem")), pem.expose_secret())?;
    Ok(Some(key.key_set().to_string()))
}

/// The preset's section, pointed at the payer.
pub(super) fn section(like: Like, preset: &str, payer: &Sandbox) -> Result<String, Failure> {
    let mut origins = vec![NAMED_ORIGIN];
    origins.extend(like.other_origins());
    let mut more = format!("proxied_origins = {origins:?}\nrequests_per_second = 1000\n");
    if !like.is_open() {
        more.push_str("redirect_url = \"http://127.0.0.1:0/callback\"\n");
    }
    sandbox::preset_section(like, preset, payer, &more)
}
