//! The demo with `--like`: the payer follows another platform's rules, and the plan uses that platform's
//! preset.

use super::{home, sandbox};
use crate::{
    auth::{ClientKey, KeyAlgorithm},
    commands::failure::Failure,
    sandbox::{Like, Sandbox},
};
use secrecy::ExposeSecret;
use std::path::Path;

/// The address that the payer gives itself in its answers.
///
/// The address is fixed, because the payer's port differs on each run and its answers must stay the same.
pub(super) const NAMED_ORIGIN: &str = "https://api.sandbox.example";

/// Makes the client's key if the platform requires one, and returns the public part.
///
/// The private key is written to the file that the preset names.
pub(super) fn client_keys(folder: &Path, like: Like) -> Result<Option<String>, Failure> {
    let Some(preset) = like.preset().filter(|_| like.wants_key()) else { return Ok(None) };
    let failed = |error| Failure::usage("cannot make a key", error);
    let pem = ClientKey::generate(KeyAlgorithm::Es384).map_err(failed)?;
    let key = ClientKey::from_pem(&pem, None).map_err(failed)?;
    home::write_private(&folder.join(format!("{preset}.pem")), pem.expose_secret())?;
    Ok(Some(key.key_set().to_string()))
}

/// The section of the preset, with its addresses replaced by the payer's.
pub(super) fn section(like: Like, preset: &str, payer: &Sandbox) -> Result<String, Failure> {
    let mut origins = vec![NAMED_ORIGIN];
    origins.extend(like.other_origins());
    let mut more = format!("proxied_origins = {origins:?}\nrequests_per_second = 1000\n");
    if !like.is_open() {
        more.push_str("redirect_url = \"http://127.0.0.1:0/callback\"\n");
    }
    sandbox::preset_section(like, preset, payer, &more)
}
