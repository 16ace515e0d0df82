//! A client's private key, and what it signs: assertions in place of a client secret (RFC 7523, section
//! 2.2; SMART App Launch 2.0, "Client Authentication: Asymmetric").
//!
//! A key signs with RS384 or ES384, the two algorithms that SMART asks every server to accept. An assertion
//! is good for one request, for four minutes. No part of the key appears in an error, a log or `Debug`.

use crate::{auth::random, clock::Clock};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA384},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{fmt, sync::Arc};
use url::Url;
use zeroize::Zeroizing;

/// How long an assertion is good for, in seconds; SMART allows five minutes, and clocks differ.
const LIFETIME_SECONDS: i64 = 240;
/// The type of assertion that a token request names (RFC 7523, section 2.2).
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// ECDSA with P-384 and SHA-384.
    Es384,
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientKeyError {
    /// The file has no PEM block with a private key.
    #[error("it holds no private key in PEM")]
    NotPem,
    /// The key is encrypted.
    #[error("its key is encrypted with a passphrase, which an unattended run cannot type")]
    Encrypted,
    /// The key is of another kind.
    #[error("its key is neither RSA of 2048 bits or more nor EC on the curve P-384")]
    NotSupported,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

/// Our private key, whose public part a plan knows.
#[derive(Clone)]
pub struct ClientKey(Arc<Inner>);

struct Inner {
    pair: Pair,
    id: String,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKey").field("id", &self.0.id).finish_non_exhaustive()
    }
}

impl ClientKey {
    /// Reads a key from PEM: PKCS #8, or what openssl calls `RSA PRIVATE KEY` and `EC PRIVATE KEY`.
    ///
    /// `id` becomes the key's `kid`; without an `id`, the key's thumbprint does (RFC 7638).
    ///
    /// # Errors
    /// See [`ClientKeyError`].
    pub fn from_pem(pem: &SecretString, id: Option<&str>) -> Result<ClientKey, ClientKeyError> {
        let (label, der) = private_block(pem.expose_secret())?;
        let rsa = |key: Result<RsaKeyPair, _>| key.map(Pair::Rsa).ok();
        let ec = |key: Result<EcdsaKeyPair, _>| key.map(Pair::Ec).ok();
        let curve = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let pair = match label.as_str() {
            "ENCRYPTED PRIVATE KEY" => return Err(ClientKeyError::Encrypted),
            "RSA PRIVATE KEY" => rsa(RsaKeyPair::from_der(&der)),
            "EC PRIVATE KEY" => ec(EcdsaKeyPair::from_private_key_der(curve, &der)),
            _ => rsa(RsaKeyPair::from_pkcs8(&der))
                .or_else(|| ec(EcdsaKeyPair::from_pkcs8(curve, &der))),
        };
        let pair = pair.ok_or(ClientKeyError::NotSupported)?;
        let id = id.map_or_else(|| thumbprint(&pair), str::to_owned);
        Ok(ClientKey(Arc::new(Inner { pair, id })))
    }

    /// Makes a key, as PEM (PKCS #8).
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<SecretString, ClientKeyError> {
        let none = |_| ClientKeyError::NoRandomness;
        let der = match algorithm {
            KeyAlgorithm::Rs384 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(none)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(none)?;
                Zeroizing::new(der.as_ref().to_vec())
            }
            KeyAlgorithm::Es384 => {
                let pair =
                    EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(none)?;
                Zeroizing::new(pair.to_pkcs8v1().map_err(none)?.as_ref().to_vec())
            }
        };
        let text = Zeroizing::new(STANDARD.encode(&*der));
        let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok(pem.into())
    }

    /// The algorithm by which the key signs.
    pub fn algorithm(&self) -> KeyAlgorithm {
        match self.0.pair {
            Pair::Rsa(_) => KeyAlgorithm::Rs384,
            Pair::Ec(_) => KeyAlgorithm::Es384,
        }
    }

    /// The public part as a JSON Web Key Set (RFC 7517), to be registered with the plan.
    pub fn key_set(&self) -> Value {
        let mut key = public_part(&self.0.pair);
        key["kid"] = json!(self.0.id);
        key["alg"] = json!(self.algorithm().name());
        key["use"] = json!("sig");
        key["key_ops"] = json!(["verify"]);
        json!({ "keys": [key] })
    }

    /// An assertion that we are the client, for one request to the token endpoint.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn assertion(
        &self,
        client_id: &str,
        token_url: &Url,
        clock: &Clock,
    ) -> Result<SecretString, ClientKeyError> {
        let header = json!({ "alg": self.algorithm().name(), "kid": self.0.id, "typ": "JWT" });
        let now = clock.now().timestamp();
        let unique = random::text().map_err(|_| ClientKeyError::NoRandomness)?;
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": token_url.as_str(),
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": unique,
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ClientKeyError> {
        let (random, none) = (SystemRandom::new(), |_| ClientKeyError::NoRandomness);
        match &self.0.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA384, &random, message, &mut signature).map_err(none)?;
                Ok(signature)
            }
            Pair::Ec(pair) => Ok(pair.sign(&random, message).map_err(none)?.as_ref().to_vec()),
        }
    }
}

impl KeyAlgorithm {
    /// The algorithm's name in a JSON Web Key (RFC 7518).
    pub fn name(self) -> &'static str {
        match self {
            KeyAlgorithm::Rs384 => "RS384",
            KeyAlgorithm::Es384 => "ES384",
        }
    }
}

