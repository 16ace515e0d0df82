//! The registration of the payer's one client.

/// The id of the only client that the sandbox knows.
pub(super) const CLIENT_ID: &str = "sandbox-client-id-0000000000000000";
pub(super) const CLIENT_SECRET: &str = "sandbox-client-secret-not-a-secret";
/// The only registered redirect address, besides all loopback addresses.
pub(super) const REGISTERED_REDIRECT_URI: &str = "https://app.example.com/callback";
