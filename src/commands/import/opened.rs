//! Recognizes and unpacks the files of an import: compressed files, archives, and files that are not JSON.

use crate::{fhir::DocumentError, outcome::Reason};
use flate2::bufread::MultiGzDecoder;
use std::{
    io::{self, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The number of bytes that any file may unpack to, whatever its size.
const FLOOR_BYTES: u64 = 1 << 30;
/// A larger file may unpack to at most this many times its packed size.
///
/// Resources unpack to less than 60 times their size; a file made to fill a disk, to 1,000 times.
const MAX_RATIO: u64 = 200;
/// The number of first bytes that show a file's kind; the mark of a tar archive is at byte 257.
pub(super) const HEAD_BYTES: usize = 512;

/// Why a file, or the rest of it, was not imported.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("is empty")]
    Empty,
    #[error("holds no resource")]
    NoResource,
    #[error("is a PDF; payersync reads FHIR as JSON, which portals offer beside it")]
    Pdf,
    #[error("is XML or HTML; payersync reads FHIR as JSON")]
    Markup,
    #[error("is UTF-16; make it UTF-8 first: `iconv -f UTF-16 -t UTF-8`")]
    Utf16,
    #[error("is a tar archive; unpack it and import the folder")]
    Tar,
    #[error("is a zip archive within another file; unpack it, or name the archive itself")]
    ZipWithin,
    #[error(
        "is the manifest of a bulk export and holds no resource; import the files that it names"
    )]
    Manifest,
    #[error("is a zip archive of more than {} MiB (max_body_mebibytes); save it and name the file", .0 >> 20)]
    LargeArchive(usize),
    #[error("is not JSON")]
    NotJson,
    #[error("{0}")]
    Document(#[from] DocumentError),
    #[error("has a resource, a line or a Bundle of more than {} MiB (max_body_mebibytes); write one resource per line", .0 >> 20)]
    TooLarge(usize),
    #[error("unpacks to more than {MAX_RATIO} times its size, which no resources do")]
    Bomb,
    #[error("ends in the middle; its complete resources were taken in")]
    CutShort,
    #[error("has files whose names cannot be read; unpack it, and import the folder")]
    OddName,
    #[error("is not a zip archive that can be read: {0}")]
    Zip(zip::result::ZipError),
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

impl Trouble {
    /// The reason as the ledger names it.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Trouble::TooLarge(_) | Trouble::LargeArchive(_) | Trouble::Bomb => Reason::TooLarge,
            Trouble::Document(DocumentError::TooManyEntries) => Reason::TooManyEntries,
            Trouble::CutShort | Trouble::Io(_) | Trouble::Zip(_) => Reason::CutShort,
            _ => Reason::NotJson,
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        if error.get_ref().is_some_and(|inner| inner.is::<Bomb>()) {
            return Trouble::Bomb;
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Trouble::CutShort,
            _ => Trouble::Io(error),
        }
    }
}

/// The kind of a file, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gzip,
    Zip,
    /// A text, perhaps JSON.
    Text,
}

/// Recognizes a file's kind by its first bytes, whatever its name says.
pub(super) fn kind_of(head: &[u8]) -> Result<Kind, Trouble> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head {
        [] => Err(Trouble::Empty),
        [0x1f, 0x8b, ..] => Ok(Kind::Gzip),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Ok(Kind::Zip),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..] => Err(Trouble::Utf16),
        _ if head.get(257..262) == Some(b"ustar") => Err(Trouble::Tar),
        _ if text.starts_with(b"%PDF") => Err(Trouble::Pdf),
        _ if text.starts_with(b"<") => Err(Trouble::Markup),
        // The first bytes may all be white space.
        _ if matches!(text.first(), None | Some(b'{' | b'[')) => Ok(Kind::Text),
        _ => Err(Trouble::NotJson),
    }
}

/// The limit on the unpacked bytes, shared by the members of an archive.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget {
    packed: Arc<AtomicU64>,
    unpacked: Arc<AtomicU64>,
}

#[derive(Debug, thiserror::Error)]
#[error("it unpacks to too much")]
struct Bomb;

impl Budget {
    /// The budget for a packed file of this size in bytes.
    pub(super) fn of(packed: u64) -> Budget {
        Budget { packed: Arc::new(packed.into()), unpacked: Arc::default() }
    }

    /// Counts the unpacked bytes; reading fails beyond the budget.
    pub(super) fn spend_by<R: Read>(&self, inner: R) -> impl Read + use<R> {
        Spending { inner, budget: self.clone() }
    }
}

struct Spending<R> {
    inner: R,
    budget: Budget,
}

impl<R: Read> Read for Spending<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        let before = self.budget.unpacked.fetch_add(count as u64, Ordering::Relaxed);
        let packed = self.budget.packed.load(Ordering::Relaxed);
        match before + count as u64 > FLOOR_BYTES.max(packed.saturating_mul(MAX_RATIO)) {
            true => Err(io::Error::other(Bomb)),
            false => Ok(count),
        }
    }
}

struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Unpacks a gzip file of one or several members.
pub(super) fn gunzipped<R: Read>(packed: R) -> impl Read + use<R> {
    let budget = Budget::default();
    let counted = Counted { inner: packed, count: Arc::clone(&budget.packed) };
    budget.spend_by(MultiGzDecoder::new(BufReader::new(counted)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn the_first_bytes_tell_what_a_file_is() {
        let tar = [&[b'x'; 257][..], b"ustar\0"].concat();
        for (head, told) in [
            (&b""[..], "is empty"),
            (b"%PDF-1.7", "is a PDF"),
            (b"\xef\xbb\xbf  <Bundle>", "is XML"),
            (b"\xff\xfe{\0", "is UTF-16"),
            (b"{\0\"\0", "is UTF-16"),
            (b"\0{\0\"", "is UTF-16"),
            (b"id,name\n", "is not JSON"),
            (&tar, "is a tar archive"),
        ] {
            let trouble = kind_of(head).unwrap_err().to_string();
            assert!(trouble.starts_with(told), "{trouble}");
        }
        assert_eq!(kind_of(b"\xef\xbb\xbf\n{").unwrap(), Kind::Text);
        assert_eq!(kind_of(b"  \n").unwrap(), Kind::Text);
        assert_eq!(kind_of(b"[").unwrap(), Kind::Text);
        assert_eq!(kind_of(&[0x1f, 0x8b, 8]).unwrap(), Kind::Gzip);
        assert_eq!(kind_of(b"PK\x03\x04").unwrap(), Kind::Zip);
    }

    #[test]
    fn what_unpacks_to_a_thousand_times_its_size_is_refused_in_time() {
        let budget = Budget::of(1 << 20);
        let mut endless = budget.spend_by(io::repeat(b'\n'));
        let error = io::copy(&mut endless, &mut io::sink()).unwrap_err();
        assert!(matches!(Trouble::from(error), Trouble::Bomb));
        let unpacked = budget.unpacked.load(Ordering::Relaxed);
        assert!(unpacked < FLOOR_BYTES + (1 << 20), "{unpacked}");
        let fine = budget_of_text(b"{}");
        assert_eq!(fine, b"{}");
    }

    fn budget_of_text(text: &[u8]) -> Vec<u8> {
        let mut unpacked = Vec::new();
        let packed = {
            use flate2::{Compression, write::GzEncoder};
            use std::io::Write as _;
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        gunzipped(Cursor::new(packed)).read_to_end(&mut unpacked).unwrap();
        unpacked
    }
}
