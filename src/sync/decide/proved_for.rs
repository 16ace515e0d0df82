//! What a watermark or a cursor is proved for: one base, one search, one consent.
//!
//! Another one may show more. What it shows may be dated long before the watermark, and a page of the
//! old search says nothing of the new one, so the type is walked in full.

use super::input::PlanInput;
use crate::fhir::SearchRule;
use sha2::{Digest, Sha256};

/// The fingerprint of a type's base, search and consent.
///
/// Whether a search names the patient because the plan once refused it without is left out: both
/// are to bring the same.
pub(crate) fn proved_for(input: &PlanInput<'_>, name: &str) -> String {
    let queries: Vec<&str> = match input.search.of(name) {
        Some(SearchRule::Queries(queries)) => queries.iter().map(|query| query.as_str()).collect(),
        Some(SearchRule::Bare | SearchRule::Read) | None => Vec::new(),
    };
    fingerprint(input, name, &queries)
}

/// The fingerprint of a type's base, these queries, and consent.
pub(super) fn fingerprint(input: &PlanInput<'_>, name: &str, queries: &[&str]) -> String {
    let base = input.base_of(name).as_str();
    let consented = input.consented_at.unwrap_or_default();
    let text = serde_json::json!([base, queries, consented]).to_string();
    Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
