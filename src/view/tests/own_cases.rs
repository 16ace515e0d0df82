//! Our own cases in the standard's format, for what the standard leaves open or does not test.

use std::path::Path;

use serde_json::Value as Json;

use super::conformance::check;

#[test]
fn every_case_of_ours_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/view/tests/cases");
    let mut failures = String::new();
    let mut total = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let suite: Json = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let resources = suite["resources"].as_array().unwrap();
        for case in suite["tests"].as_array().unwrap() {
            total += 1;
            if let Err(problem) = check(case, resources) {
                failures.push_str(&format!("{}: {}: {problem}\n", path.display(), case["title"]));
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(total >= 99, "only {total} cases found");
}
