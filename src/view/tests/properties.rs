//! Random expressions and damaged resources: never a panic, and never two different answers.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::view::json::{Limits, parse};
use crate::view::{Value, View, ViewErrorReason};

/// Names of elements in the resource below, and some that it does not have.
const NAMES: &[&str] = &[
    "id",
    "item",
    "code",
    "coding",
    "system",
    "value",
    "net",
    "sequence",
    "extension",
    "url",
    "period",
    "start",
    "missing",
    "name",
    "given",
    "serviced",
    "reference",
    "resourceType",
];

fn resource() -> Json {
    json!({
        "resourceType": "Claim", "id": "c1", "period": {"start": "2021-02", "end": "2022"},
        "name": [{"given": [null, "A"], "_given": [{"extension": [{"url": "u"}]}, null]}],
        "code": {"coding": [{"system": "s", "code": "x"}, {"system": "t", "code": "y"}]},
        "item": [
            {"sequence": 1, "net": {"value": 12.50}, "servicedDate": "2021-03-04",
             "code": {"coding": {"code": "z"}}, "item": [{"sequence": 11, "item": [{"id": "d"}]}]},
            {"sequence": 2, "servicedPeriod": {"start": "2021-03-04T10:00:00Z"}},
            {"reference": "Patient/1", "extension": [{"url": "u", "valueString": "v"}]},
        ],
        "value": [1, "2", true, null, {"id": "e"}, [3]],
        "extension": [{"url": "u", "valueQuantity": {"value": 1e2}}, {"url": "u", "id": "f"}],
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(NAMES).prop_map(str::to_owned)
}

fn path() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        6 => name(),
        2 => Just("first()".to_owned()),
        1 => (0..4_u8).prop_map(|index| format!("first()[{index}]")),
        1 => Just("getReferenceKey()".to_owned()),
        1 => Just("getResourceKey()".to_owned()),
        1 => Just("value.ofType(string)".to_owned()),
        1 => Just("serviced.ofType(Period)".to_owned()),
        1 => Just("extension('u')".to_owned()),
    ];
    (name(), prop::option::of(0..4_u8), prop::collection::vec(step, 0..4)).prop_map(
        |(start, index, steps)| {
            let index = index.map_or_else(String::new, |index| format!("[{index}]"));
            steps.iter().fold(format!("{start}{index}"), |path, step| format!("{path}.{step}"))
        },
    )
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => path(),
        1 => Just("$this".to_owned()),
        1 => Just("%resource".to_owned()),
        1 => Just("%rowIndex".to_owned()),
        1 => Just("'x'".to_owned()),
        1 => (0..20_u8).prop_map(|number| number.to_string()),
        1 => Just("{}".to_owned()),
        1 => Just("0.1".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(
            &["and", "or", "=", "!=", "<", ">=", "+", "-", "*", "/", "&", "|", "in"][..],
        );
        let function = prop::sample::select(
            &["exists()", "empty()", "not()", "join(',')", "lowBoundary()", "highBoundary()"][..],
        );
        prop_oneof![
            (inner.clone(), operator, inner.clone())
                .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
            (inner.clone(), function).prop_map(|(inner, name)| format!("({inner}).{name}")),
            (inner.clone(), inner.clone())
                .prop_map(|(inner, criteria)| format!("({inner}).where({criteria})")),
            inner.clone().prop_map(|inner| format!("({inner})[0]")),
            inner.prop_map(|inner| format!("-({inner})")),
        ]
    })
}

fn view(expression: &str, wrapped: &str) -> View {
    let columns = json!([
        {"name": "a", "path": expression}, {"name": "b", "path": wrapped, "collection": true},
    ]);
    let definition = json!({"resource": "Claim", "select": [
        {"column": columns},
        {"forEachOrNull": expression, "column": [{"name": "c", "path": "$this"}]},
        {"repeat": ["item"], "column": [{"name": "d", "path": "id"}]},
    ]});
    View::from_json(&definition.to_string()).expect("a valid expression")
}

