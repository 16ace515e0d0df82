//! Encrypted copies, in the age format (<https://age-encryption.org/v1>).
//!
//! The only place that names `age`. It encrypts and decrypts streams, writes plain text only where its
//! caller says, and puts no recipient, identity or passphrase into an error.

use super::seal_error::SealError;
use crate::warehouse::error::WarehouseError;
use age::{DecryptError, Decryptor, EncryptError, Encryptor, scrypt, stream::StreamReader, x25519};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// How every version of an encrypted file begins.
const MAGIC: &[u8] = b"age-encryption.org/";
/// 2^18 rounds of scrypt, about a second; the `age` tool uses the same number.
const WORK: u8 = 18;
/// The most work that a passphrase may cost: 1 GiB of memory and some seconds, so that a hostile file
/// cannot exhaust the machine.
const MOST_WORK: u8 = 20;
/// The most bytes of a header, enough for two thousand recipients. A longer one could fill the memory.
const MOST_HEADER: u64 = 256 << 10;

/// The recipients who can decrypt a copy.
pub struct Seal(Vec<Box<dyn age::Recipient>>);

impl Seal {
    /// Seals for whoever has the identity of one of these recipients (`age1…`).
    ///
    /// # Errors
    /// A text is not a recipient, or no recipient is given.
    pub fn for_recipients(recipients: &[String]) -> Result<Seal, SealError> {
        if recipients.is_empty() {
            return Err(SealError::NotARecipient { position: 1 });
        }
        let parse = |(index, text): (usize, &String)| match text.trim().parse() {
            Ok(recipient) => Ok(Box::<x25519::Recipient>::new(recipient) as _),
            Err(_) => Err(SealError::NotARecipient { position: index + 1 }),
        };
        recipients.iter().enumerate().map(parse).collect::<Result<_, _>>().map(Seal)
    }

    /// Seals for whoever knows the passphrase; the last line end of its file is left out.
    ///
    /// # Errors
    /// The passphrase is empty.
    pub fn with_passphrase(file: &SecretString) -> Result<Seal, SealError> {
        let mut recipient = scrypt::Recipient::new(passphrase(file)?);
        recipient.set_work_factor(WORK);
        Ok(Seal(vec![Box::new(recipient)]))
    }

    /// Encrypts `head` and all of `plain` into `target` and makes it durable.
    pub(crate) fn write(&self, head: &[u8], plain: &mut dyn Read, target: File) -> io::Result<()> {
        let refused = |error: EncryptError| io::Error::other(error.to_string());
        let recipients = self.0.iter().map(|recipient| &**recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(refused)?;
        let mut sealed = encryptor.wrap_output(BufWriter::new(target))?;
        sealed.write_all(head)?;
        let mut buffer = buffer();
        loop {
            match plain.read(&mut buffer)? {
                0 => break,
                count => sealed.write_all(&buffer[..count])?,
            }
        }
        let target = sealed.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        target.sync_all()
    }
}

/// The key that opens an encrypted copy.
pub struct SealKey {
    identities: Vec<Box<dyn age::Identity>>,
    is_passphrase: bool,
}

impl SealKey {
    /// Reads the identities of an age identity file (`AGE-SECRET-KEY-1…`, one per line).
    ///
    /// # Errors
    /// A line is not an identity, or the file has no identity.
    pub fn from_identities(file: &SecretString) -> Result<SealKey, SealError> {
        let lines = file.expose_secret().lines().map(str::trim).enumerate();
        let mut identities: Vec<Box<dyn age::Identity>> = Vec::new();
        for (index, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let identity: x25519::Identity =
                line.parse().map_err(|_| SealError::NotAnIdentity { line: index + 1 })?;
            identities.push(Box::new(identity));
        }
        if identities.is_empty() {
            return Err(SealError::NoIdentity);
        }
        Ok(SealKey { identities, is_passphrase: false })
    }

    /// A passphrase as the key; the last line end of its file is left out.
    ///
    /// # Errors
    /// The passphrase is empty.
    pub fn from_passphrase(file: &SecretString) -> Result<SealKey, SealError> {
        let mut identity = scrypt::Identity::new(passphrase(file)?);
        identity.set_max_work_factor(MOST_WORK);
        Ok(SealKey { identities: vec![Box::new(identity)], is_passphrase: true })
    }
}

/// Whether a file is an encrypted copy, by its first bytes; false for a shorter file.
pub(crate) fn is_sealed(path: &Path) -> io::Result<bool> {
    let mut start = Vec::with_capacity(MAGIC.len());
    File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start == MAGIC)
}

