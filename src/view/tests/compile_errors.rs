//! Errors of faulty definitions: they name the place, the position, and what would be right.

use serde_json::json;

use crate::view::{ColumnKind, CompileError, View};

fn error(definition: serde_json::Value) -> CompileError {
    View::from_json(&definition.to_string()).expect_err("must not compile")
}

fn with_path(path: &str) -> serde_json::Value {
    json!({
        "name": "claim_line",
        "resource": "Claim",
        "select": [
            {"column": [{"name": "id", "path": "id"}]},
            {"forEach": "item", "column": [{"name": "a", "path": "id"}, {"name": "b", "path": path}]},
        ],
    })
}

#[test]
fn an_unsupported_function_is_named_with_its_place_and_what_is_supported() {
    let error = error(with_path("code.where(text.lower() = 'x')"));
    assert_eq!(&*error.view, "claim_line");
    assert_eq!(&*error.element, "select[1].column[1].path");
    assert_eq!(error.expression.as_deref(), Some("code.where(text.lower() = 'x')"));
    assert_eq!(error.position, Some(16));
    assert!(error.message.contains("lower()"), "{error}");
    assert!(error.hint.as_deref().unwrap().contains("extension"), "{error}");
}

#[test]
fn nothing_unsupported_compiles() {
    for path in [
        "name.startsWith('x')",
        "name contains 'x'",
        "a ~ b",
        "a !~ b",
        "a is string",
        "a as string",
        "a xor b",
        "a implies b",
        "5 div 2",
        "5 mod 2",
        "@2020-13-01",
        "@10:00",
        "@T25:00",
        "1 'mg'",
        "4 days",
        "$index",
        "$total",
        "%ucum",
        "%`undefined`",
        "iif(a, b, c)",
        "a.count()",
        "a.first(1)",
        "a.where()",
        "a.exists(b, c)",
        "a.Upper",
        "a..b",
        "a.",
        ".a",
        "a b",
        "(a",
        "a)",
        "a[",
        "a[]",
        "'open",
        "\"double\"",
        "'\\x'",
        "'\\ud800'",
        "/* open",
        "",
        "   ",
        "a = ",
        "= a",
        "and",
        "1.",
        "99999999999999999999",
        "a;b",
        "a.ofType(String)",
        "a.ofType(System.Boolean)",
        "a.getReferenceKey(Resource)",
        "a.getReferenceKey(Quantity)",
        "a.ofType(SimpleQuantity)",
        "a.ofType(nothing)",
        "ä",
    ] {
        let error = error(with_path(path));
        assert_eq!(&*error.element, "select[1].column[1].path", "{path}");
        assert!(error.position.is_some_and(|position| position <= path.len()), "{path}: {error}");
    }
}

#[test]
fn hostile_expressions_are_refused_and_not_recursed_into() {
    for path in [
        "(".repeat(5_000),
        "-".repeat(5_000),
        "a[".repeat(5_000),
        "a.where(".repeat(1_500),
        "a".to_owned() + &" + a".repeat(3_000),
        "a".to_owned() + &".a".repeat(5_000),
        "a".repeat(20_000),
    ] {
        error(with_path(&path));
    }
}

