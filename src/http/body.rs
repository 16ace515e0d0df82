//! Reading a body without trusting its size.

use bytes::Bytes;

use super::HttpErrorKind;
use super::error::Fault;

/// What is set aside on the word of a header alone.
const TRUSTED_BYTES: usize = 4 * 1024 * 1024;

/// Reads the whole body, as decompressed, up to `limit_bytes`.
pub(super) async fn read(
    response: &mut reqwest::Response,
    limit_bytes: usize,
) -> Result<Bytes, Fault> {
    let too_large = || Fault { unsent: false, ..Fault::refusal(too_large(limit_bytes)) };
    let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
    if announced > limit_bytes {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(announced.min(TRUSTED_BYTES));
    while let Some(chunk) = response.chunk().await.map_err(Fault::reading)? {
        if chunk.len() > limit_bytes - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Bytes::from(body))
}

fn too_large(limit_bytes: usize) -> HttpErrorKind {
    HttpErrorKind::TooLarge { limit_bytes }
}
