//! Compares the parser with `serde_json`: both accept the same texts and read the same content.

use proptest::prelude::*;
use serde_json::Value as Json;

use crate::view::json::{JsonErrorKind, Limits, Node, parse};

fn read(bytes: &[u8]) -> Result<Json, JsonErrorKind> {
    parse(bytes, Limits::default()).map(|node| to_serde(&node)).map_err(|error| error.kind)
}

/// Converts the content only; numbers are converted in the same way on both sides.
fn to_serde(node: &Node<'_>) -> Json {
    match node {
        Node::Null => Json::Null,
        Node::Bool(value) => Json::Bool(*value),
        Node::Number(text) => serde_json::from_str(text).unwrap_or(Json::Null),
        Node::String(text) => Json::String(text.clone().into_owned()),
        Node::Array(items) => items.iter().map(to_serde).collect(),
        Node::Object(members) => Json::Object(
            members
                .iter()
                .map(|member| (member.key.clone().into_owned(), to_serde(&member.value)))
                .collect(),
        ),
    }
}

fn agree(bytes: &[u8]) {
    match (read(bytes), serde_json::from_slice::<Json>(bytes)) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
        (Err(_), Err(_)) => {}
        // Numbers beyond the range of a double are kept as text here.
        (Ok(_), Err(error)) if error.to_string().starts_with("number out of range") => {}
        (ours, theirs) => panic!("{ours:?} {theirs:?} for {bytes:?}"),
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        "[a-z\"\\\\\u{0}-\u{1f}é€😀]{0,40}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((".{0,6}", inner), 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_are_read_as_serde_json_reads_them(json in any_json()) {
        agree(json.to_string().as_bytes());
        agree(serde_json::to_string_pretty(&json).unwrap().as_bytes());
    }

    #[test]
    fn what_is_written_reads_back_the_same(json in any_json()) {
        let text = json.to_string();
        let mut written = String::new();
        parse(text.as_bytes(), Limits::default()).unwrap().write_json(&mut written);
        prop_assert_eq!(written, text);
    }

    #[test]
    fn mutated_texts_are_accepted_or_refused_alike(
        json in any_json(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 1..4),
    ) {
        let mut bytes = json.to_string().into_bytes();
        for (index, edit) in edits {
            let at = index.index(bytes.len().max(1)).min(bytes.len());
            match edit {
                Edit::Cut => bytes.truncate(at),
                Edit::Remove if at < bytes.len() => drop(bytes.remove(at)),
                Edit::Remove => {}
                Edit::Insert(new) => drop(bytes.splice(at..at, new)),
            }
        }
        agree(&bytes);
    }

    #[test]
    fn any_bytes_are_accepted_or_refused_alike(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        agree(&bytes);
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Cut,
    Remove,
    Insert(Vec<u8>),
}

fn edit() -> impl Strategy<Value = Edit> {
    const PIECES: &[&str] = &[
        "\"", "\\", "\\u", "\\ud83d", "\\ude00", "\\u00", "{", "}", "[", "]", ",", ":", "0", "-",
        ".", "e", "E+", "1e999", "tru", "null", " ", "\n", "\t", "\u{b}", "\u{0}", "\u{feff}",
    ];
    prop_oneof![
        Just(Edit::Cut),
        Just(Edit::Remove),
        prop::sample::select(PIECES).prop_map(|piece| Edit::Insert(piece.as_bytes().to_vec())),
        any::<u8>().prop_map(|byte| Edit::Insert(vec![byte])),
    ]
}

#[test]
fn the_corners_of_the_grammar_agree() {
    for text in [
        "",
        " ",
        "null",
        " null ",
        "nul",
        "nulll",
        "true",
        "True",
        "0",
        "-0",
        "00",
        "01",
        "-",
        "+1",
        "1.",
        ".1",
        "1.0",
        "1e",
        "1e+",
        "1e+5",
        "1E-5",
        "1e5.5",
        "0x1",
        "NaN",
        "Infinity",
        "\"\"",
        "\"",
        "\"\\\"",
        "\"\\/\"",
        "\"\\a\"",
        "\"\\u12\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ud83dx\"",
        "\"\t\"",
        "\"\u{7f}\"",
        "\"\u{80}\"",
        "[",
        "]",
        "[]",
        "[,]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1]]",
        "{",
        "{}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{'a':1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"a\":2}",
        "\u{feff}1",
        "1 // c",
        "/**/1",
        "\u{a0}1",
        "\u{c}1",
        "1\0",
    ] {
        agree(text.as_bytes());
    }
    for bytes in [&b"\"\xff\""[..], b"\"\xc3\"", b"\xc3\xa9", b"\"\xed\xa0\x80\"", b"\"\xc0\x80\""]
    {
        agree(bytes);
        assert!(read(bytes).is_err());
    }
}

#[test]
fn numbers_keep_the_text_they_came_with() {
    for text in ["25.00", "-0.0", "1E+2", "123456789012345678901234567890.10", "1e999"] {
        assert_eq!(parse(text.as_bytes(), Limits::default()), Ok(Node::Number(text)));
    }
}

#[test]
fn the_last_of_several_equal_names_is_found() {
    let node = parse(br#"{"a":1,"b":2,"a":3}"#, Limits::default()).unwrap();
    assert_eq!(node.get("a"), Some(&Node::Number("3")));
    assert_eq!(node.as_object().unwrap().len(), 3);
}

#[test]
fn depth_is_counted_in_arrays_and_objects() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let limits = Limits { depth: 5, ..Limits::default() };
    assert!(parse(deep(5).as_bytes(), limits).is_ok());
    let error = parse(deep(6).as_bytes(), limits).unwrap_err();
    assert_eq!((error.kind, error.offset), (JsonErrorKind::TooDeep, 5));
    assert!(parse("[".repeat(1_000_000).as_bytes(), Limits::default()).is_err());
}

#[test]
fn more_values_than_the_limit_are_an_error() {
    let limits = Limits { values: 4, ..Limits::default() };
    assert!(parse(br#"[1,{"a":2}]"#, limits).is_ok());
    for text in [r#"[1,2,3,4]"#, r#"[1,{"a":[2]}]"#, "[[],[],[],[]]"] {
        assert_eq!(parse(text.as_bytes(), limits).unwrap_err().kind, JsonErrorKind::TooManyValues);
    }
}
