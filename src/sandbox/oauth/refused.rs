//! The errors of the token endpoint.

/// An error of RFC 6749 section 5.2: its code, and the description that 1upHealth's server library gives.
pub(super) struct Refused(pub(super) &'static str, pub(super) &'static str);
