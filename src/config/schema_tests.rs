//! Tests of config/payersync.schema.json. The schema is made from the types that parse payersync.toml, with
//! the explanations in config/payersync.toml. `PAYERSYNC_BLESS=1` writes it anew.

use super::{Path, SCHEMA, Settings, TEMPLATE, file::File, presets, tests::uncommented};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The seconds of a day.
const DAY: u64 = 24 * 60 * 60;
/// Numbers that the parser bounds more narrowly than their types do: definition, key, least, most.
const BOUNDS: [(&str, &str, u64, u64); 13] = [
    ("Http", "connect_timeout_seconds", 1, DAY),
    ("Http", "read_timeout_seconds", 1, DAY),
    ("Http", "total_timeout_seconds", 1, DAY),
    ("Http", "max_body_mebibytes", 1, 4096),
    ("Http", "max_retry_wait_seconds", 1, DAY),
    ("Http", "initial_delay_milliseconds", 1, DAY * 1000),
    ("Http", "max_delay_seconds", 1, DAY),
    ("Sync", "shrink_limit_percent", 0, 100),
    ("Sync", "attachment_max_mebibytes", 1, 900),
    ("Schedule", "jitter_seconds", 0, DAY),
    ("Section", "consent_days", 0, 365),
    ("Section", "repeat_days", 1, 365),
    ("Plan", "page_size", 0, u32::MAX as u64),
];

/// The schema's definition for each section of the template.
const SECTIONS: [(&str, &str); 8] = [
    ("sync", "Sync"),
    ("schedule", "Schedule"),
    ("http", "Http"),
    ("warehouse", "Warehouse"),
    ("notify", "Section"),
    ("production_access", "ProductionAccess"),
    ("plans.demo", "Plan"),
    ("connections.NAME", "Connection"),
];

/// The template's explanation of each key, by definition (empty at the top) and key.
fn words() -> BTreeMap<(&'static str, &'static str), String> {
    let mut words = BTreeMap::new();
    let (mut section, mut said) = ("", Vec::new());
    for line in TEMPLATE.lines() {
        let bare = line.trim_start_matches('#').trim_start();
        if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next())
            && let Some((_, definition)) = SECTIONS.iter().find(|(known, _)| *known == name)
        {
            section = definition;
            said.clear();
            continue;
        }
        let key = bare.split_once(" = ").map(|(key, _)| key).filter(|key| {
            let is_typed = !line.starts_with("# ") || section == "Connection";
            is_typed && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
        match key {
            Some(key) => {
                words.insert((section, key), said.join(" "));
                said.clear();
            }
            None if bare.is_empty() => said.clear(),
            None => said.push(bare),
        }
    }
    words
}

fn made() -> Value {
    let mut schema = serde_json::to_value(schemars::schema_for!(File)).unwrap();
    schema["title"] = json!("payersync.toml");
    schema["description"] = json!("The configuration of payersync.");
    for ((definition, key), words) in words().into_iter().filter(|(_, words)| !words.is_empty()) {
        property(&mut schema, definition, key).insert("description".to_owned(), json!(words));
    }
    for (definition, key, least, most) in BOUNDS {
        let property = property(&mut schema, definition, key);
        property.insert("minimum".to_owned(), json!(least));
        property.insert("maximum".to_owned(), json!(most));
    }
    schema
}

fn property<'a>(schema: &'a mut Value, definition: &str, key: &str) -> &'a mut Map<String, Value> {
    let within = match definition {
        "" => schema,
        name => &mut schema["$defs"][name],
    };
    let found = &mut within["properties"][key];
    found.as_object_mut().unwrap_or_else(|| panic!("{definition}.{key} is not a key of the parser"))
}