fn column(path: &str, collection: bool, resource: &str) -> Result<Vec<String>, ViewErrorReason> {
    let definition = json!({"resource": "Claim", "select": [
        {"column": [{"name": "a", "path": path, "collection": collection}]},
    ]});
    let view = View::from_json(&definition.to_string()).expect("a valid path");
    let node = parse(resource.as_bytes(), Limits::default()).expect("valid JSON");
    let mut values = Vec::new();
    let result = view.run(&node, &mut |row| values.extend(row.iter().map(Value::to_json)));
    result.map(|_| values).map_err(|error| error.reason)
}

/// Replaces the value at a random place with a value of another kind.
fn damage(json: &mut Json, mut at: usize, by: &Json) {
    fn visit(json: &mut Json, at: &mut usize, by: &Json) -> bool {
        if *at == 0 {
            *json = by.clone();
            return true;
        }
        *at -= 1;
        match json {
            Json::Array(items) => items.iter_mut().any(|item| visit(item, at, by)),
            Json::Object(members) => members.values_mut().any(|value| visit(value, at, by)),
            _ => false,
        }
    }
    at += 1;
    visit(json, &mut at, by);
}

fn replacement() -> impl Strategy<Value = Json> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(-1.5),
        json!("x"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[]]),
        json!([{"code": "q"}, {"code": "r"}, null]),
        json!({"extension": {"url": "u"}}),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_compiles_or_is_refused(text in "\\PC{0,60}") {
        let definition = json!({"resource": "Claim", "select": [
            {"column": [{"name": "a", "path": text}]},
        ]});
        let _ = View::from_json(&definition.to_string());
    }

    #[test]
    fn pieces_of_the_grammar_compile_or_are_refused(
        pieces in prop::collection::vec(prop::sample::select(&[
            "a", ".", "(", ")", "[", "]", "where", "first()", "$this", "%x", "'s'", "1", "1.5", "+",
            "-", "=", "<=", "and", "or", "in", "|", "&", "{", "}", ",", " ", "`q`", "ofType",
            "Quantity", "exists(", "//", "/*", "*/", "\\", "'", "@",
        ][..]), 0..14),
    ) {
        let definition = json!({"resource": "Claim", "select": [
            {"column": [{"name": "a", "path": pieces.concat()}]},
        ]});
        let _ = View::from_json(&definition.to_string());
    }

    #[test]
    fn damaged_resources_give_rows_or_an_error(
        expression in expression(),
        places in prop::collection::vec((0_usize..60, replacement()), 0..4),
    ) {
        let mut resource = resource();
        for (at, by) in &places {
            damage(&mut resource, *at, by);
        }
        let text = resource.to_string();
        let node = parse(text.as_bytes(), Limits::default()).expect("valid JSON");
        let view = view(&expression, &format!("({expression})"));
        let mut rows = 0;
        let result = view.run(&node, &mut |row| {
            assert_eq!(row.len(), 4);
            for value in row {
                serde_json::from_str::<Json>(&value.to_json()).expect("cells are JSON");
            }
            rows += 1;
        });
        if let Ok(counted) = result {
            prop_assert_eq!(counted, rows);
        }
    }

    /// A filter that passes everything disables the fast way for a path, and changes nothing in the
    /// result.
    #[test]
    fn the_short_way_and_the_general_walk_agree(
        path in path(),
        places in prop::collection::vec((0_usize..60, replacement()), 0..4),
        collection in any::<bool>(),
    ) {
        let mut resource = resource();
        for (at, by) in &places {
            damage(&mut resource, *at, by);
        }
        let text = resource.to_string();
        let short = column(&path, collection, &text);
        let general = column(&format!("{path}.where(true)"), collection, &text);
        prop_assert_eq!(short, general, "{}", path);
    }
}
