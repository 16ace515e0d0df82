//! A fuzz target for the FHIRPath expressions of view definitions, which users write and exchange.

use crate::view::{
    View,
    json::{Limits, parse},
};
use serde_json::json;

const RESOURCE: &str = include_str!("../../tests/fuzz/resource.json");

/// Checks that an expression over a resource gives rows or an error, and the same when repeated.
pub(super) fn fhirpath(input: &[u8]) {
    let Ok(path) = std::str::from_utf8(input) else { return };
    for select in [
        json!([{"column": [{"name": "c", "path": path, "collection": true}]}]),
        json!([{"forEach": path, "column": [{"name": "i", "path": "$this"}]}]),
        json!([{"repeat": [path], "column": [{"name": "i", "path": "id"}]}]),
    ] {
        let view = json!({"resource": "Patient", "name": "v", "select": select});
        let Ok(view) = View::from_json(&view.to_string()) else { continue };
        let node = parse(RESOURCE.as_bytes(), Limits::default());
        let node = node.unwrap_or_else(|error| panic!("{error}"));
        let run = || {
            let mut rows = Vec::new();
            let ran = view.run(&node, &mut |row| {
                rows.push(row.iter().map(|value| value.to_json()).collect::<Vec<_>>());
            });
            (rows, ran.map_err(|error| error.to_string()).ok())
        };
        assert_eq!(run(), run(), "{path}");
    }
}
