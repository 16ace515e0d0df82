//! The encoding of a body: gzip in every spelling, or none.
//!
//! Servers and gateways write `GZIP`, `x-gzip` or `gzip, identity`, and send gzip of several members. Some
//! send gzip unannounced, some announce gzip and send none. So the first two bytes decide: no JSON begins
//! with those of gzip. A file may, so it is decoded only if a header says so. Any other compression was not
//! asked for, and is refused. Sources: RFC 1952; RFC 9110, section 8.4.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};

use super::HttpErrorKind;
use super::error::Fault;

/// The first bytes of gzip.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Compressions that no request asks for.
const REFUSED: [&str; 5] = ["br", "deflate", "zstd", "compress", "x-compress"];

/// Refuses a body in a compression that was not asked for. Other words, such as `utf-8`, name no
/// compression and are ignored.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Fault> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut words =
        values.flat_map(|value| value.split(',')).map(|word| word.trim().to_lowercase());
    match words.find_map(|word| REFUSED.into_iter().find(|refused| *refused == word)) {
        None => Ok(()),
        Some(encoding) => Err(failed(HttpErrorKind::UnknownEncoding { encoding })),
    }
}

/// Whether the bytes of a file are stored as they arrive: nothing says that gzip was added on the way, so a
/// file that begins with gzip's first bytes is a gzip file. JSON that begins with them is compressed.
pub(super) fn is_verbatim(headers: &HeaderMap) -> bool {
    let says = |name: HeaderName, word: &str| {
        let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.to_lowercase().contains(word))
    };
    !says(CONTENT_ENCODING, "gzip") && !says(CONTENT_TYPE, "json")
}

/// Decodes a body as it arrives, and holds the decoded bytes up to a limit.
pub(super) enum Decoder {
    /// Fewer than two bytes have arrived.
    Undecided(Bounded),
    /// The body is not compressed.
    Plain(Bounded),
    /// The body is gzip, of one member or several.
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Decoder {
    pub(super) fn new(limit_bytes: usize) -> Decoder {
        Decoder::Undecided(Bounded { bytes: Vec::new(), limit_bytes, is_full: false })
    }

    /// Takes the body as it is.
    pub(super) fn verbatim(limit_bytes: usize) -> Decoder {
        Decoder::Plain(Bounded { bytes: Vec::new(), limit_bytes, is_full: false })
    }

    /// Takes in a piece of the body.
    pub(super) fn push(&mut self, mut piece: &[u8]) -> Result<(), Fault> {
        if let Decoder::Undecided(head) = self {
            let (begin, rest) = piece.split_at(piece.len().min(MAGIC.len() - head.bytes.len()));
            head.bytes.extend_from_slice(begin);
            piece = rest;
            if head.bytes.len() < MAGIC.len() {
                return Ok(());
            }
            let head = std::mem::take(&mut head.bytes);
            self.decide(&head)?;
        }
        self.write(piece)
    }

    fn decide(&mut self, head: &[u8]) -> Result<(), Fault> {
        let Decoder::Undecided(Bounded { limit_bytes, .. }) = *self else { return Ok(()) };
        let body = Bounded { bytes: Vec::new(), limit_bytes, is_full: false };
        *self = match head.starts_with(&MAGIC) {
            true => Decoder::Gzip(Box::new(MultiGzDecoder::new(body))),
            false => Decoder::Plain(body),
        };
        self.write(head)
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), Fault> {
        let written = match self {
            Decoder::Undecided(body) | Decoder::Plain(body) => body.write_all(piece),
            Decoder::Gzip(decoder) => decoder.write_all(piece),
        };
        written.map_err(|error| self.fault(error))
    }

    /// How many bytes are held.
    pub(super) fn len(&self) -> usize {
        self.body().bytes.len()
    }

    /// The whole body, once everything has arrived.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Fault> {
        if let Decoder::Gzip(decoder) = &mut self
            && let Err(error) = decoder.try_finish()
        {
            return Err(self.fault(error));
        }
        let mut bytes = match self {
            Decoder::Undecided(body) | Decoder::Plain(body) => body.bytes,
            Decoder::Gzip(mut decoder) => std::mem::take(&mut decoder.get_mut().bytes),
        };
        // Spare capacity would stay in memory until the body is stored.
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    fn body(&self) -> &Bounded {
        match self {
            Decoder::Undecided(body) | Decoder::Plain(body) => body,
            Decoder::Gzip(decoder) => decoder.get_ref(),
        }
    }

    fn fault(&self, error: io::Error) -> Fault {
        let body = self.body();
        match body.is_full {
            true => failed(HttpErrorKind::TooLarge { limit_bytes: body.limit_bytes }),
            false => Fault { source: Some(Box::new(error)), ..failed(HttpErrorKind::Truncated) },
        }
    }
}

fn failed(kind: HttpErrorKind) -> Fault {
    Fault { unsent: false, ..Fault::refusal(kind) }
}

/// Bytes up to a limit.
pub(super) struct Bounded {
    bytes: Vec<u8>,
    limit_bytes: usize,
    /// Whether more bytes came than the limit allows.
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.len() > self.limit_bytes - self.bytes.len() {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decode(body: &[u8], limit_bytes: usize, piece: usize) -> Result<Vec<u8>, HttpErrorKind> {
        let mut decoder = Decoder::new(limit_bytes);
        body.chunks(piece)
            .try_for_each(|piece| decoder.push(piece))
            .and_then(|()| decoder.finish())
            .map_err(|fault| fault.kind)
    }

    #[test]
    fn gzip_of_one_or_several_members_is_unpacked_however_it_arrives() {
        let members = [gzip(b"{\"a\":"), gzip(b""), gzip(b"1}")].concat();
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(decode(&members, 7, piece).unwrap(), b"{\"a\":1}");
            assert_eq!(decode(b"{\"a\":1}", 7, piece).unwrap(), b"{\"a\":1}");
            assert_eq!(decode(b"{", 7, piece).unwrap(), b"{");
            assert_eq!(decode(b"", 7, piece).unwrap(), b"");
        }
    }

