//! The byte order mark that some gateways put before JSON.

/// A body without its byte order mark (RFC 8259, section 8.1, lets a reader ignore it).
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}