/// Refuses a header without an end, since `age` reads the whole header before it checks anything.
fn require_an_end(file: &mut File, path: &Path) -> Result<(), WarehouseError> {
    let mut start = Vec::new();
    (&mut *file)
        .take(MOST_HEADER)
        .read_to_end(&mut start)
        .and_then(|_| file.rewind())
        .map_err(|error| broken(error, path))?;
    let end = b"\n--- ";
    match (start.len() as u64) < MOST_HEADER || start.windows(end.len()).any(|part| part == end) {
        true => Ok(()),
        false => Err(WarehouseError::Seal(SealError::Broken { path: path.into() })),
    }
}

/// An encrypted copy, opened with its key; every byte is checked as it is read.
pub(crate) struct Opened {
    path: PathBuf,
    plain: StreamReader<BufReader<File>>,
}

/// Opens a copy.
pub(crate) fn open(path: &Path, key: Option<&SealKey>) -> Result<Opened, WarehouseError> {
    let mut file = File::open(path).map_err(|error| broken(error, path))?;
    require_an_end(&mut file, path)?;
    let decryptor = Decryptor::new_buffered(BufReader::new(file))
        .map_err(|error| refusal(error, path, false))?;
    let by_passphrase = decryptor.is_scrypt();
    let Some(key) = key.filter(|key| key.is_passphrase == by_passphrase) else {
        let path = path.to_path_buf();
        return Err(WarehouseError::Seal(SealError::Sealed { path, by_passphrase }));
    };
    let plain = decryptor
        .decrypt(key.identities.iter().map(|identity| &**identity))
        .map_err(|error| refusal(error, path, by_passphrase))?;
    Ok(Opened { path: path.into(), plain })
}

impl Opened {
    /// The first bytes, or all of them if there are fewer.
    pub(crate) fn start(&mut self, bytes: usize) -> Result<Zeroizing<Vec<u8>>, WarehouseError> {
        let mut start = Zeroizing::new(Vec::with_capacity(bytes));
        match (&mut self.plain).take(bytes as u64).read_to_end(&mut start) {
            Ok(_) => Ok(start),
            Err(error) => Err(broken(error, &self.path)),
        }
    }

    /// Writes the rest to `target`. After an error `target` holds a part of the copy and must be removed.
    pub(super) fn copy_to(
        mut self,
        target: &mut dyn Write,
        at_target: impl FnOnce(io::Error) -> WarehouseError,
    ) -> Result<(), WarehouseError> {
        let mut buffer = buffer();
        loop {
            let count = match self.plain.read(&mut buffer) {
                Ok(0) => return target.flush().map_err(at_target),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(error, &self.path)),
            };
            if let Err(error) = target.write_all(&buffer[..count]) {
                return Err(at_target(error));
            }
        }
    }
}

fn refusal(error: DecryptError, path: &Path, by_passphrase: bool) -> WarehouseError {
    let path_of = || path.to_path_buf();
    WarehouseError::Seal(match error {
        DecryptError::NoMatchingKeys
        | DecryptError::DecryptionFailed
        | DecryptError::KeyDecryptionFailed => {
            SealError::WrongKey { path: path_of(), by_passphrase }
        }
        DecryptError::ExcessiveWork { .. } => SealError::TooMuchWork { path: path_of() },
        DecryptError::UnknownFormat => SealError::UnknownFormat { path: path_of() },
        DecryptError::Io(error) => return broken(error, path),
        _ => SealError::Broken { path: path_of() },
    })
}

/// The error of a read: the copy is damaged if it ends too early or its tag does not match.
///
/// Any other error is the disk's.
fn broken(error: io::Error, path: &Path) -> WarehouseError {
    let path = path.to_path_buf();
    WarehouseError::Seal(match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData => SealError::Broken { path },
        _ => SealError::Unreadable { path, source: error },
    })
}

fn passphrase(file: &SecretString) -> Result<SecretString, SealError> {
    let text = file.expose_secret();
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.is_empty() {
        true => Err(SealError::EmptyPassphrase),
        false => Ok(SecretString::from(text)),
    }
}

