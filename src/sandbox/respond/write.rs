//! What happens to the bytes of a page.

use super::{Asking, gzip_bomb};
use crate::sandbox::bundle::Bundle;
use crate::sandbox::fault::Fault;
use crate::sandbox::line::{Script, Wire};
use crate::sandbox::outcome::{self, FHIR_JSON};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use std::time::Duration;

/// The page, or what the faults leave of it.
pub(in crate::sandbox) fn write_page(
    asking: &Asking<'_>,
    bundle: &Bundle,
    wire: &Wire,
) -> Response {
    let mut bytes = bundle.to_string().into_bytes();
    if !asking.is_claims_page(3) {
        return outcome::body(StatusCode::OK, FHIR_JSON, bytes);
    }
    let options = &asking.state.options;
    for fault in asking.faults() {
        match fault {
            Fault::ByteOrderMark => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
            Fault::InvalidUtf8 => spoil_a_string(&mut bytes),
            Fault::TruncatedBody => bytes.truncate(bytes.len() / 2),
            Fault::ShortBody => wire.follow(Script::CutAfter(bytes.len() / 2)),
            Fault::SlowBody => wire.follow(Script::Trickle(1024, Duration::from_millis(10))),
            Fault::StalledBody => {
                wire.follow(Script::StallAfter(bytes.len() / 2, options.stall));
            }
            Fault::GzipBomb => {
                let bomb = gzip_bomb::pack(&bytes, options.gzip_bomb_bytes);
                let mut response = outcome::body(StatusCode::OK, FHIR_JSON, bomb);
                let encoding = HeaderValue::from_static("gzip");
                response.headers_mut().insert(CONTENT_ENCODING, encoding);
                return response;
            }
            Fault::HugePage => fill_up(&mut bytes, options.huge_page_bytes),
            _ => {}
        }
    }
    outcome::body(StatusCode::OK, FHIR_JSON, bytes)
}

/// White space before the last brace: still the same Bundle.
fn fill_up(bytes: &mut Vec<u8>, size: usize) {
    let brace = bytes.pop();
    bytes.resize(size.saturating_sub(1).max(bytes.len()), b' ');
    bytes.extend(brace);
}

fn spoil_a_string(bytes: &mut Vec<u8>) {
    let place = b"\"display\":\"";
    if let Some(found) = bytes.windows(place.len()).position(|window| window == place) {
        bytes.insert(found + place.len(), 0xff);
    }
}
