//! Why a copy cannot be encrypted or decrypted.

use std::{io, path::PathBuf};

/// Why a key cannot be used, or an encrypted copy does not open. Never shows a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A text is not a recipient.
    #[error("recipient {position} is not an age recipient")]
    NotARecipient {
        /// The recipient's number among those given, from 1.
        position: usize,
    },
    /// A line of an identity file is not an identity.
    #[error("line {line} of the identity file is not an age identity")]
    NotAnIdentity {
        /// The line's number, from 1.
        line: usize,
    },
    /// The identity file has no identity.
    #[error("the identity file holds no identity")]
    NoIdentity,
    /// The passphrase is empty.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The copy is encrypted, and no key of its kind was given.
    #[error("{} is encrypted {}", path.display(), with(*by_passphrase))]
    Sealed {
        /// The copy.
        path: PathBuf,
        /// Whether the copy is encrypted with a passphrase.
        by_passphrase: bool,
    },
    /// A key was given, and the copy is not encrypted.
    #[error("{} is not encrypted", path.display())]
    NotSealed {
        /// The copy.
        path: PathBuf,
    },
    /// The key belongs to another copy.
    #[error("this {} does not open {}", if *by_passphrase { "passphrase" } else { "identity" }, path.display())]
    WrongKey {
        /// The copy.
        path: PathBuf,
        /// Whether the key was a passphrase.
        by_passphrase: bool,
    },
    /// The copy was cut short or altered.
    #[error("{} is cut short or was altered", path.display())]
    Broken {
        /// The copy.
        path: PathBuf,
    },
    /// The copy is in a later version of the format.
    #[error("{} is of a later version of age's format", path.display())]
    UnknownFormat {
        /// The copy.
        path: PathBuf,
    },
    /// Trying the passphrase would take minutes or longer.
    #[error("{} demands a higher work factor for its passphrase than payersync accepts", path.display())]
    TooMuchWork {
        /// The copy.
        path: PathBuf,
    },
    /// The copy cannot be read from the disk.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The copy.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl SealError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            SealError::NotARecipient { .. } => {
                "a recipient begins with age1; `age-keygen -y` prints the recipient of an identity"
            }
            SealError::NotAnIdentity { .. } | SealError::NoIdentity => {
                "an identity begins with AGE-SECRET-KEY-1; `age-keygen` makes one"
            }
            SealError::EmptyPassphrase => {
                "the file's text is the passphrase, its line end left out"
            }
            SealError::Sealed { by_passphrase: true, .. } => {
                "name the file with its passphrase: --passphrase-file FILE"
            }
            SealError::Sealed { by_passphrase: false, .. } => {
                "name the file with an identity of one of its recipients: --identity FILE"
            }
            SealError::NotSealed { .. } => {
                "if the backup is meant to be in clear, leave out --identity and --passphrase-file"
            }
            SealError::WrongKey { .. } => {
                "nothing was restored; name the identity or passphrase of that backup"
            }
            SealError::Broken { .. } => {
                "nothing was restored; copy the backup here again, or take another backup"
            }
            SealError::UnknownFormat { .. } => "nothing was restored; use a newer payersync",
            SealError::TooMuchWork { .. } => "nothing was restored; payersync did not write this",
            SealError::Unreadable { .. } => {
                "check that this user can read the file, and that its disk works"
            }
        }
    }

    /// Whether the copy is damaged, rather than the key wrong or missing.
    pub fn is_damage(&self) -> bool {
        use SealError::{Broken, TooMuchWork, UnknownFormat, Unreadable};
        matches!(
            self,
            Broken { .. } | UnknownFormat { .. } | TooMuchWork { .. } | Unreadable { .. }
        )
    }
}

fn with(by_passphrase: bool) -> &'static str {
    match by_passphrase {
        true => "with a passphrase",
        false => "to age recipients",
    }
}
