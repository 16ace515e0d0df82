//! Resources of a hostile size or shape give an error or rows, quickly and with a bounded stack.

use serde_json::json;

use crate::view::json::{JsonErrorKind, Limits, parse};
use crate::view::{ROW_LIMIT, View, ViewErrorReason};

fn view(select: serde_json::Value) -> View {
    let definition = json!({"name": "v", "resource": "Bundle", "select": select});
    View::from_json(&definition.to_string()).unwrap()
}

fn count(view: &View, resource: &str) -> Result<u64, ViewErrorReason> {
    // More values than the default allows, so that the view's limit is reached and not the parser's.
    let limits = Limits { values: 2_000_000, ..Limits::default() };
    let node = parse(resource.as_bytes(), limits).unwrap();
    view.run(&node, &mut |_| {}).map_err(|error| error.reason)
}

fn nested(levels: usize) -> String {
    let open = r#"{"linkId":"x","item":["#.repeat(levels);
    format!(r#"{{"resourceType":"Bundle","item":[{open}{}]}}"#, "]}".repeat(levels))
}

#[test]
fn repeat_reaches_the_deepest_resource_that_can_be_parsed() {
    let repeat = view(json!([{"repeat": ["item"], "column": [{"name": "a", "path": "linkId"}]}]));
    // Each level is an object in an array; the outermost pair is the resource itself.
    assert_eq!(count(&repeat, &nested(63)), Ok(63));
    let error = parse(nested(64).as_bytes(), Limits::default()).unwrap_err();
    assert_eq!(error.kind, JsonErrorKind::TooDeep);
    let endless = view(json!([{"repeat": ["$this"], "column": [{"name": "a", "path": "id"}]}]));
    assert_eq!(count(&endless, &nested(1)), Err(ViewErrorReason::RepeatTooDeep));
}

#[test]
fn a_repeat_that_branches_without_descending_still_ends() {
    let branching = view(json!([{
        "repeat": ["item", "%resource.item"],
        "column": [{"name": "a", "path": "linkId"}],
    }]));
    assert_eq!(count(&branching, &nested(3)), Err(ViewErrorReason::RepeatTooDeep));
    let wide = format!(r#"{{"resourceType":"Bundle","item":[{}1]}}"#, "1,".repeat(1_999));
    let cross = json!({"forEach": "item", "column": [{"name": "a", "path": "$this"}]});
    let mut other = cross.clone();
    other["column"][0]["name"] = json!("b");
    assert_eq!(count(&view(json!([cross, other])), &wide), Err(ViewErrorReason::TooManyRows));
    let barren = json!({"forEach": "missing", "column": [{"name": "c", "path": "$this"}]});
    let four_million_steps = view(json!([cross, other, barren]));
    assert_eq!(count(&four_million_steps, &wide), Ok(0));
}

#[test]
fn a_million_elements_are_a_million_rows_and_not_one_more() {
    let each = view(json!([{"forEach": "item", "column": [{"name": "a", "path": "$this"}]}]));
    let many = |extra: &str| {
        let items = "1,".repeat(999_999);
        format!(r#"{{"resourceType":"Bundle","item":[{items}1{extra}]}}"#)
    };
    assert_eq!(count(&each, &many("")), Ok(ROW_LIMIT));
    assert_eq!(count(&each, &many(",1")), Err(ViewErrorReason::TooManyRows));
}

#[test]
fn a_list_that_is_filtered_again_for_each_of_its_elements_is_bounded() {
    let filtered = "item.where(%context.item.where($this = 2).empty()).first()";
    let quadratic = view(json!([{"column": [{"name": "a", "path": filtered, "type": "integer"}]}]));
    let resource = |items: usize| {
        format!(r#"{{"resourceType":"Bundle","item":[{}2]}}"#, "1,".repeat(items - 1))
    };
    assert_eq!(count(&quadratic, &resource(1_000)), Ok(1));
    assert_eq!(count(&quadratic, &resource(8_000)), Err(ViewErrorReason::TooManyCriteria));
}

#[test]
fn a_long_text_is_borrowed_and_not_copied() {
    let long = "x".repeat(10 << 20);
    let resource = format!(r#"{{"resourceType":"Bundle","id":"{long}"}}"#);
    let node = parse(resource.as_bytes(), Limits::default()).unwrap();
    let view = view(json!([{"column": [{"name": "id", "path": "id", "type": "id"}]}]));
    let inside = resource.as_bytes().as_ptr_range();
    let rows = view.run(&node, &mut |row| match &row[0] {
        crate::view::Value::Text(text) => {
            assert!(inside.contains(&text.as_ptr()));
            assert_eq!(text.len(), 10 << 20);
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(rows, Ok(1));
}

#[test]
fn a_join_of_very_many_selects_is_refused_and_one_of_many_runs() {
    let joined = |count: usize| {
        let selects: Vec<_> = (0..count)
            .map(|index| {
                let name = format!("c{index}");
                json!({"forEachOrNull": "item", "column": [{"name": name, "path": "linkId"}]})
            })
            .collect();
        json!({"name": "v", "resource": "Bundle", "select": selects}).to_string()
    };
    let many = View::from_json(&joined(100)).unwrap();
    assert_eq!(count(&many, &nested(1)), Ok(1));
    let error = View::from_json(&joined(10_000)).unwrap_err();
    assert_eq!(&*error.message, "joins too many selects");
}

#[test]
fn neither_errors_nor_debug_output_show_data() {
    let secret = "Zebedee";
    let resource = format!(
        r#"{{"resourceType":"Bundle","link":[{{"url":"{secret}"}},{{"url":"{secret}"}}]}}"#
    );
    let node = parse(resource.as_bytes(), Limits::default()).unwrap();
    let view = view(json!([{"column": [{"name": "url", "path": "link.url"}]}]));
    let error = view.run(&node, &mut |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "view v, url `link.url`: more than one value in a column that is not a collection"
    );
    let value = crate::view::Value::Text(secret.into());
    assert!(!format!("{node:?} {error:?} {value:?}").contains(secret));
}

#[test]
fn a_view_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&view(json!([{"column": [{"name": "id", "path": "id"}]}])));
}