    #[test]
    fn a_cut_or_damaged_member_is_no_body() {
        let whole = [gzip(b"{\"a\":"), gzip(b"1}")].concat();
        let first = gzip(b"{\"a\":").len();
        for at in (2..whole.len()).filter(|at| *at != first) {
            assert_eq!(decode(&whole[..at], 99, 4), Err(HttpErrorKind::Truncated), "{at}");
        }
        let mut damaged = whole.clone();
        damaged[12] ^= 0x55;
        assert!(decode(&damaged, 99, 4).is_err());
    }

    #[test]
    fn the_limit_holds_for_what_is_unpacked() {
        let packed = gzip(&vec![b' '; 1 << 20]);
        assert_eq!(decode(&packed, 1 << 20, 64).unwrap().len(), 1 << 20);
        let limit_bytes = (1 << 20) - 1;
        let too_large = Err(HttpErrorKind::TooLarge { limit_bytes });
        assert_eq!(decode(&packed, limit_bytes, 64), too_large);
        let members = [gzip(&[b' '; 600]), gzip(&[b' '; 600])].concat();
        assert!(decode(&members, 1000, 64).is_err());
        assert!(decode(&[b' '; 1001], 1000, 64).is_err());
    }

    #[test]
    fn a_compression_that_was_not_asked_for_is_named() {
        let check = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            check(&headers).map_err(|fault| fault.kind)
        };
        for values in [&["gzip"][..], &["GZIP"], &["x-gzip"], &["gzip, identity"], &["utf-8"], &[]]
        {
            assert_eq!(check(values), Ok(()), "{values:?}");
        }
        for values in [&["br"][..], &["gzip", "BR"], &["identity , br"]] {
            let encoding = "br";
            assert_eq!(check(values), Err(HttpErrorKind::UnknownEncoding { encoding }));
        }
    }
}
