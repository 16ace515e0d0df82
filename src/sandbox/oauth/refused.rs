//! What the token endpoint refuses with.

/// An error of RFC 6749 section 5.2: its code and the library's description.
pub(super) struct Refused(pub(super) &'static str, pub(super) &'static str);
