//! Plans as they differ: consent, tokens, presets, headers, bases.

mod attachments;
mod attachments_declared;
mod consent_ends;
mod cookies;
mod doctor_plans;
mod everything;
mod likes;
mod oauth_dialects;
pub(crate) mod oidc_member;
mod oidc_provider;
mod oidc_race;
mod oidc_signed;
mod presets;
mod request_headers;
mod several_bases;
mod without_consent;
