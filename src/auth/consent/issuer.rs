//! The authorization server that a plan names.

/// An authorization server by its name (RFC 8414, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The issuer identifier, a URL; compared byte for byte.
    pub name: String,
    /// Whether its metadata announces that each answer names it
    /// (`authorization_response_iss_parameter_supported`).
    pub names_itself: bool,
}
