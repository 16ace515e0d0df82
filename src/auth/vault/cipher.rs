//! The vault's cipher: XChaCha20-Poly1305 with a random nonce per value.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::auth::random::{self, RandomError};

/// The first byte of a sealed value; another cipher would get another number.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Encrypts values. Each value is bound to its place, such as a column of a row, and opens only there.
pub(crate) struct Cipher(XChaCha20Poly1305);

/// A key of the cipher, wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

impl Cipher {
    pub(crate) fn new(key: &Key) -> Self {
        Self(XChaCha20Poly1305::new(&(**key).into()))
    }

    /// Seals `plain` for `place`: version, nonce, ciphertext and tag. `None` if `plain` is too long.
    pub(crate) fn seal(&self, place: &[u8], plain: &[u8]) -> Result<Option<Vec<u8>>, RandomError> {
        // 192 random bits do not repeat, however often tokens rotate.
        let nonce = random::bytes::<NONCE_BYTES>()?;
        let payload = Payload { msg: plain, aad: place };
        let Ok(sealed) = self.0.encrypt(&XNonce::from(*nonce), payload) else { return Ok(None) };
        Ok(Some([&[VERSION], &nonce[..], &sealed].concat()))
    }

    /// The value that was sealed at `place`; `None` if key, place or value differ.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) =
            sealed.strip_prefix(&[VERSION])?.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: place };
        self.0.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(byte: u8) -> Cipher {
        Cipher::new(&Zeroizing::new([byte; 32]))
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_with_its_key_only() {
        let sealed = cipher(1).seal(b"here", b"token").unwrap().unwrap();
        assert_eq!(cipher(1).open(b"here", &sealed).unwrap()[..], b"token"[..]);
        assert!(cipher(1).open(b"there", &sealed).is_none());
        assert!(cipher(2).open(b"here", &sealed).is_none());
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let sealed = cipher(1).seal(b"here", b"token").unwrap().unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(cipher(1).open(b"here", &changed).is_none(), "byte {index}");
            assert!(cipher(1).open(b"here", &sealed[..index]).is_none(), "length {index}");
        }
    }

    #[test]
    fn the_same_token_never_looks_the_same() {
        let one = cipher(1).seal(b"here", b"token").unwrap();
        assert_ne!(one, cipher(1).seal(b"here", b"token").unwrap());
    }
}
