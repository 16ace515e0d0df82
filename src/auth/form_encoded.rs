//! A text as it stands in a form-encoded body.

/// Encodes id and secret before they go into a Basic header (RFC 6749, section 2.3.1), too.
pub(crate) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
