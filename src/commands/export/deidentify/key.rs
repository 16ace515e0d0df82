//! The secret of a de-identified export, which makes its pseudonyms and date shifts.
//!
//! It is random for each export, or kept in a file so that several exports can be joined.

use crate::{commands::failure::Failure, config::read_secret_file, own_file};
use aws_lc_rs::hmac;
use secrecy::ExposeSecret;
use std::{io, path::Path};
use zeroize::Zeroizing;

/// The shortest secret, in characters: 256 bits in hexadecimal digits.
const CHARACTERS: usize = 64;
/// The letters of a pseudonym, each for four bits.
///
/// Digits are left out, since a spreadsheet might compute with them, and vowels, since they would make words.
const LETTERS: &[u8; 16] = b"bcdfghjklmnpqrst";
/// The number of bytes of the hash in a pseudonym: 128 bits.
const SHOWN: usize = 16;

/// What a note in the key file begins with: `shift CONNECTION FIRST`. Notes follow the secret.
pub(super) const NOTE: &str = "shift ";

/// The secret that makes pseudonyms and date shifts.
pub(super) struct Secret(hmac::Key);

impl Secret {
    /// A random secret, which nobody knows once the export is done.
    pub(super) fn of_this_export() -> Result<Secret, Failure> {
        let secret = random().map_err(|error| {
            let hint = "the operating system gives no random bytes; try again";
            Failure::file("cannot make a secret".to_owned(), error, hint)
        })?;
        Ok(Secret::new(secret.as_bytes()))
    }

    /// The secret in a file; the file is made if it is missing.
    pub(super) fn of_file(path: &Path) -> Result<Secret, Failure> {
        let failed = |error| {
            let hint = "name a file in a folder that exists and is yours";
            Failure::file(format!("cannot make the key file {}", path.display()), error, hint)
        };
        // An existing key may be in a folder that is closed to writing, so nothing is written beside it.
        if path.symlink_metadata().is_err() {
            let secret = random().map_err(failed)?;
            let line = Zeroizing::new(format!("{}\n", secret.as_str()));
            match own_file::create_whole(path, line.as_bytes()) {
                Ok(()) => return Ok(Secret::new(secret.as_bytes())),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let secret = read_secret_file(path).map_err(|error| {
            let hint = error.hint();
            Failure::usage("the key file cannot be used", error).hint(hint)
        })?;
        let secret = secret_in(secret.expose_secret());
        if secret.len() < CHARACTERS {
            return Err(Failure::misuse(format!(
                "{} is not a key: it has fewer than {} characters",
                path.display(),
                CHARACTERS
            ))
            .hint("name a file that does not exist yet: a key is written to it"));
        }
        Ok(Secret::new(secret.as_bytes()))
    }

    fn new(bytes: &[u8]) -> Secret {
        Secret(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The pseudonym of an id: the same for the same id.
    ///
    /// Without the secret, nothing leads back to the id (HMAC-SHA-256, RFC 2104).
    pub(super) fn pseudonym(&self, id: &str) -> String {
        let hash = self.hash("id", id);
        let shown = hash.as_ref().iter().take(SHOWN);
        shown.flat_map(|byte| [byte >> 4, byte & 15]).map(letter).collect()
    }

    /// The number of days by which the dates of a member are shifted: 1 to 365.
    pub(super) fn days(&self, member: &str) -> u64 {
        let hash = self.hash("days", member);
        let number =
            hash.as_ref().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        number % 365 + 1
    }

    fn hash(&self, purpose: &str, what: &str) -> hmac::Tag {
        hmac::sign(&self.0, format!("{purpose}\0{what}").as_bytes())
    }
}

/// The secret in the text of a key file.
fn secret_in(text: &str) -> &str {
    let notes = text.find(&format!("\n{NOTE}")).unwrap_or(text.len());
    text[..notes].trim()
}

fn letter(half: u8) -> char {
    char::from(LETTERS[usize::from(half)])
}

/// 256 random bits in hexadecimal digits.
fn random() -> io::Result<Zeroizing<String>> {
    (0..4).map(|_| own_file::random_name()).collect::<io::Result<String>>().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_pseudonym_per_secret_and_none_shows_it() {
        let (one, other) = (Secret::new(b"one"), Secret::new(b"other"));
        assert_eq!(one.pseudonym("Patient-1"), one.pseudonym("Patient-1"));
        assert_ne!(one.pseudonym("Patient-1"), one.pseudonym("Patient-2"));
        assert_ne!(one.pseudonym("Patient-1"), other.pseudonym("Patient-1"));
        assert_eq!(one.pseudonym("").len(), 2 * SHOWN);
        assert!(one.pseudonym("1").bytes().all(|byte| LETTERS.contains(&byte)));
        assert!((0..99).all(|n| (1..=365).contains(&one.days(&n.to_string()))));
    }
}