/// Whether a value fits a schema. Only the keywords of our schema are known.
fn fits(value: &Value, schema: &Value, root: &Value) -> bool {
    let Value::Object(schema) = schema else { return schema.as_bool().unwrap() };
    schema.iter().all(|(word, wanted)| match word.as_str() {
        "$ref" => fits(
            value,
            root.pointer(wanted.as_str().unwrap().trim_start_matches('#')).unwrap(),
            root,
        ),
        "anyOf" | "oneOf" => wanted.as_array().unwrap().iter().any(|one| fits(value, one, root)),
        "type" => match wanted {
            Value::Array(types) => types.iter().any(|one| is_of(value, one)),
            one => is_of(value, one),
        },
        "enum" => wanted.as_array().unwrap().contains(value),
        "const" => wanted == value,
        "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
        "items" => value.as_array().is_none_or(|all| all.iter().all(|one| fits(one, wanted, root))),
        "required" => value.as_object().is_none_or(|object| {
            wanted.as_array().unwrap().iter().all(|key| object.contains_key(key.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|object| {
            let known = wanted.as_object().unwrap();
            object.iter().all(|(key, one)| known.get(key).is_none_or(|it| fits(one, it, root)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|object| {
            let known = |key: &String| {
                schema.get("properties").is_some_and(|known| known.get(key).is_some())
            };
            object.iter().all(|(key, one)| known(key) || fits(one, wanted, root))
        }),
        "$defs" | "$schema" | "title" | "description" | "default" | "format" => true,
        word => panic!("{word} is a word that this test does not know"),
    })
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        name => panic!("{name} is a type that this test does not know"),
    }
}

fn of_toml(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

#[test]
fn the_schema_is_what_the_parsers_types_say() {
    let text = serde_json::to_string_pretty(&made()).unwrap() + "\n";
    if std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/payersync.schema.json");
        return std::fs::write(path, text).unwrap();
    }
    assert!(
        SCHEMA == text,
        "config/payersync.schema.json is not current, PAYERSYNC_BLESS=1 writes it"
    );
}

#[test]
fn every_key_that_the_file_may_have_stands_in_the_template_and_has_words() {
    let (schema, words) = (schema(), words());
    let (mut looked, mut described) = (0, 0);
    for (section, definition) in [("", "")].into_iter().chain(SECTIONS) {
        let within = if definition.is_empty() { &schema } else { &schema["$defs"][definition] };
        for (key, property) in within["properties"].as_object().unwrap() {
            let is_section = SECTIONS.iter().any(|(name, _)| name.split('.').next() == Some(key));
            if definition.is_empty() && is_section {
                continue;
            }
            looked += 1;
            assert!(words.contains_key(&(definition, key.as_str())), "[{section}] {key}");
            described += usize::from(property["description"].is_string());
        }
    }
    // Two keys may share the explanation above the first of them.
    assert!(looked > 70 && described > looked - 20, "{described} of {looked}");
}

#[test]
fn every_configuration_that_is_shipped_fits_the_schema() {
    let schema = schema();
    let mut texts = vec![String::new(), TEMPLATE.to_owned(), uncommented()];
    texts.push("[connections.ann]\nschedule = \"30 5 * * 1\"\n".to_owned());
    texts.extend(presets().iter().map(|preset| {
        let values = preset.settings.iter().map(|(key, _)| ((*key).to_owned(), "a".to_owned()));
        preset.configuration(&values.collect()).unwrap()
    }));
    assert!(texts.len() > 20);
    for text in texts {
        assert!(fits(&of_toml(&text), &schema, &schema), "{text}");
    }
}

#[test]
fn schema_and_parser_refuse_the_same_values_of_every_key() {
    let schema = schema();
    let plan = "fhir_url = \"https://h/\"\nclient_id = \"c\"\n";
    let refused = |text: &str| Settings::parse(Path::new("/h"), Path::new("p"), text).is_err();
    let mut walked = 0;
    for (section, definition) in [("", "")].into_iter().chain(SECTIONS) {
        let within = if definition.is_empty() { &schema } else { &schema["$defs"][definition] };
        let head = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        for key in within["properties"].as_object().unwrap().keys() {
            let more = match definition {
                "Plan" if key == "fhir_url" => "client_id = \"c\"\n",
                "Plan" if key == "client_id" => "fhir_url = \"https://h/\"\n",
                "Plan" => plan,
                _ => "",
            };
            // No key takes a list of lists.
            let text = format!("{head}{more}{key} = [[]]\n");
            assert!(refused(&text) && !fits(&of_toml(&text), &schema, &schema), "{text}");
            walked += 1;
        }
        let more = if definition == "Plan" { plan } else { "" };
        let unknown = format!("{head}{more}no_such_key = 1\n");
        assert!(refused(&unknown) && !fits(&of_toml(&unknown), &schema, &schema), "{unknown}");
    }
    assert!(walked > 70, "{walked}");
    for (definition, key, least, most) in BOUNDS {
        let (section, _) = SECTIONS.iter().find(|(_, known)| *known == definition).unwrap();
        let more = if definition == "Plan" { plan } else { "" };
        for (value, is_in) in [
            (Some(least), true),
            (Some(most), true),
            (least.checked_sub(1), false),
            (Some(most + 1), false),
        ] {
            let Some(value) = value else { continue };
            let text = format!("[{section}]\n{more}{key} = {value}\n");
            assert_eq!(!refused(&text), is_in, "{text}");
            assert_eq!(fits(&of_toml(&text), &schema, &schema), is_in, "{text}");
        }
    }
    for (text, is_in) in [
        ("grant = \"token\"\naccess_token_env = \"A\"", true),
        ("grant = \"tokens\"", false),
        ("token_auth = \"basic\"\nclient_secret_env = \"A\"", true),
        ("token_auth = \"BASIC\"", false),
        ("response_mode = \"form_post\"", true),
        ("token_format = \"xml\"", false),
        ("audience = \"https://h/\"", true),
        ("audience = 1", false),
        ("headers = { a = { env = \"B\" } }", true),
        ("headers = { a = { environment = \"B\" } }", false),
        ("search = { default = \"patient={patient}\" }", true),
        ("search = { default = 1 }", false),
        ("client_secret = \"hunter2\"", false),
    ] {
        let id = if text.starts_with("grant = \"token\"") { "" } else { "client_id = \"c\"\n" };
        let text = format!("[plans.x]\nfhir_url = \"https://h/\"\n{id}{text}\n");
        assert_eq!(!refused(&text), is_in, "{text}");
        assert_eq!(fits(&of_toml(&text), &schema, &schema), is_in, "{text}");
    }
}
