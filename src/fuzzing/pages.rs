//! Fuzz targets for the bodies of answers: the index of a Bundle, and the JSON parser.

use crate::{
    fhir::{Bundle, BundleError},
    view::json::{JsonErrorKind, Limits, parse},
};
use serde_json::Value;

/// Checks that the index has every entry of the Bundle, in order and within the body.
///
/// The entries are compared with those that serde_json reads.
pub(super) fn bundle(input: &[u8]) {
    let indexed = Bundle::index(input);
    if let Ok(bundle) = &indexed {
        let mut end = 0;
        for entry in &bundle.entries {
            let resource = entry.resource.clone().unwrap_or(entry.range.clone());
            assert!(end <= entry.range.start && entry.range.end <= input.len());
            assert!(entry.range.start <= resource.start && resource.end <= entry.range.end);
            end = entry.range.end;
        }
    }
    let Ok(Value::Object(whole)) = serde_json::from_slice(input) else { return };
    let is_searchset =
        matches!(whole.get("type").map(Value::as_str), None | Some(Some("searchset")));
    if whole.get("resourceType") != Some(&"Bundle".into()) || !is_searchset {
        return;
    }
    let Some(Value::Array(entries)) = whole.get("entry") else { return };
    match indexed {
        // Each entry's range holds that entry's resource.
        Ok(bundle) => {
            assert_eq!(bundle.entries.len(), entries.len());
            for (ours, theirs) in bundle.entries.iter().zip(entries) {
                let Some(range) = ours.resource.clone() else { continue };
                let ours: Value = serde_json::from_slice(&input[range]).unwrap_or_default();
                assert_eq!(Some(&ours), theirs.get("resource"));
            }
        }
        // A member occurs twice in the Bundle, or resources are in a member that FHIR does not know.
        Err(BundleError::NotASearchset) => {}
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(input)),
    }
}

/// Checks that the parser agrees with serde_json, and can read the JSON that it writes.
pub(super) fn json(input: &[u8]) {
    let theirs = serde_json::from_slice::<Value>(input);
    match parse(input, Limits::default()) {
        Ok(node) => {
            let mut once = String::new();
            node.write_json(&mut once);
            let again = parse(once.as_bytes(), Limits::default());
            let mut twice = String::new();
            again.unwrap_or_else(|error| panic!("{once}: {error}")).write_json(&mut twice);
            assert_eq!(once, twice);
            match theirs {
                Ok(theirs) => assert_eq!(serde_json::from_str(&once).ok(), Some(theirs)),
                // These may differ: a number beyond the range of a double, and the deepest level of
                // nesting.
                Err(error) => {
                    let why = error.to_string();
                    let known = ["number out of range", "recursion limit"];
                    assert!(known.iter().any(|known| why.contains(known)), "{why}");
                }
            }
        }
        Err(error) => {
            let is_limit =
                matches!(error.kind, JsonErrorKind::TooDeep | JsonErrorKind::TooManyValues);
            assert!(is_limit || theirs.is_err(), "{error}");
            assert!(error.offset <= input.len());
        }
    }
}
