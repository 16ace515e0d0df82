//! Integration tests: the real binary, real databases, real protocols. One binary, so that it is
//! linked once.

mod first_sync;
mod oidc_member;
mod oidc_provider;
mod support;
