//! Everything that needs more than one module, or somebody else's server.

#[cfg(test)]
mod oidc_member;
#[cfg(test)]
mod oidc_provider;