fn buffer() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(vec![0; 1 << 16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(seal: &Seal, plain: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("copy.age");
        seal.write(b"", &mut &plain[..], File::create(&path).unwrap()).unwrap();
        (home, path)
    }

    fn opened(path: &Path, key: Option<&SealKey>) -> Result<Vec<u8>, WarehouseError> {
        let mut plain = Vec::new();
        let mut opened = open(path, key)?;
        plain.extend_from_slice(&opened.start(100)?);
        opened.copy_to(&mut plain, |_| unreachable!()).map(|()| plain)
    }

    fn pair() -> (String, SealKey) {
        let identity = x25519::Identity::generate();
        let file = format!("# a comment\n\n{}\n", identity.to_string().expose_secret());
        (identity.to_public().to_string(), SealKey::from_identities(&file.into()).unwrap())
    }

    #[test]
    fn each_recipient_can_open_it_and_nobody_else() {
        let ((one, key_one), (two, key_two), (_, stranger)) = (pair(), pair(), pair());
        let plain = vec![7; 200_000];
        let (_home, path) = sealed(&Seal::for_recipients(&[one, two]).unwrap(), &plain);
        assert!(is_sealed(&path).unwrap());
        for key in [&key_one, &key_two] {
            assert!(opened(&path, Some(key)).unwrap() == plain);
        }
        let error = opened(&path, Some(&stranger)).unwrap_err();
        assert!(matches!(error, WarehouseError::Seal(SealError::WrongKey { .. })), "{error:?}");
        let error = opened(&path, None).unwrap_err();
        assert!(error.hint().unwrap().contains("--identity"), "{error:?}");
    }

    #[test]
    fn every_altered_or_missing_part_is_noticed() {
        let (recipient, key) = pair();
        let (_home, path) = sealed(&Seal::for_recipients(&[recipient]).unwrap(), &[7; 150_000]);
        let bytes = std::fs::read(&path).unwrap();
        let is_refused = |changed: &[u8], what: &str| {
            std::fs::write(&path, changed).unwrap();
            let error = opened(&path, Some(&key)).unwrap_err();
            assert!(matches!(error, WarehouseError::Seal(_)), "{what}: {error:?}");
        };
        for index in [30, 60, 150, 190, 300, 70_000, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            is_refused(&changed, &format!("byte {index}"));
        }
        // Also cuts where a chunk ends, so that each remaining chunk is complete.
        let head = bytes.len() - (150_000 + 3 * 16);
        for length in [20, 100, head, head + 65_536 + 16, head + 2 * (65_536 + 16), bytes.len() - 1]
        {
            is_refused(&bytes[..length], &format!("length {length}"));
        }
    }

    #[test]
    fn a_header_without_an_end_and_too_much_work_are_refused() {
        let (recipient, key) = pair();
        let (_home, path) = sealed(&Seal::for_recipients(&[recipient]).unwrap(), &[7; 600_000]);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() as u64 > MOST_HEADER && opened(&path, Some(&key)).is_ok());
        let stanza = format!("-> X25519 {}\n{}\n", "A".repeat(43), "A".repeat(43));
        let endless = format!("age-encryption.org/v1\n{}", stanza.repeat(4_000));
        std::fs::write(&path, endless).unwrap();
        let error = opened(&path, Some(&key)).unwrap_err();
        let is_broken = matches!(error, WarehouseError::Seal(SealError::Broken { .. }));
        assert!(is_broken, "{error:?}");
        let salt = "A".repeat(22);
        let (body, mac) = ("A".repeat(43), "A".repeat(43));
        let work = MOST_WORK + 1;
        let costly = format!("age-encryption.org/v1\n-> scrypt {salt} {work}\n{body}\n--- {mac}\n");
        std::fs::write(&path, [costly.as_bytes(), &[0; 64]].concat()).unwrap();
        let key = SealKey::from_passphrase(&"a passphrase".into()).unwrap();
        let error = opened(&path, Some(&key)).unwrap_err();
        let is_costly = matches!(error, WarehouseError::Seal(SealError::TooMuchWork { .. }));
        assert!(is_costly, "{error:?}");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        let secret = x25519::Identity::generate().to_string();
        let error = Seal::for_recipients(&[secret.expose_secret().to_owned()]).err().unwrap();
        assert!(!format!("{error:?} {error}").contains(secret.expose_secret()));
        assert!(matches!(error, SealError::NotARecipient { position: 1 }));
        let refused = |file: &str| SealKey::from_identities(&file.into()).err().unwrap();
        assert!(matches!(refused("# nothing\n"), SealError::NoIdentity));
        assert!(matches!(refused("\nssh-ed25519 AAAA\n"), SealError::NotAnIdentity { line: 2 }));
        assert!(Seal::with_passphrase(&"\r\n".into()).is_err());
    }
}
