//! The authorization server that a plan names.

/// What is known of an authorization server as an issuer (RFC 8414, section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The issuer identifier, a URL, compared byte for byte; `None` if neither the server's metadata nor the
    /// configuration has it.
    pub name: Option<String>,
    /// Whether the server's metadata announces that each answer names its issuer
    /// (`authorization_response_iss_parameter_supported`).
    pub names_itself: bool,
}
