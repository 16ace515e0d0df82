//! Assertions that a client signs instead of sending a secret.
//!
//! Sources: RFC 7523, section 3; SMART App Launch 2.0, "Client Authentication: Asymmetric".

use crate::sandbox::{registered::CLIENT_ID, state::State};
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA384, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::Value;

/// The most seconds that an assertion may be valid for.
const LONGEST: i64 = 300;

/// Whether the assertion is valid.
///
/// It must be signed by the registered client, name the token endpoint, not be expired, and be used for the
/// first time.
pub(super) fn is_signed(state: &State, assertion: &str) -> bool {
    check(state, assertion).is_some()
}

fn check(state: &State, assertion: &str) -> Option<()> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let header: Value = serde_json::from_slice(&bytes(header)?).ok()?;
    let claims: Value = serde_json::from_slice(&bytes(claims)?).ok()?;
    let keys: Value = serde_json::from_str(state.options.client_keys.as_deref()?).ok()?;
    let key = keys["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?;
    verify(key, header["alg"].as_str()?, signed.as_bytes(), &bytes(signature)?)?;
    let now = Utc::now().timestamp();
    let is_for_us = claims["iss"] == CLIENT_ID
        && claims["sub"] == CLIENT_ID
        && claims["aud"] == format!("{}{}", state.origin, state.options.like.paths().token)
        && claims["exp"].as_i64().is_some_and(|end| (now..=now + LONGEST).contains(&end));
    let unique = claims["jti"].as_str()?;
    (is_for_us && state.is_first_use(unique)).then_some(())
}

/// Verifies a signature with a JSON Web Key (RFC 7518).
fn verify(key: &Value, algorithm: &str, message: &[u8], signature: &[u8]) -> Option<()> {
    let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str()?).ok();
    match (algorithm, key["kty"].as_str()?) {
        ("RS384", "RSA") => {
            let key = RsaPublicKeyComponents { n: number("n")?, e: number("e")? };
            key.verify(&RSA_PKCS1_2048_8192_SHA384, message, signature).ok()
        }
        ("ES384", "EC") => {
            let point = [vec![4], number("x")?, number("y")?].concat();
            UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature).ok()
        }
        _ => None,
    }
}
