//! A fingerprint of the base, the search and the consent that a watermark or a cursor is valid for.
//!
//! Another base, search or consent may show more resources, some of them dated long before the watermark. A
//! cursor of the old search says nothing about the new one. So the type is then walked in full.

use super::input::PlanInput;
use sha2::{Digest, Sha256};

/// The fingerprint of a type's base, these queries, and consent.
pub(super) fn fingerprint(input: &PlanInput<'_>, name: &str, queries: &[&str]) -> String {
    let base = input.base_of(name).as_str();
    let consented = input.consented_at.unwrap_or_default();
    let text = serde_json::json!([base, queries, consented]).to_string();
    base16ct::lower::encode_string(&Sha256::digest(text)[..16])
}
