//! The authorization server that a plan names.

/// An authorization server by its name (RFC 8414, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The issuer identifier, a URL; compared byte for byte.
    pub name: String,
    /// Whether the server's metadata announces that each answer names its issuer
    /// (`authorization_response_iss_parameter_supported`).
    pub names_itself: bool,
}
