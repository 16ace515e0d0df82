//! Reading a body without trusting its size or its encoding.

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::HttpErrorKind;
use super::encoding::{self, Decoder};
use super::error::Fault;
use super::in_flight::InFlight;

/// The number of bytes decoded at once. They unpack to at most about a thousand times as much, which is in
/// memory before it is counted.
const PIECE: usize = 4 << 10;

/// Reads the whole body, decoded, up to a limit, before the deadline.
///
/// `is_file` says that the body may itself be a gzip file. The time spent waiting for other bodies to leave
/// memory extends the deadline.
pub(super) async fn read(
    response: &mut reqwest::Response,
    limit_bytes: usize,
    is_file: bool,
    in_flight: &InFlight,
    mut deadline: Instant,
) -> Result<Bytes, Fault> {
    // The body of a refusal may have any encoding, since nobody needs to read it.
    if response.status().is_success() {
        encoding::check(response.headers())?;
    }
    if response.content_length().is_some_and(|announced| announced > limit_bytes as u64) {
        let kind = HttpErrorKind::TooLarge { limit_bytes };
        return Err(Fault { unsent: false, ..Fault::refusal(kind) });
    }
    let mut decoder = match is_file && encoding::is_verbatim(response.headers()) {
        true => Decoder::verbatim(limit_bytes),
        false => Decoder::new(limit_bytes),
    };
    let mut part = in_flight.part();
    loop {
        let chunk = timeout_at(deadline, response.chunk()).await;
        let Some(chunk) = chunk.map_err(|_| Fault::too_slow())?.map_err(Fault::reading)? else {
            break;
        };
        for piece in chunk.chunks(PIECE) {
            decoder.push(piece)?;
            if part.is_short_of(decoder.len()) {
                let since = Instant::now();
                part.grow(decoder.len()).await;
                deadline += since.elapsed();
            }
        }
    }
    let body = decoder.finish()?;
    Ok(part.hold(body))
}
