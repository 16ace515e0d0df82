//! Texts in form-encoded bodies.

/// Form-encodes a text.
///
/// A client's id and secret are encoded in this way, too, before they go into a Basic header (RFC 6749,
/// section 2.3.1).
pub(crate) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
