//! A member's consent: where to ask for it, the page that is opened, the answer that comes back.

pub(super) mod answer;
pub(super) mod authorize;
pub(super) mod authorize_error;
pub(super) mod callback;
pub(super) mod connect;
pub(super) mod discovery;
mod id_token;
pub(super) mod issuer;
mod start_page;
mod userinfo;
