//! Faults that change the bytes of a page.

use super::{Asking, gzip_bomb};
use crate::sandbox::{
    faults::fault::Fault,
    server::{
        bundle::Bundle,
        line::{Script, Wire},
        outcome::{self, FHIR_JSON},
    },
};
use axum::http::header::{AGE, CONTENT_ENCODING, DATE, LINK};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use chrono::{Duration, Utc};

/// The pause after each piece of a page that is sent slowly.
const TRICKLE: std::time::Duration = std::time::Duration::from_millis(10);

/// Sends the page, as the active faults change it.
pub(in crate::sandbox) fn write_page(
    asking: &Asking<'_>,
    bundle: &Bundle,
    wire: &Wire,
) -> Response {
    let mut response = write(asking, bundle, wire);
    if asking.state.has(Fault::DateAhead) {
        let date =
            (Utc::now() + Duration::days(30)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        response.headers_mut().extend(HeaderValue::from_str(&date).ok().map(|date| (DATE, date)));
    }
    response
}

fn write(asking: &Asking<'_>, bundle: &Bundle, wire: &Wire) -> Response {
    let mut bytes = bundle.to_string().into_bytes();
    if let (true, Some(total)) = (asking.state.has(Fault::TextTotal), bundle.total) {
        let number = format!("\"total\":{total},");
        let text = String::from_utf8_lossy(&bytes);
        bytes = text.replacen(&number, &format!("\"total\":\"{total}\","), 1).into_bytes();
    }
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
            Fault::SlowBody => wire.follow(Script::Trickle(1024, TRICKLE)),
            Fault::StalledBody => {
                wire.follow(Script::StallAfter(bytes.len() / 2, options.stall));
            }
            Fault::GzipBomb => {
                return encoded("gzip", gzip_bomb::pack(&bytes, options.gzip_bomb_bytes));
            }
            Fault::GzipUpperCase => return encoded("GZIP", gzip_bomb::pack(&bytes, 0)),
            Fault::GzipAlias => return encoded("x-gzip, identity", gzip_bomb::pack(&bytes, 0)),
            Fault::GzipUnsaid => bytes = gzip_bomb::pack(&bytes, 0),
            Fault::GzipOnlySaid => return encoded("gzip", bytes),
            Fault::GzipMembers => return encoded("gzip", two_members(&bytes)),
            Fault::GzipCut => {
                let mut packed = two_members(&bytes);
                packed.truncate(packed.len() / 2);
                return encoded("gzip", packed);
            }
            Fault::Brotli => return encoded("br", vec![0x0b, 0x02, 0x80, 0x7b, 0x7d, 0x03]),
            Fault::ManyEntries => {
                let entries = b"\"entry\":[";
                let found = bytes.windows(entries.len()).position(|window| window == entries);
                let at = found.map_or(0, |found| found + entries.len());
                bytes.splice(at..at, b"{},".repeat(options.many_entries));
            }
            Fault::HugePage => fill_up(&mut bytes, options.huge_page_bytes),
            _ => {}
        }
    }
    let mut response = outcome::body(StatusCode::OK, FHIR_JSON, bytes);
    let next = bundle.next.as_ref().filter(|_| asking.state.has(Fault::NextInHeader));
    if let Some(link) =
        next.and_then(|next| HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")).ok())
    {
        response.headers_mut().insert(LINK, link);
    }
    if asking.state.has(Fault::CachedPage) {
        let two_days = HeaderValue::from_static("172800");
        response.headers_mut().insert(AGE, two_days);
    }
    response
}

fn encoded(encoding: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = outcome::body(StatusCode::OK, FHIR_JSON, bytes);
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    response
}

/// The bytes as two gzip members: the first brace, and the rest.
fn two_members(bytes: &[u8]) -> Vec<u8> {
    let (first, rest) = bytes.split_at(1);
    [gzip_bomb::pack(first, 0), gzip_bomb::pack(rest, 0)].concat()
}

/// Adds white space before the last brace, which leaves the Bundle the same.
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