/// The label and the bytes of the first PEM block that is a private key.
fn private_block(pem: &str) -> Result<(String, Zeroizing<Vec<u8>>), ClientKeyError> {
    const BEGIN: &str = "-----BEGIN ";
    let mut rest = pem;
    while let Some(start) = rest.find(BEGIN) {
        let block = &rest[start + BEGIN.len()..];
        let (label, body) = block.split_once("-----").ok_or(ClientKeyError::NotPem)?;
        let end = format!("-----END {label}-----");
        let (body, after) = body.split_once(&end).ok_or(ClientKeyError::NotPem)?;
        if label.ends_with("PRIVATE KEY") {
            if body.contains("ENCRYPTED") {
                return Err(ClientKeyError::Encrypted);
            }
            let text = body.split_ascii_whitespace().collect::<String>();
            let text = Zeroizing::new(text);
            let der = STANDARD.decode(text.as_bytes()).map_err(|_| ClientKeyError::NotPem)?;
            return Ok((label.to_owned(), Zeroizing::new(der)));
        }
        // openssl writes a block with the curve's parameters before the key.
        rest = after;
    }
    Err(ClientKeyError::NotPem)
}

/// The required members of the public key; a thumbprint is made of these alone (RFC 7638).
fn public_part(pair: &Pair) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match pair {
        Pair::Rsa(pair) => {
            let public = pair.public_key();
            let number = |bytes: &[u8]| text(bytes);
            json!({
                "kty": "RSA",
                "n": number(public.modulus().big_endian_without_leading_zero()),
                "e": number(public.exponent().big_endian_without_leading_zero()),
            })
        }
        Pair::Ec(pair) => {
            // The first byte says that both coordinates follow (SEC 1, section 2.3.3).
            let point = pair.public_key().as_ref();
            let (x, y) = point[1..].split_at((point.len() - 1) / 2);
            json!({ "kty": "EC", "crv": "P-384", "x": text(x), "y": text(y) })
        }
    }
}

/// SHA-256 of the required members in the order of their names (RFC 7638).
fn thumbprint(pair: &Pair) -> String {
    // serde_json keeps the members of an object sorted.
    URL_SAFE_NO_PAD.encode(Sha256::digest(public_part(pair).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{
        ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey,
    };

    fn key(algorithm: KeyAlgorithm) -> ClientKey {
        ClientKey::from_pem(&ClientKey::generate(algorithm).unwrap(), None).unwrap()
    }

    #[test]
    fn an_assertion_says_who_asks_where_and_until_when_and_its_signature_holds() {
        let clock = Clock::from_fn(|| chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let url = Url::parse("https://h/token").unwrap();
        for algorithm in [KeyAlgorithm::Rs384, KeyAlgorithm::Es384] {
            let key = key(algorithm);
            let assertion = key.assertion("client-1", &url, &clock).unwrap();
            let parts: Vec<&str> = assertion.expose_secret().split('.').collect();
            let json = |part: &str| -> Value {
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
            };
            let (header, claims) = (json(parts[0]), json(parts[1]));
            assert_eq!(header["alg"], algorithm.name());
            assert_eq!(header["kid"], key.key_set()["keys"][0]["kid"]);
            for (name, value) in
                [("iss", "client-1"), ("sub", "client-1"), ("aud", "https://h/token")]
            {
                assert_eq!(claims[name], value);
            }
            assert_eq!(claims["exp"], 1_800_000_000 + LIFETIME_SECONDS);
            let other = key.assertion("client-1", &url, &clock).unwrap();
            let other = json(other.expose_secret().split('.').nth(1).unwrap());
            assert_ne!(claims["jti"], other["jti"]);
            let message = format!("{}.{}", parts[0], parts[1]);
            let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
            let verified = match &key.0.pair {
                Pair::Rsa(pair) => {
                    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA384, pair.public_key().as_ref())
                        .verify(message.as_bytes(), &signature)
                }
                Pair::Ec(pair) => {
                    assert_eq!(signature.len(), 96);
                    UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, pair.public_key().as_ref())
                        .verify(message.as_bytes(), &signature)
                }
            };
            assert!(verified.is_ok());
        }
    }

    #[test]
    fn the_public_part_has_nothing_private_and_debug_shows_no_key() {
        for algorithm in [KeyAlgorithm::Rs384, KeyAlgorithm::Es384] {
            let pem = ClientKey::generate(algorithm).unwrap();
            let key = ClientKey::from_pem(&pem, Some("mine")).unwrap();
            let set = key.key_set();
            let members = set["keys"][0].as_object().unwrap();
            let names: Vec<&str> = members.keys().map(String::as_str).collect();
            let expected = match algorithm {
                KeyAlgorithm::Rs384 => vec!["alg", "e", "key_ops", "kid", "kty", "n", "use"],
                KeyAlgorithm::Es384 => vec!["alg", "crv", "key_ops", "kid", "kty", "use", "x", "y"],
            };
            assert_eq!(names, expected);
            assert_eq!(members["kid"], "mine");
            assert_eq!(format!("{key:?}"), "ClientKey { id: \"mine\", .. }");
        }
    }

    #[test]
    fn what_is_no_key_is_told_apart() {
        let refused = |pem: &str| ClientKey::from_pem(&pem.into(), None).unwrap_err();
        assert_eq!(refused(""), ClientKeyError::NotPem);
        assert_eq!(
            refused("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"),
            ClientKeyError::NotPem
        );
        assert_eq!(
            refused(
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----"
            ),
            ClientKeyError::Encrypted
        );
        assert_eq!(
            refused("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----"),
            ClientKeyError::NotSupported
        );
        let whole = ClientKey::generate(KeyAlgorithm::Es384).unwrap();
        let cut = &whole.expose_secret()[..100];
        assert_eq!(refused(cut), ClientKeyError::NotPem);
    }
}