#[test]
fn structural_faults_are_told_where_they_are() {
    for (definition, element) in [
        (json!({}), "resource"),
        (json!({"resource": "Claim"}), "select"),
        (json!({"resourceType": "Patient", "resource": "Claim"}), "resourceType"),
        (json!({"name": "a-b", "resource": "Claim"}), "name"),
        (json!({"resource": "Claim", "select": [{}]}), "select[0]"),
        (json!({"resource": "Claim", "select": [{"forEach": "item"}]}), "select[0]"),
        (
            json!({"resource": "Claim", "select": [{"column": [{"name": "a"}]}]}),
            "select[0].column[0].path",
        ),
        (
            json!({"resource": "Claim", "select": [{"column": [{"name": "1", "path": "id"}]}]}),
            "select[0].column[0].name",
        ),
        (
            json!({"resource": "Claim", "select": [
                {"column": [{"name": "a", "path": "id", "colection": true}]},
            ]}),
            "select[0].column[0]",
        ),
        (
            json!({"resource": "Claim", "select": [{"select": [{"unionAll": [
                {"column": [{"name": "a", "path": "id"}]},
                {"column": [{"name": "b", "path": "id"}]},
            ]}]}]}),
            "select[0].select[0].unionAll[1]",
        ),
        (
            json!({"resource": "Claim", "select": [
                {"repeat": ["item", "]"], "column": [{"name": "a", "path": "id"}]},
            ]}),
            "select[0].repeat[1]",
        ),
        (
            json!({"resource": "Claim", "select": [
                {"repeat": [], "column": [{"name": "a", "path": "id"}]},
            ]}),
            "select[0].repeat",
        ),
        (
            json!({"resource": "Claim", "select": [{"column": [{"name": "a", "path": "id"}]}],
                "where": [{"path": "true"}, {"expression": "true"}]}),
            "where[1]",
        ),
        (
            json!({"resource": "Claim", "select": [{"column": [{"name": "a", "path": "id"}]}],
                "constant": [{"name": "a", "valueQuantity": {"value": 1}}]}),
            "constant[0]",
        ),
        (
            json!({"resource": "Claim", "select": [{"column": [{"name": "a", "path": "id"}]}],
                "constant": [{"name": "a", "valueCode": "x"}, {"name": "a", "valueCode": "y"}]}),
            "constant[1]",
        ),
    ] {
        assert_eq!(&*error(definition).element, element);
    }
}

#[test]
fn both_versions_of_the_standard_are_read() {
    for (resource_type, identifier) in [
        (json!("ViewDefinition"), json!([{"value": "x"}])),
        (
            json!("http://hl7.org/fhir/uv/sql-on-fhir/StructureDefinition/ViewDefinition"),
            json!({"value": "x"}),
        ),
        (json!(null), json!(null)),
    ] {
        let view = View::from_json(
            &json!({
                "resourceType": resource_type, "identifier": identifier, "id": "x",
                "url": "https://example.org/ViewDefinition/x", "fhirVersion": ["4.0.1"],
                "name": "x", "title": "X", "status": "active", "resource": "Claim",
                "select": [{"id": "s", "column": [
                    {"name": "id", "path": "getResourceKey()", "type": "id", "description": "d",
                     "tag": [{"name": "ansi/type", "value": "TEXT"}], "_path": {"id": "p"}},
                    {"name": "n", "path": "total.value",
                     "type": "http://hl7.org/fhir/StructureDefinition/decimal"},
                    {"name": "b", "path": "item.exists()"},
                    {"name": "l", "path": "item.sequence", "type": "positiveInt",
                     "collection": true},
                ]}],
            })
            .to_string(),
        )
        .unwrap();
        let kinds: Vec<_> = view.columns.iter().map(|column| column.kind).collect();
        assert_eq!(
            kinds,
            [ColumnKind::Text, ColumnKind::Decimal, ColumnKind::Boolean, ColumnKind::PositiveInt]
        );
        assert!(view.columns[0].is_resource_key && !view.columns[1].is_resource_key);
        assert!(view.columns[3].collection);
        assert_eq!(view.columns[0].description.as_deref(), Some("d"));
        assert_eq!(view.title.as_deref(), Some("X"));
    }
}

#[test]
fn an_error_reads_as_one_line() {
    assert_eq!(
        error(with_path("a.nope()")).to_string(),
        "view claim_line, select[1].column[1].path: function nope() is not supported at byte 2 in \
         `a.nope()` (hint: functions are where, exists, empty, hasValue, not, first, extension, \
         ofType, join, sum, lowBoundary, highBoundary, getResourceKey, getReferenceKey)"
    );
}
