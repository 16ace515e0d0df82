//! Tells whether a resource says that parts of it are left out.

use serde_json::Value;

/// The code of `meta.tag` for a resource that is abridged (FHIR R4, "Summary").
const SUBSETTED: &str = "SUBSETTED";

/// Whether `meta.tag` says that the resource is abridged.
pub fn says_subsetted(json: &[u8]) -> bool {
    let word = SUBSETTED.as_bytes();
    if !json.windows(word.len()).any(|window| window == word) {
        return false;
    }
    let resource: Value = serde_json::from_slice(json).unwrap_or_default();
    let tags = resource["meta"]["tag"].as_array();
    tags.is_some_and(|tags| tags.iter().any(|tag| tag["code"] == SUBSETTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_so_and_no_other_place() {
        assert!(says_subsetted(
            br#"{"id":"a","meta":{"tag":[{"code":"x"},{"code":"SUBSETTED"}]}}"#
        ));
        for whole in [r#"{"id":"SUBSETTED"}"#, r#"{"meta":{"tag":{"code":"SUBSETTED"}}}"#, "", "{}"]
        {
            assert!(!says_subsetted(whole.as_bytes()), "{whole}");
        }
    }
}
