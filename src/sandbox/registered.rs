//! What the payer has registered of its one client.

/// The one client the sandbox knows.
pub(super) const CLIENT_ID: &str = "sandbox-client-id-0000000000000000";
pub(super) const CLIENT_SECRET: &str = "sandbox-client-secret-not-a-secret";
/// The one redirect address that is registered beside all loopback ones.
pub(super) const REGISTERED_REDIRECT_URI: &str = "https://app.example.com/callback";
